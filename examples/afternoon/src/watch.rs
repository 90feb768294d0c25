//! The one thread that watches every connection whose request is being answered: for clients that leave while an app
//! waits or blocks, and for bytes that an app's polled input waits for.
//!
//! Bytes are seen at once, a client's leaving at the next tick. What blocks in a read sees both by itself.

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use rsgi_core::server::HalfClose;
use rsgi_core::{Cause, Exchange};
use rustix::event::{PollFd, PollFlags, poll};

use crate::wire::{Wire, poll_now, timeout};

/// How often it is looked whether clients have left.
const TICK: Duration = Duration::from_millis(20);
/// How long an app may take to come back for what it waited for, before its client's end counts as leaving.
const GRACE: Duration = Duration::from_millis(200);

/// Wakes a thread out of `poll`.
pub(crate) struct Bell {
    pub(crate) reader: PipeReader,
    writer: PipeWriter,
    /// Whether a byte is in the pipe, which therefore never fills.
    has_rung: AtomicBool,
}

impl Bell {
    pub(crate) fn new() -> std::io::Result<Self> {
        let (reader, writer) = std::io::pipe()?;
        Ok(Self { reader, writer, has_rung: AtomicBool::new(false) })
    }

    pub(crate) fn ring(&self) {
        if !self.has_rung.swap(true, Ordering::SeqCst) {
            let _cannot_fail_while_we_hold_the_reader = (&self.writer).write(&[0]);
        }
    }

    /// Takes the ringing back, before what it stands for is looked at.
    pub(crate) fn hush(&self) {
        let _is_there = (&self.reader).read(&mut [0; 1]);
        self.has_rung.store(false, Ordering::SeqCst);
    }
}

/// A request that is being answered.
pub(crate) struct Watched {
    pub(crate) wire: Arc<Wire>,
    pub(crate) exchange: Arc<Exchange>,
    half_close: HalfClose,
    reader: Mutex<Reader>,
}

/// Who reads the request's body just now.
enum Reader {
    Nobody,
    Waiting(Waker, Option<Instant>),
    /// A thread, which sees the client's end by itself.
    Blocked,
    /// It was woken, or got an error, and may want to answer.
    Served(Instant),
}

impl Watched {
    pub(crate) fn new(wire: Arc<Wire>, exchange: Arc<Exchange>, half_close: HalfClose) -> Self {
        Self { wire, exchange, half_close, reader: Mutex::new(Reader::Nobody) }
    }

    fn reader(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read_blocks(&self) {
        *self.reader() = Reader::Blocked;
    }

    pub(crate) fn read_waits(&self, waker: Waker, deadline: Option<Instant>) {
        *self.reader() = Reader::Waiting(waker, deadline);
    }

    pub(crate) fn read_ended(&self) {
        *self.reader() = Reader::Nobody;
    }

    pub(crate) fn read_failed(&self) {
        *self.reader() = Reader::Served(Instant::now());
    }

    fn serve_reader(&self) {
        let mut reader = self.reader();
        match mem::replace(&mut *reader, Reader::Served(Instant::now())) {
            Reader::Waiting(waker, _) => {
                drop(reader);
                waker.wake();
            }
            other => *reader = other,
        }
    }

    /// What the socket's state means; `None` while the client is there.
    fn gone(&self, flags: PollFlags) -> Option<Cause> {
        match &*self.reader() {
            Reader::Blocked | Reader::Waiting(..) => return None,
            Reader::Served(since) if since.elapsed() < GRACE => return None,
            _ => {}
        }
        let is_half_open = self.half_close == HalfClose::Answered || self.exchange.is_upgraded();
        if flags.contains(PollFlags::ERR) {
            Some(Cause::Reset)
        } else if flags.contains(PollFlags::HUP) || flags.contains(PollFlags::RDHUP) && !is_half_open {
            Some(Cause::Closed)
        } else {
            None
        }
    }
}

/// The watching thread's part that all see.
pub(crate) struct Watcher {
    watched: Mutex<Vec<Arc<Watched>>>,
    bell: Bell,
    is_over: AtomicBool,
}

impl Watcher {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self { watched: Mutex::default(), bell: Bell::new()?, is_over: AtomicBool::new(false) })
    }

    fn watched(&self) -> MutexGuard<'_, Vec<Arc<Watched>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, one: &Arc<Watched>) {
        let mut watched = self.watched();
        watched.push(Arc::clone(one));
        if watched.len() == 1 {
            self.bell.ring();
        }
    }

    pub(crate) fn remove(&self, one: &Arc<Watched>) {
        self.watched().retain(|other| !Arc::ptr_eq(one, other));
    }

    /// Has what waits for bytes looked at.
    pub(crate) fn ring(&self) {
        self.bell.ring();
    }

    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.bell.ring();
    }

    /// What the thread does.
    pub(crate) fn run(&self) {
        let mut tick = Instant::now();
        while !self.is_over.load(Ordering::SeqCst) {
            let watched = self.watched().clone();
            self.serve_readers(&watched, (!watched.is_empty()).then_some(tick));
            if tick <= Instant::now() {
                self.sweep();
                tick = Instant::now() + TICK;
            }
        }
    }

    /// Wakes those whose bytes are there, or whose time is over.
    fn serve_readers(&self, watched: &[Arc<Watched>], mut until: Option<Instant>) {
        let mut waiting = Vec::new();
        for one in watched {
            if let Reader::Waiting(_, deadline) = &*one.reader() {
                until = [until, *deadline].into_iter().flatten().min();
                waiting.push((one, *deadline));
            }
        }
        let mut fds = vec![PollFd::new(&self.bell.reader, PollFlags::IN)];
        fds.extend(waiting.iter().map(|(one, _)| PollFd::new(&one.wire.stream, PollFlags::IN)));
        if poll(&mut fds, timeout(until).as_ref()).is_err() {
            return;
        }
        if !fds[0].revents().is_empty() {
            self.bell.hush();
        }
        let now = Instant::now();
        for ((one, deadline), fd) in waiting.iter().zip(&fds[1..]) {
            if !fd.revents().is_empty() || deadline.is_some_and(|deadline| deadline <= now) {
                one.serve_reader();
            }
        }
    }

    /// Tells those whose client has left.
    fn sweep(&self) {
        let watched = self.watched().clone();
        let sockets: Vec<_> = watched.iter().map(|one| &one.wire.stream).collect();
        for (one, flags) in watched.iter().zip(poll_now(&sockets, PollFlags::RDHUP)) {
            if let Some(cause) = one.gone(flags) {
                one.exchange.disconnect(cause);
                self.remove(one);
            }
        }
    }
}
