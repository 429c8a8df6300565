//! How long `GET /runs` takes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::table::{Table, median, quantile};
use crate::daemon::Daemon;

const RUNS: usize = 1000;
const REQUESTS: usize = 500;

pub(super) fn measure(programs: &Path) -> Result<Table> {
    let daemon = Daemon::start(programs)?;
    let mut http = Http::open(&daemon)?;
    for number in 0..RUNS {
        http.ask("POST", "/runs", &format!(r#"{{"command": "make target-{}"}}"#, number % 40))?;
        let id = number + 1;
        let samples = (0..20).map(|at| {
            format!(r#"{{"ts": {}.0, "cpu_percent": {}.5, "rss_mb": 120.25}}"#, 1_714_980_000 + at, at * 5)
        });
        http.ask(
            "POST",
            &format!("/runs/{id}/samples"),
            &format!("[{}]", samples.collect::<Vec<_>>().join(",")),
        )?;
        http.ask("PATCH", &format!("/runs/{id}/finish"), r#"{"exit_code": 0}"#)?;
    }
    let mut table = Table::new(&["request", "median µs", "p95 µs", "bytes"]);
    for path in ["/runs", "/runs?q=target-7", "/runs/500", "/runs/500/samples", "/compare?current=900"] {
        let mut times = Vec::new();
        let mut bytes = 0;
        for _ in 0..REQUESTS {
            let began = Instant::now();
            bytes = http.ask("GET", path, "")?;
            times.push(began.elapsed().as_secs_f64() * 1e6);
        }
        if path == "/runs" {
            table.judge("GET /runs: p95 µs", quantile(&times, 0.95), 5000.0);
        }
        table.row([
            format!("GET {path}"),
            format!("{:.0}", median(&times)),
            format!("{:.0}", quantile(&times, 0.95)),
            bytes.to_string(),
        ]);
    }
    Ok(table)
}

/// One kept connection.
struct Http {
    stream: BufReader<TcpStream>,
    address: String,
    token: String,
}

impl Http {
    fn open(daemon: &Daemon) -> Result<Self> {
        let http = daemon.status()?.http;
        let stream = TcpStream::connect(&http.address)?;
        stream.set_nodelay(true)?;
        let token = std::fs::read_to_string(&http.token_file)?.trim().to_owned();
        Ok(Self { stream: BufReader::new(stream), address: http.address, token })
    }

    /// → length of the answer's body.
    fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<usize> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let is_good = line.split(' ').nth(1).is_some_and(|status| status.starts_with('2'));
        let (mut length, mut chunked) = (0, false);
        loop {
            let mut header = String::new();
            self.stream.read_line(&mut header)?;
            let header = header.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = value.parse()?;
            }
            chunked |= header == "transfer-encoding: chunked";
        }
        ensure!(!chunked, "{method} {path}: a chunked answer was not expected");
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        ensure!(is_good, "{method} {path}: {}{}", line.trim_end(), String::from_utf8_lossy(&answer));
        Ok(length)
    }
}
