//! What only the shell itself can say of itself: variables and traps that it exports to nobody. `bpctl doctor --shell`
//! prints a command that asks it all that and hands it to doctor; what the answers mean is pure.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;

use super::finding::Finding;
use crate::screen::Screen;
use crate::text::words::Word;
use crate::verbs::init::Shell;

/// Answers by name.
pub(super) struct Facts(HashMap<String, String>);

/// In each shell the same: its pid would be the parent's anyway.
const BASH: &str = r#"--fact hook="${__bizim_release-}" --fact loaded="${__bizim_loaded-}" --fact debug="$(trap -p DEBUG)" --fact prompt="$(declare -p PROMPT_COMMAND 2>/dev/null)" --fact ps1="${__bizim_ps1-}" --fact promptvars="$(shopt -q promptvars && echo on)" --fact preexec="${bash_preexec_imported-}${__bp_imported-}" --fact precmd="${precmd_functions[*]-}" --fact ble="${BLE_VERSION-}""#;
const ZSH: &str = r#"--fact hook="${__bizim_release-}" --fact loaded="${+functions[__bizim_precmd]}" --fact restricted="${options[restricted]}" --fact precmd="${precmd_functions[*]-}" --fact preexec="${preexec_functions[*]-}""#;
const FISH: &str =
    r#"--fact hook="$__bizim_release" --fact loaded=(functions -q __bizim_preexec; and echo 1; or echo 0)"#;
/// `$lastId` is the newest entry of the history when the hook ran last, `$open` the lines that it saw begin. A line that
/// runs is not in the history yet.
const POWERSHELL: &str = r#"@(& { Microsoft.PowerShell.Core\Set-StrictMode -Off
$hook = $null; foreach ($module in Microsoft.PowerShell.Core\Get-Module -Name bp) { if ($module.Path -like '*hooks?bp.psm1' -or $module.Path -notlike '*.psm1') { $hook = $module } }
$newest = 0; foreach ($entry in Microsoft.PowerShell.Core\Get-History -Count 1) { $newest = $entry.Id }
'--fact'; "host=$($Host.Name)"
'--fact'; "loaded=$(if ($hook) { 1 })"
'--fact'; "psreadline=$(if (Microsoft.PowerShell.Core\Get-Module -Name PSReadLine) { 1 })"
if ($hook) { & $hook { param($newest) '--fact'; "seen=$(if ($lastId -ne $newest) { 'never' } elseif ($open.Count) { 'running' } else { 'ended' })" } $newest } })"#;

/// What is to be evaluated: `eval "$(bpctl doctor --shell)"`.
pub(super) fn script(shell: Shell, bpctl: &Path, flags: &[&str]) -> Vec<u8> {
    let facts = match shell {
        Shell::Bash => BASH,
        Shell::Zsh => ZSH,
        Shell::Fish => FISH,
        Shell::Powershell => POWERSHELL,
    };
    let mut script = if shell == Shell::Powershell { b"& ".to_vec() } else { b"command ".to_vec() };
    script.extend(shell.quoted(OsStr::new(bpctl)));
    script.extend_from_slice(b" doctor ");
    for flag in flags {
        script.extend_from_slice(format!("{flag} ").as_bytes());
    }
    // One line: Invoke-Expression evaluates each line by itself.
    script.extend_from_slice(facts.replace('\n', "; ").as_bytes());
    script.push(b'\n');
    script
}

/// What a person types for it.
pub(super) fn line(shell: Shell) -> &'static str {
    match shell {
        Shell::Fish => "eval (bpctl doctor --shell)",
        Shell::Powershell => "bpctl doctor --shell | Invoke-Expression",
        Shell::Bash | Shell::Zsh => "eval \"$(bpctl doctor --shell)\"",
    }
}

impl Facts {
    /// `NAME=VALUE` each; none: nobody was asked.
    pub(super) fn of(given: &[String]) -> Option<Self> {
        let pairs = given.iter().filter_map(|fact| fact.split_once('='));
        let facts: HashMap<_, _> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        (!facts.is_empty()).then_some(Self(facts))
    }

    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether the hook is there at all.
    pub(super) fn is_loaded(&self) -> bool {
        !matches!(self.get("loaded"), "" | "0")
    }

    /// What the answers say. `own` = this bpctl's version.
    pub(super) fn judge(&self, shell: Shell, own: &str, screen: &Screen) -> Vec<Finding> {
        if self.get("restricted") == "on" {
            let text = screen.word(Word::DoctorRestricted).to_owned();
            let remedy = screen.word(Word::DoctorRestrictedFix).to_owned();
            return vec![Finding::wrong("hook", text, remedy)];
        }
        if shell == Shell::Powershell && self.get("host") != "ConsoleHost" {
            let text = screen.say(Word::DoctorOtherHost, &[self.get("host")]);
            return vec![Finding::note("hook", text, None)];
        }
        if !self.is_loaded() {
            let text = screen.say(Word::DoctorNotLoaded, &[shell.name()]);
            return vec![Finding::wrong("hook", text, screen.say(Word::DoctorLoad, &[shell.name()]))];
        }
        let mut findings = Vec::new();
        let hook = self.get("hook");
        if !hook.is_empty() && hook != own {
            let text = screen.say(Word::DoctorHookSkew, &[hook, own]);
            findings.push(Finding::wrong("version", text, screen.say(Word::DoctorReload, &[shell.name()])));
        }
        match shell {
            Shell::Bash => findings.extend(self.bash(screen)),
            Shell::Zsh => findings.extend(self.zsh(screen)),
            Shell::Powershell => findings.extend(self.powershell(screen)),
            Shell::Fish => {}
        }
        if findings.iter().all(|finding| finding.ok.is_none()) {
            findings.insert(0, Finding::fine("hook", screen.word(Word::DoctorLoaded).to_owned()));
        }
        findings
    }

    fn bash(&self, screen: &Screen) -> Vec<Finding> {
        let mut findings = Vec::new();
        let debug = self.get("debug").trim();
        let beside = !self.get("preexec").is_empty() || !self.get("ble").is_empty();
        if !debug.is_empty() && !debug.contains("__bizim_") && !beside {
            let text = screen.say(Word::DoctorDebug, &[&named(debug)]);
            findings.push(Finding::note("debug", text, Some(screen.word(Word::DoctorDebugFix).to_owned())));
        }
        if beside {
            let joined = self.get("precmd").contains("__bizim_precmd") || !self.get("ble").is_empty();
            findings.push(if joined {
                Finding::note("preexec", screen.word(Word::DoctorPreexec).to_owned(), None)
            } else {
                let text = screen.word(Word::DoctorPreexecLost).to_owned();
                Finding::wrong("preexec", text, screen.say(Word::DoctorReload, &["bash"]))
            });
            return findings;
        }
        let prompt = self.get("prompt");
        let flags =
            prompt.strip_prefix("declare -").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        if !self.get("ps1").is_empty() {
            let remedy = screen.word(Word::DoctorPromptLockedFix).to_owned();
            let text = screen.word(Word::DoctorPromptLocked).to_owned();
            findings.push(Finding::note("prompt_command", text, Some(remedy)));
        } else if !prompt.contains("__bizim_prompt") && flags.contains('r') {
            let remedy = screen.word(Word::DoctorPromptSealedFix).to_owned();
            let text = screen.say(Word::DoctorPromptSealed, &[&named(prompt)]);
            findings.push(Finding::wrong("prompt_command", text, remedy));
        } else if !prompt.contains("__bizim_prompt") {
            let text = screen.say(Word::DoctorPromptTaken, &[&named(prompt)]);
            let remedy = screen.word(Word::DoctorPromptTakenFix).to_owned();
            findings.push(Finding::wrong("prompt_command", text, remedy));
        } else if prompt.matches("__bizim_prompt").count() > MOST_TIMES_IN_PROMPT_COMMAND {
            let text = screen.word(Word::DoctorTwiceHere).to_owned();
            findings.push(Finding::wrong("loaded_twice", text, screen.say(Word::DoctorReload, &["bash"])));
        }
        if prompt.starts_with("declare -")
            && prompt.split('=').next().is_some_and(|flags| flags.contains('x'))
        {
            let remedy = screen.word(Word::DoctorPromptFix).to_owned();
            findings.push(Finding::note(
                "prompt_command",
                screen.word(Word::DoctorPrompt).to_owned(),
                Some(remedy),
            ));
        }
        if self.get("promptvars") != "on" {
            let remedy = "shopt -s promptvars".to_owned();
            findings.push(Finding::note(
                "promptvars",
                screen.word(Word::DoctorPromptvars).to_owned(),
                Some(remedy),
            ));
        }
        findings
    }

    fn zsh(&self, screen: &Screen) -> Vec<Finding> {
        let count = |list: &str, name: &str| list.split_whitespace().filter(|word| *word == name).count();
        let [before, after] = [("preexec", "__bizim_preexec"), ("precmd", "__bizim_precmd")]
            .map(|(fact, name)| count(self.get(fact), name));
        if before == 0 || after == 0 {
            let taken = if before == 0 { "preexec_functions" } else { "precmd_functions" };
            let text = screen.say(Word::DoctorListTaken, &[taken]);
            return vec![Finding::wrong("hook", text, screen.say(Word::DoctorReload, &["zsh"]))];
        }
        if before > 1 || after > 1 {
            let text = screen.word(Word::DoctorTwiceHere).to_owned();
            return vec![Finding::wrong("loaded_twice", text, screen.say(Word::DoctorReload, &["zsh"]))];
        }
        Vec::new()
    }

    fn powershell(&self, screen: &Screen) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.get("seen") == "never" {
            let text = screen.word(Word::DoctorBothReplaced).to_owned();
            let remedy = screen.word(Word::DoctorBothReplacedFix).to_owned();
            findings.push(Finding::wrong("hook", text, remedy));
        } else if self.get("psreadline").is_empty() {
            let text = screen.word(Word::DoctorNoPsreadline).to_owned();
            findings.push(Finding::note("psreadline", text, Some("Import-Module PSReadLine".to_owned())));
        } else if self.get("seen") == "ended" {
            let text = screen.word(Word::DoctorNoReader).to_owned();
            findings.push(Finding::note(
                "reader",
                text,
                Some(screen.word(Word::DoctorBothReplacedFix).to_owned()),
            ));
        }
        findings
    }
}

/// At its head and in what stands last.
const MOST_TIMES_IN_PROMPT_COMMAND: usize = 2;

/// What is known by the names that it gives its functions; else as it stands there.
fn named(text: &str) -> String {
    const NAMES: [(&str, &str); 7] = [
        ("__bp_", "bash-preexec"),
        ("__lp_", "liquidprompt"),
        ("starship_", "starship"),
        ("_omp_", "oh-my-posh"),
        ("_powerline_", "powerline"),
        ("__vte_", "VTE"),
        ("__atuin_", "atuin"),
    ];
    let short: String = text.chars().take(160).collect();
    match NAMES.iter().find(|(sign, _)| text.contains(sign)) {
        Some((_, name)) => format!("{name} ({short})"),
        None => short,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::words::Lang;

    /// The checks that are not fine, and what is said of them.
    fn found(shell: Shell, lang: Lang, facts: &[&str]) -> Vec<(&'static str, String)> {
        let facts: Vec<String> = facts.iter().map(|fact| (*fact).to_owned()).collect();
        let findings = Facts::of(&facts).unwrap().judge(shell, "1.0", &Screen::plain(lang));
        let wrong = findings.into_iter().filter(|finding| finding.ok != Some(true));
        wrong.map(|finding| (finding.check, finding.text)).collect()
    }

    const WELL: &[&str] = &[
        "hook=1.0",
        "loaded=1",
        "debug=",
        "prompt=declare -a PROMPT_COMMAND=([0]=\"__bizim_nil() { :; }\" [1]=\"{ __bizim_prompt; }\")",
        "promptvars=on",
    ];

    fn but<'a>(changed: &[&'a str]) -> Vec<&'a str> {
        let names = |fact: &str| fact.split('=').next().unwrap_or_default().to_owned();
        let kept = WELL.iter().filter(|fact| !changed.iter().any(|other| names(other) == names(fact)));
        kept.chain(changed).copied().collect()
    }

    #[test]
    fn what_bash_says_of_itself_is_judged() {
        assert_eq!(found(Shell::Bash, Lang::En, WELL), []);
        for (changed, check, said) in [
            ("loaded=", "hook", "has not loaded"),
            ("hook=0.9", "version", "0.9"),
            ("debug=trap -- '__lp_before_command' DEBUG", "debug", "liquidprompt (trap --"),
            ("debug=trap -- 'mine' DEBUG", "debug", "trap -- 'mine' DEBUG"),
            ("prompt=declare -- PROMPT_COMMAND=\"x\"", "prompt_command", "PROMPT_COMMAND=\"x\""),
            ("prompt=declare -x PROMPT_COMMAND=\"__bizim_prompt\"", "prompt_command", "exported"),
            ("prompt=x __bizim_prompt __bizim_prompt __bizim_prompt", "loaded_twice", "twice"),
            ("prompt=declare -ar PROMPT_COMMAND=([0]=\"x\")", "prompt_command", "made readonly: declare -ar"),
            ("ps1=$(x)", "prompt_command", "works through PS1"),
            ("promptvars=", "promptvars", "off"),
            ("preexec=defined", "preexec", "not one of its functions"),
        ] {
            let found = found(Shell::Bash, Lang::En, &but(&[changed]));
            assert!(
                found.len() == 1 && found[0].0 == check && found[0].1.contains(said),
                "{changed}: {found:?}"
            );
        }
        let beside =
            but(&["preexec=defined", "precmd=__bizim_precmd x", "debug=trap -- '__bp_preexec' DEBUG"]);
        assert_eq!(found(Shell::Bash, Lang::En, &beside)[0].0, "preexec");
        assert!(found(Shell::Bash, Lang::Tr, &but(&["hook=0.9"]))[0].1.contains("0.9 sürümünden"));
    }

    #[test]
    fn what_zsh_says_of_itself_is_judged() {
        let zsh = |preexec, precmd| found(Shell::Zsh, Lang::En, &["hook=1.0", "loaded=1", preexec, precmd]);
        let (before, after) = ("preexec=a __bizim_preexec", "precmd=__bizim_precmd b");
        assert_eq!(zsh(before, after), []);
        assert!(zsh("preexec=a", after)[0].1.contains("preexec_functions"));
        let restricted = found(Shell::Zsh, Lang::En, &["loaded=0", "restricted=on"]);
        assert!(restricted.len() == 1 && restricted[0].1.contains("restricted"), "{restricted:?}");
        assert!(zsh(before, "precmd=")[0].1.contains("precmd_functions"));
        assert_eq!(zsh(before, "precmd=__bizim_precmd __bizim_precmd")[0].0, "loaded_twice");
    }

    #[test]
    fn what_powershell_says_of_itself_is_judged() {
        let check =
            |lang, host, loaded, editor, seen| found(Shell::Powershell, lang, &[host, loaded, editor, seen]);
        let (console, loaded, editor) = ("host=ConsoleHost", "loaded=1", "psreadline=1");
        assert_eq!(check(Lang::En, console, loaded, editor, "seen=running"), []);
        for (host, loaded, editor, seen, name, said) in [
            (console, "loaded=", editor, "", "hook", "has not loaded"),
            ("host=Visual Studio Code Host", "loaded=", editor, "", "hook", "Visual Studio Code Host"),
            (console, loaded, editor, "seen=never", "hook", "both"),
            (console, loaded, "psreadline=", "seen=never", "hook", "both"),
            (console, loaded, "psreadline=", "seen=ended", "psreadline", "not loaded"),
            (console, loaded, editor, "seen=ended", "reader", "PSConsoleHostReadLine"),
        ] {
            let found = check(Lang::En, host, loaded, editor, seen);
            assert!(found.len() == 1 && found[0].0 == name && found[0].1.contains(said), "{found:?}");
        }
        assert!(check(Lang::Tr, console, loaded, editor, "seen=never")[0].1.contains("ikisinin"));
    }

    #[test]
    fn nobody_was_asked_where_there_is_no_answer() {
        assert!(Facts::of(&[]).is_none());
        assert!(Facts::of(&["nonsense".to_owned()]).is_none());
    }
}
