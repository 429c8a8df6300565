//! The mailbox with real files: what shells, crashes and strangers leave there.

mod wiped;

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bp_proto::event::Source;
use bp_proto::report::Registered;
use bp_proto::spool::{Spool, Spooled};
use bp_proto::{Draft, Ending, Finish, Owner, Start, Totals, Ulid, UnixMillis, process};
use bpd::event::{Body, Event, Receipt, Refusal};
use bpd::ipc::mailbox::Mail;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(60);

/// A pid that no process has, and one that no process can have had at this start time.
pub(super) const GONE: u32 = 4_100_000;

/// 2023-11-14, microseconds.
pub(super) const T0: u64 = 1_700_000_000_000_000;

pub(super) struct Post {
    home: tempfile::TempDir,
    mail: Mail,
    events: mpsc::Receiver<Event>,
}

impl Post {
    pub(super) fn new() -> Self {
        Self::in_home(tempfile::Builder::new().prefix("bp").tempdir_in("/tmp").unwrap())
    }

    fn in_home(home: tempfile::TempDir) -> Self {
        let (events_out, events) = mpsc::channel(16);
        let mail = Mail::open(
            &home.path().join("mail"),
            Spool::at(home.path().join("spool")),
            home.path().join("pauses.json"),
            watch::channel(Arc::default()).1,
            events_out,
        )
        .unwrap();
        Self { home, mail, events }
    }

    /// bpd goes away and comes back.
    fn again(self) -> Self {
        let Self { home, mail, events } = self;
        drop((mail, events));
        Self::in_home(home)
    }

    pub(super) fn file(&self, pid: u32) -> PathBuf {
        self.home.path().join("mail").join(pid.to_string())
    }

    pub(super) fn write(&self, pid: u32, records: &[u8]) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.file(pid)).unwrap();
        file.write_all(records).unwrap();
    }

    /// Everything that a drain sends, each event answered as durable.
    pub(super) async fn drained(&mut self) -> Vec<Body> {
        self.drained_with(stored).await
    }

    async fn drained_with(&mut self, answer: fn(&Body) -> Result<Receipt, Refusal>) -> Vec<Body> {
        let mail = self.mail.clone();
        let mut bodies = Vec::new();
        let settled = mail.settle();
        tokio::pin!(settled);
        loop {
            tokio::select! {
                () = &mut settled => break,
                event = self.events.recv() => bodies.extend(answered(event.unwrap(), answer)),
            }
        }
        while let Ok(event) = self.events.try_recv() {
            bodies.extend(answered(event, answer));
        }
        bodies
    }

    /// How many times a drain has a shell's clocks read.
    async fn heard(&mut self) -> usize {
        let mail = self.mail.clone();
        let drained = mail.drain();
        tokio::pin!(drained);
        let mut events = Vec::new();
        loop {
            tokio::select! {
                () = &mut drained => break,
                event = self.events.recv() => events.push(event.unwrap()),
            }
        }
        while let Ok(event) = self.events.try_recv() {
            events.push(event);
        }
        let heard = events.iter().filter(|event| matches!(event.body, Body::Heard { .. })).count();
        for event in events {
            answered(event, stored);
        }
        heard
    }

    /// The next event, answered as durable.
    async fn next(&mut self) -> Body {
        loop {
            let event =
                tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("no event came").unwrap();
            if let Some(body) = answered(event, stored) {
                return body;
            }
        }
    }

    /// Lets the clerk and the watch do their work until the condition holds.
    async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !holds(self) {
                self.drained().await;
                tokio::task::yield_now().await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("{what}"));
    }
}

#[allow(clippy::unnecessary_wraps, reason = "one of several answers of this shape")]
fn stored(body: &Body) -> Result<Receipt, Refusal> {
    let registered = Registered { id: 1, started_at: UnixMillis(0) };
    Ok(if matches!(body, Body::Start(_)) {
        Receipt::Started { registered, known: false }
    } else {
        Receipt::Finished
    })
}

/// `None` for what the mailbox says of itself: that somebody has written, that everything was read, that somebody waits.
fn answered(event: Event, answer: fn(&Body) -> Result<Receipt, Refusal>) -> Option<Body> {
    if let Some(reply) = event.reply {
        let _ = reply.send(answer(&event.body));
    }
    let is_own = matches!(event.body, Body::Heard { .. } | Body::CaughtUp | Body::Awaited);
    (!is_own).then_some(event.body)
}

fn shell(start_ticks: u64) -> String {
    format!("bash 5.2 {} {start_ticks} human -", process::boot_id().unwrap())
}

pub(super) fn started(start_ticks: u64, stamp: u64, text: &str) -> Vec<u8> {
    format!("\x001S\0{}\x00{stamp}\0x\0/tmp\0\0{text}\0", shell(start_ticks)).into_bytes()
}

fn ended(start_ticks: u64, stamp: u64, end: u64) -> Vec<u8> {
    format!("\x001E\0{}\x00{stamp}\x000\x00{end}\0\0", shell(start_ticks)).into_bytes()
}

pub(super) fn run(start_ticks: u64, stamp: u64, text: &str) -> Vec<u8> {
    [started(start_ticks, stamp, text), ended(start_ticks, stamp, stamp + 1_000_000)].concat()
}

/// This test's process plays a living shell.
pub(super) fn own() -> Owner {
    process::own()
}

pub(super) fn commands(bodies: &[Body]) -> Vec<&str> {
    bodies
        .iter()
        .filter_map(|body| match body {
            Body::Start(start) => start.draft.command.as_deref(),
            _ => None,
        })
        .collect()
}

fn uids(bodies: &[Body]) -> Vec<Ulid> {
    bodies
        .iter()
        .map(|body| match body {
            Body::Start(start) => start.uid,
            Body::Finish(finish) => finish.uid,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[tokio::test]
async fn what_a_shell_writes_is_heard_without_being_asked() {
    let mut post = Post::new();
    let stop = CancellationToken::new();
    let watching = tokio::spawn(post.mail.clone().watch(stop.clone()));
    let Owner { pid, start_ticks } = own();
    post.write(pid, &started(start_ticks, T0, "make"));
    let Body::Start(start) = post.next().await else { panic!("no start") };
    assert_eq!((start.draft.command.as_deref(), start.owner), (Some("make"), Some(own())));
    post.write(pid, &ended(start_ticks, T0, T0 + 5));
    let Body::Finish(finish) = post.next().await else { panic!("no finish") };
    assert_eq!(finish.uid, start.uid);
    stop.cancel();
    watching.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_record_that_arrives_in_pieces_is_read_once_and_whole() {
    let mut post = Post::new();
    let Owner { pid, start_ticks } = own();
    let bytes = run(start_ticks, T0, "make");
    let mut bodies = Vec::new();
    for piece in bytes.chunks(7) {
        post.write(pid, piece);
        bodies.extend(post.drained().await);
    }
    assert_eq!((bodies.len(), commands(&bodies)), (2, vec!["make"]));
}

#[tokio::test]
async fn read_twice_is_the_same_run() {
    let mut post = Post::new();
    let Owner { pid, start_ticks } = own();
    let bytes = [run(start_ticks, T0, "a"), run(start_ticks, T0 + 9_000_000, "b")].concat();
    post.write(pid, &bytes);
    let first = uids(&post.drained().await);
    assert_eq!(post.drained().await.len(), 0, "nothing new");
    let mut post = post.again();
    // As after a crash before they were wiped.
    fs::write(post.file(pid), &bytes).unwrap();
    assert_eq!(uids(&post.drained().await), first);
    assert_eq!(first.len(), 4);
}

/// The clock goes on when nothing else does.
#[tokio::test(start_paused = true)]
async fn a_question_does_not_wait_for_all_that_an_outage_left_behind() {
    const LEFT: u64 = 100;
    let mut post = Post::new();
    let Owner { pid, start_ticks } = own();
    for nth in 0..LEFT {
        post.write(pid, &run(start_ticks, T0 + nth * 2_000_000, &format!("make {nth}")));
    }
    // Nobody takes an event, and there is no room for them all.
    post.mail.settle_soon().await;
    let mut bodies = Vec::new();
    while bodies.len() < 2 * LEFT as usize {
        bodies.push(post.next().await);
    }
    let typed: Vec<_> = (0..LEFT).map(|nth| format!("make {nth}")).collect();
    assert_eq!(commands(&bodies), typed);
}

#[tokio::test]
async fn a_dead_shells_run_is_lost_and_its_file_goes_when_that_is_durable() {
    let mut post = Post::new();
    post.write(GONE, &[run(7, T0, "make"), started(7, T0 + 5_000_000, "exit 3")].concat());
    let refused = post.drained_with(|_| Err(Refusal::DiskFull)).await;
    assert_eq!(refused.len(), 4);
    assert!(post.file(GONE).exists(), "nothing of it is on disk yet");

    let mut post = post.again();
    let bodies = post.drained().await;
    let Some(Body::Finish(lost)) = bodies.last() else { panic!("{bodies:?}") };
    let Body::Start(exit) = &bodies[2] else { panic!("{bodies:?}") };
    assert_eq!((lost.uid, lost.ending), (exit.uid, Ending::Lost));
    post.until("the file of the dead shell stays", |post| !post.file(GONE).exists()).await;
}

#[tokio::test]
async fn mail_that_the_store_refused_is_sent_again() {
    let mut post = Post::new();
    let Owner { pid, start_ticks } = own();
    post.drained().await;
    post.write(pid, &run(start_ticks, T0, "make"));
    let first = uids(&post.drained_with(|_| Err(Refusal::DiskFull)).await);
    assert_eq!(first.len(), 2);
    let mut post = post.again();
    assert_eq!(uids(&post.drained().await), first);
}

#[tokio::test]
async fn a_grown_file_is_renamed_between_two_runs_and_loses_nothing() {
    let mut post = Post::new();
    let stop = CancellationToken::new();
    let watching = tokio::spawn(post.mail.clone().watch(stop.clone()));
    let Owner { pid, start_ticks } = own();
    let long = "x".repeat(60_000);
    let mut stamps = (0..).map(|n| T0 + n * 2_000_000);
    let mut seen = 0;
    for stamp in stamps.by_ref().take(6) {
        post.write(pid, &run(start_ticks, stamp, &long));
        for _ in 0..2 {
            post.next().await;
            seen += 1;
        }
    }
    let old = post.home.path().join("mail").join(format!("{pid}.old"));
    post.until("the file was not renamed", |_| old.exists()).await;
    // A shell that had it open still writes to it.
    let late = stamps.next().unwrap();
    OpenOptions::new().append(true).open(&old).unwrap().write_all(&run(start_ticks, late, "late")).unwrap();
    post.write(pid, &run(start_ticks, stamps.next().unwrap(), "after"));
    let mut bodies = Vec::new();
    while bodies.len() < 4 {
        bodies.push(post.next().await);
    }
    assert_eq!(commands(&bodies), ["late", "after"]);
    assert_eq!(seen, 12);
    post.until("the renamed file stays", |_| !old.exists()).await;
    assert!(fs::metadata(post.file(pid)).unwrap().len() < 10_000);
    stop.cancel();
    watching.await.unwrap().unwrap();
}

#[tokio::test]
async fn strangers_files_are_not_read() {
    let mut post = Post::new();
    let Owner { pid, start_ticks } = own();
    let elsewhere = post.home.path().join("elsewhere");
    fs::write(&elsewhere, run(7, T0, "by a link")).unwrap();
    symlink(&elsewhere, post.file(GONE)).unwrap();
    fs::create_dir(post.file(GONE + 1)).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        post.file(GONE + 2),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    fs::write(post.home.path().join("mail/notes.txt"), run(7, T0, "no pid")).unwrap();
    fs::write(post.file(GONE + 3), b"\0\x001S\0garbage\xff\0\0\0".repeat(1000)).unwrap();
    post.write(pid, &run(start_ticks, T0, "honest"));
    assert_eq!(commands(&post.drained().await), ["honest"]);
    assert!(elsewhere.exists());
}

/// What an unprivileged bpd does with a file that another user put there: as root nothing could be proved.
#[tokio::test]
async fn another_users_file_is_not_read() {
    if !rustix::process::geteuid().is_root() {
        // Nobody else's file can be made. Reading as an unprivileged user is what every other test here does then.
        return;
    }
    let mut post = Post::new();
    post.write(GONE, &run(7, T0, "planted"));
    std::os::unix::fs::chown(post.file(GONE), Some(65534), Some(65534)).unwrap();
    assert_eq!(fs::metadata(post.file(GONE)).unwrap().uid(), 65534);
    assert_eq!(post.drained().await.len(), 0);
}

/// The same test binary runs this test again as nobody, in a mailbox of nobody's with a file of root's.
#[test]
fn an_unprivileged_bpd_reads_its_own_files_and_not_roots() {
    const AS_NOBODY: &str = "BP_TEST_AS_NOBODY";
    if let Some(home) = std::env::var_os(AS_NOBODY) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(read_as_nobody(PathBuf::from(home)));
        return;
    }
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let home = tempfile::Builder::new().prefix("bp").tempdir_in("/tmp").unwrap();
    // The build's directory is closed to nobody; this one is not.
    let program = home.path().join("it");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let inner = home.path().join("home");
    fs::create_dir(&inner).unwrap();
    let mail = inner.join("mail");
    fs::create_dir(&mail).unwrap();
    fs::write(mail.join(GONE.to_string()), run(7, T0, "root's")).unwrap();
    for dir in [&inner, &mail] {
        std::os::unix::fs::chown(dir, Some(65534), Some(65534)).unwrap();
        fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    }
    fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let name = "mailbox::an_unprivileged_bpd_reads_its_own_files_and_not_roots";
    let output = Command::new(&program)
        .args(["--exact", name, "--nocapture"])
        .env(AS_NOBODY, &inner)
        .current_dir("/")
        .uid(65534)
        .gid(65534)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("read as uid 65534"), "{said}");
}

#[allow(clippy::print_stdout, reason = "what the test that started this one looks for")]
async fn read_as_nobody(home: PathBuf) {
    let (events_out, mut events) = mpsc::channel(16);
    let mail = Mail::open(
        &home.join("mail"),
        Spool::at(home.join("spool")),
        home.join("pauses.json"),
        watch::channel(Arc::default()).1,
        events_out,
    )
    .unwrap();
    fs::write(home.join("mail").join((GONE + 1).to_string()), run(7, T0, "nobody's")).unwrap();
    mail.drain().await;
    let mut bodies = Vec::new();
    while let Ok(event) = events.try_recv() {
        bodies.extend(answered(event, stored));
    }
    assert_eq!(commands(&bodies), ["nobody's"]);
    println!("read as uid {}", rustix::process::geteuid().as_raw());
}

#[tokio::test]
async fn ten_thousand_commands_of_fifty_shells_arrive_in_order_with_the_spool_between_them() {
    let mut post = Post::new();
    for shell in 0..50_u64 {
        let runs = (0..200).map(|n| run(7, T0 + n * 60_000_000 + shell * 1_000, &format!("{shell}:{n}")));
        post.write(GONE + shell as u32, &runs.collect::<Vec<_>>().concat());
    }
    let spool = Spool::at(post.home.path().join("spool"));
    let spooled = spooled(UnixMillis((T0 / 1000 + 30_000) as i64));
    let uid = spooled.start.uid;
    spool.put(&spooled).unwrap();

    let bodies = post.drained().await;
    assert_eq!(bodies.len(), 20_002);
    let at = |body: &Body| match body {
        Body::Start(start) => start.draft.started_at,
        Body::Finish(finish) => finish.finished_at,
        other => panic!("{other:?}"),
    };
    assert!(bodies.windows(2).all(|two| at(&two[0]) <= at(&two[1])), "not in the order of time");
    let mut next: HashMap<String, u64> = HashMap::new();
    for command in commands(&bodies).iter().filter(|command| command.contains(':')) {
        let (shell, number) = command.split_once(':').unwrap();
        let expected = next.entry(shell.to_owned()).or_default();
        assert_eq!(number.parse(), Ok(*expected), "shell {shell}");
        *expected += 1;
    }
    assert!(next.len() == 50 && next.values().all(|count| *count == 200));
    assert_eq!(uids(&bodies).iter().filter(|known| **known == uid).count(), 2);
    post.until("the spool is not emptied", |_| spool.is_empty().unwrap()).await;
    post.until("files of dead shells stay", |post| {
        fs::read_dir(post.home.path().join("mail")).unwrap().count() == 0
    })
    .await;
}

#[tokio::test]
async fn a_run_that_bpd_hung_for_is_taken_from_the_spool_while_bpd_runs() {
    let mut post = Post::new();
    post.drained().await;
    let spool = Spool::at(post.home.path().join("spool"));
    let kept = spooled(UnixMillis::now().minus(Duration::from_secs(60)));
    spool.put(&kept).unwrap();
    let bodies = post.drained().await;
    assert_eq!(uids(&bodies), [kept.start.uid, kept.start.uid]);
    post.until("the spool is not emptied", |_| spool.is_empty().unwrap()).await;
}

#[tokio::test]
async fn a_spooled_run_stays_until_it_is_durable() {
    let mut post = Post::new();
    let spool = Spool::at(post.home.path().join("spool"));
    spool.put(&spooled(UnixMillis::now())).unwrap();
    post.drained_with(|_| Err(Refusal::DiskFull)).await;
    assert_eq!(spool.len().unwrap(), 1);
    let mut post = post.again();
    assert_eq!(post.drained().await.len(), 2);
    post.until("the spool is not emptied", |_| spool.is_empty().unwrap()).await;
}

fn spooled(started_at: UnixMillis) -> Spooled {
    let uid = Ulid::from_parts(started_at.0 as u64, 1);
    let draft =
        Draft { command: Some("make".into()), started_at, source: Source::Wrapper, ..Draft::default() };
    let start = Start { uid, draft, owner: None, under: None, parent: None, context: None };
    let finish = Finish {
        uid,
        finished_at: started_at.plus(Duration::from_secs(1)),
        took: None,
        ending: Ending::Exited { exit_code: Some(0), signal: None },
        totals: Some(Totals::default()),
        children: Vec::new(),
        rest: None,
        waited: None,
        background: false,
    };
    Spooled { start, finish }
}

#[tokio::test]
async fn records_by_socket_and_by_file_are_one_shells() {
    let mut post = Post::new();
    post.drained().await;
    let Owner { pid, start_ticks } = own();
    let mail = post.mail.clone();
    let bytes = started(start_ticks, T0, "make");
    let copy = bytes.clone();
    let accepted = tokio::spawn(async move { mail.accept(pid, copy, None).await });
    let Body::Start(start) = post.next().await else { panic!("no start") };
    accepted.await.unwrap().unwrap();
    // The answer was late and the client left the same record in the file.
    post.write(pid, &bytes);
    post.write(pid, &ended(start_ticks, T0, T0 + 5));
    let bodies = post.drained().await;
    assert_eq!(uids(&bodies), [start.uid], "the end, and no second start");
}

#[tokio::test]
async fn a_socket_client_hears_that_its_records_were_not_stored() {
    let mut post = Post::new();
    post.drained().await;
    let Owner { pid, start_ticks } = own();
    let mail = post.mail.clone();
    let accepted = tokio::spawn(async move { mail.accept(pid, started(start_ticks, T0, "x"), None).await });
    let event = post.events.recv().await.unwrap();
    answered(event, |_| Err(Refusal::DiskFull));
    assert_eq!(accepted.await.unwrap(), Err(Refusal::DiskFull));
}

#[tokio::test]
async fn what_a_shell_sends_itself_is_heard_at_once_and_read_when_somebody_asks() {
    let mut post = Post::new();
    post.drained().await;
    let Owner { pid, start_ticks } = own();
    let mail = post.mail.clone();
    let records = [started(start_ticks, T0, "make"), ended(start_ticks, T0, T0 + 5)];
    let [start, end] = records.map(|records| {
        let mail = mail.clone();
        tokio::spawn(async move { mail.accept(pid, records, Some(pid)).await })
    });
    let heard = post.events.recv().await.unwrap();
    assert!(matches!(heard.body, Body::Heard { shell } if shell == pid), "{heard:?}");
    let bodies = post.drained().await;
    let names: Vec<_> = bodies.iter().map(|body| matches!(body, Body::Start(_))).collect();
    assert_eq!(names, [true, false], "the start and the end, in this order, and nothing else: {bodies:?}");
    start.await.unwrap().unwrap();
    end.await.unwrap().unwrap();
}
