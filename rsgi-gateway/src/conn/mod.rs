//! The machine of one connection, the same on threads and on tokio: reads, begins requests, goes on with them, sends, rests.
//!
//! A host calls [`Conn::turn`] whenever something happened, and waits for what the [`Rest`] says. Everything else is told by
//! the codec and by core's `respond`.
//!
//! Invariant: a connection whose peer does nothing is ended by one of the clocks in `clocks.rs`, whatever it is about.
//! Next: `link.rs`, `running.rs`, `clocks.rs`.

mod clocks;
mod link;
mod running;
mod sink;
mod socket;
mod state;
mod stream;

use std::io;
use std::sync::Arc;
use std::task::Context;
use std::time::Instant;

use http::{HeaderMap, StatusCode};
use rsgi_core::server::HalfClose;
use rsgi_core::{Cause, Exchange, Input, InputLength};

use crate::codec::{After, Codec, Ending, RequestId, Variables};
use crate::request::{Refusal, Request, Unsaid};
use running::{Running, Stage, Step};
use state::{Begun, Inbound, State};
use stream::{Incoming, Serial};

pub(crate) use link::{Ends, Errors, Link};
pub(crate) use socket::{Socket, Way};

/// A connection, as its host has it.
pub(crate) struct Conn<S: Socket, C: Codec> {
    link: Arc<Link<S, C>>,
    /// Those whose content is read before their app is called.
    ahead: Vec<Ahead>,
    running: Vec<Running>,
    served: u64,
    /// Since when nothing is under way.
    idle_since: Instant,
    phase: Phase,
}

/// A request whose content is read before its app is called (`request_buffer`).
struct Ahead {
    serial: Serial,
    request: Request,
    since: Instant,
}

/// What a connection is about.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Requests and answers.
    Open,
    /// Our half is closed; what still comes is thrown away, so that the answer isn't lost in a reset.
    Lingers { until: Option<Instant>, allowed: u64 },
}

/// Whether the server goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Going {
    /// It does.
    On,
    /// It leaves: an answer is its connection's last, idle connections are kept.
    Leaving,
    /// It ends: idle connections are closed.
    Ending,
}

/// What happened on the socket.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Happened {
    /// There may be bytes to read.
    pub(crate) readable: bool,
    /// The peer has ended its half, or more.
    pub(crate) hangup: bool,
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// The socket, a wake, or the deadline.
    Wait { reads: bool, writes: bool, deadline: Option<Instant> },
    /// Nothing: it wants another turn, after the others'.
    Again,
    /// It is over.
    Close,
}

impl<S: Socket, C: Codec> Conn<S, C> {
    pub(crate) fn new(link: Arc<Link<S, C>>) -> Self {
        let idle_since = link.ends.accepted;
        Self { link, ahead: Vec::new(), running: Vec::new(), served: 0, idle_since, phase: Phase::Open }
    }

    /// Reads and sends what is possible without waiting and without an app; tells whether there is something to do beyond.
    pub(crate) fn look(&mut self, happened: Happened) -> bool {
        if happened.readable || happened.hangup {
            self.link.lock().may_have_more(happened.hangup);
        }
        if let Phase::Lingers { .. } = self.phase {
            return true;
        }
        self.link.read();
        if happened.hangup && self.link.site.half_close == HalfClose::Gone && self.link.lock().is_full() {
            // Its end lies behind what there is no room for.
            self.link.lose(Cause::Closed);
        }
        self.link.flush();
        let state = self.link.lock();
        let is_over = state.gone.is_some() || state.after != After::Keep;
        is_over || !state.begun.is_empty() || !self.running.is_empty() || !self.ahead.is_empty()
    }

    /// The connection is over, as the host has seen.
    pub(crate) fn lose(&self, cause: Cause) {
        self.link.lose(cause);
    }

    /// Goes on with everything, after [`look`](Self::look). Calls apps: on a thread that may block, if the host's may.
    pub(crate) fn turn(&mut self, context: &mut Context<'_>, going: Going, now: Instant) -> Rest {
        {
            let mut state = self.link.lock();
            state.set_task(context.waker());
            state.rests = false;
        }
        if let Phase::Lingers { .. } = self.phase {
            return self.linger(now);
        }
        for _ in 0..ROUNDS {
            self.begin(going);
            let goes_on = self.go_on(context);
            self.link.flush();
            self.finish(now);
            let gone = self.link.lock().gone;
            if let Some(cause) = gone {
                return self.give_up(cause);
            }
            let has_more = {
                let state = self.link.lock();
                !state.begun.is_empty() || state.can_read()
            };
            if has_more {
                self.link.read();
            } else if !goes_on {
                return self.rest(going, now);
            }
        }
        Rest::Again
    }

    /// Begins the requests that are there.
    fn begin(&mut self, going: Going) {
        for ahead in std::mem::take(&mut self.ahead) {
            let is_read = self.link.lock().stream(ahead.serial).is_none_or(|stream| stream.is_read());
            if is_read {
                self.call(ahead.serial, ahead.request, going);
            } else {
                self.ahead.push(ahead);
            }
        }
        loop {
            // The lock isn't kept for the loop's body.
            let begun = self.link.lock().begun.pop_front();
            match begun {
                None => return,
                Some(Begun::Refused { id, status, reason }) => self.refuse(None, id, status, reason),
                Some(Begun::Request { serial, variables, waiting }) => {
                    drop(waiting);
                    self.read_request(serial, variables, going);
                }
            }
        }
    }

    fn read_request(&mut self, serial: Serial, variables: Variables, going: Going) {
        let Some((id, is_read)) = self.link.lock().stream(serial).map(|stream| (stream.id, stream.is_read()))
        else {
            return;
        };
        match Request::read(variables, &self.link.site.limits) {
            Ok(request) => {
                let buffer = self.link.site.limits.request_buffer as u64;
                let fits =
                    matches!(request.length(unsaid::<C>()), InputLength::Known(length) if length <= buffer);
                if fits && !is_read {
                    self.ahead.push(Ahead { serial, request, since: Instant::now() });
                } else {
                    self.call(serial, request, going);
                }
            }
            Err(Refusal { status, reason }) => self.refuse(Some(serial), id, status, &reason),
        }
    }

    /// Calls the app.
    fn call(&mut self, serial: Serial, mut request: Request, going: Going) {
        let (link, site) = (&self.link, &self.link.site);
        let Ends { peer, local, accepted } = &link.ends;
        let mut connection = request.connection(&site.server, site.number(), peer, local, *accepted);
        if C::ERRORS {
            connection.errors = Some(Arc::new(Errors { link: Arc::downgrade(link), serial }));
        }
        let exchange = Exchange::new(Arc::new(connection));
        let length = request.length(unsaid::<C>());
        let (id, is_empty) = {
            let mut state = link.lock();
            let Some(stream) = state.stream(serial) else { return };
            (stream.id, stream.begin(Arc::clone(&exchange), length))
        };
        let input = if is_empty {
            Input::empty()
        } else {
            Input::new(Incoming { link: Arc::clone(link), serial }, length, site.server.body_limit)
        };
        self.served += 1;
        let is_last = site.limits.requests_per_connection.is_some_and(|most| self.served >= most);
        if is_last || going != Going::On || site.timeouts.keep_alive.is_some_and(|time| time.is_zero()) {
            let mut state = link.lock();
            state.after = state.after.max(After::Close);
        }
        let environ = request.environ(input, Arc::clone(&exchange));
        let answering = site.call(environ);
        self.running.push(Running {
            serial,
            id,
            exchange,
            stage: Stage::App(answering),
            _counted: site.run(),
        });
    }

    /// Answers a request in the app's place.
    fn refuse(&mut self, serial: Option<Serial>, id: RequestId, status: StatusCode, reason: &str) {
        tracing::info!(target: "rsgi", protocol = C::NAME, status = status.as_u16(), reason, "request refused");
        let mut state = self.link.lock();
        let (codec, out) = state.encoder();
        codec.head(id, status, &HeaderMap::new(), Some(0), out);
        state.end(serial, id, Ending::Whole);
    }

    /// Goes on with every request; tells whether one has more to do.
    fn go_on(&mut self, context: &mut Context<'_>) -> bool {
        let mut goes_on = false;
        for running in &mut self.running {
            if matches!(running.stage, Stage::Produced(..)) {
                continue;
            }
            goes_on |= running.go_on(&self.link, context) == Step::GoesOn;
        }
        goes_on
    }

    /// Tells the outcomes that are certain, and gives up what the web server has given up.
    fn finish(&mut self, now: Instant) {
        if self.running.is_empty() {
            return;
        }
        let sent = self.link.lock().sent;
        let mut index = 0;
        while let Some(running) = self.running.get(index) {
            if running.is_out(sent) {
                self.running.swap_remove(index).tell_out();
            } else if self.is_aborted(running.serial) {
                let running = self.running.swap_remove(index);
                let (serial, id) = (running.serial, running.id);
                running.give_up::<S>(Cause::Closed);
                self.link.lock().end(Some(serial), id, Ending::Aborted);
                self.link.flush();
            } else {
                index += 1;
            }
        }
        self.idle_since = now;
    }

    fn is_aborted(&self, serial: Serial) -> bool {
        self.link.lock().stream(serial).is_some_and(|stream| stream.is_aborted)
    }

    /// The connection is lost: what is under way is dropped, and its outcome told.
    fn give_up(&mut self, cause: Cause) -> Rest {
        self.ahead.clear();
        let sent = self.link.lock().sent;
        for running in std::mem::take(&mut self.running) {
            if running.is_out(sent) {
                running.tell_out();
            } else {
                running.give_up::<S>(cause);
            }
        }
        if cause == Cause::TimedOut
            && let Some(socket) = self.link.lock().socket()
        {
            // The system would go on trying to send what the peer doesn't take.
            socket.reset_at_close();
        }
        Rest::Close
    }

    /// Rests, or ends what is over.
    fn rest(&mut self, going: Going, now: Instant) -> Rest {
        let mut state = self.link.lock();
        if self.is_quiet(&state) {
            let may_be_sending = state.may_be_sending();
            let is_over = state.after != After::Keep || state.inbound == Inbound::Ended;
            let is_ended = going == Going::Ending && state.head_since.is_none() && self.is_given_time(now);
            if is_over || is_ended {
                let (socket, after) = (state.socket(), state.after);
                drop(state);
                return self.end(socket, after, may_be_sending, now);
            }
        }
        let (reads, writes) = (state.wants_input(), !state.out.is_empty());
        let deadline = self.deadline(&state, going);
        state.rests = true;
        Rest::Wait { reads, writes, deadline }
    }

    /// Whether nothing is under way, and everything sent.
    fn is_quiet(&self, state: &State<S, C>) -> bool {
        let no_request = self.running.is_empty() && self.ahead.is_empty() && state.has_no_request();
        no_request && state.out.is_empty()
    }

    fn end(&mut self, socket: Option<S>, after: After, may_be_sending: bool, now: Instant) -> Rest {
        let Some(socket) = socket else { return Rest::Close };
        if after == After::Reset {
            socket.reset_at_close();
            return Rest::Close;
        }
        let linger = self.link.site.timeouts.linger;
        let no_time = linger.is_some_and(|time| time.is_zero());
        if !may_be_sending || no_time || socket.finish().is_err() {
            return Rest::Close;
        }
        let allowed = self.link.site.limits.discard_bytes;
        self.phase = Phase::Lingers { until: linger.map(|time| now + time), allowed };
        self.linger(now)
    }

    /// Throws away what comes.
    fn linger(&mut self, now: Instant) -> Rest {
        let Phase::Lingers { until, allowed } = &mut self.phase else { return Rest::Close };
        let (socket, gone) = {
            let state = self.link.lock();
            (state.socket(), state.gone)
        };
        let Some(socket) = socket.filter(|_| gone.is_none()) else { return Rest::Close };
        let mut piece = [0; 4096];
        for _ in 0..LINGER_READS {
            if until.is_some_and(|until| until <= now) {
                return Rest::Close;
            }
            if *allowed == 0 {
                return Rest::Wait { reads: false, writes: false, deadline: *until };
            }
            match socket.read(&mut piece) {
                Ok(0) => return Rest::Close,
                Ok(read) => *allowed = allowed.saturating_sub(read as u64),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Rest::Wait { reads: true, writes: false, deadline: *until };
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Rest::Close,
            }
        }
        Rest::Again
    }
}

impl<S: Socket, C: Codec> Drop for Conn<S, C> {
    /// The server ends it, or its host panicked: what is pending goes with it.
    fn drop(&mut self) {
        let cause = self.link.lock().gone.unwrap_or(Cause::ServerStopped);
        self.link.close();
        for running in std::mem::take(&mut self.running) {
            running.give_up::<S>(cause);
        }
    }
}

fn unsaid<C: Codec>() -> Unsaid {
    if C::STREAMS { Unsaid::Streams } else { Unsaid::Nothing }
}

/// How often a connection goes on in one turn.
const ROUNDS: usize = 32;

/// How often a lingering connection is read in one turn.
const LINGER_READS: usize = 32;
