//! The command key: what runs are grouped by. The project (else the directory), the directory within the project,
//! and the normalised words of the line.
//!
//! Conservative: two keys for one command only split its history; one key for two commands would compare them.

mod line;
mod volatile;

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// Raised whenever the same line could get another key; the index is then rebuilt.
pub const VERSION: u32 = 1;

/// 48 bits: among a million different commands the odds of any collision are 1 in 500.
const HASH_BYTES: usize = 6;

/// Longest readable text, in characters; the hash is of the whole.
const MAX_TEXT_CHARS: usize = 400;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Lower-case hexadecimal, as in URLs.
    pub hash: String,
    /// `cargo build (app/src)`.
    pub text: String,
}

/// The key of `command` typed in `cwd`, which lies in `project`. All hidden commands of one place share a key.
pub fn of(command: Option<&str>, cwd: Option<&str>, project: Option<&str>) -> Key {
    let words = words(command);
    let (scope, within) = place(cwd, project);
    let mut hasher = Sha256::new();
    for part in [scope, within, words.as_deref().unwrap_or("\0hidden")] {
        // The length in front keeps ("a", "bc") and ("ab", "c") apart.
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut hash = String::with_capacity(2 * HASH_BYTES);
    for byte in &hasher.finalize()[..HASH_BYTES] {
        // Writing to a string cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    Key { hash, text: readable(words.as_deref(), scope, within) }
}

/// The normalised words of a line, without its place. `None` for a hidden command.
pub fn words(command: Option<&str>) -> Option<String> {
    command.map(|command| {
        let mut words = line::significant(&line::split(command));
        volatile::replace(&mut words);
        words.join(" ")
    })
}

/// Where the key is valid: the project or directory, and the directory within the project.
fn place<'a>(cwd: Option<&'a str>, project: Option<&'a str>) -> (&'a str, &'a str) {
    let cwd = cwd.unwrap_or_default();
    match project {
        Some(project) => {
            let within = cwd.strip_prefix(project).filter(|rest| rest.is_empty() || rest.starts_with('/'));
            (project, within.map_or(cwd, |rest| rest.trim_matches('/')))
        }
        None => (cwd, ""),
    }
}

fn readable(words: Option<&str>, scope: &str, within: &str) -> String {
    let words = words.unwrap_or("(hidden)");
    let cut: String = words.chars().take(MAX_TEXT_CHARS).collect();
    let ellipsis = if cut.len() < words.len() { "…" } else { "" };
    let last = scope.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let place = match (last, within) {
        ("", "") if scope.is_empty() => return format!("{cut}{ellipsis}"),
        ("", "") => "/".to_owned(),
        (last, "") => last.to_owned(),
        (last, within) => format!("{last}/{}", within.trim_start_matches('/')),
    };
    format!("{cut}{ellipsis} ({place})")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn same(a: &str, b: &str) {
        assert_eq!(words(Some(a)), words(Some(b)));
    }

    #[track_caller]
    fn different(a: &str, b: &str) {
        assert_ne!(words(Some(a)), words(Some(b)));
    }

    #[test]
    fn what_does_not_change_the_command_does_not_change_its_key() {
        same("cargo build", "  cargo   build ");
        same("cargo build", "RUST_LOG=debug CC='a b' cargo build");
        same("cargo build", "time cargo build");
        same("cargo build", "sudo -E nice -n 10 cargo build");
        same("cargo build", "env A=1 cargo build");
        same("cargo build", "bpctl run --tag x --note='a b' --quiet -- cargo build");
        same("cargo build", "bpctl run cargo build");
        same("cargo build && cargo test", "bpctl run -c 'cargo build && cargo test'");
        same("a && b", "A=1 a && nice -5 b");
    }

    #[test]
    fn volatile_tokens_are_placeholders() {
        same("cat /tmp/tmp.Ab12Cd34Ef/log", "cat /tmp/tmp.Zz98Yy76Xx/log");
        same("python x.py --out=/tmp/tmpab3d_9xk", "python x.py --out=/tmp/tmpq8w2e_r4");
        same("git show 3f2a91c", "git show 9c0ffe1");
        same(
            "docker logs 4f0c9a6b1d2e3f405162738495a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e",
            "docker logs 0f0c9a6b1d2e3f405162738495a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e",
        );
        same("x 123e4567-e89b-12d3-a456-426614174000", "x 00000000-e89b-12d3-a456-426614174fff");
        same("curl http://localhost:43121/x", "curl http://localhost:51234/x");
        same("serve --port 3000", "serve --port 4000");
        same("serve --port=3000", "serve --port=4000");
        same("kill -9 12345", "kill -9 23456");
        same("strace --pid 77", "strace --pid 78");
        assert_eq!(words(Some("git show 3f2a91c")).unwrap(), "git show <hash>");
    }

    #[test]
    fn what_may_be_another_command_keeps_another_key() {
        different("cargo build", "cargo test");
        different("cargo build", "cargo build --release");
        different("echo 'a  b'", "echo 'a b'");
        different("echo a b", "echo 'a b'");
        different("python /tmp/bench.py", "python /tmp/other.py");
        different("sleep 1", "sleep 2");
        different("curl localhost:8080", "curl localhost:9090");
        different("sudo -u postgres psql", "psql");
        different("git checkout feature", "git checkout decade");
        different("a | b", "a || b");
        different("FOO=1", "FOO=2");
        different("seq 1234567", "seq 1234568");
    }

    #[test]
    fn a_key_is_of_one_place() {
        let at = |cwd, project| of(Some("make"), Some(cwd), project).hash;
        assert_eq!(
            at("/home/me/app/src", Some("/home/me/app")),
            at("/home/me/app/src/", Some("/home/me/app"))
        );
        assert_ne!(at("/home/me/app", Some("/home/me/app")), at("/home/me/app/src", Some("/home/me/app")));
        assert_ne!(at("/home/me/app", Some("/home/me/app")), at("/home/me/lib", Some("/home/me/lib")));
        assert_ne!(at("/a", None), at("/b", None));
    }

    #[test]
    fn the_text_says_what_and_where() {
        let text = |command, cwd, project| of(command, cwd, project).text;
        assert_eq!(
            text(Some("make all"), Some("/home/me/app/src"), Some("/home/me/app")),
            "make all (app/src)"
        );
        assert_eq!(text(Some("make"), Some("/home/me/app"), Some("/home/me/app")), "make (app)");
        assert_eq!(text(Some("ls"), Some("/"), None), "ls (/)");
        assert_eq!(text(Some("ls"), None, None), "ls");
        assert_eq!(text(None, Some("/x"), None), "(hidden) (x)");
    }

    #[test]
    fn a_hash_is_twelve_hexadecimal_digits() {
        let hash = of(Some("make"), Some("/x"), None).hash;
        assert_eq!(hash.len(), 12);
        assert!(hash.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase()));
    }

    proptest! {
        #[test]
        fn any_line_has_a_key(line in "\\PC{0,80}") {
            prop_assert_eq!(of(Some(&line), Some("/x"), None).hash.len(), 2 * HASH_BYTES);
        }

        #[test]
        fn blanks_and_wrappers_never_change_the_key(plain in "[b-z]{2,8}( [a-z0-9./=:@-]{1,12}){0,5}") {
            let wrapped = format!(" A=1 sudo nice -n 5  {} ", plain.replace(' ', "   "));
            prop_assert_eq!(words(Some(&wrapped)), words(Some(&plain)));
        }
    }
}
