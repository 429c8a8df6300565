//! The table of ARCHITECTURE.md, proved: which sibling each module may name, and which module owns an outside crate.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The sibling modules that each module may name. `supervisor`, `lib` and `main` are absent: they wire them all.
const MAY_USE: &[(&str, &[&str])] = &[
    ("access", &[]),
    ("alerts", &["analysis", "config", "event", "queries", "words"]),
    ("analysis", &["plausible"]),
    ("config", &["trouble", "words"]),
    ("descriptors", &[]),
    ("event", &[]),
    ("http", &["access", "descriptors", "event", "queries", "seats"]),
    ("ipc", &["access", "descriptors", "event", "lock", "queries", "seats", "trouble", "typed"]),
    ("listen", &["trouble"]),
    ("lock", &[]),
    ("logs", &[]),
    ("memory", &[]),
    ("plausible", &[]),
    ("process", &[]),
    ("queries", &["analysis", "memory", "plausible", "store", "trouble", "words"]),
    ("recorder", &["event", "memory", "plausible", "store"]),
    ("sampler", &["descriptors", "event", "plausible", "typed"]),
    ("seats", &[]),
    ("signals", &[]),
    ("store", &["event", "plausible", "trouble"]),
    ("trouble", &[]),
    ("typed", &[]),
    ("words", &[]),
];

/// The one module that may name an outside crate; the supervisor hands over what the owner made.
const OWNERS: &[(&str, &str)] = &[
    ("axum", "http"),
    ("file_rotate", "logs"),
    ("fluent_bundle", "words"),
    ("hyper", "http"),
    ("hyper_util", "http"),
    ("interprocess", "ipc"),
    ("notify", "ipc"),
    ("notify_rust", "alerts"),
    ("postcard", "store"),
    ("rust_embed", "http"),
    ("sled", "store"),
    ("sysinfo", "sampler"),
    ("toml", "config"),
    ("tower", "http"),
    ("tower_http", "http"),
    ("tracing_subscriber", "logs"),
    ("zstd", "store"),
];

/// Modules that are functions of their arguments alone, and what they may therefore not name.
const PURE: &[&str] = &["analysis", "alerts/machine.rs", "alerts/rules.rs", "plausible.rs", "typed.rs"];
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::time::SystemTime",
    "std::time::Instant",
    "Instant::now",
    "UnixMillis::now",
    "tokio",
    "tracing",
    "async fn",
];

const LONGEST_FILE: usize = 600;

struct Source {
    /// Relative to `src/`, with slashes.
    path: String,
    module: String,
    text: String,
}

fn sources(crate_dir: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(crate_dir).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(!files.is_empty(), "no sources below {}", root.display());
    files
        .into_iter()
        .map(|file| {
            let path = file.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            let module = path.split(['/', '.']).next().unwrap().to_owned();
            let text = fs::read_to_string(&file).unwrap();
            Source { path, module, text }
        })
        .collect()
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Lines of code with their numbers, comments and the tests at the end of the file left out.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .take_while(|line| *line != "#[cfg(test)]")
        .enumerate()
        .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default()))
}

/// The word that follows each occurrence of `prefix` in `line`.
fn words_after<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(prefix).filter_map(move |(at, _)| {
        let is_start = at == 0 || !is_word(line[..at].chars().next_back()?);
        let rest = &line[at + prefix.len()..];
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        (is_start && end > 0).then(|| &rest[..end])
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[test]
fn no_module_names_a_sibling_it_may_not_name() {
    let mut forbidden = Vec::new();
    for source in sources("bpd") {
        if ["supervisor", "lib", "main"].contains(&source.module.as_str()) {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(module, _)| *module == source.module) else {
            forbidden.push(format!("bpd/src/{}: `{}` has no row in the table", source.path, source.module));
            continue;
        };
        for (number, line) in code(&source.text) {
            for named in words_after(line, "crate::") {
                let is_module = MAY_USE.iter().any(|(module, _)| *module == named) || named == "supervisor";
                if is_module && named != source.module && !allowed.contains(&named) {
                    forbidden.push(format!(
                        "bpd/src/{}:{number}: `{}` must not use `{named}`",
                        source.path, source.module
                    ));
                }
            }
        }
    }
    assert!(forbidden.is_empty(), "\n{}\n", forbidden.join("\n"));
}

#[test]
fn every_outside_crate_has_one_owner() {
    let mut strangers = Vec::new();
    for source in sources("bpd") {
        for (number, line) in code(&source.text) {
            for (name, owner) in OWNERS {
                let uses = line
                    .match_indices(&format!("{name}::"))
                    .any(|(at, _)| !line[..at].ends_with(|c| is_word(c) || c == ':'));
                if uses && source.module != *owner {
                    strangers
                        .push(format!("bpd/src/{}:{number}: only `{owner}` may use {name}", source.path));
                }
            }
        }
    }
    assert!(strangers.is_empty(), "\n{}\n", strangers.join("\n"));
}

#[test]
fn the_pure_middle_has_no_clock_no_files_and_no_log() {
    let mut stains = Vec::new();
    for source in sources("bpd") {
        let is_pure = PURE.iter().any(|pure| source.module == *pure || source.path == *pure);
        if !is_pure {
            continue;
        }
        for (number, line) in code(&source.text) {
            for name in IMPURE.iter().filter(|name| line.contains(**name)) {
                stains.push(format!("bpd/src/{}:{number}: a pure module must not use {name}", source.path));
            }
        }
    }
    assert!(stains.is_empty(), "\n{}\n", stains.join("\n"));
}

#[test]
fn the_client_starts_without_a_runtime_and_the_protocol_knows_no_program() {
    for (manifest, forbidden) in [
        ("bpctl/Cargo.toml", &["tokio", "sled", "axum", "sysinfo"][..]),
        ("bp-proto/Cargo.toml", &["tokio", "bpd", "bpctl", "sled", "clap"][..]),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(manifest);
        let text = fs::read_to_string(path).unwrap();
        let dependencies = text.split("[dependencies]").nth(1).unwrap();
        let dependencies = dependencies.split("\n[").next().unwrap();
        for line in dependencies.lines() {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            assert!(!forbidden.contains(&name), "{manifest} must not depend on {name}");
        }
    }
}

#[test]
fn a_file_is_one_noun_and_no_longer_than_it_needs() {
    for crate_dir in ["bp-proto", "bpd", "bpctl", "workload", "xtask"] {
        for source in sources(crate_dir) {
            let lines = source.text.lines().count();
            assert!(lines <= LONGEST_FILE, "{crate_dir}/src/{} has {lines} lines", source.path);
        }
    }
}

#[test]
fn the_check_itself_sees_a_forbidden_arrow() {
    let line = "use crate::store::Reader; let x = &crate::queries::Queries;";
    let named: Vec<&str> = words_after(line, "crate::").collect();
    assert_eq!(named, ["store", "queries"]);
    assert_eq!(words_after("mycrate::store", "crate::").count(), 0);
}

#[test]
fn every_trouble_has_its_sentence_and_no_other_has() {
    let named = |source: &Source| -> BTreeSet<String> {
        let pieces = source.text.split("Trouble::plain(\"").skip(1);
        pieces.filter_map(|piece| Some(piece.split_once('"')?.0.to_owned())).collect()
    };
    let named: BTreeSet<String> = sources("bpd").iter().flat_map(named).collect();
    let sentences = include_str!("../../src/words/en.ftl").lines();
    let told = sentences.filter_map(|line| line.strip_prefix("trouble-")?.split_once(" = "));
    assert_eq!(named, told.map(|(id, _)| id.to_owned()).collect());
}
