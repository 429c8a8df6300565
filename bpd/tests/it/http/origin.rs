//! The client written for the origin's API works unchanged: Python, `requests`, credentials in the base URL.

use std::path::Path;

use super::server::Server;

#[tokio::test]
async fn the_origins_client_works_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/origin_client.py");
    let mut client = std::process::Command::new("python3");
    client
        .arg(script)
        .env("BIZIM_BACKEND_URL", format!("http://bp:{}@127.0.0.1:{}", server.token, server.port()))
        // Nothing of this machine's shall stand between.
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy")
        .env("NO_PROXY", "127.0.0.1");
    // It gives up by itself: each of its requests has a timeout.
    let ended = tokio::task::spawn_blocking(move || client.output().unwrap()).await.unwrap();
    assert!(
        ended.status.success(),
        "{}\n{}\n(the client needs Debian's python3-requests)",
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr)
    );
    assert_eq!(String::from_utf8_lossy(&ended.stdout).trim(), "ok");
    server.stop().await;
}
