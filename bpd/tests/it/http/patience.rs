//! Wrong credentials.

use std::time::{Duration, Instant};

use bpd::http::Limits;

use super::server::Server;

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters = bytes.chunks(3).flat_map(|three| {
        let word =
            three.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        (0..=three.len()).map(move |nth| char::from(LETTERS[(word >> (18 - 6 * nth) & 63) as usize]))
    });
    let text: String = letters.collect();
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    text + &padding
}

#[tokio::test]
async fn the_token_is_taken_as_bearer_and_as_basic_password_whoever_the_user() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    for user in ["bp", "", "someone"] {
        let basic = format!("Basic {}", base64(format!("{user}:{}", server.token).as_bytes()));
        let asked = server.bare("GET", "/runs").header("Authorization", &basic).send().await;
        asked.expect(200);
    }
    server.ask("GET", "/runs").send().await.expect(200);
    server.stop().await;
}

#[tokio::test]
async fn above_twenty_wrong_credentials_a_minute_more_get_429_and_the_right_ones_still_pass() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let longer = format!("Bearer {}x", server.token);
    let shorter = format!("Bearer {}", &server.token[1..]);
    let wrong = ["Bearer x", "Bearer", "Basic eDp5", "Digest x", &*longer, &*shorter];
    for nth in 0..20 {
        let answer =
            server.bare("GET", "/runs").header("Authorization", wrong[nth % wrong.len()]).send().await;
        answer.refused(401, "credentials_wrong");
    }
    let more = server.bare("GET", "/runs").header("Authorization", "Bearer x").send().await;
    more.refused(429, "too_many_attempts");
    server.ask("GET", "/runs").send().await.expect(200);
    // Who offers nothing has guessed nothing.
    server.bare("GET", "/runs").send().await.refused(401, "credentials_missing");
    // A code is short: while guesses are too many, not even a right one is looked at, nor used up.
    let code = server.access.mint_code();
    let open = server.bare("POST", "/session").json(&format!(r#"{{"code":"{code}"}}"#));
    open.send().await.refused(429, "too_many_attempts");
    assert!(server.access.open_session(&code).is_some());
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_credential_waits_for_its_answer() {
    let dir = tempfile::tempdir().unwrap();
    let wrong_delay = Duration::from_millis(150);
    let server = Server::with(dir.path(), Limits { wrong_delay, ..Limits::default() }).await;
    let began = Instant::now();
    server.bare("GET", "/runs").header("Authorization", "Bearer x").send().await.expect(401);
    assert!(began.elapsed() >= wrong_delay);
    server.stop().await;
}
