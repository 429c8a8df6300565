//! Secrets by the prefix that their issuer gives them, wherever they stand.
//!
//! Each form is its prefix and what must follow; scans alone, since a general matcher would be a third of a client
//! that starts for every command.

use super::Found;

/// A form of token. All of it goes, unless `keeps` says that its first parts stay.
struct Token {
    prefix: &'static str,
    rest: &'static [Part],
    /// Parts in front that stay, the prefix being the first.
    keeps: usize,
    /// It may begin inside a longer word.
    anywhere: bool,
}

enum Part {
    /// So many letters of a set at least, and as many as there are.
    Run(Set, usize),
    /// So many and no more.
    Exactly(Set, usize),
    Text(&'static str),
    /// A mark and any letters of a set behind it, or nothing.
    Maybe(&'static str, Set),
}

type Set = fn(u8) -> bool;

use Part::{Exactly, Maybe, Run, Text};

const ALNUM: Set = |byte| byte.is_ascii_alphanumeric();
const DIGIT: Set = |byte| byte.is_ascii_digit();
const HEX: Set = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
const ANY_HEX: Set = |byte| byte.is_ascii_hexdigit();
const LOWER: Set = |byte| byte.is_ascii_lowercase();
const UPPER: Set = |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit();
const WORD: Set = |byte| byte.is_ascii_alphanumeric() || byte == b'_';
const DASHED: Set = |byte| byte.is_ascii_alphanumeric() || byte == b'-';
/// Base64 as addresses have it.
const URL: Set = |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
const BASE64: Set = |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
const GRAFANA: Set = |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'/' | b'=');
const PATH: Set = |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'/');
const DOTTED: Set = |byte| byte.is_ascii_alphanumeric() || byte == b'.';

const fn token(prefix: &'static str, rest: &'static [Part]) -> Token {
    Token { prefix, rest, keeps: 0, anywhere: false }
}

/// An address that is its own key.
const fn address(prefix: &'static str, rest: &'static [Part], keeps: usize) -> Token {
    Token { prefix, rest, keeps, anywhere: true }
}

const TOKENS: &[Token] = &[
    // GitHub, GitLab.
    token("ghp_", &[Run(ALNUM, 16)]),
    token("gho_", &[Run(ALNUM, 16)]),
    token("ghu_", &[Run(ALNUM, 16)]),
    token("ghs_", &[Run(ALNUM, 16)]),
    token("ghr_", &[Run(ALNUM, 16)]),
    token("github_pat_", &[Run(WORD, 20)]),
    token("glpat-", &[Run(URL, 16)]),
    token("gldt-", &[Run(URL, 16)]),
    token("glrt-", &[Run(URL, 16)]),
    token("glcbt-", &[Run(URL, 16)]),
    token("glptt-", &[Run(URL, 16)]),
    // AWS, Google.
    token("AKIA", &[Run(UPPER, 12)]),
    token("ASIA", &[Run(UPPER, 12)]),
    token("AIza", &[Run(URL, 30)]),
    token("ya29.", &[Run(URL, 20)]),
    token("GOCSPX-", &[Run(URL, 20)]),
    // OpenAI, Anthropic, Stripe.
    token(WORDY, &[Run(URL, 20)]),
    token("sk_live_", &[Run(ALNUM, 10)]),
    token("sk_test_", &[Run(ALNUM, 10)]),
    token("rk_live_", &[Run(ALNUM, 10)]),
    token("rk_test_", &[Run(ALNUM, 10)]),
    token("whsec_", &[Run(BASE64, 16)]),
    // Slack.
    token("xoxa-", &[Run(DASHED, 10)]),
    token("xoxb-", &[Run(DASHED, 10)]),
    token("xoxe-", &[Run(DASHED, 10)]),
    token("xoxo-", &[Run(DASHED, 10)]),
    token("xoxp-", &[Run(DASHED, 10)]),
    token("xoxr-", &[Run(DASHED, 10)]),
    token("xoxs-", &[Run(DASHED, 10)]),
    token("xapp-", &[Run(DASHED, 10)]),
    // JSON web tokens.
    token("eyJ", &[Run(URL, 8), Text("."), Run(URL, 6), Maybe(".", URL)]),
    // JSON in base64 that is no such token: of tunnels, of registries.
    token("eyJ", &[Run(BASE64, 48)]),
    address("AGE-SECRET-KEY-1", &[Run(UPPER, 20)], 0),
    address("hooks.slack.com/services/", &[Run(PATH, 1)], 1),
    address("hooks.slack.com/workflows/", &[Run(PATH, 1)], 1),
    address("/webhooks/", &[Run(DIGIT, 1), Text("/"), Run(URL, 20)], 3),
    address("/webhookb2/", &[Run(URL, 20)], 1),
    address("/api/webhook/", &[Run(URL, 20)], 1),
    address(".youtube.com/live2/", &[Run(DASHED, 16)], 1),
    address("live.twitch.tv/app/", &[Run(WORD, 16)], 1),
    address("hooks.zapier.com/hooks/catch/", &[Run(PATH, 6)], 1),
    address("/with/key/", &[Run(URL, 10)], 1),
    address("api.telegram.org/bot", &[Run(DIGIT, 1), Text(":"), Run(URL, 20)], 1),
    // Package registries, clouds, and others with a prefix of their own.
    token("npm_", &[Run(ALNUM, 30)]),
    token("pypi-", &[Run(URL, 16)]),
    token("dop_v1_", &[Run(HEX, 32)]),
    token("doo_v1_", &[Run(HEX, 32)]),
    token("hf_", &[Run(ALNUM, 30)]),
    token("SG.", &[Run(URL, 16), Text("."), Run(URL, 16)]),
    token("hvs.", &[Run(URL, 20)]),
    token("hvb.", &[Run(URL, 20)]),
    token("shpat_", &[Exactly(ANY_HEX, 32)]),
    token("shpss_", &[Exactly(ANY_HEX, 32)]),
    token("dckr_pat_", &[Run(URL, 20)]),
    token("tskey-", &[Run(LOWER, 1), Text("-"), Run(DASHED, 10)]),
    token("lin_api_", &[Run(ALNUM, 30)]),
    token("PMAK-", &[Run(DASHED, 30)]),
    token("rubygems_", &[Run(HEX, 40)]),
    token("NRAK-", &[Run(UPPER, 20)]),
    token("glsa_", &[Run(GRAFANA, 30)]),
    token("glc_", &[Run(GRAFANA, 30)]),
    token("gsk_", &[Run(ALNUM, 30)]),
    token("xai-", &[Run(ALNUM, 30)]),
    token("r8_", &[Run(ALNUM, 30)]),
    token("pplx-", &[Run(ALNUM, 30)]),
    token("sq0atp-", &[Run(URL, 20)]),
    token("sq0csp-", &[Run(URL, 20)]),
    token("ntn_", &[Run(ALNUM, 30)]),
    token("secret_", &[Run(ALNUM, 40)]),
    token("SWMTKN-", &[Run(DASHED, 30)]),
    token("key-", &[Exactly(HEX, 32)]),
    token("dp.pt.", &[Run(DOTTED, 30)]),
    token("dp.st.", &[Run(DOTTED, 30)]),
    token("dp.ct.", &[Run(DOTTED, 30)]),
    token("sbp_", &[Exactly(HEX, 40)]),
    token("pul-", &[Exactly(HEX, 40)]),
    token("EAAC", &[Run(ALNUM, 30)]),
    token("figd_", &[Run(URL, 30)]),
    token("glft-", &[Run(URL, 16)]),
    token("glsoat-", &[Run(URL, 16)]),
    token("sntrys_", &[Run(GRAFANA, 20)]),
    token("sntryu_", &[Run(HEX, 20)]),
    token("nfp_", &[Run(ALNUM, 20)]),
    token("dt0c01.", &[Run(DOTTED, 20)]),
    token("dt0s16.", &[Run(DOTTED, 20)]),
    token("ATATT3x", &[Run(URL, 20)]),
    token("ATBB", &[Run(ALNUM, 24)]),
    token("AKCp", &[Run(ALNUM, 12)]),
    token("xkeysib-", &[Run(DASHED, 30)]),
    token("shpca_", &[Exactly(ANY_HEX, 32)]),
    token("shppa_", &[Exactly(ANY_HEX, 32)]),
    token("lin_oauth_", &[Run(ALNUM, 30)]),
    token("pscale_tkn_", &[Run(URL, 20)]),
    token("pscale_pw_", &[Run(URL, 20)]),
    token("CFPAT-", &[Run(URL, 20)]),
    token("fo1_", &[Run(URL, 20)]),
    token("sha256~", &[Run(URL, 20)]),
    token("hvr.", &[Run(URL, 20)]),
    token("oy2", &[Run(ALNUM, 40)]),
    token("ops_", &[Run(URL, 40)]),
    token("xoxc-", &[Run(DASHED, 10)]),
    token("xoxd-", &[Run(GRAFANA, 10)]),
    token("1//0", &[Run(URL, 20)]),
    token("gloas-", &[Run(URL, 16)]),
    token("glagent-", &[Run(URL, 16)]),
    token("glimt-", &[Run(URL, 16)]),
    token("glffct-", &[Run(URL, 16)]),
    token("GR1348941", &[Run(URL, 16)]),
    token("ABIA", &[Run(UPPER, 12)]),
    token("ABSK", &[Run(BASE64, 60)]),
    token("LTAI", &[Run(ALNUM, 12)]),
    token("AKID", &[Run(ALNUM, 20)]),
    token("EAAA", &[Run(URL, 40)]),
    token("EAAM", &[Run(ALNUM, 30)]),
    token("dapi", &[Exactly(HEX, 32)]),
    token("dor_v1_", &[Run(HEX, 32)]),
    token("sqp_", &[Exactly(HEX, 40)]),
    token("squ_", &[Exactly(HEX, 40)]),
    token("sqa_", &[Exactly(HEX, 40)]),
    token("sgp_", &[Run(WORD, 40)]),
    token("lsv2_pt_", &[Run(WORD, 30)]),
    token("lsv2_sk_", &[Run(WORD, 30)]),
    token("sb_secret_", &[Run(URL, 20)]),
    token("napi_", &[Run(ALNUM, 30)]),
    token("rnd_", &[Run(ALNUM, 24)]),
    token("vcp_", &[Run(ALNUM, 24)]),
    token("vck_", &[Run(ALNUM, 24)]),
    token("tvly-", &[Run(URL, 20)]),
    token("fw_", &[Run(ALNUM, 22)]),
    token("fc-", &[Exactly(HEX, 32)]),
    token("phx_", &[Run(ALNUM, 30)]),
    token("phs_", &[Run(ALNUM, 30)]),
    token("bkua_", &[Exactly(HEX, 40)]),
    token("CCIPAT_", &[Run(WORD, 30)]),
    token("HRKU-", &[Run(URL, 30)]),
    token("NRII-", &[Run(URL, 20)]),
    token("NRJS-", &[Run(URL, 16)]),
    token("API-", &[Run(UPPER, 25)]),
    token("duffel_live_", &[Run(URL, 30)]),
    token("duffel_test_", &[Run(URL, 30)]),
    token("EZAK", &[Run(ALNUM, 50)]),
    token("EZTK", &[Run(ALNUM, 50)]),
    token("FLWSECK", &[Run(DASHED, 12)]),
    token("fio-u-", &[Run(URL, 40)]),
    token("fm1a_", &[Run(GRAFANA, 60)]),
    token("fm1r_", &[Run(GRAFANA, 60)]),
    token("fm2_", &[Run(GRAFANA, 60)]),
    token("pat", &[Exactly(ALNUM, 14), Text("."), Run(HEX, 40)]),
    token("CLOJARS_", &[Run(ALNUM, 40)]),
    token("cio", &[Exactly(ALNUM, 32)]),
    token("pnu_", &[Run(ALNUM, 30)]),
    token("rdme_", &[Run(ALNUM, 40)]),
    token("shippo_live_", &[Run(HEX, 30)]),
    token("shippo_test_", &[Run(HEX, 30)]),
    token("tk-us-", &[Run(URL, 40)]),
    token("tfp_", &[Run(URL, 40)]),
    token("p8e-", &[Run(ALNUM, 30)]),
    token("mdb_sa_sk_", &[Run(URL, 20)]),
    token("sk_", &[Exactly(HEX, 48)]),
    token("SK", &[Exactly(HEX, 32)]),
    token("sl.", &[Run(URL, 60)]),
    token("cmVmdGtu", &[Run(BASE64, 40)]),
    token("ATCTT3x", &[Run(URL, 20)]),
    token("sk.", &[Run(URL, 40), Text("."), Run(URL, 16)]),
    token("xsmtpsib-", &[Run(DASHED, 30)]),
    token("hapi_", &[Run(ALNUM, 30)]),
    token("pit-", &[Run(DASHED, 30)]),
    token("aio_", &[Run(ALNUM, 26)]),
    token("ory_", &[Run(LOWER, 1), Text("_"), Run(WORD, 10)]),
    token("access-production-", &[Run(DASHED, 30)]),
    token("access-sandbox-", &[Run(DASHED, 30)]),
    token("t1.", &[Run(URL, 60), Text("."), Run(URL, 40)]),
    token("b.AAAAAQ", &[Run(URL, 60)]),
];

/// A prefix that words have too: what follows must look random.
const WORDY: &str = "sk-";

/// Shorter lines hold no token.
const MIN_TOKEN_BYTES: usize = 16;

pub(super) fn find(line: &str, found: &mut Found) {
    if line.len() < MIN_TOKEN_BYTES {
        return;
    }
    for token in TOKENS {
        let mut from = 0;
        while let Some(at) = line[from..].find(token.prefix).map(|at| from + at) {
            from = at + token.prefix.len();
            if !token.anywhere && is_in_word(line, at) {
                continue;
            }
            if let Some((secret, end)) = token.matched(line.as_bytes(), at)
                && (token.prefix != WORDY || looks_random(&line[secret..end]))
            {
                found.add(secret..end, "token");
                from = end;
            }
        }
    }
    private_keys(line, found);
    telegram_bots(line, found);
}

impl Token {
    /// Where the secret of a token that begins at `at` is.
    fn matched(&self, line: &[u8], at: usize) -> Option<(usize, usize)> {
        let mut end = at + self.prefix.len();
        let mut secret = if self.keeps == 1 { end } else { at };
        for (nth, part) in self.rest.iter().enumerate() {
            end += part.length(&line[end..])?;
            if nth + 2 == self.keeps {
                secret = end;
            }
        }
        Some((secret, end))
    }
}

impl Part {
    /// How much of the beginning of `rest` it takes; `None` when it does not fit.
    fn length(&self, rest: &[u8]) -> Option<usize> {
        let run = |set: &Set, rest: &[u8]| rest.iter().take_while(|byte| set(**byte)).count();
        match self {
            Run(set, least) => Some(run(set, rest)).filter(|length| length >= least),
            Exactly(set, count) => (run(set, rest) >= *count).then_some(*count),
            Text(text) => rest.starts_with(text.as_bytes()).then_some(text.len()),
            Maybe(mark, set) => Some(match rest.strip_prefix(mark.as_bytes()) {
                Some(behind) => mark.len() + run(set, behind),
                None => 0,
            }),
        }
    }
}

fn is_in_word(line: &str, at: usize) -> bool {
    line[..at].chars().next_back().is_some_and(|before| before.is_alphanumeric() || before == '_')
}

/// What stands between the marks goes, to the end of the line where there is no second mark.
fn private_keys(line: &str, found: &mut Found) {
    const OPENING: &str = "PRIVATE KEY";
    let mut from = 0;
    while let Some(at) = line[from..].find(OPENING).map(|at| from + at) {
        let behind = line[at + OPENING.len()..].trim_start_matches(" BLOCK");
        let inside = line.len() - behind.strip_prefix("-----").unwrap_or(behind).len();
        if !behind.starts_with("-----") {
            from = inside;
            continue;
        }
        let kind =
            line[from..at].trim_end_matches(|letter: char| letter.is_ascii_uppercase() || letter == ' ');
        if !kind.ends_with("-----") || !line[from + kind.len()..at].starts_with("BEGIN ") {
            from = inside;
            continue;
        }
        let end = line[inside..].find("-----END").map_or(line.len(), |end| inside + end);
        found.add(inside..end, "token");
        from = end;
    }
}

/// `12345678:AA…`, wherever it stands.
fn telegram_bots(line: &str, found: &mut Found) {
    const LETTERS: usize = 32;
    for (colon, mark) in line.match_indices(":AA") {
        let digits = line.as_bytes()[..colon].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let behind = Run(URL, LETTERS).length(&line.as_bytes()[colon + mark.len()..]);
        if let (8..=10, false, Some(length)) = (digits, is_in_word(line, colon - digits), behind) {
            found.add(colon - digits..colon + mark.len() + length, "token");
        }
    }
}

/// A run of letters and digits too long and too mixed to be words.
fn looks_random(text: &str) -> bool {
    text.split(['-', '_']).any(|run| run.len() >= 16 && run.bytes().any(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, secrets: &[&str]) {
        let mut found = Found::default();
        find(line, &mut found);
        let taken: Vec<&str> = found.secrets.iter().map(|(at, _)| &line[at.clone()]).collect();
        assert_eq!(taken, secrets, "{line}");
    }

    #[test]
    fn a_token_is_its_prefix_and_what_must_follow() {
        let sixteen = "0123456789abcdef";
        check(&format!("x ghp_{sixteen} y"), &[&format!("ghp_{sixteen}")]);
        check(&format!("x xghp_{sixteen} y"), &[]);
        check(&format!("x ğghp_{sixteen} y"), &[]);
        check(&format!("x ghp_{} ghp_{sixteen}", &sixteen[1..]), &[&format!("ghp_{sixteen}")]);
        check(&format!("a=key-{sixteen}{sixteen}beef"), &[&format!("key-{sixteen}{sixteen}")]);
        check("jwt eyJhbGciOiJI.eyJzdWIi. x", &["eyJhbGciOiJI.eyJzdWIi."]);
        check("jwt eyJhbGciOiJI.eyJ", &[]);
    }

    #[test]
    fn an_address_keeps_what_is_no_secret_of_it() {
        let secret = "abcdefghij0123456789";
        check(&format!("http://x/api/webhooks/42/{secret}?wait"), &[secret]);
        check(&format!("api.telegram.org/bot7:{secret}/getMe"), &[&format!("7:{secret}")]);
        check("https://hooks.slack.com/services/T0/B1/xyz x", &["T0/B1/xyz"]);
    }

    #[test]
    fn the_body_of_a_private_key_goes_whole() {
        check("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----", &["\nabc\n"]);
        check("echo '-----BEGIN PRIVATE KEY-----abc", &["abc"]);
        check("grep 'PRIVATE KEY-----' -r . --include=x", &[]);
    }
}
