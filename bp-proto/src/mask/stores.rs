//! Values that are handed to a keeper of secrets: all of them are secret, whatever their names.

use super::Found;
use super::words::{self, Command};

/// `kubectl create secret … --from-literal=NAME=SECRET`, `fly secrets set NAME=SECRET`: every value there is one.
pub(super) fn find(line: &str, command: &Command, found: &mut Found) {
    const STORES: [&str; 10] =
        ["kubectl", "oc", "fly", "flyctl", "gh", "wrangler", "supabase", "doppler", "vault", "k3s"];
    let Some(program) = command.iter().position(|word| STORES.contains(&words::base(line, word))) else {
        return;
    };
    let keeps = command[program + 1..]
        .iter()
        .position(|word| matches!(words::text(line, word), "secret" | "secrets" | "kv"));
    let Some(keeps) = keeps.map(|at| program + 1 + at) else { return };
    let writes = command[program + 1..]
        .iter()
        .any(|word| matches!(words::text(line, word), "set" | "create" | "put" | "patch" | "import"));
    if !writes {
        return;
    }
    for (at, word) in command.iter().enumerate().skip(keeps + 1) {
        let inner = words::unquoted(line, word.clone());
        let text = &line[inner.at.clone()];
        let literal = text.strip_prefix("--from-literal=");
        let pair = literal.unwrap_or(text);
        let skipped = text.len() - pair.len();
        if matches!(text, "--body" | "-b" | "--from-literal") {
            if let Some(value) = command.get(at + 1).filter(|_| text != "--from-literal") {
                found.add_value(line, value.clone(), "secret-store");
            }
        } else if (literal.is_some() || !text.starts_with('-'))
            && let Some(equals) = pair.find('=')
        {
            let value = inner.at.start + skipped + equals + 1..inner.at.end;
            found.add_value(line, value, "secret-store");
        }
    }
}
