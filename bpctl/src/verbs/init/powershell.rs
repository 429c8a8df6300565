//! PowerShell runs nowhere where this is tested (where it does, `bpctl/tests/e2e/powershell.rs` runs the hook): its grammar,
//! at least, takes the hook whole, and finds nothing in it that Windows PowerShell 5.1 does not have.

use tree_sitter::{Node, Parser, Tree};

use super::Shell;

/// Operators that 5.1 does not know.
const NEWER_TOKENS: [&str; 7] = ["??", "??=", "?.", "?[", "?", "&&", "||"];

/// What .NET Framework, on which 5.1 runs, does not have.
const NEWER_NAMES: [&str; 4] = ["FileStreamOptions", "UnixFileMode", "UnixCreateMode", "UnixEpoch"];

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

/// What 5.1 could not parse.
fn newer(text: &str) -> Vec<String> {
    let tree = parse(text);
    let tokens =
        all(&tree).into_iter().filter(|node| node.child_count() == 0).map(|node| &text[node.byte_range()]);
    let newer = tokens.filter(|token| NEWER_TOKENS.contains(token)).map(str::to_owned);
    newer.chain(wrong(text)).collect()
}

/// The function that a node stands in.
fn function<'a>(node: Node, text: &'a str) -> Option<&'a str> {
    let mut above = Some(node);
    while let Some(node) = above {
        if node.kind() == "function_statement" {
            let name = (0..node.child_count())
                .filter_map(|nth| node.child(nth))
                .find(|node| node.kind() == "function_name");
            return name.map(|name| &text[name.byte_range()]);
        }
        above = node.parent();
    }
    None
}

#[test]
fn the_hook_of_powershell_is_powershell() {
    assert_eq!(wrong(Shell::Powershell.hook()), [""; 0]);
    assert_ne!(wrong("function { if ("), [""; 0], "the grammar knows an error");
}

#[test]
fn the_hook_of_powershell_needs_no_syntax_that_windows_powershell_lacks() {
    assert_eq!(newer(Shell::Powershell.hook()), [""; 0]);
    for line in ["$a = $b ?? 1", "$a ??= 1", "$a = $b ? 1 : 2", "a && b", "a || b", "${a}?.b()", "${a}?[0]"] {
        assert_ne!(newer(line), [""; 0], "{line}");
    }
    for line in ["$a = if ($b) { 1 } else { 2 }", "Get-Item a?c | Where-Object { $_ -like 'b?' }"] {
        assert_eq!(newer(line), [""; 0], "{line}");
    }
}

#[test]
fn the_hook_of_powershell_keeps_what_windows_powershell_lacks_in_functions_for_unix() {
    let text = Shell::Powershell.hook();
    let tree = parse(text);
    let mut seen = 0;
    for node in all(&tree).into_iter().filter(|node| node.child_count() == 0 && node.kind() != "comment") {
        let word = &text[node.byte_range()];
        if NEWER_NAMES.iter().any(|name| word.contains(name)) {
            let within = function(node, text).unwrap_or_default();
            assert!(within.ends_with("_unix"), "{word} in {within:?}");
            seen += 1;
        }
    }
    assert!(seen > 0, "nothing was looked at");
}
