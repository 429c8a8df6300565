//! `POST /runs`: a run that a client opens by itself, and which bpd samples when it is told a process.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bp_proto::event::Source;
use bp_proto::ignore::Rules;
use bp_proto::{Actor, Draft, Owner, Start, Ulid, UnixMillis, process};
use serde::Deserialize;

use super::failure::Refused;
use super::{Api, body, stopwatch};
use crate::event::{Body, Receipt, Refusal};

const MAX_PATH_BYTES: usize = 4096;

/// What else a client says is left aside: the API is older than this program, and its clients say more than it asks.
#[derive(Debug, Deserialize)]
pub(super) struct NewRun {
    command: String,
    cwd: Option<String>,
    pid: Option<u32>,
    /// Makes the request repeatable: the same uid is the same run.
    uid: Option<Ulid>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    actor: Option<Actor>,
}

pub(super) async fn start(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Refused> {
    let new: NewRun = body::json(request, body::LARGE, api.limits.body).await?;
    let began = stopwatch::now();
    let (host, rules) = (api.host.clone(), Arc::clone(&api.ignored.borrow()));
    // Masking a long line and looking at processes take their time.
    let made = tokio::task::spawn_blocking(move || begun(new, host, UnixMillis::now(), &rules)).await;
    let start = made.map_err(|broken| Refused::internal(&broken))??;
    let uid = start.uid;
    match api.change(Body::Start(Box::new(start))).await? {
        Receipt::Started { registered, known } => {
            if !known {
                api.stopwatch.begin(uid, began);
            }
            let status = if known { StatusCode::OK } else { StatusCode::CREATED };
            Ok((status, Json(registered)).into_response())
        }
        other => Err(Refused::internal(&format!("a start was answered by {other:?}"))),
    }
}

fn begun(new: NewRun, host: String, now: UnixMillis, rules: &Rules) -> Result<Start, Refused> {
    check_command(&new.command)?;
    if let Some(cwd) = &new.cwd {
        check_path(cwd)?;
    }
    let owner = new.pid.map(owner).transpose()?;
    let mut draft = Draft {
        cwd: new.cwd,
        host,
        actor: new.actor.unwrap_or_default(),
        started_at: now,
        source: Source::Api,
        tags: new.tags.unwrap_or_default(),
        ..Draft::default()
    };
    draft.check_labels().map_err(Refusal::from)?;
    rules.keep(&mut draft, Some(&new.command));
    let uid = new.uid.unwrap_or_else(Ulid::generate);
    Ok(Start { uid, draft, owner, under: None, parent: None, context: None })
}

fn check_command(command: &str) -> Result<(), Refused> {
    if command.trim().is_empty() {
        return Err(Refused::invalid("empty_command", "the command is empty"));
    }
    if command.contains('\0') {
        return Err(Refused::invalid("invalid_command", "no command holds a NUL character"));
    }
    Ok(())
}

fn check_path(cwd: &str) -> Result<(), Refused> {
    if cwd.starts_with('/') && cwd.len() <= MAX_PATH_BYTES && !cwd.contains('\0') {
        return Ok(());
    }
    let message = format!("cwd must be an absolute path of at most {MAX_PATH_BYTES} bytes");
    Err(Refused::invalid("invalid_cwd", message))
}

/// The process that stands for the run: it must be there, and be this user's.
fn owner(pid: u32) -> Result<Owner, Refused> {
    let missing = || Refused::invalid("no_such_process", format!("there is no process {pid}"));
    let start_ticks = process::start_ticks(pid).ok_or_else(missing)?;
    if user_of(pid).ok_or_else(missing)? != rustix::process::geteuid().as_raw() {
        let message = format!("process {pid} belongs to another user");
        return Err(Refused::new(StatusCode::FORBIDDEN, "not_your_process", message));
    }
    Ok(Owner { pid, start_ticks })
}

fn user_of(pid: u32) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(format!("/proc/{pid}")).ok().map(|meta| meta.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_processes_of_this_user_that_are_there_stand_for_a_run() {
        let own = owner(std::process::id()).unwrap();
        assert!(own.start_ticks > 0);
        assert_eq!(owner(u32::MAX).unwrap_err().status(), StatusCode::UNPROCESSABLE_ENTITY);
    }
}
