//! Spans for a collector of OpenTelemetry, by OTLP over HTTP (feature `otel`).
//!
//! In workers alone, after the fork: exporting takes a thread. The log's subscriber is made in the master, so its layer waits
//! there (`late.rs`) until a worker has somebody to give spans to. What is exported, and where to, is said by OpenTelemetry's own
//! variables (`wanted.rs`), not by settings of ours.
//!
//! Invariant: a collector that is wrong, slow or gone costs spans and lines of the log, never an answer.

mod client;
mod late;
mod wanted;

use std::process;
use std::time::Duration;

use http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{ContextGuard, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;

pub(crate) use self::late::layer;

use self::client::Client;
use self::wanted::Wanted;
use crate::log::level::{Level, say};
use crate::process::Child;

/// What is to be ended with the worker.
#[derive(Debug)]
pub(crate) struct Export(Option<SdkTracerProvider>);

/// Begins to export, if the environment wants it. It starts a thread.
pub(crate) fn start(_: &Child, service: &str) -> Export {
    let begun = match wanted::read(|name| std::env::var(name).ok()) {
        Wanted::No => return Export(None),
        Wanted::Otlp => begin(service),
        Wanted::Wrong(problem) => Err(problem),
    };
    match begun {
        Ok(provider) => {
            late::begin(provider.tracer("rsgi-serve"));
            Export(Some(provider))
        }
        Err(problem) => {
            say(Level::Error, format_args!("OpenTelemetry: {problem}; no spans are exported"));
            Export(None)
        }
    }
}

/// Has spans that are opened now continue the trace of a request's caller, as its `traceparent` names it.
pub(crate) fn caller(fields: &HeaderMap) -> Option<ContextGuard> {
    if !late::has_begun() || !fields.contains_key("traceparent") {
        return None;
    }
    Some(TraceContextPropagator::new().extract(&HeaderExtractor(fields)).attach())
}

impl Export {
    /// Sends what is left.
    pub(crate) fn end(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown_with_timeout(LAST_SPANS)
        {
            say(Level::Warning, format_args!("OpenTelemetry: the last spans may be lost: {error}"));
        }
    }
}

fn begin(service: &str) -> Result<SdkTracerProvider, String> {
    let client = Client::new(wanted::timeout(|name| std::env::var(name).ok()));
    let exporter = SpanExporter::builder().with_http().with_http_client(client).build();
    let exporter = exporter.map_err(|error| error.to_string())?;
    let pid = i64::from(process::id());
    let mut resource = Resource::builder().with_attribute(KeyValue::new("process.pid", pid));
    if !wanted::names_service(|name| std::env::var(name).ok()) {
        resource = resource.with_service_name(service.to_owned());
    }
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build())
}

/// What the end of a worker may wait for them.
const LAST_SPANS: Duration = Duration::from_secs(3);
