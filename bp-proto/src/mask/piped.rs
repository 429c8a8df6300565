//! Secrets that are printed into a program that reads one, or into a file that is named for one.

use std::ops::Range;

use super::words::{self, Command, Word};
use super::{Found, encoded, formats, names};

/// `echo SECRET | sudo -S …`, `… <<< SECRET`, `echo SECRET > token.txt`.
pub(super) fn find(line: &str, pipeline: &[Command], found: &mut Found) {
    for (nth, command) in pipeline.iter().enumerate() {
        if let Some(coder) = encoded::coder(line, command) {
            for word in here_strings(line, command) {
                encoded::here_string(line, word.clone(), coder, found);
            }
            for at in here_document(line, command) {
                encoded::here_string(line, at, coder, found);
            }
        }
        // `cat <<< SECRET | base64`
        let read_by =
            pipeline[nth..].iter().find(|into| !passes_on(line, into)).filter(|_| passes_on(line, command));
        if let Some(reader) = read_by {
            for word in here_strings(line, command) {
                if reads_password(line, reader) {
                    found.add_value(line, word.clone(), "piped");
                } else if let Some(coder) = encoded::coder(line, reader) {
                    encoded::here_string(line, word.clone(), coder, found);
                }
            }
        }
        if reads_password(line, command) || encoded::reads_unseen(line, command) {
            for word in here_strings(line, command) {
                found.add_value(line, word.clone(), "piped");
            }
            for at in here_document(line, command) {
                found.add_value(line, at, "piped");
            }
        }
        let read_by = pipeline.get(nth + 1).and_then(|into| into.first()).map(|word| words::base(line, word));
        if let [text] = &command[..]
            && read_by == Some("ConvertTo-SecureString")
        {
            found.add_value(line, text.clone(), "piped");
        }
        let Some(printed) = printed(line, command) else { continue };
        let last = &command[command.len() - 1];
        // What only passes it on is not who reads it.
        let into = pipeline[nth + 1..].iter().find(|into| !passes_on(line, into));
        let kept = into.is_some_and(|into| reads_password(line, into))
            || is_kept_in(line, last.end)
            || is_read_as_a_secret(line, command[0].start);
        for word in printed {
            if kept {
                found.add_value(line, word.clone(), "piped");
            } else if let Some(coder) = into.and_then(|into| encoded::coder(line, into)) {
                credentials(line, word.clone(), found);
                encoded::value(line, word.clone(), coder, encoded::is_exact(line, command), found);
            }
        }
    }
}

/// The words that `echo` and `printf` print, without a format.
fn printed<'a>(line: &'a str, command: &'a Command) -> Option<impl Iterator<Item = &'a Word>> {
    let is_printer =
        |word: &Word| matches!(words::base(line, word), "echo" | "print" | "printf" | "yes" | "Write-Output");
    let printer = command.iter().position(is_printer)?;
    let is_flag = |word: &Word| line[word.clone()].starts_with('-');
    let first = (printer + 1..command.len()).find(|at| !is_flag(&command[*at]));
    let format = first.filter(|at| {
        words::base(line, &command[printer]) == "printf"
            && formats::is_format(words::text(line, &command[*at]))
    });
    let words = (printer + 1..command.len()).filter(move |at| Some(*at) != format);
    let words = words.map(|at| &command[at]).filter(move |word| !is_flag(word));
    Some(words)
}

fn here_strings<'a>(line: &'a str, command: &'a Command) -> impl Iterator<Item = &'a Word> {
    command.iter().filter(|word| line[..word.start].trim_end().ends_with("<<<"))
}

/// The lines of `<<EOF … EOF` behind the command, as far as a password or its repetition reaches.
fn here_document(line: &str, command: &Command) -> Vec<Range<usize>> {
    const LINES: usize = 4;
    let Some(last) = command.last() else { return Vec::new() };
    let rest = &line[last.end..line.floor_char_boundary(last.end + 1024)];
    let Some((head, body)) = rest.split_once('\n') else { return Vec::new() };
    let Some((_, mark)) = head.split_once("<<").filter(|(_, mark)| !mark.starts_with('<')) else {
        return Vec::new();
    };
    let mark = mark.trim_start_matches('-').trim();
    let mark = mark.split([' ', ';', '|', '>']).next().unwrap_or(mark).trim_matches(['"', '\'']);
    let written = body.split('\n').take(LINES).take_while(|text| text.trim() != mark);
    let place = |text: &str| {
        let start = text.as_ptr() as usize - line.as_ptr() as usize;
        start..start + text.len()
    };
    written.filter(|text| !text.trim().is_empty()).map(place).collect()
}

fn passes_on(line: &str, command: &Command) -> bool {
    const FILTERS: [&str; 6] = ["head", "tail", "tr", "cat", "rev", "sleep"];
    command.first().is_some_and(|word| FILTERS.contains(&words::base(line, word)))
}

/// `--password-file=<(echo …)`, `private-key <(echo …)`: whether the command that begins at `start` is read by a flag that
/// is named for a secret.
fn is_read_as_a_secret(line: &str, start: usize) -> bool {
    let from = line.floor_char_boundary(start.saturating_sub(64));
    let Some(before) = line[from..start].trim_end().strip_suffix("<(") else { return false };
    let name = before.trim_end_matches([' ', '=']).rsplit([' ', '=']).next().unwrap_or_default();
    let name = name.trim_start_matches('-');
    names::is_secret(name.strip_suffix("-file").unwrap_or(name))
}

/// `-extpass 'echo SECRET'`, `RESTIC_PASSWORD_COMMAND="echo SECRET"`: the place of what such a command prints.
pub(super) fn asked_by_command(line: &str, command: &Command, at: usize) -> Option<Range<usize>> {
    let inside = words::unquoted(line, command[at].clone()).at;
    let text = &line[inside.clone()];
    let (name, told) = match text.split_once('=') {
        Some((name, told)) => (name, told.trim_start_matches(['"', '\''])),
        None => (at.checked_sub(1).map_or("", |before| words::text(line, &command[before])), text),
    };
    let printed = told.strip_prefix("echo ").or_else(|| told.strip_prefix("printf "))?;
    let name = name.to_ascii_lowercase();
    let is_asked = name.ends_with("extpass")
        || name.contains("pass")
            && (name.ends_with("command") || name.ends_with("cmd") || name.ends_with("eval"));
    let start = printed.as_ptr() as usize - line.as_ptr() as usize;
    is_asked.then(|| start..start + printed.trim_end_matches(['"', '\'']).len())
}

/// Whether behind `at` the output goes into a file whose name says that it holds one secret: `> ~/.vault_pass`,
/// `>> db-password.txt`.
fn is_kept_in(line: &str, at: usize) -> bool {
    target(line, at).is_some_and(is_named_for_a_secret)
}

/// The file into which the output goes behind `at`.
fn target(line: &str, at: usize) -> Option<&str> {
    let rest = line[at..].trim_start().strip_prefix('>')?;
    let rest = rest.trim_start_matches(['>', '|']).trim_start();
    let end = rest.find([' ', '\t', '\n', ';', '&', '|', ')']).unwrap_or(rest.len());
    Some(rest[..end].trim_matches(['"', '\'']))
}

/// Whether what command number `nth` prints are lines for a shell: into one, into a table of times, at the end of an rc file.
pub(super) fn prints_a_script(line: &str, pipeline: &[Command], nth: usize) -> bool {
    const SHELLS: [&str; 9] = ["sh", "bash", "zsh", "fish", "crontab", "at", "batch", "ssh", "pwsh"];
    const FILES: [&str; 8] = ["rc", "profile", ".sh", ".fish", ".bat", ".ps1", "_aliases", "crontab"];
    let command = &pipeline[nth];
    let Some(last) = command.last().filter(|_| printed(line, command).is_some()) else { return false };
    let into =
        pipeline.get(nth + 1).and_then(|into| into.iter().find(|word| words::base(line, word) != "sudo"));
    into.is_some_and(|program| SHELLS.contains(&words::base(line, program)))
        || target(line, last.end).is_some_and(|file| FILES.iter().any(|end| file.ends_with(end)))
}

fn is_named_for_a_secret(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).trim_start_matches('.');
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    names::is_secret(stem)
}

/// `echo -n user:SECRET | base64`: what becomes of it goes into a header.
fn credentials(line: &str, word: Word, found: &mut Found) {
    let text = words::text(line, &word);
    if text.matches(':').count() == 1 && !text.contains([' ', '/', '{', '\n']) {
        super::programs::behind(line, word, ':', found);
    }
}

fn reads_password(line: &str, command: &Command) -> bool {
    // Flags by which a program reads one from its input.
    const FLAGS: [&str; 9] = [
        "--password-stdin",
        "--with-token",
        "--passphrase-fd",
        "--password-fd",
        "--stdin-name",
        "--token-stdin",
        "--pinentry-mode",
        "--secret-stdin",
        "--set-password",
    ];
    // Programs that read nothing else.
    const READERS: [&str; 18] = [
        "chpasswd",
        "passwd",
        "smbpasswd",
        "kinit",
        "vncpasswd",
        "cryptsetup",
        "su",
        "keyctl",
        "pdbedit",
        "mount",
        "sshfs",
        "openconnect",
        "ssh-add",
        "bitcoin-cli",
        "keepassxc-cli",
        "realm",
        "adcli",
        "ipa",
    ];
    let named = |name: &str| command.iter().any(|word| words::base(line, word) == name);
    let has = |text: &str| command.iter().any(|word| words::text(line, word) == text);
    let first = command.iter().find(|word| words::base(line, word) != "sudo");
    let program = first.map(|word| words::base(line, word)).unwrap_or_default();
    let takes_input = named("sudo")
        && command.iter().any(|word| {
            let text = words::text(line, word);
            text.starts_with('-') && !text.starts_with("--") && text.contains('S')
        });
    takes_input
        || FLAGS.iter().any(|flag| has(flag))
        || READERS.contains(&program)
        || named("chpasswd")
        || program == "gcloud" && has("secrets") && has("--data-file=-")
        || has("stdin") && (has("-pass") || has("-passin") || has("-passout"))
        || matches!(program, "kubectl" | "oc") && has("secret") && line_has(line, command, "/dev/stdin")
        || program == "p4" && has("login")
        || program == "pass" && has("insert")
        || program == "secret-tool" && has("store")
        || program == "vercel" && has("env") && has("add")
        || program == "htpasswd" && command.iter().any(|word| is_short_flag(words::text(line, word), 'i'))
        || matches!(program, "wrangler" | "gh" | "docker" | "podman") && has("secret")
        || program == "tee"
            && command.iter().skip(1).any(|word| is_named_for_a_secret(words::text(line, word)))
}

/// Whether the word is a group of short flags with this one: `-ni`.
fn is_short_flag(text: &str, flag: char) -> bool {
    text.starts_with('-') && !text.starts_with("--") && text.contains(flag)
}

fn line_has(line: &str, command: &Command, text: &str) -> bool {
    command.iter().any(|word| line[word.clone()].contains(text))
}
