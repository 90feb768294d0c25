//! [`Spanned`]: a span `request` of `tracing` around each request, so that what the app logs says for whom.
//!
//! Its fields are named as OpenTelemetry's conventions for HTTP have it, with two of our own; the log writes them by short words
//! (`log/record.rs`). It is open until the answer is out, and is the current one wherever the app's code runs.
//!
//! Innermost of the launcher's middleware: the app's own spans are its children.

use std::future::Future;

use http::Method;
use rsgi_core::{App, Capabilities, Environ, Error, StartResponse, Started};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::trace_parent::trace_id;
use crate::export;

/// An app whose requests have spans.
#[derive(Debug)]
pub(super) struct Spanned<A> {
    inner: A,
    /// Without them a request costs a look at this and no more.
    wanted: bool,
}

impl<A: App> Spanned<A> {
    pub(super) fn new(inner: A, wanted: bool) -> Self {
        Self { inner, wanted }
    }
}

impl<A: App> App for Spanned<A> {
    fn call(
        &self,
        environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        let span = if self.wanted { open(&environ) } else { Span::none() };
        // A blocking app does its work in this call, another one in the future.
        let answered = span.in_scope(|| self.inner.call(environ, start_response));
        answered.instrument(span)
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}

fn open(environ: &Environ) -> Span {
    let _caller = export::caller(environ.headers());
    let (connection, number) = environ.request_id();
    let span = tracing::info_span!(
        target: "rsgi",
        "request",
        rsgi.request = %format_args!("{connection:x}-{number:x}"),
        http.request.method = environ.method().as_str(),
        url.path = environ.uri().path(),
        rsgi.peer = %environ.peer(),
        rsgi.trace = Empty,
        http.response.status_code = Empty,
        otel.name = name(environ.method()),
        otel.kind = "server",
        otel.status_code = Empty,
    );
    if span.is_disabled() {
        return span;
    }
    if let Some(trace) = trace_id(environ.headers()) {
        span.record("rsgi.trace", trace);
    }
    let kept = span.clone();
    environ.on_outcome(move |outcome| {
        // The span lasts until now, for who measures it.
        let _entered = kept.enter();
        if let Some(status) = outcome.status {
            kept.record("http.response.status_code", i64::from(status.as_u16()));
            if status.is_server_error() {
                kept.record("otel.status_code", "ERROR");
            }
        }
    });
    span
}

/// One of few names, whatever clients send as a method.
fn name(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::DELETE
        | Method::OPTIONS
        | Method::PATCH
        | Method::TRACE
        | Method::CONNECT => method.as_str(),
        _ => "HTTP",
    }
}
