//! The dashboard's files, embedded at build time. Public: they hold no data, and a browser must be able to load them
//! before it has a session.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::failure::Refused;

/// `web/dist`, or a page that names `cargo xtask web` (see `build.rs`).
#[derive(RustEmbed)]
#[folder = "$BP_PAGE"]
struct Files;

/// Whatever no route matched: a file by its exact name, or nothing. Names are compared as they were sent, never
/// decoded: there is one spelling of each.
pub(super) async fn file(request: Request) -> Response {
    let path = request.uri().path();
    let name = if path == "/" { "index.html" } else { path.trim_start_matches('/') };
    let found = path.strip_prefix('/').filter(|rest| !rest.starts_with('/')).and_then(|_| Files::get(name));
    let Some(file) = found else { return missing(path) };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let refused =
            Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "files are only read");
        return ([(header::ALLOW, "GET, HEAD")], refused).into_response();
    }
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    served(name, &file, known)
}

fn served(name: &str, file: &EmbeddedFile, known: Option<&str>) -> Response {
    let etag = etag(file);
    let mut response = if known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == etag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(file.data.to_vec()).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_rule(name)));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

fn missing(path: &str) -> Response {
    let shown: String = path.chars().take(100).collect();
    Refused::new(StatusCode::NOT_FOUND, "not_found", format!("there is nothing at {shown}")).into_response()
}

fn etag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let hex: Vec<String> = hash[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{}\"", hex.concat())
}

/// Vite puts a hash into the names below `assets/`: what is there never changes.
fn cache_rule(name: &str) -> &'static str {
    if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_file_has_a_type_that_browsers_run_under_nosniff() {
        for name in Files::iter() {
            assert_ne!(content_type(&name), "application/octet-stream", "{name}");
        }
    }

    #[test]
    fn only_names_with_a_hash_are_kept_for_ever() {
        assert!(cache_rule("assets/index-B1c2d3.js").contains("immutable"));
        assert_eq!(cache_rule("index.html"), "no-cache");
    }
}
