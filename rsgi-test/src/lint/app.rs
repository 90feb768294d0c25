//! [`Lint`]: the app that wraps an app and watches both sides.
//!
//! It passes on what it is given and gets: nothing of an answer changes, unless the lint is strict. Begin with
//! [`Lint::call`]; what is looked at stands in `environ.rs`, `input.rs`, `head.rs` and `body.rs`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rsgi_core::http::Version;
use rsgi_core::{
    App, Capabilities, Delivery, Environ, Error, NotSupported, Outcome, Phase, StartResponse, Started,
    Trailers, thread_may_block,
};

use super::finding::{Finding, Findings};
use super::record::{Mark, Record, Stage, exchange_of};
use super::settings::Shared;
use super::stopwatch::Stopwatch;
use super::{body, checks, environ, head, input};

/// An app that watches another, and the server that calls it.
///
/// Made by [`lint`](super::lint()) or [`around`](super::around()). It is an [`App`], so any server hosts it; it requires
/// what its app requires and passes `stop` on. Nothing of an answer changes unless it is [`strict`](Self::strict).
#[derive(Debug)]
pub struct Lint<A> {
    app: A,
    shared: Arc<Shared>,
    place: Place,
    /// Whether the needs that a middleware returns were compared.
    compared: AtomicBool,
}

/// Where a lint stands.
#[derive(Debug, Clone, Copy)]
enum Place {
    Alone,
    /// Outside a middleware whose inner app requires this.
    Outside(Capabilities),
    /// Inside a middleware that a lint is outside of.
    Inside,
}

impl<A: App> Lint<A> {
    /// Watches `app`.
    pub fn new(app: A) -> Self {
        Self::at(Place::Alone, app, Arc::new(Shared::new()))
    }

    fn at(place: Place, app: A, shared: Arc<Shared>) -> Self {
        Self { app, shared, place, compared: AtomicBool::new(false) }
    }

    /// What was found; stays valid when the lint has moved into a server.
    #[must_use]
    pub fn findings(&self) -> Findings {
        self.shared.findings.clone()
    }

    /// Has `sink` called with each finding, where and when it is made: it must be quick. Default: none; findings
    /// go to the log (target `rsgi::lint`) and to [`findings`](Self::findings) in any case.
    #[must_use]
    pub fn sink(self, sink: impl Fn(&Finding) + Send + Sync + 'static) -> Self {
        self.shared.set_sink(Arc::new(sink));
        self
    }

    /// Turns a finding into an error of the request: a 500 while the head is unsent, else a broken body. Default:
    /// nothing of an answer changes. For development, where a breach must not go unseen.
    #[must_use]
    pub fn strict(self) -> Self {
        self.shared.set_strict();
        self
    }

    /// How long one poll of an async app or body may take. Only measured on threads that aren't marked as ones that may
    /// block, since there others' requests wait. Default: 100 ms; longer for a slow or crowded machine.
    #[must_use]
    pub fn threshold(self, threshold: Duration) -> Self {
        self.shared.set_threshold(threshold);
        self
    }

    /// Finds out what lies outside, and makes this request's record.
    fn begin(&self, environ: &mut Environ) -> Arc<Record> {
        let exchange = exchange_of(environ);
        let mark = environ.get::<Mark>().map(|mark| (Arc::clone(&mark.record), mark.exchange));
        let inside = mark.is_some() || matches!(self.place, Place::Inside);
        let (outer, known) = mark.unzip();
        let record = Record::new(Arc::clone(&self.shared), environ, outer, !inside);
        if matches!(self.place, Place::Inside) && known != Some(exchange) {
            let lost = if known.is_none() { "slots" } else { "exchange" };
            record.report(&checks::EXTENSIONS_LOST, lost);
        }
        if let Some(outer) = record.outer()
            && outer.line().target() != record.line().target()
        {
            let value = format!("{} to {}", outer.line().target(), record.line().target());
            record.report(&checks::TARGET_CHANGED, &value);
        }
        environ.insert(Mark { record: Arc::clone(&record), exchange });
        record
    }

    fn look_at_server(&self, record: &Record, environ: &Environ) {
        if environ.exchange().head_is_final() {
            record.report(&checks::STALE_EXCHANGE, &format!("request {:?}", environ.request_id()));
        }
        let missing = self.app.requires().missing_in(environ.server().capabilities);
        if !missing.is_empty() {
            record.report(&checks::REQUIRES_IGNORED, &missing.to_string());
        }
    }

    /// Compares what a middleware requires with what its inner app does, once.
    fn look_at_needs(&self) {
        if let Place::Outside(inner) = self.place
            && !self.compared.swap(true, Ordering::Relaxed)
        {
            let missing = inner.missing_in(self.app.requires());
            if !missing.is_empty() {
                self.shared.report(&checks::NEEDS_LOST, &missing.to_string(), None);
            }
        }
    }
}

/// Watches `app` and the middleware that `wrap` puts around it, from outside and from inside.
pub(super) fn around<A: App, B: App>(app: A, wrap: impl FnOnce(Lint<A>) -> B) -> Lint<B> {
    let shared = Arc::new(Shared::new());
    let needs = app.requires();
    let inner = Lint::at(Place::Inside, app, Arc::clone(&shared));
    Lint::at(Place::Outside(needs), wrap(inner), shared)
}

impl<A: App> App for Lint<A> {
    fn call(
        &self,
        mut environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        self.look_at_needs();
        let record = self.begin(&mut environ);
        if record.outermost {
            self.look_at_server(&record, &environ);
        }
        environ::look(&record, &environ);
        input::watch(&record, &mut environ);
        watch_outcome(&record, &environ);
        let mut call = Call {
            offered: matches!(environ.upgrade(), Ok(Some(_))),
            multithread: environ.server().multithread,
            requires: self.app.requires(),
            record,
            future: None,
        };
        let inside = call.enter();
        let future = self.app.call(environ, start_response);
        drop(inside);
        call.future = Some(Box::pin(future));
        call
    }

    fn requires(&self) -> Capabilities {
        self.look_at_needs();
        self.app.requires()
    }

    async fn stop(&self) {
        let before = self.shared.inner_stops.load(Ordering::SeqCst);
        self.app.stop().await;
        match self.place {
            Place::Alone => {}
            Place::Inside => {
                self.shared.inner_stops.fetch_add(1, Ordering::SeqCst);
            }
            Place::Outside(_) => {
                if self.shared.inner_stops.load(Ordering::SeqCst) == before {
                    self.shared.report(&checks::STOP_LOST, "the inner app wasn't stopped", None);
                }
            }
        }
    }
}

type Boxed<'a> = Pin<Box<dyn Future<Output = Result<Started, Error>> + Send + 'a>>;

/// The future of a call, polled as the app's own.
struct Call<'a> {
    record: Arc<Record>,
    /// Taken when it is ready. Erased: between two lints the type would be too deep for the compiler.
    future: Option<Boxed<'a>>,
    offered: bool,
    multithread: bool,
    requires: Capabilities,
}

impl Call<'_> {
    /// Notes that this thread runs the app until the value is dropped.
    fn enter(&self) -> Inside<'_> {
        let record = &*self.record;
        if record.outermost && record.shared.enter() && !self.multithread {
            let name = std::thread::current().name().unwrap_or("unnamed").to_owned();
            record.report(&checks::CONCURRENT, &format!("thread \"{name}\" beside another"));
        }
        Inside { record, unwinding: std::thread::panicking() }
    }
}

/// A stretch of time in which a thread runs the app.
struct Inside<'a> {
    record: &'a Record,
    /// Whether the thread was unwinding already when it came.
    unwinding: bool,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if !self.record.outermost {
            return;
        }
        self.record.shared.leave();
        if std::thread::panicking() && !self.unwinding {
            self.record.report(&checks::OWN_ERROR, "panic");
        }
    }
}

impl Future for Call<'_> {
    type Output = Result<Started, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(mut future) = self.future.take() else {
            self.record.report_server(&checks::POLLED_AGAIN, "pending for ever");
            return Poll::Pending;
        };
        let watch = (!thread_may_block()).then(Stopwatch::start);
        let inside = self.enter();
        let polled = future.as_mut().poll(context);
        drop(inside);
        if let Some(watch) = watch {
            body::look_at_time(&self.record, &watch, "call");
        }
        match polled {
            Poll::Pending => {
                self.future = Some(future);
                Poll::Pending
            }
            Poll::Ready(answer) => Poll::Ready(self.finish(answer)),
        }
    }
}

impl Call<'_> {
    fn finish(&self, answer: Result<Started, Error>) -> Result<Started, Error> {
        let record = &self.record;
        record.state().stage = Stage::Answered;
        let started = match answer {
            Ok(started) => started,
            Err(error) => {
                let undeclared = |missing: &NotSupported| !self.requires.contains(missing.missing());
                head::look_at_error(record, &error, undeclared);
                return Err(error);
            }
        };
        head::look(record, &started, self.offered);
        let started = body::watch(record, started);
        match record.verdict() {
            Some(finding) => Err(finding.into()),
            None => Ok(started),
        }
    }
}

/// Looks at what became of the answer, once it is told.
fn watch_outcome(record: &Arc<Record>, environ: &Environ) {
    let record = Arc::clone(record);
    let trailers = environ.server().capabilities.contains(Capabilities::TRAILERS);
    environ.on_outcome(move |outcome| {
        record.state().told = Some(outcome.delivery);
        if record.outermost {
            look_at_outcome(&record, outcome, trailers);
        }
        record.look_for_kept_bodies();
    });
}

fn look_at_outcome(record: &Record, outcome: &Outcome, trailers: bool) {
    let whole = matches!(outcome.delivery, Delivery::Whole(_));
    // An upgraded stream without an outbound half ends with its head.
    if whole && outcome.phase != Phase::End && !record.state().upgraded {
        record.report(&checks::OUTCOME, &outcome.to_string());
    }
    if trailers && whole && outcome.trailers == Trailers::NotSent && record.version() >= Version::HTTP_2 {
        record.report(&checks::CAPABILITY_ABSENT, &format!("{}: not sent", Capabilities::TRAILERS));
    }
}
