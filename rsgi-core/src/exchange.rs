//! One request's shared part: what must survive the app's error, panic or cancellation.
//!
//! The adapter makes one an exchange (or reuses one nobody else holds), records what happens to the connection in
//! it, and tells the outcome through it exactly once. The app reaches it through tokens: `Disconnect`,
//! [`Environ::on_outcome`](crate::Environ::on_outcome). Unused, it costs a few stores: no allocation, no lock.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use http::StatusCode;

use crate::connection::Connection;
use crate::disconnect::{Cause, Waiters};
use crate::outcome::{AcceptedBy, Delivery, Fault, Outcome, Phase, Trailers};

type Callback = Box<dyn FnOnce(&Outcome) + Send>;

#[derive(Default)]
struct State {
    cause: Option<Cause>,
    waiters: Waiters,
    callbacks: Vec<Callback>,
    fault: Option<Fault>,
}

/// The shared part of one request and its answer.
///
/// Held by the adapter as an `Arc`; see [`Exchange::begin`] for reuse along a persistent connection.
pub struct Exchange {
    connection: Arc<Connection>,
    number: u64,
    /// When the request's head was complete.
    arrived: Instant,
    /// Set once somebody registered, waits or a fault was recorded, so that the common end takes no lock.
    watched: AtomicBool,
    /// The status of the final head; 0 until `respond` made it.
    status: AtomicU16,
    phase: AtomicU8,
    trailers: AtomicU8,
    /// What was told, by its code; 0 until then. Kept for whoever registers or asks after the end.
    told: AtomicU8,
    upgraded: AtomicBool,
    body_bytes: AtomicU64,
    /// Made when somebody first wants it, so that a connection at rest holds none.
    state: OnceLock<Box<Mutex<State>>>,
}

impl Exchange {
    /// Makes the shared part of a connection's first request.
    #[must_use]
    pub fn new(connection: Arc<Connection>) -> Arc<Self> {
        Self::numbered(connection, 0, Instant::now())
    }

    fn numbered(connection: Arc<Connection>, number: u64, arrived: Instant) -> Arc<Self> {
        Arc::new(Self {
            connection,
            number,
            arrived,
            watched: AtomicBool::new(false),
            status: AtomicU16::new(0),
            phase: AtomicU8::new(0),
            trailers: AtomicU8::new(0),
            told: AtomicU8::new(0),
            upgraded: AtomicBool::new(false),
            body_bytes: AtomicU64::new(0),
            state: OnceLock::new(),
        })
    }

    /// Begins the next request of a connection whose head was complete at `arrived`: the same memory if nobody else
    /// holds it any more, else a new exchange, so that an old request's tokens never see a newer one. Requests that are
    /// still under way are let be, as on a multiplexed or pipelined connection; what nobody can tell any more is told as
    /// broken off.
    pub fn begin(this: &mut Arc<Self>, arrived: Instant) {
        let number = this.number + 1;
        if let Some(exchange) = Arc::get_mut(this) {
            exchange.renew(number, arrived);
        } else {
            *this = Self::numbered(Arc::clone(&this.connection), number, arrived);
        }
    }

    /// Begins a request with its number on its connection, in the memory of an exchange that is over if nobody else
    /// holds that any more, whichever connection's it was. For adapters whose connections keep no exchange at rest;
    /// otherwise as [`begin`](Self::begin).
    #[must_use]
    #[inline]
    pub fn begin_in(
        spare: Option<Arc<Self>>,
        connection: &Arc<Connection>,
        number: u64,
        arrived: Instant,
    ) -> Arc<Self> {
        if let Some(mut this) = spare
            && let Some(exchange) = Arc::get_mut(&mut this)
        {
            exchange.renew(number, arrived);
            if !Arc::ptr_eq(&exchange.connection, connection) {
                exchange.connection = Arc::clone(connection);
            }
            return this;
        }
        Self::numbered(Arc::clone(connection), number, arrived)
    }

    #[inline]
    fn renew(&mut self, number: u64, arrived: Instant) {
        if *self.watched.get_mut() {
            self.tell(Delivery::Aborted(Cause::ServerStopped));
        }
        self.number = number;
        self.arrived = arrived;
        *self.status.get_mut() = 0;
        *self.phase.get_mut() = 0;
        *self.trailers.get_mut() = 0;
        *self.told.get_mut() = 0;
        *self.upgraded.get_mut() = false;
        *self.body_bytes.get_mut() = 0;
        if std::mem::take(self.watched.get_mut())
            && let Some(state) = self.state.get_mut()
        {
            *state.get_mut().unwrap_or_else(PoisonError::into_inner) = State::default();
        }
    }

    /// The connection's facts.
    #[must_use]
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// The request's number on its connection, from 0 or 1 on as the adapter counts.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When the request's head was complete.
    #[must_use]
    pub fn arrived(&self) -> Instant {
        self.arrived
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Before the lock and before `told` is asked, as `tell` sets `told` before it asks for this: one of the two
        // sees the other.
        self.watched.store(true, Ordering::SeqCst);
        self.state.get_or_init(Box::default).lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> Option<Delivery> {
        decode(self.told.load(Ordering::SeqCst))
    }

    /// Records that the client has gone and wakes whoever waits for it; for adapters. The first cause stays, and
    /// there is none after an answer that was delivered, but [`Cause::TimedOut`]: work that a time limit has ended must hear of
    /// it even if somebody else answered in its place.
    pub fn disconnect(&self, cause: Cause) {
        let waiters = {
            let mut state = self.lock();
            if self.told().is_some() || state.cause.is_some() {
                return;
            }
            state.cause = Some(cause);
            state.waiters.take()
        };
        for waiter in waiters {
            waiter.wake();
        }
    }

    /// Why the client has gone, if it has.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        match self.told() {
            None | Some(Delivery::Whole(_)) if !self.watched.load(Ordering::Acquire) => None,
            None | Some(Delivery::Failed) => self.lock().cause,
            Some(Delivery::Aborted(cause)) => Some(self.lock().cause.unwrap_or(cause)),
            Some(Delivery::TimedOut) => Some(Cause::TimedOut),
            Some(Delivery::Whole(_)) => self.lock().cause.filter(|cause| *cause == Cause::TimedOut),
        }
    }

    pub(crate) fn poll_cause(&self, place: &mut Option<u64>, context: &mut Context<'_>) -> Poll<Cause> {
        let mut state = self.lock();
        match (self.told(), state.cause) {
            (_, Some(Cause::TimedOut)) | (Some(Delivery::TimedOut), None) => {
                return Poll::Ready(Cause::TimedOut);
            }
            (Some(Delivery::Whole(_)), _) => return Poll::Pending,
            (_, Some(cause)) | (Some(Delivery::Aborted(cause)), None) => return Poll::Ready(cause),
            _ => {}
        }
        state.waiters.register(place, context.waker());
        Poll::Pending
    }

    pub(crate) fn forget_waiter(&self, place: u64) {
        let waker = self.lock().waiters.forget(place);
        // Outside the lock: a waker's drop may run anything.
        drop(waker);
    }

    pub(crate) fn on_outcome(&self, callback: Callback) {
        let late = {
            let mut state = self.lock();
            let Some(delivery) = self.told() else {
                state.callbacks.push(callback);
                return;
            };
            self.outcome(delivery, &state)
        };
        run(callback, &late);
    }

    /// Records a fault of the answer; the first stays. For middleware too that answers in place of an app's error or panic
    /// before the head: what became of the answer is told with the fault, not as if there had been none (SPEC M10).
    pub fn fault(&self, fault: Fault) {
        self.lock().fault.get_or_insert(fault);
    }

    /// What was wrong with the answer so far.
    #[must_use]
    pub fn current_fault(&self) -> Option<Fault> {
        if self.watched.load(Ordering::Acquire) { self.lock().fault } else { None }
    }

    #[inline]
    pub(crate) fn head(&self, status: StatusCode) {
        self.status.store(status.as_u16(), Ordering::Relaxed);
        // An answer in memory, or without content, has ended before its head is made.
        if self.phase.load(Ordering::Relaxed) == 0 {
            self.phase.store(1, Ordering::Release);
        }
    }

    /// Tells whether the final head has been made, so that nothing informational can precede it any more.
    #[must_use]
    pub fn head_is_final(&self) -> bool {
        self.phase.load(Ordering::Acquire) != 0
    }

    /// Records an answer whose content is in memory: all of it at once, and by nobody else.
    #[inline(always)]
    pub(crate) fn whole(&self, bytes: u64) {
        self.body_bytes.store(bytes, Ordering::Relaxed);
        self.phase.store(3, Ordering::Release);
    }

    #[inline]
    pub(crate) fn produced(&self, bytes: u64) {
        self.body_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.phase.store(2, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn ended(&self) {
        self.phase.store(3, Ordering::Release);
    }

    /// Tells whether all of the answer has been handed to the adapter: the flush after that is the one that makes it
    /// whole.
    #[must_use]
    #[inline]
    pub fn has_ended(&self) -> bool {
        self.phase.load(Ordering::Acquire) == 3
    }

    /// Records what became of the trailers, for adapters whose protocol drops them after all.
    pub fn trailers(&self, trailers: Trailers) {
        let code = match trailers {
            Trailers::None => 0,
            Trailers::Sent => 1,
            Trailers::NotSent => 2,
        };
        self.trailers.store(code, Ordering::Relaxed);
    }

    pub(crate) fn upgrade(&self) {
        self.upgraded.store(true, Ordering::Release);
    }

    /// Tells whether the app accepted an upgrade: from then on the input is the raw inbound stream.
    #[must_use]
    pub fn is_upgraded(&self) -> bool {
        self.upgraded.load(Ordering::Acquire)
    }

    /// Tells whether anybody registered, waits, or a fault was recorded: else an adapter may spare itself the
    /// trouble of finding out when the last byte went.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Acquire)
    }

    /// Tells the outcome: for adapters, after their flush. Runs the callbacks in reverse order, each of them even if
    /// another panics; one that is registered later runs at once. Only the first call does anything. Without anybody
    /// who registered it costs a store: call it for every answer.
    pub fn tell(&self, delivery: Delivery) {
        let first =
            self.told.compare_exchange(0, encode(delivery), Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if first && self.watched.load(Ordering::SeqCst) {
            self.tell_watchers(delivery);
        }
    }

    #[cold]
    fn tell_watchers(&self, delivery: Delivery) {
        let (callbacks, waiters, outcome) = {
            let mut state = self.lock();
            let outcome = self.outcome(delivery, &state);
            let cause = match outcome.delivery {
                Delivery::Aborted(cause) => Some(cause),
                Delivery::TimedOut => Some(Cause::TimedOut),
                Delivery::Whole(_) | Delivery::Failed => None,
            };
            // An adapter that only tells has said that the client is gone, too.
            let waiters = cause.map(|cause| {
                state.cause.get_or_insert(cause);
                state.waiters.take()
            });
            (std::mem::take(&mut state.callbacks), waiters, outcome)
        };
        for waiter in waiters.into_iter().flatten() {
            waiter.wake();
        }
        for callback in callbacks.into_iter().rev() {
            run(callback, &outcome);
        }
    }

    fn outcome(&self, delivery: Delivery, state: &State) -> Outcome {
        let broken = matches!(state.fault, Some(Fault::BodyError | Fault::BodyPanic | Fault::Missing));
        let delivery = match (delivery, state.cause) {
            (Delivery::Aborted(_), Some(Cause::TimedOut)) | (Delivery::Aborted(Cause::TimedOut), None) => {
                Delivery::TimedOut
            }
            (Delivery::Aborted(_), Some(cause)) => Delivery::Aborted(cause),
            // The connection was ended because the answer could not go on.
            (Delivery::Whole(_), _) | (Delivery::Aborted(_), None) if broken => Delivery::Failed,
            (delivery, _) => delivery,
        };
        Outcome {
            delivery,
            phase: match self.phase.load(Ordering::Relaxed) {
                0 => Phase::App,
                1 => Phase::Head,
                2 => Phase::Body,
                _ => Phase::End,
            },
            status: StatusCode::from_u16(self.status.load(Ordering::Relaxed)).ok(),
            body_bytes: self.body_bytes.load(Ordering::Relaxed),
            fault: state.fault,
            trailers: match self.trailers.load(Ordering::Relaxed) {
                0 => Trailers::None,
                1 => Trailers::Sent,
                _ => Trailers::NotSent,
            },
            elapsed: self.arrived.elapsed(),
        }
    }
}

impl Drop for Exchange {
    /// An adapter that forgot to tell, or was cancelled, still leaves no callback unrun.
    fn drop(&mut self) {
        self.tell(Delivery::Aborted(Cause::ServerStopped));
    }
}

fn run(callback: Callback, outcome: &Outcome) {
    if catch_unwind(AssertUnwindSafe(|| callback(outcome))).is_err() {
        tracing::error!(target: "rsgi", "an outcome callback panicked; the others run on");
    }
}

/// A delivery as a number; never 0, which stands for none yet.
const fn encode(delivery: Delivery) -> u8 {
    match delivery {
        Delivery::Whole(AcceptedBy::System) => 1,
        Delivery::Whole(AcceptedBy::Protocol) => 2,
        Delivery::Whole(AcceptedBy::Caller) => 3,
        Delivery::Aborted(Cause::Closed) => 4,
        Delivery::Aborted(Cause::Reset) => 5,
        Delivery::Aborted(Cause::TimedOut) => 6,
        Delivery::Aborted(Cause::ServerStopped) => 7,
        Delivery::TimedOut => 8,
        Delivery::Failed => 9,
    }
}

const fn decode(code: u8) -> Option<Delivery> {
    Some(match code {
        1 => Delivery::Whole(AcceptedBy::System),
        2 => Delivery::Whole(AcceptedBy::Protocol),
        3 => Delivery::Whole(AcceptedBy::Caller),
        4 => Delivery::Aborted(Cause::Closed),
        5 => Delivery::Aborted(Cause::Reset),
        6 => Delivery::Aborted(Cause::TimedOut),
        7 => Delivery::Aborted(Cause::ServerStopped),
        8 => Delivery::TimedOut,
        9 => Delivery::Failed,
        _ => return None,
    })
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Exchange").field("number", &self.number).finish_non_exhaustive()
    }
}
