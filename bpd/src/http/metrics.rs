//! `GET /metrics`: the same figures as status and performance, in Prometheus' text format (version 0.0.4).

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bp_proto::UnixMillis;
use bp_proto::report::{Performance, Status};

use super::Api;
use super::failure::Refused;
use crate::queries::Own;

const FORMAT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

pub(super) async fn metrics(State(api): State<Arc<Api>>) -> Result<Response, Refused> {
    let began = api.began;
    let asked = api.ask(move |queries| {
        let disk_bytes = queries.reader().disk_bytes();
        Ok((queries.status(UnixMillis::now()), Own::read(began), disk_bytes))
    });
    let (status, own, disk_bytes) = asked.await?;
    let text = written(&status, own, disk_bytes, &api.timings.report());
    Ok(([(header::CONTENT_TYPE, FORMAT)], text).into_response())
}

fn written(status: &Status, own: Own, disk_bytes: u64, performance: &Performance) -> String {
    let mut lines = Vec::new();
    let mut family = |name: &str, kind: &str, help: &str, values: Vec<(String, f64)>| {
        lines.push(format!("# HELP {name} {help}"));
        lines.push(format!("# TYPE {name} {kind}"));
        lines.extend(values.into_iter().map(|(series, value)| format!("{series} {value}")));
    };
    for (name, kind, help, value) in [
        ("bp_runs", "gauge", "Runs that the store holds.", status.runs as f64),
        ("bp_runs_running", "gauge", "Runs without an end.", status.running as f64),
        ("bp_degraded", "gauge", "Things that do not work as they should.", status.degraded.len() as f64),
        ("bp_disk_bytes", "gauge", "Journal, samples and index on disk.", disk_bytes as f64),
        ("bp_uptime_seconds", "gauge", "Since bpd began.", status.uptime_s),
        ("process_cpu_seconds_total", "counter", "CPU time of bpd.", own.cpu_ns as f64 / 1e9),
        ("process_resident_memory_bytes", "gauge", "Memory of bpd.", own.rss_bytes as f64),
    ] {
        family(name, kind, help, vec![(name.to_owned(), value)]);
    }
    let routes = &performance.routes;
    let labelled = |name: &str, value: fn(&bp_proto::report::RouteTiming) -> f64| {
        routes.iter().map(|route| (format!("{name}{{route=\"{}\"}}", route.route), value(route))).collect()
    };
    let name = "bp_http_errors_total";
    family(
        name,
        "counter",
        "Answers that were bpd's fault (5xx).",
        labelled(name, |route| route.errors as f64),
    );
    let name = "bp_http_duration_seconds";
    let mut summary: Vec<(String, f64)> = Vec::new();
    for route in routes {
        for (quantile, ms) in [("0.5", route.p50_ms), ("0.95", route.p95_ms)] {
            let series = format!("{name}{{route=\"{}\",quantile=\"{quantile}\"}}", route.route);
            summary.push((series, ms / 1000.0));
        }
    }
    summary.extend(labelled(&format!("{name}_sum"), |route| route.total_ms / 1000.0));
    summary.extend(labelled(&format!("{name}_count"), |route| route.answers as f64));
    family(name, "summary", "bpd's answers by route; quantiles are of the newest 512.", summary);
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use bp_proto::report::{HttpStatus, RouteTiming};

    use super::*;

    #[test]
    fn the_text_is_prometheus_own() {
        let status = Status {
            implausible: 0,
            version: String::new(),
            pid: 1,
            http: HttpStatus { address: String::new(), token_file: PathBuf::new() },
            socket: PathBuf::new(),
            data_dir: PathBuf::new(),
            runs: 7,
            running: 1,
            uptime_s: 2.5,
            degraded: vec!["x".to_owned()],
            degraded_codes: Vec::new(),
            paused: Vec::new(),
            program: None,
        };
        let own = Own { cpu_ns: 1_500_000_000, rss_bytes: 4096, began: UnixMillis(0) };
        let route = RouteTiming {
            route: "GET /runs/{run}".to_owned(),
            answers: 3,
            errors: 1,
            p50_ms: 1.0,
            p95_ms: 2.0,
            max_ms: 2.0,
            total_ms: 4.0,
        };
        let text = written(&status, own, 9, &Performance { since: UnixMillis(0), routes: vec![route] });
        for line in [
            "# TYPE bp_runs gauge",
            "bp_runs 7",
            "bp_degraded 1",
            "process_cpu_seconds_total 1.5",
            "bp_http_errors_total{route=\"GET /runs/{run}\"} 1",
            "bp_http_duration_seconds{route=\"GET /runs/{run}\",quantile=\"0.95\"} 0.002",
            "bp_http_duration_seconds_sum{route=\"GET /runs/{run}\"} 0.004",
            "bp_http_duration_seconds_count{route=\"GET /runs/{run}\"} 3",
        ] {
            assert!(text.lines().any(|written| written == line), "{line}\n{text}");
        }
        assert!(text.ends_with('\n'));
    }
}
