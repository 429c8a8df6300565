//! A command line as words: split as a shell does, quotes kept as typed, and freed of what does not change the
//! command: assignments in front, and wrappers.

/// Characters that end a word and are words of their own, in runs (`&&`, `>>`).
const OPERATORS: &str = "|&;()<>";

/// Splits at blanks and operators outside quotes. Text inside quotes stays as typed, quotes included.
pub(super) fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match quote {
            Some(open) => {
                word.push(c);
                if c == '\\' && open == '"' {
                    word.extend(chars.next());
                } else if c == open {
                    quote = None;
                }
            }
            None if c == '\\' => {
                word.push(c);
                word.extend(chars.next());
            }
            None if c == '\'' || c == '"' || c == '`' => {
                word.push(c);
                quote = Some(c);
            }
            None if c == '\n' => {
                take(&mut word, &mut words);
                words.push(";".to_owned());
            }
            None if c.is_whitespace() => take(&mut word, &mut words),
            None if OPERATORS.contains(c) => {
                // A run of one character is one operator; a digit before a redirection belongs to it (`2>`).
                if !(word.ends_with(c) || (c == '>' && word.bytes().all(|byte| byte.is_ascii_digit()))) {
                    take(&mut word, &mut words);
                }
                word.push(c);
                if !chars.as_str().starts_with(c) {
                    take(&mut word, &mut words);
                }
            }
            None => word.push(c),
        }
    }
    take(&mut word, &mut words);
    while words.last().is_some_and(|last| last == ";") {
        words.pop();
    }
    words
}

fn take(word: &mut String, words: &mut Vec<String>) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// The words without assignments and wrappers in front of each simple command.
pub(super) fn significant(words: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(words.len());
    let mut rest = words;
    let mut at_start = true;
    while let Some((first, after)) = rest.split_first() {
        if at_start {
            let stripped = strip(rest);
            if stripped.len() < rest.len() {
                rest = stripped;
                continue;
            }
            if let Some((inner, after)) = run_string(rest) {
                kept.extend(significant(&split(&inner)));
                rest = after;
                at_start = false;
                continue;
            }
        }
        at_start = matches!(first.as_str(), "|" | "||" | "&&" | "&" | ";" | ";;" | "(");
        kept.push(first.clone());
        rest = after;
    }
    kept
}

/// `words` without one assignment or wrapper in front; unchanged when there is none, or nothing would be left.
fn strip(words: &[String]) -> &[String] {
    let Some((first, after)) = words.split_first() else { return words };
    let rest = match first.as_str() {
        assignment if is_assignment(assignment) => Some(after),
        "sudo" => after_options(after, &["-E", "-H", "-n", "-S", "-k", "-A", "--preserve-env", "--"], &[]),
        "time" => after_options(after, &["-p", "-v", "--verbose", "-l", "-a", "--"], &["-f", "-o"]),
        "nice" => after_nice(after),
        // The assignments of `env` go by the first rule; any option of it (`-i`, `-u`) changes the command.
        "nohup" | "env" => after_options(after, &["--"], &[]),
        "bpctl" => after.split_first().filter(|(verb, _)| *verb == "run").and_then(|(_, after)| {
            after_options(
                after,
                &["--quiet", "-q", "--"],
                &["--tag", "-t", "--note", "-n", "--color", "--lang"],
            )
        }),
        _ => None,
    };
    match rest {
        Some(rest)
            if rest.first().is_some_and(|word| !OPERATORS.contains(&word[..word.ceil_char_boundary(1)])) =>
        {
            rest
        }
        _ => words,
    }
}

/// What follows the known options; `None` when another option stands there, which may change what is run.
fn after_options<'a>(mut words: &'a [String], flags: &[&str], valued: &[&str]) -> Option<&'a [String]> {
    while let Some((first, after)) = words.split_first() {
        let name = first.split('=').next().unwrap_or_default();
        if first == "--" {
            return Some(after);
        } else if flags.contains(&first.as_str()) {
            words = after;
        } else if valued.contains(&name) {
            words = if name.len() < first.len() { after } else { after.get(1..)? };
        } else if first.starts_with('-') {
            return None;
        } else {
            break;
        }
    }
    Some(words)
}

/// `nice`, `nice -n 5`, `nice -5`, `nice -n5`, `nice --adjustment=5`.
fn after_nice(words: &[String]) -> Option<&[String]> {
    let (first, after) = words.split_first()?;
    let number = first.strip_prefix("-n").or_else(|| first.strip_prefix('-')).unwrap_or_default();
    if !number.is_empty() && number.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(after);
    }
    after_options(words, &["--"], &["-n", "--adjustment"])
}

/// The string of `bpctl run … -c STRING`, and what follows it.
fn run_string(words: &[String]) -> Option<(String, &[String])> {
    if !matches!(words, [program, verb, ..] if program == "bpctl" && verb == "run") {
        return None;
    }
    let at = words.iter().position(|word| word == "-c")?;
    let string = words.get(at + 1)?;
    let quote = string.chars().next().filter(|c| *c == '\'' || *c == '"')?;
    let inner = string.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains(['\\', '$', quote])).then(|| (inner.to_owned(), &words[at + 2..]))
}

fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else { return false };
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, words: &[&str]) {
        assert_eq!(significant(&split(line)), words, "{line}");
    }

    #[test]
    fn lines_are_split_as_a_shell_does() {
        check("a  b\tc", &["a", "b", "c"]);
        check("a 'b c' \"d \\\" e\" f\\ g", &["a", "'b c'", "\"d \\\" e\"", "f\\ g"]);
        check("a|b&&c>>d 2>e;f", &["a", "|", "b", "&&", "c", ">>", "d", "2>", "e", ";", "f"]);
        check("a\nb\n", &["a", ";", "b"]);
        check("a 'never closed", &["a", "'never closed"]);
        check("", &[]);
    }

    #[test]
    fn only_what_leaves_the_command_alone_is_taken_off() {
        check("A=1 B='x y' make", &["make"]);
        check("A=1", &["A=1"]);
        check("sudo make", &["make"]);
        check("sudo", &["sudo"]);
        check("sudo -i", &["sudo", "-i"]);
        check("time -f %e nice --adjustment=3 make", &["make"]);
        check("nice -n 5 make | nice -n5 tee x", &["make", "|", "tee", "x"]);
        check("time; make", &["time", ";", "make"]);
        check("env -i make", &["env", "-i", "make"]);
        check("bpctl list", &["bpctl", "list"]);
        check("bpctl run --tag a -- sudo make", &["make"]);
        check("bpctl run -c 'make | tee x'", &["make", "|", "tee", "x"]);
        check("make A=1", &["make", "A=1"]);
    }
}
