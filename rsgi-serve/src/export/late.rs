//! The layer that gives spans to OpenTelemetry, once there is somebody to take them.
//!
//! Until then its filter refuses all, so that it costs nothing in the master, nor in workers without a collector.

use std::sync::OnceLock;

use opentelemetry_sdk::trace::SdkTracer;
use tracing::callsite::rebuild_interest_cache;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::filter::Filtered;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::{Layer, Registry};

/// Passes on what happens.
#[derive(Debug)]
pub(crate) struct Late(());

/// Lets through what is of interest.
#[derive(Debug)]
pub(crate) struct Begun(());

/// The layer, which stands right on the registry.
pub(crate) fn layer() -> Filtered<Late, Begun, Registry> {
    Late(()).with_filter(Begun(()))
}

/// Has spans given to a tracer from now on; the first one counts.
pub(super) fn begin(tracer: SdkTracer) {
    let layer = tracing_opentelemetry::layer().with_location(false).with_threads(false);
    let layer = layer.with_tracked_inactivity(false).with_tracer(tracer);
    if TAKER.set(layer).is_ok() {
        // `tracing` has kept that nobody wanted them.
        rebuild_interest_cache();
    }
}

/// Whether spans are taken.
pub(super) fn has_begun() -> bool {
    TAKER.get().is_some()
}

impl Layer<Registry> for Late {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, Registry>) {
        if let Some(taker) = TAKER.get() {
            taker.on_new_span(attributes, id, context);
        }
    }

    fn on_record(&self, span: &Id, values: &Record<'_>, context: Context<'_, Registry>) {
        if let Some(taker) = TAKER.get() {
            taker.on_record(span, values, context);
        }
    }

    fn on_follows_from(&self, span: &Id, follows: &Id, context: Context<'_, Registry>) {
        if let Some(taker) = TAKER.get() {
            taker.on_follows_from(span, follows, context);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, Registry>) {
        if let Some(taker) = TAKER.get() {
            taker.on_event(event, context);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, Registry>) {
        if let Some(taker) = TAKER.get() {
            taker.on_enter(id, context);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, Registry>) {
        if let Some(taker) = TAKER.get() {
            taker.on_exit(id, context);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, Registry>) {
        if let Some(taker) = TAKER.get() {
            taker.on_close(id, context);
        }
    }
}

impl Begun {
    fn wants(metadata: &Metadata<'_>) -> bool {
        has_begun() && *metadata.level() <= tracing::Level::INFO
    }
}

impl<S> Filter<S> for Begun {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        Self::wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Self::wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(if has_begun() { LevelFilter::INFO } else { LevelFilter::OFF })
    }
}

/// Set once in a worker, after the fork.
static TAKER: OnceLock<OpenTelemetryLayer<Registry, SdkTracer>> = OnceLock::new();
