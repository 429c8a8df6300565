//! The examples of docs/API.md, sent to a real bpd in their order.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use bp_proto::{Request, Status};
use serde_json::Value;

use crate::served::{Served, ask};
use crate::shells::Home;

const DOCUMENT: &str = include_str!("../../../docs/API.md");
const ROUTES: &str = include_str!("../../../bpd/src/http/routes.rs");

/// A request, and the answer that is shown below it.
struct Example {
    request: String,
    body: Option<String>,
    status: u16,
    answer: String,
    is_json: bool,
}

/// Each block of kind `http` is followed by its answer.
fn examples() -> Vec<Example> {
    let mut blocks = DOCUMENT.split("```").skip(1).step_by(2);
    let mut examples = Vec::new();
    while let Some(block) = blocks.next() {
        let Some(asked) = block.strip_prefix("http\n") else {
            panic!("an answer without a request: {block}")
        };
        let answer = blocks.next().unwrap();
        let (kind, answer) = answer.split_once('\n').unwrap();
        let (request, body) = asked.split_once('\n').unwrap();
        let (status, answer) = answer.split_once('\n').unwrap_or((answer, ""));
        examples.push(Example {
            request: request.to_owned(),
            body: (!body.trim().is_empty()).then(|| body.to_owned()),
            status: status.trim().parse().unwrap(),
            answer: answer.to_owned(),
            is_json: kind == "json",
        });
    }
    examples
}

/// Status and body. A stream is read until `enough` stands in it.
fn send(address: &str, token: &str, example: &Example) -> (u16, String) {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let body = example.body.as_deref().unwrap_or_default();
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    let request = format!(
        "{} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n{kind}\
         Content-Length: {}\r\n\r\n{body}",
        example.request,
        body.len()
    );
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    let enough = (!example.is_json).then(|| example.answer.trim().lines().next_back().unwrap());
    loop {
        let read = connection.read(&mut piece).unwrap();
        answer.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&answer);
        if read == 0 || enough.is_some_and(|enough| text.contains(enough)) {
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            return (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned());
        }
    }
}

/// Whether all that is documented is there: names, types of values, and what a list holds.
fn check(documented: &Value, actual: &Value, at: &str) {
    match (documented, actual) {
        // What is unknown in one of the two.
        (Value::Null, _) | (_, Value::Null) => {}
        (Value::Object(fields), Value::Object(found)) => {
            for (name, value) in fields {
                let found = found.get(name).unwrap_or_else(|| panic!("{at}.{name} is not in {actual}"));
                check(value, found, &format!("{at}.{name}"));
            }
        }
        (Value::Array(items), Value::Array(found)) => {
            assert!(items.is_empty() || !found.is_empty(), "{at} is empty: {actual}");
            for (item, found) in items.iter().zip(found) {
                check(item, found, &format!("{at}[]"));
            }
        }
        _ => assert_eq!(
            std::mem::discriminant(documented),
            std::mem::discriminant(actual),
            "{at}: {documented} is documented, {actual} was answered"
        ),
    }
}

#[test]
fn every_example_is_answered_as_it_is_documented() {
    let home = Home::new();
    let _bpd = Served::start(&home);
    let status: Status = ask(&home, &Request::Status).unwrap();
    let token = std::fs::read_to_string(status.http.token_file).unwrap();
    let examples = examples();
    assert!(examples.len() > 20);
    for example in &examples {
        let (status, body) = send(&status.http.address, token.trim(), example);
        let request = &example.request;
        assert_eq!(status, example.status, "{request}: {body}");
        if !example.is_json {
            assert!(example.answer.trim().lines().all(|line| body.contains(line)), "{request}: {body}");
        } else if example.answer.trim().is_empty() {
            assert_eq!(body, "", "{request}");
        } else {
            let documented: Value = serde_json::from_str(&example.answer).unwrap();
            let actual =
                serde_json::from_str(&body).unwrap_or_else(|error| panic!("{request}: {error}: {body}"));
            check(&documented, &actual, request);
            if let Some(code) = documented.pointer("/error/code") {
                assert_eq!(actual.pointer("/error/code"), Some(code), "{request}");
            }
        }
    }
}

#[test]
fn every_route_of_bpd_is_documented() {
    let routes: Vec<&str> =
        ROUTES.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(routes.len() > 10, "{routes:?}");
    for route in routes.into_iter().filter(|route| *route != "/") {
        let route = route.replace("{run}", "RUN");
        assert!(DOCUMENT.contains(&format!("{route}`")), "{route} is not in docs/API.md");
    }
}
