//! Driving one of hyper's connections to its end, with the clocks that hyper doesn't have.
//!
//! hyper's own head timeout costs a timer for each request and doesn't run before the first byte. Here each
//! connection has one alarm, which is moved only when a deadline comes nearer; that it must ring later is found out
//! when it rings. What a connection waits for is what its byte stream and its requests say ([`Waiting`]).
//!
//! Invariant: whatever a client stops doing, one clock runs (`Timeouts` says which); while the app works, none does.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rsgi_core::server::Timeouts;
use tokio::time::Sleep;

use crate::stage::{Member, Stage};

/// What a connection waits for, as seen from outside hyper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// The first byte of a request, after so many.
    Request(u64),
    /// The rest of a request's head, after so many requests.
    Head(u64),
    /// The app, its body, or the request's body.
    App,
    /// The client, to take bytes; so many it has taken before.
    Client(u64),
}

/// How a connection ended.
#[derive(Debug)]
pub(crate) enum End {
    /// hyper is done with it.
    Over(hyper::Result<()>),
    /// The client took too long.
    TimedOut(Waiting),
    /// The server stops at once.
    Stopped,
}

/// A connection of hyper's, of either protocol.
pub(crate) trait Drive {
    /// Lets hyper go on.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>>;
    /// Has hyper finish what is in flight and take nothing new.
    fn finish(&mut self);
    /// Whether the protocol asks for that itself.
    fn wants_finish(&self) -> bool;
    /// What it waits for, now that hyper can't go on.
    fn waiting(&self) -> Waiting;
}

/// Drives `connection` to its end. `start` is when the client could first send a request.
pub(crate) async fn drive(
    connection: &mut impl Drive,
    member: &Member,
    timeouts: &Timeouts,
    start: Instant,
) -> End {
    let mut alarm = Alarm::default();
    let mut waiting = None;
    let mut is_finishing = false;
    poll_fn(move |context| {
        loop {
            if let Poll::Ready(result) = connection.poll(context) {
                return Poll::Ready(End::Over(result));
            }
            if alarm.is_new(context) {
                member.watch(context);
            }
            let stage = member.stage();
            if stage == Stage::Stopped {
                return Poll::Ready(End::Stopped);
            }
            if !is_finishing && (stage == Stage::Draining || connection.wants_finish()) {
                // Only after hyper has looked at what lay in the kernel: that is still served.
                is_finishing = true;
                connection.finish();
                continue;
            }
            let now = connection.waiting();
            if waiting != Some(now) {
                waiting = Some(now);
                alarm.set(deadline(now, timeouts, start));
            }
            if alarm.poll(context) {
                return Poll::Ready(End::TimedOut(now));
            }
            return Poll::Pending;
        }
    })
    .await
}

fn deadline(waiting: Waiting, timeouts: &Timeouts, start: Instant) -> Option<Instant> {
    let (from, patience) = match waiting {
        Waiting::App => return None,
        Waiting::Request(0) | Waiting::Head(0) => (start, timeouts.head),
        Waiting::Head(_) => (Instant::now(), timeouts.head),
        Waiting::Request(_) => (Instant::now(), timeouts.keep_alive),
        Waiting::Client(_) => (Instant::now(), timeouts.write),
    };
    from.checked_add(patience?)
}

/// One timer for all the clocks of a connection.
#[derive(Debug, Default)]
struct Alarm {
    deadline: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// The task that `sleep` wakes.
    task: Option<Waker>,
}

impl Alarm {
    /// Tells whether another task than before polls, and remembers it.
    fn is_new(&mut self, context: &Context<'_>) -> bool {
        if self.task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            return false;
        }
        self.task = Some(context.waker().clone());
        if let Some(sleep) = &mut self.sleep {
            // Whatever it was set to: its next poll tells the new task.
            sleep.as_mut().reset(tokio::time::Instant::now());
        }
        true
    }

    fn set(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// Tells whether the deadline has passed; else sees to it that the task is woken by then.
    fn poll(&mut self, context: &mut Context<'_>) -> bool {
        let Some(deadline) = self.deadline.map(tokio::time::Instant::from_std) else { return false };
        let sleep = match &mut self.sleep {
            None => self.sleep.insert(Box::pin(tokio::time::sleep_until(deadline))),
            Some(sleep) if sleep.is_elapsed() || deadline < sleep.deadline() => {
                if sleep.is_elapsed() && deadline <= tokio::time::Instant::now() {
                    return true;
                }
                sleep.as_mut().reset(deadline);
                sleep
            }
            // It rings early enough, and this task knows.
            Some(_) => return false,
        };
        sleep.as_mut().poll(context).is_ready()
    }
}

/// Waits for `work`, but no longer than `patience`; `None` when that has run out.
pub(crate) async fn within<T>(patience: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match patience {
        None => Some(work.await),
        Some(patience) => tokio::time::timeout(patience, work).await.ok(),
    }
}
