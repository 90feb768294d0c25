//! [`Link`]: what must be reachable while an app has the connection: the socket, the codec, the requests' content, and what is
//! to be sent.
//!
//! Whoever holds it may read (what comes goes to the requests it belongs to) and send, neither of which waits. Not here: the
//! apps and their answers (`running.rs`), and when what is done (`mod.rs`).
//!
//! Invariant: the lock is never held while an app's code runs, a waker's and a callback's included. Next: `state.rs`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use rsgi_core::{Cause, Endpoint, ErrorSink, Exchange, InputErrorKind};

use super::socket::{Socket, Way};
use super::state::State;
use super::stream::{Peeked, Serial};
use crate::codec::Codec;
use crate::site::Site;

/// A connection's shared part.
pub(crate) struct Link<S: Socket, C: Codec> {
    state: Mutex<State<S, C>>,
    pub(crate) site: Arc<Site>,
    pub(crate) ends: Ends,
}

/// Who is at the ends of a connection, and since when.
pub(crate) struct Ends {
    pub(crate) peer: Endpoint,
    pub(crate) local: Arc<Endpoint>,
    pub(crate) accepted: Instant,
}

/// What is to be done once the lock is free.
#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) wakers: Vec<Waker>,
    pub(crate) gone: Vec<(Arc<Exchange>, Cause)>,
}

impl Effects {
    pub(crate) fn wake(&mut self, waker: Option<Waker>) {
        self.wakers.extend(waker);
    }

    fn run(self) {
        for (exchange, cause) in self.gone {
            exchange.disconnect(cause);
        }
        for waker in self.wakers {
            waker.wake();
        }
    }
}

impl<S: Socket, C: Codec> Link<S, C> {
    pub(crate) fn new(socket: S, site: Arc<Site>, ends: Ends) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State::new(socket)), site, ends })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State<S, C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the state that others must hear of.
    fn change<T>(&self, change: impl FnOnce(&mut State<S, C>, &mut Effects) -> T) -> T {
        let mut effects = Effects::default();
        let result = change(&mut self.lock(), &mut effects);
        effects.run();
        result
    }

    /// Reads what is there, as far as there is room.
    pub(crate) fn read(&self) {
        self.change(|state, effects| state.read(&self.site, effects));
    }

    /// The same, after something happened, or may have.
    pub(crate) fn read_anew(&self) {
        self.change(|state, effects| {
            state.may_have_more(false);
            state.read(&self.site, effects);
        });
    }

    /// Waits until the socket is ready, or for so long; on a thread that may.
    pub(crate) fn wait(&self, way: Way, most: Duration) {
        let socket = {
            let mut state = self.lock();
            state.readers += usize::from(way == Way::In);
            state.socket()
        };
        if let Some(socket) = socket {
            // What went wrong the next read or write finds.
            let _ready = socket.wait(way, Some(Instant::now() + most));
        }
        self.lock().readers -= usize::from(way == Way::In);
    }

    /// Whether a stream has something for its reader.
    pub(crate) fn peek(&self, serial: Serial) -> Peeked {
        self.lock().stream(serial).map_or(Peeked::Something, |stream| stream.peek())
    }

    /// Ends a stream with an error.
    pub(crate) fn fail(&self, serial: Serial, kind: InputErrorKind) {
        self.change(|state, effects| {
            let waker = state.stream(serial).and_then(|stream| stream.fail(kind));
            effects.wake(waker);
        });
    }

    /// The connection is over for all that it carries.
    pub(crate) fn lose(&self, cause: Cause) {
        self.change(|state, effects| state.lose(cause, effects));
    }

    /// Sends what the system takes.
    pub(crate) fn flush(&self) {
        self.change(State::flush);
    }

    /// Lets go of the socket; tells what was under way why.
    pub(crate) fn close(&self) {
        self.change(|state, effects| {
            state.lose(Cause::ServerStopped, effects);
            state.close();
        });
    }
}

/// What threads do for a connection that another one has.
#[cfg(feature = "threads")]
impl<S: Socket, C: Codec> Link<S, C> {
    /// Reads what is there, for one who isn't the connection's own thread: it leaves the socket to those who wait for it.
    pub(crate) fn read_beside(&self) {
        self.change(|state, effects| {
            state.may_have_more(false);
            if state.readers == 0 {
                state.read(&self.site, effects);
                if state.has_uncalled() {
                    // Its own thread may have looked for one just before, and be about to rest: no event tells it of these bytes.
                    effects.wake(state.task());
                }
            }
        });
    }

    /// Sends what lies gathered, without waiting. Errors are found by whoever sends next.
    pub(crate) fn send_gathered(&self) {
        self.change(|state, effects| {
            state.tick_asked = false;
            state.flush(effects);
            if state.is_driven && !state.out.is_empty() {
                state.ask_for_tick();
            }
        });
    }
}

/// A request's error stream, where the protocol has one. It doesn't keep the connection.
pub(crate) struct Errors<S: Socket, C: Codec> {
    pub(crate) link: std::sync::Weak<Link<S, C>>,
    pub(crate) serial: Serial,
}

impl<S: Socket, C: Codec> ErrorSink for Errors<S, C> {
    fn write(&self, text: &[u8]) {
        let Some(link) = self.link.upgrade() else { return log(text) };
        let mut state = link.lock();
        let most = link.site.limits.write_buffer;
        let Some(id) = state.stream(self.serial).map(|stream| stream.id) else {
            drop(state);
            return log(text);
        };
        if state.out.len() + text.len() > most || !state.errors(id, text) {
            drop(state);
            return log(text);
        }
        if S::BLOCKS {
            state.ask_for_tick();
        }
        let task = (!S::BLOCKS).then(|| state.task()).flatten();
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
    }
}

/// An error line that nobody else takes.
fn log(text: &[u8]) {
    tracing::error!(target: "rsgi", text = %String::from_utf8_lossy(text).trim_end(), "an app's error stream");
}
