//! Watches an answer's body: its count against what was declared, its hints, its trailers, its end and its drop.
//!
//! A watcher changes nothing; in a strict lint the body is mapped as well, so that it fails where it was at fault.

use std::sync::Arc;

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderMap, HeaderName, Version, header};
use rsgi_core::http_body::SizeHint;
use rsgi_core::{Body, Change, Error, Seen, Started, Watch, is_forbidden_trailer, thread_may_block};

use super::checks;
use super::head::declared_length;
use super::record::Record;
use super::stopwatch::Stopwatch;

/// Has a body watched, if there is anything to see: content in memory was looked at with the head.
pub(super) fn watch(record: &Arc<Record>, started: Started) -> Started {
    let mut started = started;
    let in_memory = started.body().as_bytes().is_some();
    let empty = started.body().length() == Some(0) && !started.body().blocks();
    if in_memory || empty {
        if started.status().as_u16() < 400 {
            record.look_for_hidden_error();
        }
        return started;
    }
    let untyped = !record.state().upgraded && !started.headers().contains_key(header::CONTENT_TYPE);
    record.state().open = true;
    record.tell_outer(|below| below.open += 1);
    started.watch(Watcher {
        declared: declared_length(&started).or_else(|| started.body().length()),
        announced: started.body().announced_trailers().to_vec(),
        untyped,
        blocks: started.body().blocks(),
        record: Arc::clone(record),
        asked: None,
        bytes: 0,
        pieces: 0,
        least: 0,
        most: u64::MAX,
        over: false,
        trailers: false,
        ended: false,
    });
    if record.shared.is_strict() { strict(record, started) } else { started }
}

#[expect(clippy::struct_excessive_bools, reason = "facts of a body, each true or not by itself")]
struct Watcher {
    record: Arc<Record>,
    declared: Option<u64>,
    announced: Vec<HeaderName>,
    /// Whether content would come without a Content-Type.
    untyped: bool,
    blocks: bool,
    /// When it was asked on a thread that others wait for.
    asked: Option<Stopwatch>,
    bytes: u64,
    pieces: usize,
    /// What the hints bound the whole to.
    least: u64,
    most: u64,
    /// It said that it is at its end.
    over: bool,
    trailers: bool,
    ended: bool,
}

impl Watch for Watcher {
    fn see(&mut self, seen: Seen<'_>) {
        // A failure takes the time of its report, a backtrace's in a panic.
        if !matches!(seen, Seen::Asked { .. } | Seen::Failed(_)) {
            self.look_at_time();
        }
        match seen {
            Seen::Asked { hint, over } => self.asked(&hint, over),
            Seen::NotReady => self.not_ready(),
            Seen::Piece([]) => {}
            Seen::Piece(piece) => self.piece(piece.len() as u64),
            Seen::Trailers(trailers) => self.look_at_trailers(trailers),
            Seen::Failed(error) => self.failed(error),
            Seen::Ended => self.ended(),
            _ => {}
        }
    }
}

impl Watcher {
    fn asked(&mut self, hint: &SizeHint, over: bool) {
        if let Some(outer) = self.record.outer()
            && outer.is_running()
        {
            self.record.report(&checks::READ_FIRST, "asked during the call");
        }
        if self.blocks {
            if !thread_may_block() {
                let name = std::thread::current().name().unwrap_or("unnamed").to_owned();
                self.record.report_server(&checks::UNMARKED_THREAD, &format!("thread \"{name}\""));
            }
            return;
        }
        self.asked = (!thread_may_block()).then(Stopwatch::start);
        self.over |= over;
        self.least = self.least.max(self.bytes.saturating_add(hint.lower()));
        if let Some(upper) = hint.upper() {
            self.most = self.most.min(self.bytes.saturating_add(upper));
        }
    }

    fn look_at_time(&mut self) {
        if let Some(asked) = self.asked.take() {
            look_at_time(&self.record, &asked, "body");
        }
    }

    fn not_ready(&mut self) {
        self.record.tell_outer(|below| below.waits = true);
        let kept = {
            let below = &self.record.state().below;
            (below.waits && below.pieces > self.pieces)
                .then(|| format!("{} of {}", self.pieces, below.pieces))
        };
        if let Some(kept) = kept {
            self.record.report(&checks::KEPT_BACK, &format!("{kept} pieces, and the client waits"));
        }
    }

    fn piece(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.pieces += 1;
        self.record.tell_outer(|below| {
            below.pieces += 1;
            below.waits = false;
        });
        if self.untyped {
            self.record.report(&checks::CONTENT_TYPE_MISSING, &format!("a piece of {bytes} bytes"));
        }
        if self.trailers {
            self.record.report(&checks::AFTER_TRAILERS, &format!("{bytes} bytes"));
        }
        if let Some(declared) = self.declared.filter(|declared| self.bytes > *declared) {
            self.record.report(&checks::LENGTH_SURPLUS, &format!("{} of {declared}", self.bytes));
        } else if self.bytes > self.most {
            self.record.report(&checks::HINT, &format!("at most {}, gave {}", self.most, self.bytes));
        } else if self.over {
            self.record.report(&checks::HINT, &format!("at its end, gave {bytes} bytes"));
        }
    }

    fn look_at_trailers(&mut self, trailers: &HeaderMap) {
        if self.over {
            self.record.report(&checks::HINT, "at its end, gave trailers");
        }
        if self.trailers {
            self.record.report(&checks::AFTER_TRAILERS, "trailers again");
        }
        self.trailers = true;
        let names = || trailers.keys().map(HeaderName::as_str).collect::<Vec<_>>().join(", ");
        self.record.tell_outer(|below| below.trailers = Some(names()));
        if let Some(name) = trailers.keys().find(|name| is_forbidden_trailer(name)) {
            self.record.report(&checks::TRAILER_NAME, name.as_str());
        }
        // Other versions have trailers that nobody announced (RFC 9113 section 8.1).
        let unannounced = |name: &&HeaderName| !self.announced.contains(name) && !is_forbidden_trailer(name);
        if self.record.version() <= Version::HTTP_11
            && let Some(name) = trailers.keys().find(unannounced)
        {
            self.record.report(&checks::TRAILERS_UNANNOUNCED, name.as_str());
        }
        self.look_for_withheld(|name| trailers.contains_key(name));
    }

    fn look_for_withheld(&self, given: impl Fn(&HeaderName) -> bool) {
        if let Some(name) = self.announced.iter().find(|name| !given(name) && !is_forbidden_trailer(name)) {
            self.record.report(&checks::TRAILERS_WITHHELD, name.as_str());
        }
    }

    fn failed(&mut self, error: &(dyn std::error::Error + 'static)) {
        self.ended = true;
        self.record.tell_outer(|below| below.failed = Some(error.to_string()));
        if self.trailers || self.declared == Some(self.bytes) {
            self.record.report(&checks::ERROR_LATE, &error.to_string());
        }
    }

    fn ended(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.record.tell_outer(|below| below.ended = true);
        if !self.trailers {
            self.look_for_withheld(|_| false);
        }
        if let Some(declared) = self.declared.filter(|declared| self.bytes < *declared) {
            self.record.report(&checks::LENGTH_MISSING, &format!("{} of {declared}", self.bytes));
        } else if self.bytes < self.least {
            self.record.report(&checks::HINT, &format!("at least {}, gave {}", self.least, self.bytes));
        }
        self.look_below();
    }

    /// Compares with what the app inside gave, now that all is there.
    fn look_below(&self) {
        let state = self.record.state();
        let below = &state.below;
        let failed = below.failed.clone();
        let kept = (below.ended && below.pieces > self.pieces).then_some(below.pieces);
        let trailers = below.trailers.clone().filter(|_| !self.trailers);
        drop(state);
        if let Some(error) = failed {
            self.record.report(&checks::HIDDEN_ERROR, &error);
        } else if let Some(pieces) = kept {
            self.record.report(&checks::KEPT_BACK, &format!("{} of {pieces} pieces", self.pieces));
        } else if let Some(names) = trailers {
            self.record.report(&checks::OWES_BOTH, &format!("S18: trailers dropped: {names}"));
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // The body lies before its watcher and is dropped first.
        if std::thread::panicking() {
            self.record.report(&checks::DROP_PANIC, &format!("after {} bytes", self.bytes));
        }
        self.record.state().open = false;
        self.record.tell_outer(|below| below.open = below.open.saturating_sub(1));
        self.record.look_for_kept_bodies();
    }
}

/// Reports a poll that took too long on a thread that others wait for.
pub(super) fn look_at_time(record: &Record, watch: &Stopwatch, what: &str) {
    let (took, threshold) = (watch.held(), record.shared.threshold());
    if took > threshold {
        record.report(&checks::BLOCKED, &format!("{what}: {took:?}, more than {threshold:?}"));
    }
}

/// Has the body fail once something was found.
fn strict(record: &Arc<Record>, started: Started) -> Started {
    struct Strict(Arc<Record>);

    impl Change for Strict {
        fn piece(&mut self, piece: Bytes) -> Result<Bytes, Error> {
            self.0.verdict().map_or(Ok(piece), |finding| Err(finding.into()))
        }

        fn finish(&mut self) -> Result<Bytes, Error> {
            self.piece(Bytes::new())
        }
    }

    let (declared, length) = (declared_length(&started), started.body().length());
    let change = Strict(Arc::clone(record));
    let mut started = started.map_body(|body: Body| {
        let body = body.map(change);
        match length {
            Some(length) => body.with_length(length),
            None => body,
        }
    });
    if let Some(declared) = declared {
        // A number is never refused.
        let _typed = started.fields_mut().insert(header::CONTENT_LENGTH, declared);
    }
    started
}
