//! One connection: what it is about ([`Stage`]), and what it keeps whatever it is about ([`Line`]).
//!
//! The stages are the states of one machine; `protocol.rs` says what moves it on. A connection at rest holds no buffer
//! and no thread. Not here: what others may reach while a handler has it (`shared.rs`).
//!
//! Invariant: at its end the socket is let go of everywhere, and a request under way is told why.
//! Next: `protocol.rs`.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use http::Version;
use rsgi_core::http_body::Body as _;
use rsgi_core::{Cause, Delivery, Environ, Outgoing};
use rsgi_threads::{Interest, Next, Parked, Readiness};

use crate::body_in::Inbound;
use crate::body_out::Coding;
use crate::h1::{BodyDecoder, HeadProgress, Reject};
use crate::open::Opening;
use crate::shared::Shared;
use crate::transport::Transport;

/// Room for an app's future, to be used again and again.
pub(crate) type Slot<F> = Pin<Box<Option<F>>>;

/// A connection.
pub(crate) struct Conn<F> {
    pub(crate) stage: Stage<F>,
    pub(crate) line: Line,
}

/// What a connection is about.
pub(crate) enum Stage<F> {
    /// Before the first head: a PROXY header, a TLS handshake.
    Open(Box<Opening>),
    /// Between requests, or within a head.
    Head,
    /// A small body is read before the app is called (`request_buffer`).
    Ahead(Call),
    /// A request is due to be run.
    Call(Call),
    /// The app's future is pending.
    App(Slot<F>, Parked),
    /// The answer's body is on its way: polled, or a file.
    Body(Box<Outgoing>, Coding, Parked),
    /// Everything was handed over, and the client has yet to take some of it.
    Flush,
    /// An upgraded stream whose outbound half has ended, while the app still reads.
    HalfClosed,
    /// What is left of the request's body is read and thrown away.
    Discard(Box<Discarding>),
    /// Our half is closed; what still comes is thrown away, so that the answer isn't lost in a reset.
    Linger {
        /// How many bytes of it are read at most; what is more waits in the system until the time is over.
        allowed: u64,
    },
}

/// A body that is read and thrown away.
#[derive(Debug)]
pub(crate) struct Discarding {
    pub(crate) decoder: BodyDecoder,
    /// How many bytes of it are read at most.
    pub(crate) allowed: u64,
}

/// A request that is due to be run.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) environ: Environ,
    /// Whether its body is read before the app is called.
    pub(crate) ahead: bool,
    /// Counts it among those that wait for a thread, where there is a limit on them.
    pub(crate) waiting: Option<Waiting>,
}

/// One of those that wait for a thread.
#[derive(Debug)]
pub(crate) struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    /// Counts one more, unless so many wait already.
    pub(crate) fn begin(count: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let waiting = Self(Arc::clone(count));
        (count.fetch_add(1, Ordering::Relaxed) < most).then_some(waiting)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a connection keeps, whatever it is about.
pub(crate) struct Line {
    pub(crate) transport: Transport,
    pub(crate) shared: Arc<Shared>,
    /// Bytes that were read and not used yet.
    pub(crate) buf: BytesMut,
    pub(crate) progress: HeadProgress,
    /// Whether some of the next head is there.
    pub(crate) head_begun: bool,
    /// What was found behind the present request, when its answer was ready, if it was no request.
    pub(crate) upcoming: Option<Upcoming>,
    /// The body of the request under way.
    pub(crate) inbound: Option<Arc<Inbound>>,
    pub(crate) served: u64,
    /// When the present stage is over, if nothing comes.
    pub(crate) deadline: Option<Instant>,
    /// Until when the client may take to make room for what waits to be written.
    pub(crate) writes: Writes,
    pub(crate) terms: Terms,
    pub(crate) after: After,
    /// Whether the content ends with the connection: HTTP/1.0, an upgraded stream.
    pub(crate) ends_content: bool,
    pub(crate) socket: Socket,
    /// Whether the last request's content didn't fit the window it was read into: the next one's may not, either.
    pub(crate) uploads: bool,
}

/// What is found behind a request and is no other one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Upcoming {
    /// A head that breaks a rule.
    Refused(Reject),
    /// The connection is over.
    Over,
}

/// What the request under way lays down for its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) version: Version,
    /// Whether the client lets the connection go on.
    pub(crate) keep: bool,
}

/// What becomes of the connection after the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// It goes on.
    Keep,
    /// It is closed.
    Close,
    /// It is closed while the client is still sending, or may be: that is read for a while (RFC 9112 section 9.6).
    Linger,
    /// The answer is broken: the connection ends without the content's end, so that the client can tell.
    Break,
    /// The answer is broken, and only a reset can tell.
    Reset,
}

/// Whether output waits for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writes {
    /// Nothing waits.
    Free,
    /// Something does, until then.
    Wait(Option<Instant>),
}

/// What is known of the socket's readable side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Socket {
    /// A read came back short: an event will tell of more.
    Drained,
    /// There may be bytes, or an end, of which no event will tell again.
    MayHaveMore,
    /// The client has sent its last byte, perhaps not yet read.
    Ended,
}

impl Line {
    pub(crate) fn new(transport: Transport, shared: Arc<Shared>, deadline: Option<Instant>) -> Self {
        Self {
            transport,
            shared,
            buf: BytesMut::new(),
            progress: HeadProgress::default(),
            head_begun: false,
            upcoming: None,
            inbound: None,
            served: 0,
            deadline,
            writes: Writes::Free,
            terms: Terms { version: Version::HTTP_11, keep: true },
            after: After::Keep,
            ends_content: false,
            socket: Socket::MayHaveMore,
            uploads: false,
        }
    }

    /// Wakes what is pending: the app's future, or its body. Made for a poll: a connection at rest needs none.
    #[inline]
    pub(crate) fn task(&self) -> Waker {
        Waker::from(Arc::clone(&self.shared))
    }

    /// Rests until the socket can be read.
    pub(crate) fn rest_reading(&self) -> Next {
        Next::read(self.deadline)
    }

    /// Ends a connection of which nothing is there, when the server goes down. A client that has just connected may be about to
    /// send its first request, and can't know that it may ask again: it has [`FIRST`] for it since it was accepted, which is
    /// what the deadline counts from.
    pub(crate) fn end_idle(&mut self, patience: Option<Duration>, now: Instant) -> Next {
        let latest = now + FIRST;
        if self.served > 0 {
            return Next::Close;
        }
        if self.deadline.is_none_or(|deadline| deadline > latest) {
            let accepted =
                self.deadline.zip(patience).and_then(|(deadline, time)| deadline.checked_sub(time));
            let until = accepted.map_or(latest, |accepted| accepted + FIRST);
            if until <= now {
                return Next::Close;
            }
            self.deadline = Some(until.min(latest));
        }
        self.rest_reading()
    }

    /// Rests with a future or a body that is pending: for a wake, and for what it waits for.
    pub(crate) fn rest_parked(&mut self) -> Next {
        let reads = self.inbound.as_ref().and_then(|inbound| inbound.waits());
        let (interest, deadline) = match (reads, self.writes) {
            (None, Writes::Free) => (Interest::NONE, None),
            (Some(reads), Writes::Free) => (Interest::READ, reads),
            (None, Writes::Wait(writes)) => (Interest::WRITE, writes),
            (Some(Some(reads)), Writes::Wait(Some(writes))) => (Interest::BOTH, Some(reads.min(writes))),
            (Some(reads), Writes::Wait(writes)) => (Interest::BOTH, reads.or(writes)),
        };
        self.deadline = deadline;
        Next::Wait { interest, deadline }
    }

    /// Ends a request whose client has gone, or takes too long; the connection is to be closed.
    pub(crate) fn give_up(&mut self, cause: Cause) -> Next {
        self.shared.disconnect(cause);
        let delivery = if cause == Cause::TimedOut { Delivery::TimedOut } else { Delivery::Aborted(cause) };
        self.tell(delivery);
        if cause == Cause::TimedOut {
            // The system would go on trying to send what the client doesn't take.
            self.transport.reset_at_close();
        }
        Next::Close
    }

    /// Tells the outcome of the request under way, if there is one.
    pub(crate) fn tell(&self, delivery: Delivery) {
        if let Some(exchange) = self.shared.end() {
            exchange.tell(delivery);
        }
    }
}

impl<F> Conn<F> {
    /// An app or a body is pending, and something happened.
    pub(crate) fn parked(&mut self, readiness: Readiness) -> Next {
        let line = &mut self.line;
        if let Some(hangup) = readiness.hangup()
            && line.shared.hang_up(hangup).is_some()
        {
            // What is pending is dropped by `run`: a drop may block.
            return Next::Run;
        }
        let read = readiness.readable() && line.inbound.as_ref().is_some_and(|inbound| inbound.wake());
        let write = readiness.writable() && line.writes != Writes::Free;
        if read || write || readiness.woken() { Next::Run } else { line.rest_parked() }
    }

    /// What a pending app or body waits for took too long.
    pub(crate) fn parked_too_long(&mut self, now: Instant) -> Next {
        let line = &mut self.line;
        if let Writes::Wait(Some(at)) = line.writes
            && at <= now
        {
            line.shared.disconnect(Cause::TimedOut);
            return Next::Run;
        }
        let Some(inbound) = &line.inbound else { return line.rest_parked() };
        let late = inbound.waits().flatten().is_some_and(|at| at <= now);
        if late && inbound.time_out() { Next::Run } else { line.rest_parked() }
    }

    /// Ends a connection whose client has gone: what was pending is dropped, then the outcome told.
    pub(crate) fn abandon(&mut self, cause: Cause) -> Next {
        self.stage = Stage::Head;
        self.line.give_up(cause)
    }
}

impl<F> Drop for Conn<F> {
    /// The app's future and the body are dropped after this, by whoever had the connection last.
    fn drop(&mut self) {
        if let Some(inbound) = self.line.inbound.take() {
            inbound.take_back();
        }
        if let Some((exchange, gone)) = self.line.shared.close() {
            let cause = gone.unwrap_or(Cause::ServerStopped);
            exchange.disconnect(cause);
            exchange.tell(Delivery::Aborted(cause));
        }
    }
}

impl<F> std::fmt::Debug for Stage<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Open(_) => "Open",
            Self::Head => "Head",
            Self::Ahead(_) => "Ahead",
            Self::Call(_) => "Call",
            Self::App(..) => "App",
            Self::Body(body, ..) if body.is_end_stream() => "Body(ended)",
            Self::Body(..) => "Body",
            Self::Flush => "Flush",
            Self::HalfClosed => "HalfClosed",
            Self::Discard(_) => "Discard",
            Self::Linger { .. } => "Linger",
        })
    }
}

/// How long a client that has connected has for the first byte of its request when the server goes down: many times what one
/// that was sent already is under way.
const FIRST: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::sync::Mutex;
    use std::sync::atomic::AtomicUsize;

    use rsgi_core::Connection;
    use rsgi_threads::Stream;

    use super::*;

    /// A connection at rest is these, once each, and the engine's words for it; how large a future is changes nothing.
    #[test]
    fn what_a_connection_at_rest_keeps_stays_small() {
        const COUNTS: usize = 2 * size_of::<AtomicUsize>();
        type Large = [u8; 4096];
        let conn = size_of::<Mutex<Option<Conn<Large>>>>();
        let link = size_of::<Mutex<Option<(Arc<Shared>, Stream)>>>();
        let shared = COUNTS + size_of::<Shared>();
        let facts = COUNTS + size_of::<Connection>();
        let socket = COUNTS + size_of::<OwnedFd>();
        let parts = (conn, link, shared, facts, socket);
        // With TLS and tokio built in; 16 fewer without.
        assert!(conn + link + shared + facts + socket <= 436, "{parts:?}");
    }
}
