//! Who typed a command: a person, an agent, a CI.

use std::ffi::OsString;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Who typed. In text: `human`, `agent:NAME`, `ci`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Actor {
    #[default]
    Human,
    Agent(String),
    Ci,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Human => f.write_str("human"),
            Self::Agent(name) => write!(f, "agent:{name}"),
            Self::Ci => f.write_str("ci"),
        }
    }
}

/// What actors are told apart by: each has its own baselines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ActorKind {
    #[default]
    Human,
    Agent,
    Ci,
}

impl Actor {
    pub fn kind(&self) -> ActorKind {
        match self {
            Self::Human => ActorKind::Human,
            Self::Agent(_) => ActorKind::Agent,
            Self::Ci => ActorKind::Ci,
        }
    }

    /// By what `BP_ACTOR` says, else by what agents and CI systems set in the environment of what they start: an agent in
    /// a CI is an agent.
    pub fn of_environment(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let text = |name: &str| variable(name).map(|value| value.to_string_lossy().into_owned());
        if let Some(actor) = text("BP_ACTOR").and_then(|actor| actor.parse().ok()) {
            return actor;
        }
        if let Some(name) = text(AGENT).map(|name| agent_name(&name)).filter(|name| !name.is_empty()) {
            return Self::Agent(name);
        }
        let is_set =
            |name: &str| text(name).is_some_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
        if let Some((_, name)) = AGENTS.iter().find(|(mark, _)| is_set(mark)) {
            return Self::Agent((*name).to_owned());
        }
        if CI.iter().any(|mark| is_set(mark)) { Self::Ci } else { Self::Human }
    }
}

/// By which an agent names itself: `name`, or `name@version`.
pub const AGENT: &str = "AI_AGENT";

/// (variable, name): what agents set for what they start. The hooks have the same list.
pub const AGENTS: [(&str, &str); 11] = [
    ("CLAUDECODE", "claude-code"),
    ("CURSOR_AGENT", "cursor"),
    ("CODEX_SANDBOX", "codex"),
    ("CODEX_THREAD_ID", "codex"),
    ("GEMINI_CLI", "gemini"),
    ("OPENCODE", "opencode"),
    ("AUGMENT_AGENT", "augment"),
    ("CLINE_ACTIVE", "cline"),
    ("GOOSE_TERMINAL", "goose"),
    ("QWEN_CODE", "qwen"),
    ("COPILOT_CLI", "copilot"),
];

/// What CI systems set; nearly all of them the first. The hooks have the same list.
pub const CI: [&str; 12] = [
    "CI",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "BUILDKITE",
    "CIRCLECI",
    "TRAVIS",
    "JENKINS_URL",
    "TEAMCITY_VERSION",
    "TF_BUILD",
    "BITBUCKET_BUILD_NUMBER",
    "APPVEYOR",
    "DRONE",
];

/// As the hooks write it: without the version, in letters that need no care.
fn agent_name(told: &str) -> String {
    let name = told.split('@').next().unwrap_or_default().chars().take(MAX_NAME_BYTES);
    name.map(|letter| if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '_' })
        .collect()
}

const MAX_NAME_BYTES: usize = 64;

#[derive(Debug, thiserror::Error)]
#[error("an actor is `human`, `ci` or `agent:NAME`, not {0:?}")]
pub struct UnknownActor(String);

impl FromStr for Actor {
    type Err = UnknownActor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "human" => Ok(Self::Human),
            "ci" => Ok(Self::Ci),
            _ => match text.strip_prefix("agent:") {
                Some(name) if !name.is_empty() && name.len() <= MAX_NAME_BYTES => {
                    Ok(Self::Agent(name.to_owned()))
                }
                _ => Err(UnknownActor(text.chars().take(80).collect())),
            },
        }
    }
}

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(environment: &[(&str, &str)], actor: &str) {
        let found = Actor::of_environment(|name| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        });
        assert_eq!(found.to_string(), actor, "{environment:?}");
    }

    #[test]
    fn the_environment_tells_who_types() {
        check(&[], "human");
        check(&[("CI", "true")], "ci");
        check(&[("CI", "false"), ("GITHUB_ACTIONS", "0"), ("CLAUDECODE", "")], "human");
        check(&[("JENKINS_URL", "http://ci")], "ci");
        check(&[("CLAUDECODE", "1"), ("CI", "true")], "agent:claude-code");
        check(&[("AI_AGENT", "devin@2.0 beta"), ("CLAUDECODE", "1")], "agent:devin");
        check(&[("AI_AGENT", "my agent/ş")], "agent:my_agent__");
        check(&[("BP_ACTOR", "human"), ("CI", "true")], "human");
        check(&[("BP_ACTOR", "agent:x"), ("CLAUDECODE", "1")], "agent:x");
        check(&[("BP_ACTOR", "robot"), ("CI", "1")], "ci");
        for (mark, name) in AGENTS {
            check(&[(mark, "1")], &format!("agent:{name}"));
        }
        for mark in CI {
            check(&[(mark, "1")], "ci");
        }
    }
}
