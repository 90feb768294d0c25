//! [`State`]: a connection's state, under the lock of `link.rs`: reads events off the socket, keeps the requests' content, sends.
//!
//! Invariants: what is held for apps stays below [`HELD`] while nobody waits for more, and below [`MOST_HELD`] always; after
//! an end or an error nothing is read again. Next: `stream.rs`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use bytes::BytesMut;
use http::StatusCode;
use rsgi_core::server::HalfClose;
use rsgi_core::{Cause, InputErrorKind};

use super::link::Effects;
use super::socket::Socket;
use super::stream::{Serial, Stream};
use crate::codec::{After, Codec, Ending, Event, Malformed, Out, RequestId, Variables};
use crate::site::{Counted, Site};

/// What lies under a connection's lock.
#[expect(clippy::struct_excessive_bools, reason = "four marks that have nothing to do with each other")]
pub(crate) struct State<S, C> {
    /// `None` once it is over.
    socket: Option<S>,
    codec: C,
    input: BytesMut,
    pub(crate) inbound: Inbound,
    /// Whether the peer's last byte is known to be there, perhaps unread.
    hung_up: bool,
    pub(crate) out: Out,
    /// How many bytes of the protocol's own answers were added since everything was sent.
    replies: usize,
    /// How many bytes were sent in the connection's life.
    pub(crate) sent: u64,
    /// Since when the peer takes nothing of what waits.
    pub(crate) stalled: Option<Instant>,
    /// Since when there is a part of a head.
    pub(crate) head_since: Option<Instant>,
    streams: Vec<Stream>,
    /// What is to be answered and wasn't begun.
    pub(crate) begun: VecDeque<Begun>,
    serials: u64,
    /// Whether reading waits for room.
    is_full: bool,
    /// Threads that wait for the socket themselves.
    pub(crate) readers: usize,
    pub(crate) gone: Option<Cause>,
    pub(crate) after: After,
    /// Wakes whoever has the connection.
    task: Option<Waker>,
    /// Whether the connection rests until the first of its clocks: who starts another one has to wake it.
    pub(crate) rests: bool,
    pub(crate) tick_asked: bool,
    /// Whether a body that blocks writes here.
    pub(crate) is_driven: bool,
}

/// A request that is there.
pub(crate) enum Begun {
    /// Its app is to be called.
    Request { serial: Serial, variables: Variables, waiting: Counted },
    /// It is answered by the server itself.
    Refused { id: RequestId, status: StatusCode, reason: &'static str },
}

/// What is known of the peer's half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inbound {
    /// An event will tell of more.
    Drained,
    /// There may be bytes, or an end, of which no event will tell again.
    MayHaveMore,
    /// The peer has sent its last byte.
    Ended,
}

impl<S: Socket, C: Codec> State<S, C> {
    pub(crate) fn new(socket: S) -> Self {
        Self {
            socket: Some(socket),
            codec: C::default(),
            input: BytesMut::new(),
            inbound: Inbound::MayHaveMore,
            hung_up: false,
            out: Out::default(),
            replies: 0,
            sent: 0,
            stalled: None,
            head_since: None,
            streams: Vec::new(),
            begun: VecDeque::new(),
            serials: 0,
            is_full: false,
            readers: 0,
            gone: None,
            after: After::Keep,
            task: None,
            rests: false,
            tick_asked: false,
            is_driven: false,
        }
    }

    pub(crate) fn socket(&self) -> Option<S> {
        self.socket.clone()
    }

    pub(crate) fn task(&self) -> Option<Waker> {
        self.task.clone()
    }

    pub(crate) fn set_task(&mut self, task: &Waker) {
        match &mut self.task {
            Some(known) => known.clone_from(task),
            none => *none = Some(task.clone()),
        }
    }

    pub(crate) fn stream(&mut self, serial: Serial) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.serial == serial)
    }

    pub(crate) fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// How many bytes of content lie here.
    pub(crate) fn held(&self) -> usize {
        self.streams.iter().map(|stream| stream.held).sum()
    }

    /// Who is to read on, now that room was made.
    pub(crate) fn reads_on(&mut self, held_before: usize) -> Option<Waker> {
        let reads = self.is_full && self.held() < HELD.min(held_before);
        if reads { self.task.clone() } else { None }
    }

    /// Bytes or an end may have come.
    pub(crate) fn may_have_more(&mut self, hung_up: bool) {
        self.hung_up |= hung_up;
        if self.inbound == Inbound::Drained {
            self.inbound = Inbound::MayHaveMore;
        }
    }

    /// Whether reading waits for room.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Whether bytes that come are of interest.
    pub(crate) fn wants_input(&self) -> bool {
        !self.is_full && self.inbound != Inbound::Ended
    }

    /// Tells whether nothing of a request is here.
    pub(crate) fn is_idle(&self) -> bool {
        self.streams.is_empty() && self.begun.is_empty() && self.input.is_empty() && self.codec.is_idle()
    }

    /// Tells whether the peer may be sending, so that closing would break off what it sends, and lose what it hasn't read.
    pub(crate) fn may_be_sending(&self) -> bool {
        !self.is_idle() || self.codec.may_send_more() || self.inbound == Inbound::MayHaveMore
    }

    /// Tells whether no request is here that wants an answer; what is left of an old one's content may still come.
    pub(crate) fn has_no_request(&self) -> bool {
        self.streams.is_empty() && self.begun.is_empty()
    }

    /// Whether a request is here whose app wasn't called yet.
    #[cfg(feature = "threads")]
    pub(crate) fn has_uncalled(&self) -> bool {
        !self.begun.is_empty() || self.streams.iter().any(|stream| stream.exchange.is_none())
    }

    /// Whether there may be something to read, and room for it.
    pub(crate) fn can_read(&self) -> bool {
        let has_room = self.held() < HELD || self.is_starving();
        self.inbound == Inbound::MayHaveMore && has_room && self.replies < HELD
    }

    /// Whether a reader waits for what may lie behind others' content.
    fn is_starving(&self) -> bool {
        self.streams.iter().any(|stream| stream.held == 0 && stream.waits_since().is_some())
    }

    /// Reads until there is nothing more, or no room.
    pub(crate) fn read(&mut self, site: &Arc<Site>, effects: &mut Effects) {
        while self.gone.is_none() && self.inbound == Inbound::MayHaveMore {
            if let Err(malformed) = self.decode(site, effects) {
                tracing::warn!(target: "rsgi", protocol = C::NAME, error = %malformed, "connection refused");
                return self.lose(Cause::Closed, effects);
            }
            self.is_full = !self.has_room(effects);
            if self.is_full {
                return;
            }
            let Some(socket) = &self.socket else { return };
            let input = &mut self.input;
            match BUFFER.with_borrow_mut(|buffer| {
                let read = socket.read(buffer)?;
                input.extend_from_slice(&buffer[..read]);
                Ok::<_, io::Error>((read, buffer.len()))
            }) {
                Ok((0, _)) => {
                    self.inbound = Inbound::Ended;
                    self.ended(site, effects);
                }
                // A short read says that the socket is drained, unless its end is known to be there.
                Ok((read, whole)) if read < whole && !self.hung_up => self.drained(),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.drained(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.lose(Cause::Reset, effects),
            }
        }
        if let Err(malformed) = self.decode(site, effects) {
            tracing::warn!(target: "rsgi", protocol = C::NAME, error = %malformed, "connection refused");
            self.lose(Cause::Closed, effects);
        }
        self.head_since = match self.head_since {
            _ if !self.streams.is_empty() || self.input.is_empty() && self.codec.is_idle() => None,
            None => Some(Instant::now()),
            since => since,
        };
        if self.input.is_empty() {
            // A connection at rest holds no buffer.
            self.input = BytesMut::new();
        }
    }

    fn drained(&mut self) {
        self.inbound = Inbound::Drained;
        if let Some(socket) = &self.socket {
            socket.drained();
        }
    }

    fn decode(&mut self, site: &Arc<Site>, effects: &mut Effects) -> Result<(), Malformed> {
        while self.gone.is_none()
            && let Some(event) = self.codec.decode(&mut self.input, &site.bounds)?
        {
            self.take(event, site, effects);
        }
        Ok(())
    }

    fn take(&mut self, event: Event, site: &Arc<Site>, effects: &mut Effects) {
        match event {
            Event::Begin { id, variables } => {
                let Some(waiting) = site.wait() else {
                    let reason = "too many requests wait for a thread";
                    let status = StatusCode::SERVICE_UNAVAILABLE;
                    return self.begun.push_back(Begun::Refused { id, status, reason });
                };
                self.serials += 1;
                let serial = Serial(self.serials);
                self.streams.push(Stream::new(serial, id));
                self.begun.push_back(Begun::Request { serial, variables, waiting });
            }
            Event::Refused { id, status, reason } => {
                self.begun.push_back(Begun::Refused { id, status, reason });
            }
            Event::Content { id, bytes } => {
                let waker = self.open(id).and_then(|stream| stream.push(bytes));
                effects.wake(waker);
            }
            Event::End { id } => {
                let waker = self.open(id).and_then(Stream::end);
                effects.wake(waker);
            }
            Event::Abort { id } => {
                let Some(stream) = self.streams.iter_mut().rev().find(|stream| stream.id == id) else {
                    return;
                };
                stream.is_aborted = true;
                effects.gone.extend(stream.exchange.clone().map(|exchange| (exchange, Cause::Closed)));
                let waker = stream.fail(InputErrorKind::Disconnected);
                effects.wake(waker);
                effects.wake(self.task.clone());
            }
            Event::Reply(bytes) => {
                self.replies += bytes.len();
                self.out.push(bytes);
            }
            Event::Close => self.after = self.after.max(After::Close),
        }
    }

    /// The stream of an id, which its next request may have again.
    fn open(&mut self, id: RequestId) -> Option<&mut Stream> {
        self.streams.iter_mut().rev().find(|stream| stream.id == id && !stream.has_ended())
    }

    /// Whether more may be read. Where a reader waits for what comes behind others' content, those go before it starves:
    /// first more is held, and then the one that has most of it is given up.
    fn has_room(&mut self, effects: &mut Effects) -> bool {
        if self.replies >= HELD {
            // Of a peer that asks on and doesn't read the answers.
            return false;
        }
        let held = self.held();
        if held < HELD {
            return true;
        }
        if !self.is_starving() {
            return false;
        }
        if held >= MOST_HELD
            && let Some(most) = self.streams.iter_mut().max_by_key(|stream| stream.held)
        {
            tracing::warn!(
                target: "rsgi",
                "a request whose content isn't read holds up others on its connection: its content is given up"
            );
            let waker = most.fail(InputErrorKind::Limit);
            effects.wake(waker);
        }
        true
    }

    /// The peer has sent its last byte.
    fn ended(&mut self, site: &Arc<Site>, effects: &mut Effects) {
        let is_whole = self.streams.iter().all(Stream::has_ended);
        if site.half_close == HalfClose::Gone || !is_whole || self.is_idle() {
            self.lose(Cause::Closed, effects);
        }
    }

    /// The connection is over: the first cause stays.
    pub(crate) fn lose(&mut self, cause: Cause, effects: &mut Effects) {
        if self.gone.is_some() {
            return;
        }
        self.gone = Some(cause);
        let kind = match cause {
            Cause::TimedOut => InputErrorKind::TimedOut,
            _ => InputErrorKind::Disconnected,
        };
        for stream in &mut self.streams {
            effects.gone.extend(stream.exchange.clone().map(|exchange| (exchange, cause)));
            // What came whole can still be read.
            if !stream.has_ended() {
                let kind = if cause == Cause::Closed { InputErrorKind::Truncated } else { kind };
                effects.wakers.extend(stream.fail(kind));
            }
        }
        effects.wake(self.task.clone());
    }

    /// Sends what the system takes.
    pub(crate) fn flush(&mut self, effects: &mut Effects) {
        // The system may take what a peer that has gone will never get: that isn't sent.
        while !self.out.is_empty() && self.gone.is_none() {
            let Some(socket) = &self.socket else { return };
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.out.gather(&mut slices);
            match socket.write(&slices[..count]) {
                Ok(written) if written > 0 => {
                    self.out.advance(written);
                    self.sent += written as u64;
                    self.stalled = None;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return self.lose(Cause::Reset, effects),
            }
        }
        if self.out.is_empty() {
            self.replies = 0;
            self.stalled = None;
            self.out.rest();
        } else {
            self.stalled.get_or_insert_with(Instant::now);
        }
    }

    pub(crate) fn ask_for_tick(&mut self) {
        if !std::mem::replace(&mut self.tick_asked, true)
            && let Some(socket) = &self.socket
        {
            socket.tick();
        }
    }

    /// Where in the connection's bytes the last one lies that was produced.
    pub(crate) fn produced(&self) -> u64 {
        self.sent + self.out.len() as u64
    }

    /// Writes to a request's error stream; tells whether the protocol has one.
    pub(crate) fn errors(&mut self, id: RequestId, text: &[u8]) -> bool {
        C::ERRORS && self.codec.errors(id, text, &mut self.out)
    }

    /// The codec, with the place where it writes.
    pub(crate) fn encoder(&mut self) -> (&mut C, &mut Out) {
        (&mut self.codec, &mut self.out)
    }

    /// Ends a request's answer, and forgets the request.
    pub(crate) fn end(&mut self, serial: Option<Serial>, id: RequestId, ending: Ending) {
        let after = self.codec.end(id, ending, &mut self.out);
        self.after = self.after.max(after);
        self.streams.retain(|stream| Some(stream.serial) != serial);
    }

    /// Lets go of the socket.
    pub(crate) fn close(&mut self) {
        self.socket = None;
        self.out = Out::default();
        self.streams.clear();
        self.begun.clear();
        self.task = None;
    }
}

thread_local! {
    /// What a thread reads into.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER_BYTES].into());
}

const BUFFER_BYTES: usize = 64 * 1024;

/// How many pieces are written at once.
const SLICES: usize = 16;

/// From so many bytes of unread content on no more is read.
const HELD: usize = 64 * 1024;

/// The most that is held while one request waits for what comes behind another's content.
const MOST_HELD: usize = 16 * HELD;
