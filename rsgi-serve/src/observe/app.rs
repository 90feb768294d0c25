//! The status address's app: a page for people, the same as JSON, metrics, health and readiness.
//!
//! | path | answer |
//! |---|---|
//! | `/` | the page |
//! | `/status.json` | all facts |
//! | `/metrics` | text of Prometheus |
//! | `/health`, `/healthz` | 200 as long as the master lives, 503 afterwards |
//! | `/ready`, `/readyz` | 200 if requests are welcome, 503 with the reason: no worker is ready, draining, stopping |
//!
//! Nothing in it waits, so one thread answers all. It only reads; there is nothing that a request could change.

use http::{HeaderValue, Method, StatusCode, header};
use rsgi_core::{App, Environ, Error, StartResponse, Started, blocking};

use super::facts::Facts;
use super::{html, metrics};

/// Where the app looks.
pub(super) trait Source: Send + Sync + 'static {
    /// How the service is now.
    fn facts(&self) -> Facts;

    /// Whether the master is there.
    fn is_alive(&self) -> bool;

    /// The service's name.
    fn name(&self) -> &str;
}

/// The app.
pub(super) fn app(source: impl Source) -> impl App {
    blocking(move |environ, start_response| answer(&source, &environ, start_response))
}

fn answer(source: &impl Source, environ: &Environ, start_response: StartResponse) -> Result<Started, Error> {
    let (status, kind, text) = content(source, environ.path_info());
    let allowed = matches!(*environ.method(), Method::GET | Method::HEAD);
    let (status, kind, text) = match (allowed, status) {
        (false, found) if found != StatusCode::NOT_FOUND => {
            (StatusCode::METHOD_NOT_ALLOWED, PLAIN, "this can only be read\n".to_owned())
        }
        _ => (status, kind, text),
    };
    let mut head = start_response.start(status, FIELDS)?.header(header::CONTENT_TYPE, kind)?;
    if status == StatusCode::METHOD_NOT_ALLOWED {
        head = head.header(header::ALLOW, HeaderValue::from_static("GET, HEAD"))?;
    }
    Ok(head.body(text))
}

/// What is at a path. Probes come often and need little, so facts are read only where they are shown.
fn content(source: &impl Source, path: &str) -> (StatusCode, &'static str, String) {
    match path {
        "" | "/" => (StatusCode::OK, HTML, html::page(source.name(), &source.facts())),
        "/status.json" => match serde_json::to_string(&source.facts()) {
            Ok(text) => (StatusCode::OK, JSON, text),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, PLAIN, format!("{error}\n")),
        },
        "/metrics" => (StatusCode::OK, metrics::CONTENT_TYPE, metrics::text(&source.facts())),
        "/health" | "/healthz" if source.is_alive() => (StatusCode::OK, PLAIN, "alive\n".to_owned()),
        "/health" | "/healthz" => (StatusCode::SERVICE_UNAVAILABLE, PLAIN, GONE.to_owned()),
        "/ready" | "/readyz" if !source.is_alive() => {
            (StatusCode::SERVICE_UNAVAILABLE, PLAIN, GONE.to_owned())
        }
        "/ready" | "/readyz" => match source.facts().refusal() {
            None => (StatusCode::OK, PLAIN, "ready\n".to_owned()),
            Some(why) => (StatusCode::SERVICE_UNAVAILABLE, PLAIN, format!("not ready: {why}\n")),
        },
        _ => (
            StatusCode::NOT_FOUND,
            PLAIN,
            "there is /, /status.json, /metrics, /health and /ready\n".to_owned(),
        ),
    }
}

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const PLAIN: &str = "text/plain; charset=utf-8";
const GONE: &str = "the master is gone\n";

/// Numbers of now are kept by nobody; and whatever a client put into its request's target, nothing of it runs.
const FIELDS: [(&str, &str); 4] = [
    ("cache-control", "no-store"),
    (
        "content-security-policy",
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
];
