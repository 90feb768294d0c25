//! [`LinkSink`]: where a body that blocks is written to: the connection's output, on the thread that has the connection.
//!
//! Small pieces are gathered and go out together; what has lain there for a tick is sent by the host while the app computes
//! (PEP 3333, "Buffering and Streaming"). A piece that comes after a pause goes out at once. What is more than the bound waits
//! for the peer, which is the backpressure.
//!
//! Invariant: the lock is never held while waiting. Next: `threads/protocol.rs`.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use rsgi_core::{Cause, Sink};

use super::link::Link;
use super::socket::{Socket, Way};
use crate::codec::{Codec, RequestId};

/// Writes a body to its connection.
pub(crate) struct LinkSink<'a, S: Socket, C: Codec> {
    link: &'a Link<S, C>,
    id: RequestId,
    /// When the last piece came that found nothing gathered.
    last: Instant,
}

impl<'a, S: Socket, C: Codec> LinkSink<'a, S, C> {
    pub(crate) fn new(link: &'a Link<S, C>, id: RequestId) -> Self {
        Self { link, id, last: Instant::now() }
    }

    /// Takes a piece by `encode`; waits for the peer if there is too much.
    fn gather(&mut self, encode: impl FnOnce(&mut C, &mut crate::codec::Out)) -> io::Result<()> {
        let (is_full, at_once) = {
            let mut state = self.link.lock();
            if let Some(cause) = state.gone {
                return Err(gone(cause));
            }
            let at_once = state.out.is_empty() && self.after_a_pause();
            let (codec, out) = state.encoder();
            encode(codec, out);
            if !at_once {
                state.ask_for_tick();
            }
            (state.out.len() >= self.link.site.limits.write_buffer, at_once)
        };
        if is_full {
            return self.drain();
        }
        if at_once {
            self.link.flush();
        }
        Ok(())
    }

    fn after_a_pause(&mut self) -> bool {
        let now = Instant::now();
        now - std::mem::replace(&mut self.last, now) >= PAUSE
    }

    /// Waits until the system has everything.
    fn drain(&self) -> io::Result<()> {
        loop {
            self.link.flush();
            let (is_sent, stalled, lost) = {
                let state = self.link.lock();
                (state.out.is_empty(), state.stalled, state.gone)
            };
            if let Some(cause) = lost {
                return Err(gone(cause));
            }
            if is_sent {
                return Ok(());
            }
            let now = Instant::now();
            let late = self.link.site.timeouts.write.zip(stalled).map(|(most, since)| since + most);
            if late.is_some_and(|late| late <= now) {
                self.link.lose(Cause::TimedOut);
                continue;
            }
            let most = late.map_or(LONG, |late| late.saturating_duration_since(now));
            self.link.wait(Way::Out, most);
        }
    }
}

impl<S: Socket, C: Codec> Sink for LinkSink<'_, S, C> {
    fn data(&mut self, piece: Bytes) -> io::Result<()> {
        let id = self.id;
        if piece.is_empty() { Ok(()) } else { self.gather(|codec, out| codec.content(id, piece, out)) }
    }

    fn copy(&mut self, piece: &[u8]) -> io::Result<()> {
        let id = self.id;
        if piece.is_empty() { Ok(()) } else { self.gather(|codec, out| codec.copy(id, piece, out)) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.drain()
    }

    fn trailers(&mut self, _: HeaderMap) -> io::Result<()> {
        // None of the protocols has a place for them; core, which knows, doesn't hand any over.
        Ok(())
    }
}

/// The error that a peer's end gives to whoever writes.
fn gone(cause: Cause) -> io::Error {
    match cause {
        Cause::TimedOut => io::ErrorKind::TimedOut.into(),
        Cause::Reset => io::ErrorKind::ConnectionReset.into(),
        _ => io::ErrorKind::BrokenPipe.into(),
    }
}

/// A piece that comes so long after the last is sent by itself: as long as the tick, for which it would wait otherwise.
const PAUSE: Duration = Duration::from_micros(500);

/// For how long is waited at once where nothing bounds it.
const LONG: Duration = Duration::from_hours(1);
