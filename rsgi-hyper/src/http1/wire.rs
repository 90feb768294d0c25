//! What one HTTP/1 connection knows of itself: the request in flight, and what the byte stream did.
//!
//! Owned by the connection's task and borrowed by its transport and its service; nothing else touches it, so the
//! atomics are only there to make it shareable and are never contended.
//!
//! Invariant: every exchange that was begun is told exactly once: whole after the flush of its last byte, or
//! otherwise by [`end`](Wire::end).

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Context;
use std::time::Instant;

use rsgi_core::bytes::Bytes;
use rsgi_core::http::HeaderValue;
use rsgi_core::server::HalfClose;
use rsgi_core::{AcceptedBy, Cause, Connection, Delivery, Exchange, Fault, Remainder};
use tokio::time::Sleep;

use super::body_out::Large;
use super::flags::{
    BEGUN, BLOCKED, BUSY, CLOSING, ENDED, FOLLOWED, HAS_BODY, HAS_LARGE, HAS_PIECES, HELD, LEAVING,
    OF_ONE_REQUEST, PIPELINES, QUIET, RESET, UNFLUSHED, UNTIL_CLOSE, follow,
};
use super::informational::Heads;
use crate::drive::Waiting;
use crate::request::Known;
use crate::transport::{Duties, Progress};
use crate::unread::{Discard, Unread};

/// The shared part of one HTTP/1 connection.
#[derive(Debug)]
pub(crate) struct Wire {
    /// A set of [`BUSY`], [`BEGUN`], [`ENDED`], [`RESET`], [`BLOCKED`], [`HELD`], [`CLOSING`], [`UNTIL_CLOSE`],
    /// [`HAS_BODY`], [`FOLLOWED`], [`PIPELINES`], [`HAS_PIECES`],
    /// [`HAS_LARGE`], [`QUIET`], [`UNFLUSHED`], [`LEAVING`].
    flags: AtomicU16,
    /// Bytes that the stream took, to see progress.
    written: AtomicU64,
    requests: AtomicU64,
    /// Bytes read since the last request's head, and by the last read before that.
    read: AtomicUsize,
    read_before: AtomicUsize,
    /// How many bytes this request's head has at most.
    head: AtomicUsize,
    host: OnceLock<HeaderValue>,
    current: Mutex<Current>,
    pub(crate) heads: Arc<Heads>,
    half_close: HalfClose,
}

#[derive(Debug)]
struct Current {
    exchange: Arc<Exchange>,
    /// Whether something is left of its body, if it has one.
    unread: Option<Arc<Unread>>,
    /// The clock of the last body that was waited for.
    clock: Option<Pin<Box<Sleep>>>,
    /// Whether hyper has yet to be given something of its answer, if that has several pieces.
    left: Option<Remainder>,
    /// Where large pieces of its answer go, if they don't go through hyper.
    large: Option<Arc<Large>>,
    /// Answers that ended while their last bytes still waited to be written.
    unflushed: Vec<Arc<Exchange>>,
}

impl Wire {
    pub(crate) fn new(connection: &Arc<Connection>, heads: Arc<Heads>, half_close: HalfClose) -> Self {
        let exchange = Exchange::new(Arc::clone(connection));
        Self {
            flags: AtomicU16::new(0),
            written: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            read: AtomicUsize::new(0),
            read_before: AtomicUsize::new(0),
            head: AtomicUsize::new(0),
            host: OnceLock::new(),
            current: Mutex::new(Current {
                exchange,
                unread: None,
                clock: None,
                left: None,
                large: None,
                unflushed: Vec::new(),
            }),
            heads,
            half_close,
        }
    }

    /// A request's head is there.
    #[inline]
    pub(crate) fn begin(&self) -> Arc<Exchange> {
        let mut flags = self.flags.load(Ordering::Relaxed);
        let mut current = self.lock();
        let left = flags & (BUSY | QUIET | HAS_BODY | HAS_PIECES);
        if left != 0 && left != BUSY | QUIET && current.leave_last(flags & BUSY != 0) {
            flags |= UNFLUSHED;
        }
        // What came with the request before it was complete when that was.
        let is_next = self.read.load(Ordering::Relaxed) == 0;
        let arrived = if is_next { current.exchange.arrived() } else { Instant::now() };
        Exchange::begin(&mut current.exchange, arrived);
        let exchange = Arc::clone(&current.exchange);
        drop(current);
        if is_next || flags & (FOLLOWED | PIPELINES) != 0 {
            flags = follow(flags, is_next);
        }
        self.flags.store((flags | BUSY) & !OF_ONE_REQUEST, Ordering::Relaxed);
        self.requests.store(self.requests() + 1, Ordering::Relaxed);
        self.measure_head();
        self.heads.open();
        exchange
    }

    /// The answer is made. Tells whether nobody can ask or be told what becomes of it, nor send anything before it: all
    /// who could hold the exchange.
    #[inline(always)]
    pub(crate) fn made(&self, exchange: &Arc<Exchange>) -> bool {
        // The one here, and the one that made the answer.
        if Arc::strong_count(exchange) > 2 || !exchange.has_ended() {
            return false;
        }
        // What they did before they let go of it is seen from here on.
        fence(Ordering::Acquire);
        if exchange.is_watched() {
            return false;
        }
        self.set(QUIET);
        true
    }

    /// When the last request's head was complete.
    pub(crate) fn arrived(&self) -> Instant {
        self.lock().exchange.arrived()
    }

    /// The request has a body; the mark tells whether it was read, and has the rest thrown away if it may be.
    pub(crate) fn expect_body(&self, discard: Option<Discard>) -> Arc<Unread> {
        self.set(HAS_BODY);
        let unread = Arc::new(discard.map_or_else(Unread::default, Unread::discarded));
        let mut current = self.lock();
        if let Some(clock) = current.clock.take() {
            unread.keep_clock(clock);
        }
        current.unread = Some(Arc::clone(&unread));
        unread
    }

    /// Throws away what the app left of the body; tells whether hyper can go on for it.
    #[inline]
    pub(crate) fn poll_away(&self, context: &mut Context<'_>) -> bool {
        self.has(HAS_BODY) && self.lock().unread.as_ref().is_some_and(|unread| unread.poll_away(context))
    }

    /// The answer may have several pieces; `left` tells whether something of it is.
    pub(crate) fn expect_pieces(&self, left: Remainder, goes_round: bool) {
        let mut current = self.lock();
        current.left = Some(left);
        current.large = goes_round.then(Arc::default);
        self.set(if goes_round { HAS_PIECES | HAS_LARGE } else { HAS_PIECES });
    }

    /// Whether large pieces may go round hyper: not where something is left of the request's body, as hyper may answer
    /// the next request before all of this answer is written then.
    pub(crate) fn takes_large(&self) -> bool {
        !self.has(HAS_BODY) || !self.has_unread()
    }

    /// Where large pieces of the answer go.
    pub(crate) fn large(&self) -> Option<Arc<Large>> {
        if self.has(HAS_LARGE) { self.lock().large.clone() } else { None }
    }

    #[inline(never)]
    fn large_left(&self) -> Option<Bytes> {
        self.large().filter(|large| large.is_left()).map(|large| large.bytes())
    }

    /// Whether a large piece is left, and the client takes bytes.
    #[inline]
    pub(crate) fn can_write_large(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & (HAS_LARGE | BLOCKED | RESET) == HAS_LARGE
            && self.large().is_some_and(|large| large.is_left())
    }

    /// Whether the client may still be sending a body that nobody reads.
    pub(crate) fn has_unread(&self) -> bool {
        self.lock().unread.as_ref().is_some_and(|unread| unread.is_left())
    }

    /// Whether hyper closes the connection behind the answer, since the app has dropped a body that isn't read on.
    pub(crate) fn closes_unread(&self) -> bool {
        self.has(HAS_BODY) && self.lock().unread.as_ref().is_some_and(|unread| unread.is_dropped())
    }

    /// hyper reads only into an empty buffer or behind a part of a head. So a head lies in what was read since the one
    /// before it, and in the last read before that.
    #[inline]
    fn measure_head(&self) {
        let read = self.read.load(Ordering::Relaxed);
        let before = self.read_before.load(Ordering::Relaxed);
        self.head.store(read + before, Ordering::Relaxed);
        if read > 0 {
            self.read_before.store(read, Ordering::Relaxed);
            self.read.store(0, Ordering::Relaxed);
        }
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The next answer is to be the last.
    pub(crate) fn answer_once_more(&self) {
        self.set(LEAVING);
    }

    /// Whether the answer in flight is the connection's last, where it may have so many.
    #[inline]
    pub(crate) fn is_last(&self, most: u64) -> bool {
        self.requests() >= most || self.has(LEAVING)
    }

    /// The answer is finished but held back for the informational heads before it.
    pub(crate) fn hold(&self) {
        self.set(HELD);
    }

    /// The answer goes to hyper.
    pub(crate) fn release(&self) {
        self.clear(HELD);
    }

    /// What the connection waits for, now that hyper can't go on.
    pub(crate) fn waiting(&self) -> Waiting {
        let flags = self.flags.load(Ordering::Relaxed);
        if flags & BLOCKED != 0 {
            Waiting::Client(self.written.load(Ordering::Relaxed))
        } else if flags & BUSY != 0 {
            Waiting::App
        } else if flags & BEGUN != 0 {
            Waiting::Head(self.requests())
        } else {
            Waiting::Request(self.requests())
        }
    }

    /// The app took the stream over: what is in flight is told by whoever moves the bytes.
    pub(crate) fn leave(&self) -> Option<Arc<Exchange>> {
        let exchange = self.in_flight();
        self.clear(BUSY);
        exchange
    }

    /// The end of the connection is to be the end of the answer.
    pub(crate) fn ends_the_answer(&self) {
        self.set(UNTIL_CLOSE);
    }

    /// Whether the answer in flight broke and an end of stream would pass for its own: only a reset tells them apart.
    pub(crate) fn breaks_unseen(&self) -> bool {
        self.has(UNTIL_CLOSE) && self.in_flight().is_some_and(|exchange| exchange.current_fault().is_some())
    }

    /// Whether the connection must end behind the answer that was sent.
    #[inline]
    pub(crate) fn is_closing(&self) -> bool {
        self.has(CLOSING)
    }

    /// The exchange that is in flight.
    pub(crate) fn in_flight(&self) -> Option<Arc<Exchange>> {
        self.has(BUSY).then(|| Arc::clone(&self.lock().exchange))
    }

    /// Whether the client ended its side.
    pub(crate) fn is_ended(&self) -> bool {
        self.has(ENDED)
    }

    /// Whether there is nothing left to read: the client ended its side, or the stream broke.
    pub(crate) fn is_over(&self) -> bool {
        self.has(ENDED | RESET)
    }

    /// The connection is over: tells the token of what is in flight why.
    pub(crate) fn disconnect(&self, cause: Cause) {
        // An answer that broke by itself is no fault of the client's.
        if let Some(exchange) = self.in_flight()
            && (exchange.current_fault().is_none() || self.is_over())
        {
            exchange.disconnect(cause);
        }
    }

    /// The connection is over and hyper's part of it dropped: tells what was never flushed, if there is any.
    pub(crate) fn end(&self, cause: Cause) -> bool {
        if !self.has(BUSY) {
            return false;
        }
        self.clear(BUSY);
        let mut current = self.lock();
        let unflushed = std::mem::take(&mut current.unflushed);
        let exchange = Arc::clone(&current.exchange);
        drop(current);
        for exchange in unflushed.into_iter().chain([exchange]) {
            let failed = exchange.current_fault().is_some() && exchange.cause().is_none();
            exchange.tell(if failed { Delivery::Failed } else { Delivery::Aborted(cause) });
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn has(&self, flag: u16) -> bool {
        self.flags.load(Ordering::Relaxed) & flag != 0
    }

    // One task writes, so a load and a store do, where an atomic operation would cost more.
    #[inline]
    fn set(&self, flag: u16) {
        self.flags.store(self.flags.load(Ordering::Relaxed) | flag, Ordering::Relaxed);
    }

    #[inline]
    fn clear(&self, flag: u16) {
        self.flags.store(self.flags.load(Ordering::Relaxed) & !flag, Ordering::Relaxed);
    }

    /// hyper has read the end of the stream.
    #[cold]
    fn ended(&self) {
        self.set(ENDED);
        if self.half_close == HalfClose::Gone {
            self.disconnect(Cause::Closed);
        }
    }

    /// As [`flushed`](Duties::flushed), for an answer that somebody may follow, or that has several pieces.
    #[inline(never)]
    fn flushed_last(&self) {
        let mut current = self.lock();
        if !current.unflushed.is_empty() {
            self.clear(UNFLUSHED);
            Self::tell_unflushed(&mut current);
        }
        if current.left.as_ref().is_some_and(|left| !left.is_over()) {
            return;
        }
        if current.exchange.has_ended() {
            self.clear(BUSY | BEGUN | QUIET);
            if current.exchange.is_watched() {
                let exchange = Arc::clone(&current.exchange);
                drop(current);
                if exchange.current_fault() == Some(Fault::Surplus) {
                    // An app that miscounts once has perhaps lost its place: nothing more of it here.
                    self.set(CLOSING);
                }
                exchange.tell(Delivery::Whole(AcceptedBy::System));
            }
        }
    }

    #[cold]
    fn tell_unflushed(current: &mut Current) {
        for exchange in current.unflushed.drain(..) {
            exchange.tell(Delivery::Whole(AcceptedBy::System));
        }
    }
}

impl Current {
    /// Lets go of what only the last request had; keeps its exchange, and tells so, if it is still to be told and anybody
    /// wants to know.
    #[cold]
    fn leave_last(&mut self, is_busy: bool) -> bool {
        if let Some(clock) = self.unread.take().and_then(|unread| unread.take_clock()) {
            self.clock = Some(clock);
        }
        (self.left, self.large) = (None, None);
        let is_kept = is_busy && (self.exchange.is_watched() || Arc::strong_count(&self.exchange) > 1);
        if is_kept {
            self.unflushed.push(Arc::clone(&self.exchange));
        }
        is_kept
    }
}

impl Known for Wire {
    #[inline]
    fn may_exceed(&self, bytes: usize) -> bool {
        self.head.load(Ordering::Relaxed) > bytes
    }

    #[inline]
    fn host(&self) -> &OnceLock<HeaderValue> {
        &self.host
    }
}

impl Duties for &Wire {
    #[inline]
    fn read(&self, bytes: usize) {
        if bytes > 0 {
            self.read.store(self.read.load(Ordering::Relaxed).saturating_add(bytes), Ordering::Relaxed);
            self.set(BEGUN);
        } else {
            self.ended();
        }
    }

    fn broken(&self, _: &io::Error) {
        self.set(RESET);
    }

    #[inline]
    fn wrote(&self, progress: Progress) {
        match progress {
            Progress::Bytes(bytes) => {
                self.clear(BLOCKED);
                self.written.store(self.written.load(Ordering::Relaxed) + bytes as u64, Ordering::Relaxed);
            }
            Progress::Blocked => self.set(BLOCKED),
        }
    }

    #[inline(always)]
    fn take_informational(&self) -> Option<Bytes> {
        self.heads.take()
    }

    fn sent_informational(&self) {
        self.heads.written();
    }

    #[inline(always)]
    fn flushed(&self) {
        let flags = self.flags.load(Ordering::Relaxed);
        if flags & (BUSY | HELD | QUIET | HAS_PIECES | UNFLUSHED) == BUSY | QUIET {
            return self.flags.store(flags & !(BUSY | BEGUN | QUIET), Ordering::Relaxed);
        }
        if flags & (BUSY | HELD) == BUSY {
            self.flushed_last();
        }
    }

    #[inline]
    fn gathers(&self) -> bool {
        self.has(PIPELINES)
    }

    fn is_answering(&self) -> bool {
        let flags = self.flags.load(Ordering::Relaxed);
        let current = self.lock();
        flags & BUSY != 0
            && (flags & HELD != 0
                || !current.exchange.has_ended()
                || current.left.as_ref().is_some_and(|left| !left.is_over()))
    }

    #[inline(always)]
    fn large(&self) -> Option<Bytes> {
        if self.has(HAS_LARGE) { self.large_left() } else { None }
    }

    fn wrote_large(&self, bytes: usize) {
        if let Some(large) = (**self).large() {
            large.wrote(bytes);
        }
    }

    #[inline]
    fn may_wait(&self) -> bool {
        // Behind a body that the client still sends, hyper doesn't look for a next request.
        let against = HELD | HAS_BODY | HAS_PIECES | UNFLUSHED;
        self.flags.load(Ordering::Relaxed) & (BUSY | QUIET | PIPELINES | against) == BUSY | QUIET | PIPELINES
    }

    #[inline]
    fn watches(&self) -> Option<HalfClose> {
        // Once hyper has read the end itself, the app that waits for its body is told by that.
        (self.flags.load(Ordering::Relaxed) & (BUSY | ENDED) == BUSY).then_some(self.half_close)
    }

    fn gone(&self, cause: Cause) {
        self.set(if cause == Cause::Closed { ENDED } else { RESET });
        self.disconnect(cause);
    }
}
