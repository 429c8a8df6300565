//! Mail that no hook has written: it is refused, that is in the log, and what is honest behind it is read.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::sync::{Arc, Mutex};

use bp_proto::mailbox::MAX_RECORD_BYTES;
use bp_proto::{Ending, Owner};
use bpd::event::Body;

use crate::mailbox::{GONE, Post, T0, commands, own, run, started};

/// What is said while it is there.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn hear() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let heard = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        (log, tracing::subscriber::set_default(heard))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_is_huge_or_binary_is_skipped_and_said_and_the_next_record_is_read() {
    let line = "x".repeat(MAX_RECORD_BYTES + 1);
    let mut noise = 0x2545_f491_u32;
    let binary: Vec<u8> = std::iter::repeat_with(|| {
        noise ^= noise << 13;
        noise ^= noise >> 17;
        noise ^= noise << 5;
        noise as u8
    })
    .take(300_000)
    .collect();
    for (case, bytes) in [
        ("a record without an end", line.clone().into_bytes()),
        ("a record with a line of a mebibyte", run(7, T0, &line)),
        ("binary", binary),
    ] {
        let (log, _heard) = Log::hear();
        let mut post = Post::new();
        post.write(GONE, &bytes);
        post.write(GONE, &run(7, T0 + 1_000_000, "honest"));
        let bodies = post.drained().await;
        assert_eq!(commands(&bodies), ["honest"], "{case}");
        let said = log.text();
        assert!(
            said.contains(&format!("the mail of shell {GONE}")) && said.contains("were skipped"),
            "{case}: {said}"
        );
        assert!(!said.contains("xxxx"), "{case}: the log has the record");
    }
}

#[tokio::test]
async fn a_link_is_not_followed_and_that_is_said_once() {
    let (log, _heard) = Log::hear();
    let mut post = Post::new();
    let elsewhere = post.file(GONE).with_file_name("../elsewhere");
    fs::write(&elsewhere, run(7, T0, "by a link")).unwrap();
    symlink(&elsewhere, post.file(GONE)).unwrap();
    for _ in 0..2 {
        assert_eq!(post.drained().await.len(), 0);
    }
    let log = log.text();
    assert_eq!(log.matches("is not read").count(), 1, "{log}");
    assert!(fs::read(&elsewhere).unwrap().windows(9).any(|bytes| bytes == b"by a link"), "it was wiped");
}

#[tokio::test]
async fn another_users_file_is_left_alone_and_that_is_said_once() {
    if !rustix::process::geteuid().is_root() {
        // Nobody else's file can be made.
        return;
    }
    let (log, _heard) = Log::hear();
    let mut post = Post::new();
    post.write(GONE, &run(7, T0, "planted"));
    std::os::unix::fs::chown(post.file(GONE), Some(65534), Some(65534)).unwrap();
    for _ in 0..2 {
        assert_eq!(post.drained().await.len(), 0);
    }
    let log = log.text();
    assert_eq!(log.matches("is not read: it belongs to uid 65534").count(), 1, "{log}");
    assert!(fs::read(post.file(GONE)).unwrap().windows(7).any(|bytes| bytes == b"planted"), "it was wiped");
}

/// Whoever writes into the file of a process that is no such shell starts nothing that goes on.
#[tokio::test]
async fn a_start_in_the_name_of_a_process_that_is_another_is_lost_at_once_and_that_is_said() {
    let (log, _heard) = Log::hear();
    let mut post = Post::new();
    let Owner { pid, start_ticks } = own();
    post.write(pid, &started(start_ticks + 1, T0, "make"));
    let told = post.drained().await;
    assert_eq!(commands(&told), ["make"]);
    assert!(
        told.iter().any(|body| matches!(body, Body::Finish(finish) if finish.ending == Ending::Lost)),
        "{told:?}"
    );
    let log = log.text();
    let said = format!("the mail of shell {pid}: that process is another one");
    assert_eq!(log.matches(&said).count(), 1, "{log}");
}

/// A terminal that was closed is no news.
#[tokio::test]
async fn nothing_is_said_of_a_shell_that_has_gone() {
    let (log, _heard) = Log::hear();
    let mut post = Post::new();
    post.write(GONE, &started(7, T0, "make"));
    assert_eq!(post.drained().await.len(), 2);
    assert!(!log.text().contains("the mail of shell"), "{}", log.text());
}
