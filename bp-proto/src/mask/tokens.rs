//! Secrets by the prefix that their issuer gives them, wherever they stand.

use std::sync::LazyLock;

use regex::Regex;

use super::Found;

/// (what the line must hold for the expression to be worth compiling, the expression). A group named `s` is what goes;
/// without one the whole match does.
const TOKENS: [(&[&str], &str); 9] = [
    // GitHub, GitLab.
    (
        &[
            "ghp_",
            "gho_",
            "ghu_",
            "ghs_",
            "ghr_",
            "github_pat_",
            "glpat-",
            "gldt-",
            "glrt-",
            "glcbt-",
            "glptt-",
        ],
        r"\b(?:gh[opusr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{20,}|gl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_-]{16,})",
    ),
    // AWS, Google.
    (
        &["AKIA", "ASIA", "AIza", "ya29.", "GOCSPX-"],
        r"\b(?:A(?:KIA|SIA)[A-Z0-9]{12,}|AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,})",
    ),
    // OpenAI, Anthropic, Stripe: a `sk-` of words alone is none, so a run of 16 with a digit is asked for below.
    (
        &["sk-", "sk_", "rk_", "whsec_"],
        r"\b(?:sk-[A-Za-z0-9_-]{20,}|[sr]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{16,})",
    ),
    // Slack.
    (&["xox", "xapp-"], r"\b(?:xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,})"),
    // JSON web tokens.
    (&["eyJ"], r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)?"),
    // Private keys.
    (
        &["PRIVATE KEY", "AGE-SECRET-KEY-"],
        r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----(?P<s>.*?)(?:-----END|\z)|AGE-SECRET-KEY-1[A-Z0-9]{20,}",
    ),
    // Addresses that are their own key.
    (
        &["hooks.slack.com", "/webhooks/", "api.telegram.org/bot", "webhook.office.com"],
        r"hooks\.slack\.com/(?:services|workflows)/(?P<s>[A-Za-z0-9/_-]+)|/webhooks/[0-9]+/(?P<s2>[A-Za-z0-9_-]{20,})|api\.telegram\.org/bot(?P<s3>[0-9]+:[A-Za-z0-9_-]{20,})",
    ),
    // Package registries, clouds, and others with a prefix of their own.
    (
        &[
            "npm_",
            "pypi-",
            "dop_v1_",
            "doo_v1_",
            "hf_",
            "SG.",
            "hvs.",
            "hvb.",
            "shpat_",
            "shpss_",
            "dckr_pat_",
            "tskey-",
            "lin_api_",
            "PMAK-",
            "rubygems_",
            "NRAK-",
            "glsa_",
            "glc_",
            "gsk_",
            "xai-",
            "r8_",
            "pplx-",
            "sq0",
            "ntn_",
            "secret_",
            "SWMTKN-",
            "key-",
            "dp.pt.",
            "dp.st.",
            "dp.ct.",
            "sbp_",
            "pul-",
            "EAAC",
            "figd_",
        ],
        r"\b(?:npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{16,}|do[op]_v1_[a-f0-9]{32,}|hf_[A-Za-z0-9]{30,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|hv[sb]\.[A-Za-z0-9_-]{20,}|shp(?:at|ss)_[a-fA-F0-9]{32}|dckr_pat_[A-Za-z0-9_-]{20,}|tskey-[a-z]+-[A-Za-z0-9-]{10,}|lin_api_[A-Za-z0-9]{30,}|PMAK-[A-Za-z0-9-]{30,}|rubygems_[a-f0-9]{40,}|NRAK-[A-Z0-9]{20,}|gl(?:sa|c)_[A-Za-z0-9_+/=]{30,}|gsk_[A-Za-z0-9]{30,}|xai-[A-Za-z0-9]{30,}|r8_[A-Za-z0-9]{30,}|pplx-[A-Za-z0-9]{30,}|sq0(?:atp|csp)-[A-Za-z0-9_-]{20,}|ntn_[A-Za-z0-9]{30,}|secret_[A-Za-z0-9]{40,}|SWMTKN-[A-Za-z0-9-]{30,}|key-[a-f0-9]{32}|dp\.(?:pt|st|ct)\.[A-Za-z0-9.]{30,}|sbp_[a-f0-9]{40}|pul-[a-f0-9]{40}|EAAC[A-Za-z0-9]{30,}|figd_[A-Za-z0-9_-]{30,})",
    ),
    // Telegram bots, wherever they stand.
    (&[":AA"], r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{32,}"),
];

static COMPILED: [LazyLock<Option<Regex>>; TOKENS.len()] = [
    LazyLock::new(|| Regex::new(TOKENS[0].1).ok()),
    LazyLock::new(|| Regex::new(TOKENS[1].1).ok()),
    LazyLock::new(|| Regex::new(TOKENS[2].1).ok()),
    LazyLock::new(|| Regex::new(TOKENS[3].1).ok()),
    LazyLock::new(|| Regex::new(TOKENS[4].1).ok()),
    LazyLock::new(|| Regex::new(TOKENS[5].1).ok()),
    LazyLock::new(|| Regex::new(TOKENS[6].1).ok()),
    LazyLock::new(|| Regex::new(TOKENS[7].1).ok()),
    LazyLock::new(|| Regex::new(TOKENS[8].1).ok()),
];

/// Shorter lines hold no token.
const MIN_TOKEN_BYTES: usize = 16;

pub(super) fn find(line: &str, found: &mut Found) {
    if line.len() < MIN_TOKEN_BYTES {
        return;
    }
    for (at, (hints, _)) in TOKENS.iter().enumerate() {
        if !hints.iter().any(|hint| line.contains(hint)) {
            continue;
        }
        let Some(regex) = COMPILED[at].as_ref() else { continue };
        for captures in regex.captures_iter(line) {
            let part = ["s", "s2", "s3"].iter().find_map(|name| captures.name(name));
            let Some(secret) = part.or_else(|| captures.get(0)) else { continue };
            if !secret.as_str().starts_with("sk-") || looks_random(secret.as_str()) {
                found.add(secret.range(), "token");
            }
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

    #[test]
    fn every_expression_compiles() {
        assert!(COMPILED.iter().all(|regex| regex.is_some()));
    }
}
