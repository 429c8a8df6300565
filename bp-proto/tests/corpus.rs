//! The masker against lines that it was not written for: of those that hold a secret at least 95 % lose it, of those
//! that hold none at most 2 % are changed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use bp_proto::mask::mask;

/// Of a secret no more than this many of its letters may stay in a row.
const LEFT_OF_A_SECRET: usize = 5;

/// A line and the secrets in it.
fn read(marked: &str) -> (String, Vec<String>) {
    let marked = marked.replace('¦', "").replace('␤', "\n");
    let secrets = marked.split('«').skip(1).map(|rest| rest.split('»').next().unwrap().to_owned()).collect();
    (marked.replace(['«', '»'], ""), secrets)
}

/// All behind the head, whose lines begin with `# `.
fn lines(corpus: &str) -> Vec<&str> {
    corpus.lines().skip_while(|line| line.starts_with("# ")).filter(|line| !line.is_empty()).collect()
}

/// Whether anything is left of the secret that could be used. `rest` = the line without its secrets: what stands there
/// as well says nothing.
fn shows(text: &str, secret: &str, rest: &str) -> bool {
    let letters: Vec<char> = secret.chars().collect();
    let length = letters.len().min(LEFT_OF_A_SECRET + 1);
    let mut pieces = letters.windows(length).map(|piece| piece.iter().collect::<String>());
    pieces.any(|piece| text.matches(&piece).count() > rest.matches(&piece).count())
}

/// Lines of which a secret is still shown.
fn missed(corpus: &str) -> Vec<String> {
    let missed = lines(corpus).into_iter().filter(|marked| {
        let (line, secrets) = read(marked);
        assert!(!secrets.is_empty(), "no secret is marked in {line}");
        let masked = mask(&line).text;
        let rest = secrets.iter().fold(line.clone(), |rest, secret| rest.replacen(secret, "", 1));
        secrets.iter().any(|secret| shows(&masked, secret, &rest))
    });
    missed.map(str::to_owned).collect()
}

/// Harmless lines that were changed, with what became of them.
fn changed(corpus: &str) -> Vec<String> {
    let masked = lines(corpus).into_iter().map(|line| read(line).0).map(|line| (mask(&line), line));
    let changed = masked.filter(|(masked, line)| masked.text != *line);
    changed.map(|(masked, line)| format!("{line} → {} ({})", masked.text, masked.rules.join(", "))).collect()
}

fn check(secrets: &str, harmless: &str) {
    assert_eq!((lines(secrets).len(), lines(harmless).len()), (100, 500));
    let (missed, changed) = (missed(secrets), changed(harmless));
    assert!(missed.len() <= 5, "{} of 100 missed:\n{}", missed.len(), missed.join("\n"));
    assert!(changed.len() <= 10, "{} of 500 changed:\n{}", changed.len(), changed.join("\n"));
}

/// Each corpus was written from knowledge of the tools, before it was tried; what it found was then mended in general,
/// never for one line. The first three come from hands that had read the rules or had just improved them. As each was
/// measured first:
///
/// | | secrets caught | harmless changed |
/// |---|---|---|
/// | first, on the rules as they were | 89 of 100 | 4 of 500 |
/// | second, on the rules improved by the first | 95 of 100 | 4 of 500 |
/// | third, on the rules improved by both | 97 of 100 | 1 of 500 |
/// | fourth, by a hand that had read none of the rules: unusual tools | 90 of 100 | 6 of 500 |
/// | fifth, by another such hand, on the rules improved by the fourth: other unusual tools | 92 of 100 | 7 of 500 |
/// | sixth, by a third such hand, on the same rules: what people type in a month | 98 of 100 | 1 of 500 |
///
/// (Of the second two more were reported as missed: pieces of the secret stood elsewhere in the line as well.) No rule
/// was changed by the sixth.
#[test]
fn the_sixth_corpus() {
    check(include_str!("corpus/secrets-6.txt"), include_str!("corpus/harmless-6.txt"));
}

#[test]
fn the_fifth_corpus() {
    check(include_str!("corpus/secrets-5.txt"), include_str!("corpus/harmless-5.txt"));
}

#[test]
fn the_fourth_corpus() {
    check(include_str!("corpus/secrets-4.txt"), include_str!("corpus/harmless-4.txt"));
}

#[test]
fn the_third_corpus() {
    check(include_str!("corpus/secrets-3.txt"), include_str!("corpus/harmless-3.txt"));
}

#[test]
fn the_second_corpus() {
    check(include_str!("corpus/secrets-2.txt"), include_str!("corpus/harmless-2.txt"));
}

#[test]
fn the_first_corpus() {
    check(include_str!("corpus/secrets-1.txt"), include_str!("corpus/harmless-1.txt"));
}

/// What is looked at again for each of its pieces would take hours here.
#[test]
fn a_line_of_one_thing_over_and_over_is_read_once() {
    for piece in [
        "--value x ",
        "</password>",
        "<password>",
        ",",
        ",a",
        "password '",
        "by 'x' ",
        "identified ",
        "x=",
        "a=,b=",
        "-u x -p ",
        "login ",
        "<<< ",
        "echo x | ",
        "https://a:b@",
        "\"password\": ",
        "password: ",
        "«ş",
        "--token ",
        "-H X-A: ",
        "$(",
        "'",
        "PRIVATE KEY",
        "WIFI:S:x;P:y",
        "public ",
        "${A}",
        "set-token ",
        "\\n",
        "auth=(",
        "login('a','",
        "'token','x1",
        "send \"",
        "send \"assword",
        "printf %s ",
        "printf 'password=%s' x ",
        "passwd <<E\nx\n",
        "'aB3$aB3$' ",
        "a:1:b:",
        "$token = 'x' ",
        "password is ",
        "net use ",
        "alias x='a' ",
        "yes x | cat | ",
        "auth=",
        "&key=x",
        "password=x ",
    ] {
        for (before, behind) in [("", ""), ("\"", "\""), ("bash -c '", "'")] {
            let line = format!("{before}{}{behind}", piece.repeat(100_000 / piece.len()));
            assert!(mask(&line).text.len() <= 4 * line.len());
        }
    }
}
