//! What an HTTP/2 connection and its streams know of each other.
//!
//! Unlike HTTP/1's, the streams are tasks of their own and may run on other threads than the connection's.
//!
//! A stream lives until h2 has let go of all its pieces (`piece.rs`), so that what a client holds back by its windows is
//! neither taken for sent nor for idleness.
//!
//! Invariant: every exchange is told exactly once: when its stream is dropped, or, if h2 has written all of it, after
//! the connection's next flush.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use rsgi_core::bytes::Bytes;
use rsgi_core::server::HalfClose;
use rsgi_core::{AcceptedBy, Cause, Connection, Delivery, Exchange};

use crate::drive::Waiting;
use crate::transport::{Duties, Progress};

/// The shared part of one HTTP/2 connection.
#[derive(Debug)]
pub(crate) struct Streams {
    active: AtomicUsize,
    requests: AtomicU64,
    /// Bytes that the byte stream took, and whether it takes more now.
    written: AtomicU64,
    blocked: AtomicBool,
    flushes: AtomicU64,
    /// Pieces of answers that h2 holds, and bytes of pieces that it has written.
    held: AtomicUsize,
    taken: AtomicU64,
    /// An app asked for the connection's end.
    closing: AtomicBool,
    /// The client has left more requests at work behind it than it may have.
    abused: AtomicBool,
    /// The most requests at once.
    limit: usize,
    /// Whether `shared` has something to do at a flush.
    waits: AtomicBool,
    shared: Mutex<Shared>,
}

#[derive(Debug)]
struct Shared {
    last: Arc<Exchange>,
    unflushed: Vec<Arc<Exchange>>,
    /// Streams that wait for a flush.
    waiters: Vec<Waker>,
    /// Requests that the client has reset, and that their apps may not have let go of.
    abandoned: Vec<Weak<Exchange>>,
    /// The connection's own task.
    task: Option<Waker>,
    /// Why the connection ended, if it has.
    cause: Option<Cause>,
}

/// One request and its answer on an HTTP/2 connection; dropped when both are over.
#[derive(Debug)]
pub(crate) struct Stream {
    streams: Arc<Streams>,
    exchange: Arc<Exchange>,
    state: AtomicU8,
    /// Bytes that were given and that h2 hasn't written yet.
    unwritten: AtomicUsize,
}

impl Streams {
    /// What a connection knows that may have `limit` requests at once.
    pub(crate) fn new(connection: Arc<Connection>, limit: usize) -> Arc<Self> {
        Arc::new(Self {
            active: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            written: AtomicU64::new(0),
            blocked: AtomicBool::new(false),
            flushes: AtomicU64::new(0),
            held: AtomicUsize::new(0),
            taken: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            abused: AtomicBool::new(false),
            limit,
            waits: AtomicBool::new(false),
            shared: Mutex::new(Shared {
                last: Exchange::new(connection),
                unflushed: Vec::new(),
                waiters: Vec::new(),
                abandoned: Vec::new(),
                task: None,
                cause: None,
            }),
        })
    }

    /// A request's head is there.
    pub(crate) fn begin(self: &Arc<Self>) -> Arc<Stream> {
        let mut shared = self.lock();
        Exchange::begin(&mut shared.last, Instant::now());
        let exchange = Arc::clone(&shared.last);
        drop(shared);
        self.active.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        let streams = Arc::clone(self);
        Arc::new(Stream { streams, exchange, state: AtomicU8::new(OPEN), unwritten: AtomicUsize::new(0) })
    }

    /// Remembers the connection's task, to be woken by what its streams do.
    pub(crate) fn attend(&self, task: &Waker) {
        self.lock().task = Some(task.clone());
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Requests that aren't over.
    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// Asks for the connection's end.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Whether an app asked for the connection's end.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Whether the client has left more requests at work behind it, reset and not yet over, than it may have at once.
    pub(crate) fn is_abused(&self) -> bool {
        self.abused.load(Ordering::Relaxed)
    }

    /// The bytes that clients have taken of answers; `None` while there is nothing that they could take.
    pub(crate) fn taken(&self) -> Option<u64> {
        let holds = self.held.load(Ordering::Relaxed) > 0;
        holds.then(|| self.taken.load(Ordering::Relaxed))
    }

    pub(crate) fn waiting(&self) -> Waiting {
        if self.blocked.load(Ordering::Relaxed) {
            Waiting::Client(self.written.load(Ordering::Relaxed))
        } else if self.active.load(Ordering::Relaxed) > 0 {
            Waiting::Streams
        } else {
            Waiting::Request(self.requests())
        }
    }

    /// The connection is over: what its streams have yet to tell has this cause.
    pub(crate) fn end(&self, cause: Cause) {
        let mut shared = self.lock();
        shared.cause.get_or_insert(cause);
        let unflushed = std::mem::take(&mut shared.unflushed);
        let waiters = std::mem::take(&mut shared.waiters);
        drop(shared);
        for exchange in unflushed {
            exchange.tell(Delivery::Aborted(cause));
        }
        for waiter in waiters {
            waiter.wake();
        }
    }

    /// Keeps count of a request whose client has gone while something of it goes on, such as a blocking call that can't
    /// be ended: resets must not buy a client more work at once than its streams do (CVE-2023-44487).
    fn abandon(&self, exchange: &Arc<Exchange>) {
        let mut shared = self.lock();
        shared.abandoned.push(Arc::downgrade(exchange));
        if shared.abandoned.len() <= self.limit {
            return;
        }
        shared.abandoned.retain(|exchange| exchange.strong_count() > 0);
        if shared.abandoned.len() > self.limit {
            self.abused.store(true, Ordering::Relaxed);
            wake(&shared);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the exchange told at the next flush; gives whether there is anything to tell.
    fn sent(&self, exchange: &Arc<Exchange>) -> bool {
        if !exchange.is_watched() {
            return false;
        }
        let mut shared = self.lock();
        if let Some(cause) = shared.cause {
            drop(shared);
            exchange.tell(Delivery::Aborted(cause));
            return false;
        }
        shared.unflushed.push(Arc::clone(exchange));
        self.waits.store(true, Ordering::SeqCst);
        true
    }
}

impl Stream {
    pub(crate) fn exchange(&self) -> &Arc<Exchange> {
        &self.exchange
    }

    /// All of the answer was given to h2, its end behind the last piece.
    pub(crate) fn ended(&self) {
        self.state.store(ENDED, Ordering::Relaxed);
    }

    /// The piece that is given next ends the answer.
    pub(crate) fn ends(&self) {
        self.state.store(LAST, Ordering::Relaxed);
    }

    /// A piece of so many bytes is given to h2.
    pub(crate) fn gave(&self, bytes: usize) {
        self.unwritten.fetch_add(bytes, Ordering::Relaxed);
        self.streams.held.fetch_add(1, Ordering::Relaxed);
    }

    /// h2 has written so many bytes of a piece.
    pub(crate) fn wrote(&self, bytes: usize) {
        self.streams.taken.fetch_add(bytes as u64, Ordering::Relaxed);
        let before = self.unwritten.fetch_sub(bytes, Ordering::Relaxed);
        if before == bytes && self.state.load(Ordering::Relaxed) == LAST {
            // Here and not at the stream's drop: that comes behind the flush.
            self.state.store(TOLD, Ordering::Relaxed);
            self.streams.sent(&self.exchange);
        }
    }

    /// h2 has let go of a piece.
    pub(crate) fn let_go(&self) {
        self.streams.held.fetch_sub(1, Ordering::Relaxed);
    }

    /// The answer broke.
    pub(crate) fn failed(&self) {
        self.state.store(FAILED, Ordering::Relaxed);
    }

    /// Somebody else tells what becomes of it.
    pub(crate) fn left(&self) {
        self.state.store(LEFT, Ordering::Relaxed);
    }

    /// Has the connection flush, and tells how often it had before. By its task and not by an empty frame: a client on the h2
    /// crate takes a hundred of those in a connection's life, and then ends it.
    pub(crate) fn flush(&self) -> u64 {
        let before = self.flushes();
        wake(&self.streams.lock());
        before
    }

    fn flushes(&self) -> u64 {
        self.streams.flushes.load(Ordering::SeqCst)
    }

    /// Waits for a flush after so many.
    pub(crate) fn poll_flushed(&self, before: u64, context: &mut Context<'_>) -> Poll<()> {
        let mut shared = self.streams.lock();
        self.streams.waits.store(true, Ordering::SeqCst);
        if self.flushes() > before || shared.cause.is_some() {
            return Poll::Ready(());
        }
        shared.waiters.push(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.streams.active.fetch_sub(1, Ordering::Relaxed);
        let is_written = *self.unwritten.get_mut() == 0;
        match *self.state.get_mut() {
            LAST | ENDED if is_written => {
                // The flush may have been before this drop, on another thread: there must be one behind it.
                if self.streams.sent(&self.exchange) {
                    wake(&self.streams.lock());
                }
            }
            FAILED => self.exchange.tell(Delivery::Failed),
            LEFT | TOLD => {}
            _ => {
                let cause = self.streams.lock().cause.unwrap_or(Cause::Reset);
                self.exchange.disconnect(cause);
                self.exchange.tell(Delivery::Aborted(cause));
                if Arc::strong_count(&self.exchange) > 1 {
                    self.streams.abandon(&self.exchange);
                }
            }
        }
    }
}

/// Wakes the connection's task.
fn wake(shared: &Shared) {
    if let Some(task) = &shared.task {
        task.wake_by_ref();
    }
}

impl Duties for Arc<Streams> {
    fn read(&self, _: usize) {}

    fn broken(&self, _: &io::Error) {}

    fn wrote(&self, progress: Progress) {
        match progress {
            Progress::Bytes(bytes) => {
                self.blocked.store(false, Ordering::Relaxed);
                self.written.fetch_add(bytes as u64, Ordering::Relaxed);
            }
            Progress::Blocked => self.blocked.store(true, Ordering::Relaxed),
        }
    }

    /// h2 could send them, hyper gives no way to.
    fn take_informational(&self) -> Option<Bytes> {
        None
    }

    fn sent_informational(&self) {}

    fn gathers(&self) -> bool {
        false
    }

    fn may_wait(&self) -> bool {
        false
    }

    fn is_answering(&self) -> bool {
        false
    }

    fn large(&self) -> Option<Bytes> {
        None
    }

    fn wrote_large(&self, _: usize) {}

    fn flushed(&self) {
        self.flushes.fetch_add(1, Ordering::SeqCst);
        if !self.waits.swap(false, Ordering::SeqCst) {
            return;
        }
        let mut shared = self.lock();
        let unflushed = std::mem::take(&mut shared.unflushed);
        let waiters = std::mem::take(&mut shared.waiters);
        drop(shared);
        for exchange in unflushed {
            exchange.tell(Delivery::Whole(AcceptedBy::Protocol));
        }
        for waiter in waiters {
            waiter.wake();
        }
    }

    /// h2 always reads.
    fn watches(&self) -> Option<HalfClose> {
        None
    }

    fn gone(&self, _: Cause) {}
}

/// The states of a stream.
const OPEN: u8 = 0;
const ENDED: u8 = 1;
const FAILED: u8 = 2;
const LEFT: u8 = 3;
/// The last piece was given, and is the end.
const LAST: u8 = 4;
/// The outcome is to be told at the next flush.
const TOLD: u8 = 5;
