//! What a typed line is to bp itself: a run of `bpctl run`, a look at bp, or somebody's work. Pure; knows just enough
//! of shell grammar to be sure, and takes a line that it does not understand for somebody's work.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    Work,
    /// One simple `bpctl run …`: the wrapper's run is this run.
    Wrapped,
    /// The same into the background: the line is over at once, and the wrapper's run stands by itself. Not recorded.
    Apart,
    /// Another verb of `bpctl`, alone or into a viewer: not recorded.
    Look,
}

/// Programs into which a look is piped without becoming work.
const VIEWERS: [&str; 18] = [
    "awk", "bat", "cat", "column", "cut", "egrep", "fgrep", "grep", "head", "jq", "less", "more", "most",
    "sed", "sort", "tail", "uniq", "wc",
];

/// Options of `bpctl` itself that take a word.
const WITH_VALUE: [&str; 2] = ["--color", "--lang"];

pub(crate) fn classify(line: &str) -> Typed {
    let Some((pipeline, is_job)) = split(line) else { return Typed::Work };
    let mut commands = pipeline.iter().map(|words| command(words));
    let Some(Some(("bpctl", arguments))) = commands.next() else { return Typed::Work };
    if verb(arguments) == Some("run") {
        return match (pipeline.len(), is_job) {
            (1, false) => Typed::Wrapped,
            (1, true) => Typed::Apart,
            _ => Typed::Work,
        };
    }
    if is_job {
        return Typed::Work;
    }
    let only_viewers = commands.all(|command| command.is_some_and(|(name, _)| VIEWERS.contains(&name)));
    if only_viewers { Typed::Look } else { Typed::Work }
}

/// Whether the line itself puts something into the background. Quotes are not looked at: it is only a hint.
pub(crate) fn starts_job(line: &str) -> bool {
    if simple_commands(line).any(|command| command.split_whitespace().next() == Some("coproc")) {
        return true;
    }
    // PowerShell's cmdlet, anywhere in the line: its names stand behind assignments, too, and in any case of letters.
    if line
        .split(|letter: char| !letter.is_alphanumeric() && letter != '-')
        .any(|word| ["Start-Job", "sajb"].iter().any(|name| word.eq_ignore_ascii_case(name)))
    {
        return true;
    }
    let bytes = line.as_bytes();
    let at = |index: usize| bytes.get(index).copied().unwrap_or(b' ');
    (0..bytes.len()).any(|index| {
        let before = index.checked_sub(1).map_or(b' ', at);
        at(index) == b'&' && !b"&><|;\\".contains(&before) && !b"&>|".contains(&at(index + 1))
    })
}

/// A line that ends its shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaves {
    /// As written behind `exit`.
    pub exit_code: Option<i32>,
}

/// What the last command of a line says that ends its shell. Quotes are not looked at: it is only asked of lines whose
/// shell is gone.
pub(crate) fn leaves_shell(line: &str) -> Option<Leaves> {
    let last = simple_commands(line).last()?;
    let mut words = last.split_whitespace();
    match words.next()? {
        "exit" | "logout" | "bye" => {
            let code = words.next().and_then(|code| code.parse::<i64>().ok());
            Some(Leaves { exit_code: code.map(|code| (code & 0xff) as i32) })
        }
        "exec" => is_replacement(words).then_some(Leaves { exit_code: None }),
        _ => None,
    }
}

/// Whether a command of the line replaces the shell by another program: `exec zsh`, not `exec >log`.
pub(crate) fn replaces_shell(line: &str) -> bool {
    simple_commands(line).any(|command| {
        let mut words = command.split_whitespace();
        words.next() == Some("exec") && is_replacement(words)
    })
}

fn is_replacement<'a>(mut words: impl Iterator<Item = &'a str>) -> bool {
    words.any(|word| !word.starts_with(['<', '>', '-']) && !word.starts_with(|c: char| c.is_ascii_digit()))
}

fn simple_commands(line: &str) -> impl Iterator<Item = &str> {
    let commands = line.split([';', '&', '|', '\n', '(', ')', '{', '}']).map(str::trim);
    commands.filter(|command| !command.is_empty() && !command.starts_with('#'))
}

/// Whether the line does nothing but continue a job in the foreground: `fg`, `fg %2`, `%1`, `%vim`.
pub(crate) fn continues_job(line: &str) -> bool {
    let line = line.trim().trim_end_matches(';').trim_end();
    let mut words = line.split_whitespace();
    let is_plain = !line.contains(|c: char| ";&|<>(){}`$\n".contains(c));
    let (first, second, third) = (words.next(), words.next(), words.next());
    match (first, second, third) {
        (Some("builtin"), Some("fg"), _) | (Some("fg"), _, None) => is_plain,
        (Some(job), None, None) => is_plain && job.starts_with('%'),
        _ => false,
    }
}

/// The program's name without its path, and its arguments; assignments before it are passed over.
fn command(words: &[String]) -> Option<(&str, &[String])> {
    let at = words.iter().position(|word| !is_assignment(word))?;
    let name = words[at].rsplit('/').next()?;
    Some((name, &words[at + 1..]))
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !name.as_bytes()[0].is_ascii_digit()
    })
}

fn verb(arguments: &[String]) -> Option<&str> {
    let mut arguments = arguments.iter().map(String::as_str);
    loop {
        let argument = arguments.next()?;
        if WITH_VALUE.contains(&argument) {
            arguments.next();
        } else if !argument.starts_with('-') {
            return Some(argument);
        }
    }
}

/// The words of each command of one pipeline, and whether it goes into the background; `None` when the line is more than
/// that.
fn split(line: &str) -> Option<(Vec<Vec<String>>, bool)> {
    let mut pipeline = vec![Vec::new()];
    let mut is_job = false;
    let mut word: Option<String> = None;
    let mut letters = line.trim().chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' => end_word(&mut pipeline, &mut word),
            '\'' | '"' => quoted(letter, &mut letters, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(letters.next()?),
            '|' if !matches!(letters.peek(), Some('|')) => {
                letters.next_if_eq(&'&');
                end_word(&mut pipeline, &mut word);
                pipeline.push(Vec::new());
            }
            '#' if word.is_none() => break,
            ';' if letters.peek().is_none() => {}
            '&' if letters.peek().is_none() => is_job = true,
            '>' => {
                // `2>&1`, `>&2`, `>|file`: the ampersand and the bar belong to the redirection.
                letters.next_if(|next| matches!(next, '>' | '&' | '|'));
                word.get_or_insert_default().push('>');
            }
            '$' if letters.peek() == Some(&'(') => return None,
            ';' | '&' | '|' | '\n' | '(' | ')' | '`' | '{' | '}' => return None,
            other => word.get_or_insert_default().push(other),
        }
    }
    end_word(&mut pipeline, &mut word);
    pipeline.iter().all(|words| !words.is_empty()).then_some((pipeline, is_job))
}

fn end_word(pipeline: &mut [Vec<String>], word: &mut Option<String>) {
    if let (Some(words), Some(word)) = (pipeline.last_mut(), word.take()) {
        words.push(word);
    }
}

/// The rest of a quotation; `None` when it does not end, or when something else runs inside it.
fn quoted(quote: char, letters: &mut impl Iterator<Item = char>, word: &mut String) -> Option<()> {
    while let Some(letter) = letters.next() {
        match letter {
            _ if letter == quote => return Some(()),
            '\\' if quote == '"' => word.push(letters.next()?),
            '`' if quote == '"' => return None,
            _ => word.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, typed: Typed) {
        assert_eq!(classify(line), typed, "{line:?}");
    }

    #[test]
    fn a_lone_ampersand_starts_a_job() {
        for line in [
            "$job = start-job { sleep 9 }",
            "sajb { 1 }",
            "sleep 1 &",
            "a & b",
            "make&",
            "(a; b) &\n",
            "coproc cat",
            "true; coproc x { cat; }",
        ] {
            assert!(starts_job(line), "{line}");
        }
        for line in ["a && b", "make 2>&1", "make &> log", "a |& b", "echo \\&", "echo coproc", ""] {
            assert!(!starts_job(line), "{line}");
        }
    }

    #[test]
    fn a_line_says_that_it_ends_its_shell() {
        let code = |line| leaves_shell(line).map(|leaves| leaves.exit_code);
        assert_eq!(code("exit"), Some(None));
        assert_eq!(code(" exit 7 "), Some(Some(7)));
        assert_eq!(code("exit 257"), Some(Some(1)));
        assert_eq!(code("logout"), Some(None));
        assert_eq!(code("make; exit 3"), Some(Some(3)));
        assert_eq!(code("make || exit 3"), Some(Some(3)));
        assert_eq!(code("exec zsh -l"), Some(None));
        for line in ["exec >log 2>&1", "exec 3<file", "sleep 60", "echo exit", "", "exit 3; make"] {
            assert_eq!(code(line), None, "{line}");
        }
        assert!(replaces_shell("cd x && exec bash"));
        assert!(!replaces_shell("exec 3>&1"));
    }

    #[test]
    fn a_line_that_only_continues_a_job_is_told_from_others() {
        for line in ["fg", " fg ", "fg %2", "fg 1;", "%1", "%vim", "%", "builtin fg %1"] {
            assert!(continues_job(line), "{line}");
        }
        for line in ["fg; make", "bg", "fg %1 && make", "fgrep x", "echo %1", "%1 &", ""] {
            assert!(!continues_job(line), "{line}");
        }
    }

    #[test]
    fn one_simple_run_is_the_wrappers() {
        check("bpctl run make", Typed::Wrapped);
        check("  /usr/local/bin/bpctl run -- make -j2 ", Typed::Wrapped);
        check("RUST_LOG=debug bpctl --lang tr run -c 'a; b | c'", Typed::Wrapped);
        check("bpctl run make > log 2>&1;", Typed::Wrapped);
        check("bpctl run make # a | b", Typed::Wrapped);
    }

    #[test]
    fn one_simple_run_in_the_background_stands_by_itself() {
        check("bpctl run make &", Typed::Apart);
        check("bpctl run make 2>&1 >log&\n", Typed::Apart);
        check("bpctl run 'a & b' &", Typed::Apart);
        check("bpctl run make &&", Typed::Work);
        check("bpctl run make \\&", Typed::Wrapped);
    }

    #[test]
    fn a_run_within_more_is_work() {
        for line in [
            "bpctl run make | tee log",
            "bpctl run make | tee log &",
            "bpctl run a & bpctl run b",
            "bpctl run a & make",
            "bpctl list &",
            "bpctl run a; bpctl run b",
            "bpctl run a && b",
            "(bpctl run a)",
            "bpctl run echo $(date)",
            "time bpctl run a",
            "echo bpctl run a",
            "bpctl run 'unfinished",
        ] {
            check(line, Typed::Work);
        }
    }

    #[test]
    fn looking_at_bp_is_not_recorded_and_working_beside_it_is() {
        for line in [
            "bpctl",
            "bpctl list",
            "bpctl show latest | less -R",
            "bpctl ls --json|jq . | head -3",
            "bpctl --help",
        ] {
            check(line, Typed::Look);
        }
        for line in [
            "bpctl list; make",
            "bpctl export | gzip > all.gz",
            "bpctl list || make",
            "make",
            "",
            "bpctlx list",
        ] {
            check(line, Typed::Work);
        }
    }
}
