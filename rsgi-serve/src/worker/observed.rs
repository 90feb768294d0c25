//! [`Observed`]: the middleware that tells the shared page of each request, the outermost but for the access log.
//!
//! A request is noted in the worker's slot while it is in hand, so that the master can say what a worker was doing when it
//! died, and counted with its outcome. Nothing is allocated for the note.

use std::fmt::{self, Write as _};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use pin_project_lite::pin_project;
use rsgi_core::{App, Capabilities, Environ, Error, StartResponse, Started};

use super::gauge::Gauge;
use super::runtime::Limit;
use crate::clock::Millis;
use crate::page::Note;

/// An app whose requests the page is told of.
#[derive(Debug)]
pub(super) struct Observed<A> {
    gauge: Arc<Gauge>,
    inner: A,
}

impl<A: App> Observed<A> {
    pub(super) fn new(gauge: Arc<Gauge>, inner: A) -> Self {
        Self { gauge, inner }
    }
}

impl<A: App> App for Observed<A> {
    fn call(
        &self,
        mut environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        let kept = note(&self.gauge, &environ);
        if !self.gauge.request_limit.is_zero() {
            environ.set_deadline(Instant::now() + self.gauge.request_limit);
        }
        if !self.gauge.root.is_empty() {
            environ.mount(&self.gauge.root);
        }
        let limit = Limit::begin(self.gauge.drop_after);
        self.gauge.meet_runtime();
        let _held = self.gauge.enter();
        // A blocking app on a server of threads does all its work here.
        Polled { inner: self.inner.call(environ, start_response), limit, kept, gauge: &self.gauge }
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}

/// Notes a request, and has its outcome counted. Gives its key among those that have a limit.
fn note(gauge: &Arc<Gauge>, environ: &Environ) -> Option<u64> {
    let (mut peer, mut request) = (Text::<48>::default(), Text::<40>::default());
    // What doesn't fit is cut off.
    let _ = write!(peer, "{}", environ.peer());
    let (first, second) = environ.request_id();
    let _ = write!(request, "{first:x}-{second:x}");
    let target = environ.target();
    let note = Note {
        started: Millis::now(),
        method: environ.method().as_str(),
        target: &target,
        peer: peer.as_str(),
        request: request.as_str(),
    };
    let mut noted = if gauge.running.leaves_room() { gauge.slot.note(&note) } else { None };
    gauge.slot.count_request(noted.is_some());
    let limited = !gauge.request_limit.is_zero();
    let kept = limited.then(|| gauge.running.began(environ, &note, noted.take()));
    let gauge = Arc::clone(gauge);
    environ.on_outcome(move |outcome| {
        let status = outcome.status.map_or(NO_ANSWER, |status| status.as_u16());
        let noted = kept.map_or(noted, |kept| gauge.running.ended(kept));
        if gauge.slot.request_ended(noted, status, outcome.body_bytes, outcome.elapsed) {
            gauge.say_look();
        }
        if let Some(statsd) = &gauge.statsd {
            statsd.request(outcome.status.map_or(0, |status| status.as_u16()), outcome.elapsed);
        }
    });
    kept
}

pin_project! {
    struct Polled<'a, Fut> {
        #[pin]
        inner: Fut,
        limit: Limit,
        // Among the requests that have a limit.
        kept: Option<u64>,
        gauge: &'a Gauge,
    }
}

impl<Fut> Future for Polled<'_, Fut>
where
    Fut: Future<Output = Result<Started, Error>>,
{
    type Output = Fut::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let _held = this.gauge.enter();
        let polled = this.inner.poll(context);
        if polled.is_pending() && this.limit.is_over(context) {
            // What works for it elsewhere can't be dropped, but told.
            if let Some(kept) = this.kept {
                this.gauge.running.over(*kept, this.gauge.request_limit);
            }
            return Poll::Ready(Err(
                "the request came over the setting request_timeout, and was dropped".into()
            ));
        }
        polled
    }
}

/// A short text without memory of its own; what is longer is cut off.
struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self { bytes: [0; N], length: 0 }
    }
}

impl<const N: usize> Text<N> {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut kept = text.len().min(N - self.length);
        while !text.is_char_boundary(kept) {
            kept -= 1;
        }
        self.bytes[self.length..self.length + kept].copy_from_slice(&text.as_bytes()[..kept]);
        self.length += kept;
        if kept < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// What a request counts as whose client went away before its answer: nginx's word for it.
const NO_ANSWER: u16 = 499;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let mut text = Text::<4>::default();
        assert!(write!(text, "abc\u{e9}").is_err());
        assert_eq!(text.as_str(), "abc");
    }
}
