//! Lines that are not to be kept, at every door: they are measured, and no byte of them is found anywhere afterwards.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use bp_proto::client::ClientError;
use bp_proto::event::Source;
use bp_proto::spool::{Spool, Spooled};
use bp_proto::{Draft, Request, Run, RunState, Start, UnixMillis, process};

use crate::harness::{Bpd, eventually, finish_of, home, list, places_in, start_of, status};

/// In every line that is not to be kept.
const SECRET: &str = "zebra-crossing";

/// 2023-11-14, microseconds.
const T0: u64 = 1_700_000_000_000_000;

fn config(secret_dir: &Path) -> String {
    format!("[privacy]\nignore_commands = ['^vaultctl ']\nignore_dirs = ['{}']\n", secret_dir.display())
}

/// One whole line of the shell that this process plays.
fn mail(nth: u64, cwd: &str, line: &str) -> Vec<u8> {
    let own = process::own();
    let shell = format!("bash 5.2 {} {} human -", process::boot_id().unwrap(), own.start_ticks);
    let stamp = T0 + nth * 10_000_000;
    let end = stamp + 1_000_000;
    format!("\x001S\0{shell}\x00{stamp}\0x\0{cwd}\0\0{line}\0\x001E\0{shell}\x00{stamp}\x000\x00{end}\0\0")
        .into_bytes()
}

fn wrapped(cwd: &str, line: &str) -> Spooled {
    let draft = Draft {
        command: Some(line.to_owned()),
        cwd: Some(cwd.to_owned()),
        host: "here".to_owned(),
        started_at: UnixMillis::now(),
        source: Source::Wrapper,
        ..Draft::default()
    };
    let start = Start { draft, owner: None, ..start_of("") };
    let finish = finish_of(&start);
    Spooled { start, finish }
}

/// `POST /runs` and its end.
fn posted(bpd: &Bpd, cwd: &str, line: &str) {
    let token = fs::read_to_string(bpd.places.token()).unwrap();
    let address = status(&bpd.places).http.address;
    let ask = |method: &str, target: &str, body: String| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(
            stream,
            "{method} {target} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            token.trim(),
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
        answer
    };
    let body = serde_json::json!({ "command": line, "cwd": cwd }).to_string();
    let answer = ask("POST", "/runs", body);
    let started: serde_json::Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    ask("PATCH", &format!("/runs/{}/finish", started["id"]), "{\"exit_code\":0}".to_owned());
}

/// Files below `dir` that hold the text.
fn holding(dir: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(holding(&path, text));
        } else if let Ok(bytes) = fs::read(&path)
            && bytes.windows(text.len()).any(|piece| piece == text.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

fn ended(bpd: &Bpd, count: usize) -> Vec<Run> {
    eventually("every run has ended", || {
        let runs = list(&bpd.places);
        let over = runs.iter().all(|run| run.state == RunState::Finished);
        (runs.len() == count && over).then_some(runs)
    })
}

#[test]
fn at_no_door_a_line_that_is_ignored_leaves_its_text_and_all_are_measured() {
    let home = home();
    let places = places_in(home.path());
    let secret_dir = home.path().join("work-for-zorro");
    fs::create_dir_all(secret_dir.join("deep")).unwrap();
    fs::create_dir_all(places.mail()).unwrap();
    for dir in [&places.run, &places.mail()] {
        fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    }
    std::os::unix::fs::symlink(&secret_dir, home.path().join("elsewhere")).unwrap();
    fs::write(&places.config, config(&secret_dir)).unwrap();
    let deep = secret_dir.join("deep").display().to_string();
    let link = home.path().join("elsewhere/deep").display().to_string();
    let by_text = format!("vaultctl get {SECRET}");
    let by_place = format!("vi {SECRET}.txt");
    let cases = [("/tmp", &by_text), (&deep, &by_place), (&link, &by_place)];

    // While bpd is away: in the mailbox of a shell, and in the spool of a bpctl that knew of no such rule.
    let mut nth = 0;
    let own = process::own().pid;
    let mut write = |cwd: &str, line: &str| {
        nth += 1;
        let file = OpenOptions::new().append(true).create(true).open(places.mail().join(own.to_string()));
        file.unwrap().write_all(&mail(nth, cwd, line)).unwrap();
    };
    let spool = Spool::at(places.spool());
    for (cwd, line) in cases {
        write(cwd, line);
        spool.put(&wrapped(cwd, line)).unwrap();
        spool.put_start(&wrapped(cwd, line).start).unwrap();
    }
    write("/tmp", "make all");

    let bpd = Bpd::boot_in(home);
    for (cwd, line) in cases {
        write(cwd, line);
        bpd.client().mail(own, &mail(50 + line.len() as u64 + cwd.len() as u64, cwd, line)).unwrap();
        let Spooled { start, finish } = wrapped(cwd, line);
        bpd.client().ask_raw(&Request::Start(Box::new(start))).unwrap();
        bpd.client().ask_raw(&Request::Finish(Box::new(finish))).unwrap();
        bpd.client().ask_raw(&Request::Completed(Box::new(wrapped(cwd, line)))).unwrap();
        posted(&bpd, cwd, line);
    }
    // The three that began and never ended stay open.
    let runs = eventually("every run is recorded", || {
        let runs = list(&bpd.places);
        let over = runs.iter().filter(|run| run.state == RunState::Finished).count();
        (over == 22 && runs.len() == 25).then_some(runs)
    });
    for run in &runs {
        let Some(command) = &run.command else {
            assert_eq!(run.masked, ["ignored"], "{run:?}");
            assert!(run.cwd.as_deref().is_none_or(|cwd| cwd == "/tmp"), "{run:?}");
            assert_eq!((&run.project, &run.git, run.children.len()), (&None, &None, 0), "{run:?}");
            continue;
        };
        assert_eq!((command.as_str(), run.cwd.as_deref()), ("make all", Some("/tmp")));
    }
    assert_eq!(runs.iter().filter(|run| run.command.is_some()).count(), 1);
    assert_eq!(runs.iter().filter(|run| run.cwd.is_none()).count(), 16);

    let home = bpd.stop();
    for text in [SECRET, "work-for-zorro", "elsewhere"] {
        let found = holding(home.path(), text);
        assert!(found.iter().all(|path| path.ends_with("config.toml")), "{text}: {found:?}");
    }
}

#[test]
fn rules_take_effect_when_the_config_is_read_again_and_bad_ones_change_nothing() {
    let bpd = Bpd::boot();
    let mut client = bpd.client();
    let run = |line: &str| {
        bpd.client().ask_raw(&Request::Completed(Box::new(wrapped("/tmp", line)))).unwrap();
        bpd.client().mail(process::own().pid, &mail(list(&bpd.places).len() as u64, "/tmp", line)).unwrap();
        posted(&bpd, "/tmp", line);
    };
    run("vaultctl get a");
    fs::write(&bpd.places.config, config(Path::new("/srv/secret"))).unwrap();
    client.ask_raw(&Request::ReloadConfig).unwrap();
    run("vaultctl get b");
    fs::write(&bpd.places.config, "[privacy]\nignore_commands = [\n  '^x',\n  '(',\n]\n").unwrap();
    let Err(ClientError::Refused(failure)) = client.ask_raw(&Request::ReloadConfig) else { panic!() };
    assert!(failure.error.message.contains("config.toml:4: `privacy.ignore_commands`"), "{failure:?}");
    run("vaultctl get c");
    fs::write(&bpd.places.config, "").unwrap();
    client.ask_raw(&Request::ReloadConfig).unwrap();
    run("vaultctl get d");
    let mut commands: Vec<_> = ended(&bpd, 12).into_iter().map(|run| run.command).collect();
    commands.sort();
    let said = |letter: &str| Some(format!("vaultctl get {letter}"));
    let expected = [vec![None; 6], vec![said("a"); 3], vec![said("d"); 3]];
    assert_eq!(commands, expected.concat());
    bpd.stop();
}
