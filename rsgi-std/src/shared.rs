//! [`Shared`]: what of a connection others may reach while a handler has it: the exchange and the output.
//!
//! The engine's leader trips the disconnect token here, its watchdog sends what lies gathered, and an app sends its
//! informational answers. One lock, never held while foreign code runs nor while anybody waits.
//!
//! Invariant: bytes reach the wire in the order in which this lock was taken; after the connection's end nothing here
//! holds the socket. Next: `wire.rs`.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::time::Instant;

use rsgi_core::http::{HeaderMap, StatusCode};
use rsgi_core::server::HalfClose;
use rsgi_core::{Cause, Connection, Exchange, Link, Told};
use rsgi_threads::{ConnWaker, Hangup};

use crate::desk::Tools;
use crate::h1;
use crate::transport::Transport;
use crate::wire::{Flushed, Wire};

/// The part of a connection that others may reach.
pub(crate) struct Shared {
    state: Mutex<State>,
    waker: ConnWaker,
}

/// What the lock guards.
pub(crate) struct State {
    /// The connection's facts; `None` before it is opened and after its end.
    connection: Option<Arc<Connection>>,
    /// That of the request under way; `None` at rest, where its memory belongs to a thread.
    exchange: Option<Arc<Exchange>>,
    pub(crate) wire: Wire,
}

impl Shared {
    pub(crate) fn new(transport: Transport, waker: ConnWaker, half_close: HalfClose) -> Arc<Self> {
        let state = State { connection: None, exchange: None, wire: Wire::new(transport, half_close) };
        Arc::new(Self { state: Mutex::new(state), waker })
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn waker(&self) -> &ConnWaker {
        &self.waker
    }

    /// Tells whether a waker is that of the connection's own task: the app's future, or its body.
    ///
    /// By what it points to alone: the same code may have several vtables in an optimized program, and `will_wake` then
    /// says no.
    pub(crate) fn is_task(self: &Arc<Self>, waker: &Waker) -> bool {
        std::ptr::eq(waker.data(), Arc::as_ptr(self).cast())
    }

    /// Takes the connection's facts, once they are known.
    pub(crate) fn open(&self, connection: Arc<Connection>) {
        self.lock().connection = Some(connection);
    }

    /// Begins a request; gives its exchange.
    #[inline]
    pub(crate) fn begin(&self, tools: &mut Tools, number: u64, arrived: Instant) -> Option<Arc<Exchange>> {
        let (exchange, gone) = {
            let mut state = self.lock();
            let connection = state.connection.as_ref()?;
            let exchange = Exchange::begin_in(tools.exchange(), connection, number, arrived);
            state.exchange = Some(Arc::clone(&exchange));
            (exchange, state.wire.gone)
        };
        if let Some(cause) = gone {
            exchange.disconnect(cause);
        }
        Some(exchange)
    }

    /// The exchange of the request under way, for its end.
    pub(crate) fn end(&self) -> Option<Arc<Exchange>> {
        self.lock().exchange.take()
    }

    /// What a hang-up means for the client: nothing, if only its own direction has ended and that is allowed.
    pub(crate) fn meaning(&self, hangup: Hangup) -> Option<Cause> {
        match hangup {
            Hangup::Finished if self.lock().wire.half_close == HalfClose::Answered => None,
            Hangup::Finished => Some(Cause::Closed),
            Hangup::Cut => Some(Cause::ServerStopped),
            _ => Some(Cause::Reset),
        }
    }

    /// Takes note of the client's end, or of ours. Tells whether it means that the client is gone.
    pub(crate) fn hang_up(&self, hangup: Hangup) -> Option<Cause> {
        self.disconnect(self.meaning(hangup)?)
    }

    /// Says that the client has gone; on an upgraded stream the end of its half means nothing yet.
    pub(crate) fn disconnect(&self, cause: Cause) -> Option<Cause> {
        let exchange = {
            let mut state = self.lock();
            let exchange = state.exchange.clone();
            if cause == Cause::Closed && exchange.as_ref().is_some_and(|exchange| exchange.is_upgraded()) {
                return None;
            }
            state.wire.gone.get_or_insert(cause);
            exchange
        };
        if let Some(exchange) = exchange {
            exchange.disconnect(cause);
        }
        Some(cause)
    }

    /// Sends what lies gathered, without waiting. Errors are found by whoever writes next.
    pub(crate) fn send_gathered(&self) {
        let mut state = self.lock();
        state.wire.asked = false;
        if state.wire.is_empty() || state.wire.transport().is_none() {
            return;
        }
        if let Ok(false) = state.wire.send()
            && state.wire.driven
        {
            // The client is slow: what is left must not wait for the producer's next piece.
            self.ask_for_tick(&mut state);
        }
    }

    /// Has what lies gathered sent, should the app take its time.
    #[inline]
    pub(crate) fn ask_for_tick(&self, state: &mut State) {
        if !std::mem::replace(&mut state.wire.asked, true) {
            self.waker.tick();
        }
    }

    /// Why there is nobody to write to.
    pub(crate) fn gone(&self) -> Option<Cause> {
        self.lock().wire.gone
    }

    /// Sends `100 Continue`, unless the final head is on its way.
    pub(crate) fn send_continue(&self) {
        let mut state = self.lock();
        let is_final = state.exchange.as_ref().is_none_or(|exchange| exchange.head_is_final());
        if !is_final {
            state.wire.append(h1::CONTINUE);
            // An error is found by the read that follows.
            let _later = state.wire.flush();
        }
    }

    /// Lets go of the socket at the connection's end; tells a request under way why.
    pub(crate) fn close(&self) -> Option<(Arc<Exchange>, Option<Cause>)> {
        let mut state = self.lock();
        state.wire.close();
        let gone = state.wire.gone;
        let (exchange, connection) = (state.exchange.take(), state.connection.take());
        drop(state);
        drop(connection);
        exchange.map(|exchange| (exchange, gone))
    }
}

impl State {
    /// Ends the request under way if nobody can ask for its outcome; tells whether it did.
    #[inline]
    pub(crate) fn end_unwatched(&mut self, tools: &mut Tools) -> bool {
        let unwatched =
            self.exchange.take_if(|exchange| Arc::strong_count(exchange) == 1 && !exchange.is_watched());
        match unwatched {
            Some(exchange) => {
                tools.put_exchange(exchange);
                true
            }
            None => self.exchange.is_none(),
        }
    }
}

/// The waker of the connection's own task.
impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.waker.wake();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.waker.wake();
    }
}

impl Link for Shared {
    fn informational(&self, status: StatusCode, fields: &HeaderMap) -> Told {
        let mut state = self.lock();
        if state.wire.gone.is_some() || state.wire.transport().is_none() {
            return Told::Gone;
        }
        if state.exchange.as_ref().is_none_or(|exchange| exchange.head_is_final()) {
            return Told::TooLate;
        }
        h1::encode_informational(state.wire.small(), status, fields);
        match state.wire.flush() {
            Ok(Flushed::All) => Told::Sent,
            Ok(_) => {
                self.ask_for_tick(&mut state);
                Told::Sent
            }
            Err(_) => Told::Gone,
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").field("waker", &self.waker).finish_non_exhaustive()
    }
}

/// The kind of an error that a client's end gives to whoever writes.
pub(crate) fn gone_error(cause: Cause) -> io::Error {
    match cause {
        Cause::TimedOut => io::ErrorKind::TimedOut.into(),
        Cause::Reset => io::ErrorKind::ConnectionReset.into(),
        _ => io::ErrorKind::BrokenPipe.into(),
    }
}
