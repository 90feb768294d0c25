//! [`SocketSink`]: where a blocking body is written to: the connection's gathered output, on the handler's thread.
//!
//! Small pieces are gathered up to a bound and go out together; what has lain there for a tick is sent by the engine's
//! watchdog while the app computes (PEP 3333, "Buffering and Streaming"). A piece that comes after a pause goes out at
//! once: nothing says that more will follow soon, and an event shouldn't wait for the tick. A piece beyond the bound waits for the client,
//! which is the backpressure. Not here: bodies that are polled (`stream.rs`) and files (`sendfile.rs`).
//!
//! Invariant: the lock is never held while waiting. Next: `wire.rs`.

use std::io;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rsgi_core::http::HeaderMap;
use rsgi_core::{Cause, Sink};
use rsgi_threads::{Waited, wait_writable};

use crate::h1;
use crate::shared::{Shared, gone_error};
use crate::wire::{Flushed, LARGE, Wire};

/// How an answer's content is framed on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// As it is: a declared length, until close, or an upgraded stream.
    Plain,
    /// In chunks.
    Chunked,
}

impl Coding {
    /// Appends a piece that is copied.
    pub(crate) fn append(self, wire: &mut Wire, piece: &[u8]) {
        match self {
            Self::Plain => wire.append(piece),
            Self::Chunked => h1::encode_chunk(wire.small(), piece),
        }
    }

    /// Adds a piece that may be large.
    pub(crate) fn push(self, wire: &mut Wire, piece: Bytes) {
        let tail: &[u8] = match (self, NonZeroUsize::new(piece.len())) {
            (_, None) => return,
            (Self::Plain, _) => &[],
            (Self::Chunked, Some(size)) => {
                h1::encode_chunk_size(wire.small(), size);
                h1::CHUNK_END
            }
        };
        wire.push(piece, tail);
    }

    /// Appends the end of the content.
    pub(crate) fn end(self, wire: &mut Wire, trailers: Option<&HeaderMap>) {
        if self == Self::Chunked {
            for name in h1::encode_last_chunk(wire.small(), trailers) {
                tracing::warn!(target: "rsgi", trailer = name.as_str(), "forbidden trailer removed");
            }
        }
    }
}

/// Writes a blocking body to its connection.
pub(crate) struct SocketSink<'a> {
    shared: &'a Shared,
    coding: Coding,
    bound: usize,
    write_timeout: Option<Duration>,
    trailers: Option<HeaderMap>,
    /// When the last piece came that found nothing gathered.
    last: Instant,
    /// Why the client counts as gone, for the outcome.
    pub(crate) failed: Option<Cause>,
}

impl<'a> SocketSink<'a> {
    pub(crate) fn new(
        shared: &'a Shared,
        coding: Coding,
        bound: usize,
        write_timeout: Option<Duration>,
    ) -> Self {
        Self { shared, coding, bound, write_timeout, trailers: None, last: Instant::now(), failed: None }
    }

    /// Appends the end of the content, for whoever flushes next.
    pub(crate) fn end(&mut self) {
        self.coding.end(&mut self.shared.lock().wire, self.trailers.take().as_ref());
    }

    /// Takes a piece that is copied.
    fn gather(&mut self, piece: &[u8]) -> io::Result<()> {
        let full = {
            let mut state = self.shared.lock();
            if let Some(cause) = state.wire.gone {
                drop(state);
                return Err(self.fail(cause));
            }
            let alone = state.wire.is_empty() && self.after_a_pause();
            self.coding.append(&mut state.wire, piece);
            // What the system doesn't take, and an error, are found by whoever comes next.
            if !(alone && state.wire.send().unwrap_or(false)) {
                self.shared.ask_for_tick(&mut state);
            }
            state.wire.len() >= self.bound
        };
        if full { self.drain() } else { Ok(()) }
    }

    /// Tells whether no piece came for a while; asked of those that find nothing gathered.
    fn after_a_pause(&mut self) -> bool {
        let now = Instant::now();
        now - std::mem::replace(&mut self.last, now) >= PAUSE
    }

    /// Waits until the system has everything.
    fn drain(&mut self) -> io::Result<()> {
        let mut deadline = self.deadline();
        loop {
            let stream = {
                let mut state = self.shared.lock();
                if let Some(cause) = state.wire.gone {
                    drop(state);
                    return Err(self.fail(cause));
                }
                match state.wire.flush() {
                    Ok(Flushed::All) => return Ok(()),
                    Ok(Flushed::Some) => deadline = self.deadline(),
                    Ok(Flushed::Nothing) => {}
                    Err(error) => {
                        self.failed.get_or_insert(Cause::Reset);
                        return Err(error);
                    }
                }
                state.wire.transport().map(|transport| transport.stream().clone())
            };
            let Some(stream) = stream else { return Err(self.fail(Cause::ServerStopped)) };
            if wait_writable(&stream, deadline)? == Waited::TimedOut {
                return Err(self.fail(Cause::TimedOut));
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.write_timeout.map(|time| Instant::now() + time)
    }

    fn fail(&mut self, cause: Cause) -> io::Error {
        gone_error(*self.failed.get_or_insert(cause))
    }
}

impl Sink for SocketSink<'_> {
    fn data(&mut self, piece: Bytes) -> io::Result<()> {
        if piece.len() < LARGE {
            return if piece.is_empty() { Ok(()) } else { self.gather(&piece) };
        }
        self.coding.push(&mut self.shared.lock().wire, piece);
        self.drain()
    }

    fn copy(&mut self, piece: &[u8]) -> io::Result<()> {
        if piece.len() < LARGE {
            return if piece.is_empty() { Ok(()) } else { self.gather(piece) };
        }
        self.data(Bytes::copy_from_slice(piece))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.drain()
    }

    fn trailers(&mut self, trailers: HeaderMap) -> io::Result<()> {
        self.trailers = Some(trailers);
        Ok(())
    }
}

/// A piece that comes so long after the last is sent by itself: as long as the tick, for which it would wait otherwise.
const PAUSE: Duration = Duration::from_micros(500);
