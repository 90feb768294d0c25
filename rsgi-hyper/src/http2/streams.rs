//! What an HTTP/2 connection and its streams know of each other.
//!
//! Unlike HTTP/1's, the streams are tasks of their own and may run on other threads than the connection's.
//!
//! Invariant: every exchange is told exactly once: when its stream is dropped, or, if all of it was given to h2, after
//! the connection's next flush.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    /// An app asked for the connection's end.
    closing: AtomicBool,
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
    /// Why the connection ended, if it has.
    cause: Option<Cause>,
}

/// One request and its answer on an HTTP/2 connection; dropped when both are over.
#[derive(Debug)]
pub(crate) struct Stream {
    streams: Arc<Streams>,
    exchange: Arc<Exchange>,
    state: AtomicU8,
}

impl Streams {
    pub(crate) fn new(connection: Arc<Connection>) -> Arc<Self> {
        Arc::new(Self {
            active: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            written: AtomicU64::new(0),
            blocked: AtomicBool::new(false),
            flushes: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            waits: AtomicBool::new(false),
            shared: Mutex::new(Shared {
                last: Exchange::new(connection),
                unflushed: Vec::new(),
                waiters: Vec::new(),
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
        Arc::new(Stream { streams: Arc::clone(self), exchange, state: AtomicU8::new(OPEN) })
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Asks for the connection's end.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Whether an app asked for the connection's end.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    pub(crate) fn waiting(&self) -> Waiting {
        if self.blocked.load(Ordering::Relaxed) {
            Waiting::Client(self.written.load(Ordering::Relaxed))
        } else if self.active.load(Ordering::Relaxed) > 0 {
            Waiting::App
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

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sent(&self, exchange: &Arc<Exchange>) {
        if !exchange.is_watched() {
            return;
        }
        let mut shared = self.lock();
        if let Some(cause) = shared.cause {
            drop(shared);
            return exchange.tell(Delivery::Aborted(cause));
        }
        shared.unflushed.push(Arc::clone(exchange));
        self.waits.store(true, Ordering::SeqCst);
    }
}

impl Stream {
    pub(crate) fn exchange(&self) -> &Arc<Exchange> {
        &self.exchange
    }

    /// All of the answer was given to h2.
    pub(crate) fn ended(&self) {
        self.state.store(ENDED, Ordering::Relaxed);
    }

    /// The answer broke.
    pub(crate) fn failed(&self) {
        self.state.store(FAILED, Ordering::Relaxed);
    }

    /// Somebody else tells what becomes of it.
    pub(crate) fn left(&self) {
        self.state.store(LEFT, Ordering::Relaxed);
    }

    /// How often the connection has flushed.
    pub(crate) fn flushes(&self) -> u64 {
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
        match self.state.load(Ordering::Relaxed) {
            ENDED => self.streams.sent(&self.exchange),
            FAILED => self.exchange.tell(Delivery::Failed),
            LEFT => {}
            _ => {
                let cause = self.streams.lock().cause.unwrap_or(Cause::Reset);
                self.exchange.disconnect(cause);
                self.exchange.tell(Delivery::Aborted(cause));
            }
        }
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
