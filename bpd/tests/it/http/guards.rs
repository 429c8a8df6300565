//! What a request must pass before anything is done for it.

use std::time::Duration;

use bpd::http::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{exchange, read_answer};
use super::server::{DEADLINE, Server};

const GUARDED: &[(&str, &str)] = &[
    ("GET", "/runs"),
    ("POST", "/runs"),
    ("GET", "/runs/1"),
    ("PATCH", "/runs/1"),
    ("DELETE", "/runs/1"),
    ("GET", "/runs/latest"),
    ("GET", "/runs/1/samples"),
    ("POST", "/runs/1/samples"),
    ("PATCH", "/runs/1/finish"),
    ("GET", "/compare?current=1"),
    ("GET", "/alerts"),
    ("GET", "/events"),
    ("POST", "/session/ticket"),
    ("DELETE", "/session"),
    ("GET", "/api/system/health/detailed"),
    ("GET", "/api/system/overhead"),
    ("GET", "/api/system/performance"),
    ("GET", "/metrics"),
];

#[tokio::test]
async fn every_data_route_needs_credentials() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    for (method, target) in GUARDED {
        let answer = server.bare(method, target).json("{}").send().await;
        answer.refused(401, "credentials_missing");
    }
    server.stop().await;
}

#[tokio::test]
async fn health_and_the_page_are_public_and_say_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let health = server.bare("GET", "/api/system/health").send().await.expect(200);
    assert_eq!(health.body, r#"{"status":"ok"}"#);
    assert_eq!(health.header("cache-control"), Some("no-store"));

    // The first navigation comes from a file of `bpctl open`: cross-site.
    let page = server.bare("GET", "/").header("Sec-Fetch-Site", "cross-site").send().await.expect(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.body.contains("<html"), "{}", page.body);
    let etag = page.header("etag").unwrap();
    let again = server.bare("GET", "/").header("If-None-Match", etag).send().await.expect(304);
    assert_eq!(again.body, "");
    let head = server.bare("HEAD", "/").send().await.expect(200);
    assert_eq!(head.body, "");
    server.bare("POST", "/").send().await.refused(405, "method_not_allowed");
    server.stop().await;
}

#[tokio::test]
async fn no_spelling_of_a_path_leads_round_the_credentials() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let absolute = format!("http://127.0.0.1:{}/runs", server.port());
    for target in [
        "/%72uns",
        "/run%73",
        "//runs",
        "/./runs",
        "/runs/",
        "/runs//",
        "/RUNS",
        "/x/../runs",
        "/api/system/health/../../../runs",
        "/api/system/health/%2e%2e/%2e%2e/%2e%2e/runs",
        "/%61pi/system/overhead",
        "//api/system/overhead",
        "/api//system/overhead",
        "/api/system/health/detailed",
        "/api/system/health%2fdetailed",
        "/api/system/health/detailed/",
        "/runs;x=1",
        "/runs%00",
        "/session/../runs",
        "/session%2f..%2fruns",
        "/runs?token=x",
        "/assets/..%2f..%2f..%2fetc%2fpasswd",
        "/../../etc/passwd",
        "/index.html/../runs",
        "\\runs",
        &absolute,
    ] {
        let bytes = server.bare("GET", target).header("Connection", "close").bytes();
        if let Some(answer) = exchange(server.address, &bytes).await {
            assert!(matches!(answer.status, 400 | 401 | 404), "{target}: {answer:?}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_for_another_host_is_misdirected_whatever_its_credentials() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let port = server.port();
    for own in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")] {
        server.ask("GET", "/api/system/performance").host(&own).send().await.expect(200);
    }
    let rebound = ["evil.example", "127.0.0.1", "localhost", "0.0.0.0", "127.0.0.1.evil.example", "127.1"];
    for host in rebound {
        for host in [host.to_owned(), format!("{host}:1"), format!("{host}:{port}")] {
            let fine = host == format!("127.0.0.1:{port}") || host == format!("localhost:{port}");
            let answer = server.ask("GET", "/api/system/performance").host(&host).send().await;
            assert_eq!(answer.status, if fine { 200 } else { 421 }, "{host}");
        }
    }
    server.ask("GET", "/").host("").send().await.refused(421, "wrong_host");
    server.ask("GET", "/").without("Host").send().await.refused(421, "wrong_host");
    let twice = server.ask("GET", "/").header("Host", &format!("127.0.0.1:{port}")).send().await;
    twice.refused(421, "wrong_host");
    let target = format!("http://evil.example:{port}/runs");
    server.ask("GET", &target).send().await.refused(421, "wrong_host");
    let write = server.ask("POST", "/runs").host(&format!("evil.example:{port}")).json(r#"{"command":"x"}"#);
    write.send().await.refused(421, "wrong_host");
    assert_eq!(server.ask("GET", "/runs").send().await.expect(200).body, "[]");
    server.stop().await;
}

#[tokio::test]
async fn there_is_no_cross_origin_access() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    for target in ["/runs", "/", "/api/system/health", "*"] {
        let preflight = server
            .ask("OPTIONS", target)
            .header("Origin", "http://evil.example")
            .header("Access-Control-Request-Method", "POST");
        // The client itself refuses any Access-Control-* header.
        preflight.send().await.refused(405, "method_not_allowed");
    }
    server.ask("TRACE", "/runs").send().await.refused(405, "method_not_allowed");
    server.ask("PUT", "/runs").send().await.refused(405, "method_not_allowed");
    server.stop().await;
}

#[tokio::test]
async fn a_sane_request_id_comes_back_and_another_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let health = || server.bare("GET", "/api/system/health");
    let kept = health().header("X-Request-Id", "abc-1.2").send().await;
    assert_eq!(kept.header("x-request-id"), Some("abc-1.2"));
    let made = health().header("X-Request-Id", "a b\"<").send().await;
    assert_eq!(made.header("x-request-id").map(str::len), Some(26));
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_request_gets_a_dressed_answer_too() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let host = format!("Host: 127.0.0.1:{}\r\nConnection: close\r\n", server.port());
    let many = "X-Many: 1\r\n".repeat(80);
    for (bytes, status, code) in [
        ("GARBAGE\r\n\r\n".to_owned(), 400, "malformed_request"),
        (format!("GET /runs HTTP/9.9\r\n{host}\r\n"), 400, "malformed_request"),
        (format!("GET /runs HTTP/1.1\r\n{host}a b c\r\n\r\n"), 400, "malformed_request"),
        (
            format!("POST /runs HTTP/1.1\r\n{host}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
            400,
            "malformed_request",
        ),
        (format!("GET / HTTP/1.1\r\n{host}{many}\r\n"), 431, "headers_too_large"),
        (format!("GET / HTTP/1.1\r\n{host}X: {}\r\n\r\n", "x".repeat(100_000)), 431, "headers_too_large"),
        (format!("GET /{} HTTP/1.1\r\n{host}\r\n", "x".repeat(65_540)), 414, "uri_too_long"),
    ] {
        let shown = &bytes[..bytes.len().min(60)];
        let answer = exchange(server.address, bytes.as_bytes()).await;
        let answer = answer.unwrap_or_else(|| panic!("hung up on {shown}"));
        assert_eq!(answer.status, status, "{shown}");
        assert_eq!((answer.status, answer.error().as_str()), (status, code), "{shown}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_head_that_does_not_end_is_cut_and_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { header: Duration::from_millis(200), ..Limits::default() };
    let server = Server::with(dir.path(), limits).await;
    let slow = exchange(server.address, b"GET / HTTP/1.1\r\nHost: 127").await.expect("an answer");
    slow.refused(408, "request_timeout");
    // Who says nothing at all is left without a word.
    assert!(exchange(server.address, b"").await.is_none());
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_end_is_cut_and_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { body: Duration::from_millis(200), ..Limits::default() };
    let server = Server::with(dir.path(), limits).await;
    let request = server.ask("POST", "/runs").header("Content-Type", "application/json");
    let bytes = request.header("Content-Length", "100").header("Connection", "close").bytes();
    let slow = exchange(server.address, &[&bytes[..], b"{"].concat()).await.expect("an answer");
    slow.refused(408, "request_timeout");
    server.stop().await;
}

#[tokio::test]
async fn the_sixty_fifth_connection_takes_the_seat_of_the_one_that_was_idle_longest() {
    let dir = tempfile::tempdir().unwrap();
    // Nobody leaves for idleness while the others come.
    let server = Server::with(dir.path(), Limits { header: DEADLINE, ..Limits::default() }).await;
    let mut seated = Vec::new();
    let health = server.bare("GET", "/api/system/health").bytes();
    for _ in 0..64 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&health).await.unwrap();
        let mut first = [0; 12];
        tokio::time::timeout(DEADLINE, stream.read_exact(&mut first)).await.unwrap().unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        seated.push(stream);
    }
    server.bare("GET", "/api/system/health").send().await.expect(200);
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(DEADLINE, seated[0].read_to_end(&mut rest)).await;
    closed.expect("the first connection is closed").unwrap();
    // The others are still served.
    let mut last = seated.pop().unwrap();
    last.write_all(&health).await.unwrap();
    tokio::time::timeout(DEADLINE, last.read_exact(&mut [0; 12])).await.unwrap().unwrap();
    server.stop().await;
}

#[tokio::test]
async fn there_is_no_room_while_bpd_works_for_every_connection() {
    let dir = tempfile::tempdir().unwrap();
    // An answer to wrong credentials is delayed: so long bpd works on the request.
    let limits = Limits { connections: 4, wrong_delay: DEADLINE, request: DEADLINE, ..Limits::default() };
    let server = Server::with(dir.path(), limits).await;
    let mut seated = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let wrong = server.bare("GET", "/runs").header("Authorization", "Bearer wrong").bytes();
        stream.write_all(&wrong).await.unwrap();
        seated.push(stream);
    }
    let refused = async {
        while server.bare("GET", "/api/system/health").send().await.status != 503 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, refused).await.expect("bpd works for all four");
    let full = server.bare("GET", "/api/system/health").send().await;
    full.refused(503, "too_many_connections");
    drop(seated);
    let roomy = async {
        while server.bare("GET", "/api/system/health").send().await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, roomy).await.expect("there is room again");
    server.stop().await;
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let keep = server.bare("GET", "/api/system/health").bytes();
    let last = server.bare("GET", "/api/system/health").header("Connection", "close").bytes();
    stream.write_all(&[&keep[..], &keep, &last].concat()).await.unwrap();
    let all = read_answer(&mut stream).await.unwrap();
    assert_eq!(all.body.matches("HTTP/1.1 200 OK").count(), 2, "{all:?}");
    server.stop().await;
}

/// As root only: nobody else may become someone else.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn another_user_is_hung_up_on_before_a_word() {
    use std::os::unix::process::CommandExt;

    if !rustix::process::geteuid().is_root() {
        eprintln!("not proved: only root can connect as another user");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{0}; printf 'GET /api/system/health HTTP/1.1\\r\\nHost: 127.0.0.1:{0}\\r\\n\
         Connection: close\\r\\n\\r\\n' >&3; cat <&3",
        server.port()
    );
    let said_to = |uid: u32| {
        let mut shell = std::process::Command::new("bash");
        shell.args(["-c", &script]).uid(uid).gid(uid).current_dir("/");
        tokio::task::spawn_blocking(move || shell.output().unwrap())
    };
    let own = said_to(0).await.unwrap();
    assert!(String::from_utf8_lossy(&own.stdout).starts_with("HTTP/1.1 200"), "{own:?}");
    let other = said_to(65534).await.unwrap();
    assert!(other.stdout.is_empty(), "{other:?}");
    server.stop().await;
}
