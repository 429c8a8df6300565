//! What was typed does not stay in the mailbox.

use super::*;

/// A text with a secret, and the secret.
const SECRET: (&str, &str) = ("curl -u me:hunter2secret https://example.org", "hunter2secret");

fn holds_secret(post: &Post, pid: u32) -> bool {
    let bytes = fs::read(post.file(pid)).unwrap();
    bytes.windows(SECRET.1.len()).any(|window| window == SECRET.1.as_bytes())
}

#[tokio::test]
async fn what_is_recorded_does_not_stay_in_the_file_and_is_not_read_again() {
    let mut post = Post::new();
    let Owner { pid, start_ticks } = own();
    post.drained().await;
    post.write(pid, &run(start_ticks, T0, SECRET.0));
    assert_eq!(post.drained().await.len(), 2);
    post.until("the secret stays", |post| !holds_secret(post, pid)).await;
    let length = fs::metadata(post.file(pid)).unwrap().len();
    post.write(pid, &run(start_ticks, T0 + 5_000_000, "make"));
    assert_eq!(commands(&post.drained().await), ["make"]);
    assert!(fs::metadata(post.file(pid)).unwrap().len() > length, "shells append");
    let has_start = |post: &Post| fs::read(post.file(pid)).unwrap().windows(4).any(|tag| tag == b"\x001S\0");
    post.until("the start stays", |post| !has_start(post)).await;

    let mut post = post.again();
    assert_eq!(post.drained().await.len(), 0);
    let repeat = format!("\x001S\0{}\x00{}\0r\0/tmp\0\0\0", shell(start_ticks), T0 + 9_000_000);
    post.write(pid, repeat.as_bytes());
    assert_eq!(commands(&post.drained().await), ["make"], "what it repeats is still known");
}

#[tokio::test]
async fn what_bpd_wipes_is_not_heard_as_if_the_shell_had_written() {
    let owner = own();
    let mut post = Post::new();
    post.drained().await;
    post.write(owner.pid, &run(owner.start_ticks, T0, SECRET.0));
    assert_eq!(post.heard().await, 1);
    let mut heard = 0;
    while holds_secret(&post, owner.pid) {
        heard += post.heard().await;
        tokio::task::yield_now().await;
    }
    heard += post.heard().await;
    assert_eq!(heard, 0);
    post.write(owner.pid, &run(owner.start_ticks, T0 + 5_000_000, "make"));
    assert_eq!(post.heard().await, 1);
}

#[tokio::test]
async fn the_text_of_a_run_that_goes_on_is_masked_in_the_file_and_its_end_finds_it_after_a_restart() {
    let mut post = Post::new();
    let Owner { pid, start_ticks } = own();
    post.drained().await;
    post.write(pid, &run(start_ticks, T0, "make"));
    post.write(pid, &started(start_ticks, T0 + 5_000_000, SECRET.0));
    let first = post.drained().await;
    post.until("the secret stays", |post| !holds_secret(post, pid)).await;

    let mut post = post.again();
    post.write(pid, &ended(start_ticks, T0 + 5_000_000, T0 + 7_000_000));
    let bodies = post.drained().await;
    let [Body::Start(start), Body::Finish(finish)] = &bodies[..] else { panic!("{bodies:?}") };
    assert_eq!((start.uid, finish.uid), (uids(&first)[2], start.uid));
    assert_eq!(
        (commands(&bodies), finish.took),
        (commands(&first)[1..].to_vec(), Some(Duration::from_secs(2)))
    );
}

#[tokio::test]
async fn nothing_is_wiped_that_the_store_refused() {
    let mut post = Post::new();
    let Owner { pid, start_ticks } = own();
    post.drained().await;
    post.write(pid, &run(start_ticks, T0, SECRET.0));
    post.drained_with(|_| Err(Refusal::DiskFull)).await;
    let stop = CancellationToken::new();
    stop.cancel();
    post.mail.clone().watch(stop).await.unwrap();
    assert!(holds_secret(&post, pid));
    let mut post = post.again();
    assert_eq!(post.drained().await.len(), 2);
}

#[tokio::test]
async fn the_file_of_a_shell_that_has_gone_is_removed_at_the_stop() {
    let mut post = Post::new();
    let stop = CancellationToken::new();
    let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let start_ticks = process::start_ticks(cat.id()).unwrap();
    post.drained().await;
    post.write(cat.id(), &run(start_ticks, T0, SECRET.0));
    post.write(cat.id(), &started(start_ticks, T0 + 5_000_000, "exit"));
    assert_eq!(post.drained().await.len(), 3);
    drop(cat.stdin.take());
    cat.wait().unwrap();
    stop.cancel();
    let watching = tokio::spawn(post.mail.clone().watch(stop));
    let Body::Finish(lost) = post.next().await else { panic!("the run is not lost") };
    assert_eq!(lost.ending, Ending::Lost);
    watching.await.unwrap().unwrap();
    assert!(!post.file(cat.id()).exists());
}

fn holds(post: &Post, pid: u32, text: &str) -> bool {
    let bytes = fs::read(post.file(pid)).unwrap();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn the_text_of_a_removed_run_leaves_the_file_at_once() {
    let Owner { pid, start_ticks } = own();
    let line = "make something";
    let running = started(start_ticks, T0, line);
    let ended = run(start_ticks, T0, line);
    // A line that repeats the one before has no text of its own.
    let again = format!("\x001S\0{}\x00{}\0r\0/tmp\0\0\0", shell(start_ticks), T0 + 5_000_000);
    let repeated = [&ended[..], again.as_bytes()].concat();
    for (case, records, events) in
        [("ended", &ended, 2), ("running", &running, 1), ("repeated", &repeated, 3)]
    {
        let mut post = Post::new();
        post.drained().await;
        post.write(pid, records);
        assert_eq!(post.drained().await.len(), events, "{case}");
        assert!(holds(&post, pid, line), "{case}: for the next line");
        post.mail.remove_texts().await;
        assert!(!holds(&post, pid, line), "{case}");
        let repeat = format!("\x001S\0{}\x00{}\0r\0/tmp\0\0\0", shell(start_ticks), T0 + 9_000_000);
        post.write(pid, repeat.as_bytes());
        let bodies = post.drained().await;
        assert_eq!(commands(&bodies), [line], "{case}: bpd knows what is repeated");
        post.write(pid, &run(start_ticks, T0 + 20_000_000, "another"));
        post.drained().await;
        post.until("the next text stays", |post| holds(post, pid, "another")).await;
    }
}
