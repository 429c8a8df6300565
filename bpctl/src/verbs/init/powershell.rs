//! The grammar of PowerShell takes the hook whole, also where no PowerShell is installed to run it.

use tree_sitter::{Node, Parser, Tree};

use super::Shell;

fn parse(text: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).unwrap();
    parser.parse(text, None).unwrap()
}

fn all(tree: &Tree) -> Vec<Node<'_>> {
    let mut found = vec![tree.root_node()];
    let mut at = 0;
    while let Some(node) = found.get(at).copied() {
        found.extend((0..node.child_count()).filter_map(|nth| node.child(nth)));
        at += 1;
    }
    found
}

/// Lines that are no PowerShell.
fn wrong(text: &str) -> Vec<String> {
    let tree = parse(text);
    let errors = all(&tree).into_iter().filter(|node| node.is_error() || node.is_missing());
    errors.map(|node| text.lines().nth(node.start_position().row).unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_hook_of_powershell_is_powershell() {
    for text in [Shell::Powershell.hook(), super::module::CORE] {
        assert_eq!(wrong(text), [""; 0]);
    }
    assert_ne!(wrong("function { if ("), [""; 0], "the grammar knows an error");
}

/// `Set-PSDebug -Trace 1` prints each line of a function or block that has no such attribute.
#[test]
fn no_function_of_the_hook_shows_up_in_a_trace() {
    // The files themselves and a predicate are blocks, too.
    for (text, others) in [(Shell::Powershell.hook(), 1), (super::module::CORE, 2)] {
        let hidden = text.matches("[Diagnostics.DebuggerHidden()] param(").count();
        let is_block = |line: &&str| line.trim_start().starts_with("function ") || line.ends_with(" = {");
        assert_eq!(hidden, text.lines().filter(is_block).count() + others);
    }
}
