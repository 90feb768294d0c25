//! [`Desk`]: what belongs to a thread: its read window, its output buffer, its parser, room for futures.
//!
//! Connections borrow it for one turn and leave nothing on it; so ten thousand idle ones cost no buffer.
//!
//! Invariant: no byte of a connection stays here beyond its turn. Next: `read.rs`.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use rsgi_core::Exchange;

use crate::config::Settings;
use crate::conn::Slot;
use crate::h1::{HeadParser, StandingFields};
use crate::transport::Transport;
use crate::wire::Lying;

/// What belongs to a thread.
pub(crate) struct Desk<A, F> {
    pub(crate) tools: Tools,
    /// Room for futures that no connection has at present.
    slots: Vec<Slot<F>>,
    /// This thread's own handle on the app, lent to one future after the other.
    pub(crate) app: Option<Arc<A>>,
}

/// The part of it that knows no app.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) parser: HeadParser,
    /// Initialised memory to read into; what was read is split off.
    window: BytesMut,
    pub(crate) out: Vec<u8>,
    pub(crate) standing: StandingFields,
    /// When the date is to be looked at again.
    stale_at: Option<Instant>,
    /// The deadline of connections that come to rest, and until when it is given to them.
    idle: Option<(Instant, Instant)>,
    /// Emptied memory for connections that gather.
    #[expect(clippy::vec_box, reason = "handed to connections and back as they are")]
    spare: Vec<Box<Lying>>,
    /// Exchanges that are over, for requests to come. One may hold the facts of a connection that has ended, never its
    /// socket, nor a client's certificates.
    exchanges: Vec<Arc<Exchange>>,
}

impl<A, F> Desk<A, F> {
    pub(crate) fn new(settings: &Settings) -> Self {
        let standing = StandingFields::new(settings.server_field.as_ref(), SystemTime::now());
        let tools = Tools {
            parser: HeadParser::new(settings.head.clone()),
            window: BytesMut::new(),
            out: Vec::with_capacity(OUT),
            standing,
            stale_at: None,
            idle: None,
            spare: Vec::new(),
            exchanges: Vec::new(),
        };
        Self { tools, slots: Vec::new(), app: None }
    }

    /// Room for a future.
    #[inline]
    pub(crate) fn slot(&mut self) -> Slot<F> {
        self.slots.pop().unwrap_or_else(|| Box::pin(None))
    }

    /// Takes room back, whose future is over and dropped.
    #[inline]
    pub(crate) fn put_slot(&mut self, slot: Slot<F>) {
        if self.slots.len() < SPARES {
            self.slots.push(slot);
        }
    }
}

impl Tools {
    /// Brings the date up to the second; asks the system's clock once a second at most.
    #[inline]
    pub(crate) fn refresh(&mut self, now: Instant) {
        if self.stale_at.is_none_or(|at| at <= now) {
            self.read_clock(now);
        }
    }

    #[cold]
    fn read_clock(&mut self, now: Instant) {
        let time = SystemTime::now();
        self.standing.refresh(time);
        let into_second = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
        self.stale_at = Some(now + Duration::from_nanos(u64::from(SECOND.saturating_sub(into_second))));
    }

    /// The deadline of a connection that rests from `now` on for `time` at least, which is the same for all of a
    /// server. Many have it in common: so the engine finds what it computed already.
    #[inline]
    pub(crate) fn idle_deadline(&mut self, now: Instant, time: Duration) -> Instant {
        match self.idle {
            Some((until, deadline)) if now <= until => deadline,
            _ => {
                let until = now + IDLE_GRAIN;
                let deadline = until + time;
                self.idle = Some((until, deadline));
                deadline
            }
        }
    }

    /// Reads once; gives what was read, and whether the window was filled.
    #[inline]
    pub(crate) fn read(&mut self, transport: &Transport) -> io::Result<(BytesMut, bool)> {
        if self.window.len() < WINDOW_LEAST {
            self.window.clear();
            // Nobody holding a piece of the old memory any more, this takes it over again.
            self.window.reserve(WINDOW);
            self.window.resize(WINDOW, 0);
        }
        let room = self.window.len();
        let read = transport.read(&mut self.window)?;
        Ok((self.window.split_to(read), read == room))
    }

    /// Reads once, a head and the content that is expected behind it, into memory of its own that becomes the content.
    pub(crate) fn read_wide(transport: &Transport) -> io::Result<(BytesMut, bool)> {
        let mut memory = Vec::with_capacity(WIDE);
        let read = transport.read_into(&mut memory)?;
        // A few bytes must not hold the whole of it; else its only owner is taken over, not copied.
        let data =
            if read < WIDE / 4 { BytesMut::from(&memory[..]) } else { BytesMut::from(Bytes::from(memory)) };
        Ok((data, read == WIDE))
    }

    /// Reads once and throws it away.
    pub(crate) fn read_away(&mut self, transport: &Transport) -> io::Result<usize> {
        let (read, _) = self.read(transport)?;
        let length = read.len();
        drop(read);
        Ok(length)
    }

    /// An exchange that is over.
    #[inline]
    pub(crate) fn exchange(&mut self) -> Option<Arc<Exchange>> {
        self.exchanges.pop()
    }

    /// Takes one back that is over, and that nobody else holds: so whoever registered or waited has let go of it.
    #[inline]
    pub(crate) fn put_exchange(&mut self, exchange: Arc<Exchange>) {
        let tls = exchange.connection().tls.as_ref();
        let is_light = tls.is_none_or(|tls| tls.client_certificates.is_empty());
        if is_light && self.exchanges.len() < SPARES {
            self.exchanges.push(exchange);
        }
    }

    pub(crate) fn memory(&mut self) -> Option<Box<Lying>> {
        self.spare.pop()
    }

    pub(crate) fn put_memory(&mut self, memory: Box<Lying>) {
        if self.spare.len() < SPARES && memory.capacity() <= SPARE_MOST {
            self.spare.push(memory);
        }
    }
}

/// How much longer than asked for a connection may rest.
const IDLE_GRAIN: Duration = Duration::from_millis(8);
/// In nanoseconds.
const SECOND: u32 = 1_000_000_000;
/// The size of a thread's read window.
const WINDOW: usize = 16 * 1024;
/// What is read at once of a client that sent much behind its last head: a usual head and 64 KiB.
const WIDE: usize = 72 * 1024;
/// With less of it left it is renewed.
const WINDOW_LEAST: usize = 2 * 1024;
/// Where an output buffer begins.
const OUT: usize = 4 * 1024;
/// How many spares a thread keeps of anything.
const SPARES: usize = 16;
/// Larger spares go back to the allocator.
const SPARE_MOST: usize = 256 * 1024;
