//! A browser's session, as Chromium sends it.

use super::client::{Answer, Request};
use super::server::Server;

/// What a browser holds after `bpctl open`.
struct Browser {
    origin: String,
    cookie: String,
    nonce: String,
}

impl Browser {
    async fn open(server: &Server) -> Self {
        let code = server.access.mint_code();
        let origin = format!("http://{}", server.address);
        let opened = from_page(server.bare("POST", "/session"), &origin)
            .json(&format!(r#"{{"code":"{code}"}}"#))
            .send()
            .await
            .expect(201);
        let line = opened.header("set-cookie").unwrap().to_owned();
        for attribute in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=2592000"] {
            assert!(line.contains(attribute), "{line}");
        }
        assert!(line.starts_with(&format!("bp_session_{}=", server.port())), "{line}");
        let cookie = line.split(';').next().unwrap().to_owned();
        let nonce = opened.json()["nonce"].as_str().unwrap().to_owned();
        assert!(opened.json()["expires_at"].as_str().unwrap().ends_with('Z'));
        assert!(!opened.body.contains(cookie.split_once('=').unwrap().1));
        Self { origin, cookie, nonce }
    }

    /// GET by fetch: cookie, no Origin.
    fn read(&self, server: &Server, target: &str) -> Request {
        let request = server.bare("GET", target).header("Cookie", &self.cookie);
        request.header("Sec-Fetch-Site", "same-origin").header("X-Bp-Nonce", &self.nonce)
    }

    fn write(&self, server: &Server, method: &str, target: &str, body: &str) -> Request {
        let request = server.bare(method, target).header("Cookie", &self.cookie);
        from_page(request, &self.origin).header("X-Bp-Nonce", &self.nonce).json(body)
    }
}

fn from_page(request: Request, origin: &str) -> Request {
    request.header("Origin", origin).header("Sec-Fetch-Site", "same-origin")
}

async fn runs(server: &Server) -> usize {
    let list = server.ask("GET", "/runs").send().await.expect(200);
    list.json().as_array().unwrap().len()
}

#[tokio::test]
async fn a_session_reads_and_writes_and_ends() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let browser = Browser::open(&server).await;
    browser.read(&server, "/runs").send().await.expect(200);
    browser.write(&server, "POST", "/runs", r#"{"command":"make"}"#).send().await.expect(201);
    assert_eq!(runs(&server).await, 1);

    let bye = browser.write(&server, "DELETE", "/session", "").send().await.expect(204);
    assert!(bye.header("set-cookie").unwrap().contains("Max-Age=0"));
    browser.read(&server, "/runs").send().await.refused(401, "session_unknown");
    server.stop().await;
}

#[tokio::test]
async fn a_cookie_without_its_nonce_is_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let browser = Browser::open(&server).await;
    let other = Browser::open(&server).await;
    let read = || server.bare("GET", "/runs").header("Cookie", &browser.cookie);
    read().send().await.refused(401, "nonce_missing");
    read().header("X-Bp-Nonce", "").send().await.refused(401, "nonce_wrong");
    read().header("X-Bp-Nonce", &other.nonce).send().await.refused(401, "nonce_wrong");
    let nonce_alone = server.bare("GET", "/runs").header("X-Bp-Nonce", &browser.nonce);
    nonce_alone.send().await.refused(401, "credentials_missing");
    server.stop().await;
}

#[tokio::test]
async fn writes_by_cookie_are_taken_from_the_own_page_alone() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let browser = Browser::open(&server).await;
    let write = || browser.write(&server, "POST", "/runs", r#"{"command":"x"}"#);
    let elsewhere = format!("http://127.0.0.1:{}", server.port() ^ 1);
    for origin in ["http://evil.example", "null", &elsewhere, &format!("http://localhost:{}", server.port())]
    {
        write().without("Origin").header("Origin", origin).send().await.refused(403, "cross_site");
    }
    write().without("Origin").send().await.refused(403, "cross_site");
    for site in ["cross-site", "same-site", "none"] {
        let request = write().without("Sec-Fetch-Site").header("Sec-Fetch-Site", site);
        request.send().await.refused(403, "cross_site");
    }
    write().without("Sec-Fetch-Site").send().await.refused(403, "cross_site");
    // What a form can send.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let request = write().without("Content-Type").header("Content-Type", kind);
        request.send().await.refused(415, "not_json");
    }
    write().without("Content-Type").send().await.refused(415, "not_json");
    for (method, target) in [("DELETE", "/runs/1"), ("PATCH", "/runs/1"), ("POST", "/session/ticket")] {
        let request = browser.write(&server, method, target, "{}").without("Origin");
        request.send().await.refused(403, "cross_site");
    }
    assert_eq!(runs(&server).await, 0);

    // An Authorization header exempts, and decides alone.
    let bearer = format!("Bearer {}", server.token);
    let program = write().without("Origin").header("Origin", "http://evil.example");
    program.header("Authorization", &bearer).send().await.expect(201);
    write().header("Authorization", "Bearer x").send().await.refused(401, "credentials_wrong");
    server.stop().await;
}

#[tokio::test]
async fn a_code_is_redeemed_once_and_only_by_the_own_page_or_a_program() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let code = server.access.mint_code();
    let body = format!(r#"{{"code":"{code}"}}"#);
    let post = || server.bare("POST", "/session");
    let evil = post().header("Origin", "http://evil.example").json(&body).send().await;
    evil.refused(403, "cross_site");
    let cross = post().header("Sec-Fetch-Site", "cross-site").json(&body).send().await;
    cross.refused(403, "cross_site");
    let form = post().header("Content-Type", "text/plain").body(body.as_bytes()).send().await;
    form.refused(415, "not_json");
    post().json(&body).send().await.expect(201);
    post().json(&body).send().await.refused(401, "code_wrong");
    post().json(r#"{"code":""}"#).send().await.refused(401, "code_wrong");
    post().json(r#"{"code":7}"#).send().await.refused(422, "invalid_body");
    post().json("{").send().await.refused(400, "malformed_json");
    let long = format!(r#"{{"code":"{}"}}"#, "x".repeat(70_000));
    post().json(&long).send().await.refused(413, "body_too_large");
    server.stop().await;
}

#[tokio::test]
async fn sessions_live_through_bpds_restart() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let browser = Browser::open(&server).await;
    server.stop().await;

    let again = Server::start(dir.path()).await;
    // The port is another one here, and cookies are named by it.
    let value = browser.cookie.split_once('=').unwrap().1;
    let cookie = format!("bp_session_{}={value}", again.port());
    let read = again.bare("GET", "/runs").header("Cookie", &cookie).header("X-Bp-Nonce", &browser.nonce);
    read.send().await.expect(200);
    let old_name = again.bare("GET", "/runs").header("Cookie", &browser.cookie);
    old_name.header("X-Bp-Nonce", &browser.nonce).send().await.refused(401, "credentials_missing");
    again.stop().await;
}

#[tokio::test]
async fn a_ticket_admits_one_event_stream_of_its_session() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let browser = Browser::open(&server).await;
    let other = Browser::open(&server).await;
    let ticket = ticket(browser.write(&server, "POST", "/session/ticket", "{}").send().await);
    let target = format!("/events?ticket={ticket}");

    let elsewhere = format!("/runs?ticket={ticket}");
    let by_cookie = |cookie: &str, target: &str| server.bare("GET", target).header("Cookie", cookie);
    by_cookie(&browser.cookie, &elsewhere).send().await.refused(401, "nonce_missing");
    by_cookie(&other.cookie, &target).send().await.refused(401, "ticket_wrong");
    server.bare("GET", &target).send().await.refused(401, "credentials_missing");

    let mut stream = super::live::Stream::open(by_cookie(&browser.cookie, &target)).await;
    assert_eq!(stream.next().await.name, "hello");
    by_cookie(&browser.cookie, &target).send().await.refused(401, "ticket_wrong");
    let by_token = server.ask("POST", "/session/ticket").json("{}").send().await;
    by_token.refused(403, "no_session");

    // The stream of a session that has ended ends with the next event.
    browser.write(&server, "DELETE", "/session", "").send().await.expect(204);
    server.ask("POST", "/runs").json(r#"{"command":"make"}"#).send().await.expect(201);
    assert!(stream.end().await, "the stream goes on without its session");
    server.stop().await;
}

fn ticket(answer: Answer) -> String {
    answer.expect(201).json()["ticket"].as_str().unwrap().to_owned()
}
