//! What the hooks write, with no bpd in sight.

use crate::shells::{Kind, Shell};

#[test]
fn a_typed_command_is_told_with_its_text_and_status() {
    for kind in Kind::ALL {
        let mut shell = Shell::start(kind);
        assert_eq!(shell.line("echo one | cat").screen.trim_end(), "echo one | cat\r\none");
        assert_eq!(shell.line("false").status, 1);
        shell.recorded(kind.name(), &[("echo one | cat", Some(0)), ("false", Some(1))]);
    }
}
