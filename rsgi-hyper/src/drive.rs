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
    /// Several apps at once, while clients may hold back the answers of others: see [`Drive::has_stalled`].
    Streams,
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
    /// The client does what a limit forbids, and hyper doesn't see it.
    Abused,
}

/// A connection of hyper's, of either protocol.
pub(crate) trait Drive {
    /// Lets hyper go on.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>>;
    /// Has hyper finish what is in flight and take nothing new.
    fn finish(&mut self);
    /// Whether the protocol asks for that itself.
    fn wants_finish(&self) -> bool;
    /// The server leaves: the next answer is to be the last.
    fn leave(&mut self) {}

    /// Whether it can have its client go elsewhere at once, and lose nothing that is under way: then a server that leaves
    /// needn't wait for a next answer.
    fn goes_at_once(&self) -> bool {
        false
    }

    /// What it waits for, now that hyper can't go on.
    fn waiting(&self) -> Waiting;

    /// How many requests are being answered, while it waits for that.
    #[inline]
    fn running(&self, waiting: Waiting) -> usize {
        usize::from(!matches!(waiting, Waiting::Request(_) | Waiting::Head(_)))
    }

    /// When the last request's head was complete, if that is known.
    fn arrived(&self) -> Option<Instant>;

    /// Another task than before polls it.
    fn attend(&mut self, _task: &Waker) {}

    /// Whether the client has for so long taken nothing of answers that it could take. Asked when an alarm rings, at
    /// least as often as that time passes while the connection is [`Waiting::Streams`].
    fn has_stalled(&mut self, _patience: Duration) -> bool {
        false
    }

    /// Whether the client must be refused any more.
    fn is_abused(&self) -> bool {
        false
    }
}

/// Drives `connection` to its end. `start` is when the client could first send a request.
pub(crate) async fn drive(
    connection: &mut impl Drive,
    member: &Member,
    timeouts: &Timeouts,
    start: Instant,
) -> End {
    let mut clock = Clock {
        timeouts,
        start,
        waiting: Waiting::Request(0),
        since: None,
        hurries: false,
        alarm: Alarm::default(),
    };
    let mut is_finishing = false;
    let mut share = member.requests().share();
    poll_fn(move |context| {
        loop {
            let stage = member.stage();
            // Before hyper goes on, so that the answer in the making says that it is the last.
            if stage == Stage::Leaving {
                connection.leave();
            } else if stage == Stage::Draining
                && matches!(clock.waiting, Waiting::App | Waiting::Streams)
                && !is_finishing
            {
                is_finishing = true;
                connection.finish();
            }
            if let Poll::Ready(result) = connection.poll(context) {
                return Poll::Ready(End::Over(result));
            }
            if clock.alarm.is_new(context) {
                member.watch(context);
                connection.attend(context.waker());
            }
            if connection.is_abused() {
                return Poll::Ready(End::Abused);
            }
            let stage = member.stage();
            if stage == Stage::Stopped {
                return Poll::Ready(End::Stopped);
            }
            let ends = match stage {
                Stage::Serving => false,
                Stage::Leaving => connection.goes_at_once(),
                Stage::Draining if connection.waiting() == Waiting::Request(0) => {
                    connection.goes_at_once() || clock.first_is_over()
                }
                Stage::Draining | Stage::Stopped => true,
            };
            if !is_finishing && (ends || connection.wants_finish()) {
                // Only after hyper has looked at what lay in the kernel: that is still served.
                is_finishing = true;
                connection.finish();
                continue;
            }
            let now = connection.waiting();
            share.set(connection.running(now));
            if now != clock.waiting {
                clock.turn(now);
            }
            if clock.alarm.needs_care() && clock.poll(connection, context) {
                return Poll::Ready(End::TimedOut(now));
            }
            return Poll::Pending;
        }
    })
    .await
}

/// The clocks of a connection, of which one runs at a time.
struct Clock<'a> {
    timeouts: &'a Timeouts,
    start: Instant,
    waiting: Waiting,
    /// When this waiting began; `None` if that is when the last request arrived: its answer was made at once, and
    /// asking the time again would cost as much as all the rest here.
    since: Option<Instant>,
    /// The server goes down: a first request is waited for no longer than [`FIRST`].
    hurries: bool,
    alarm: Alarm,
}

impl Clock<'_> {
    /// The server goes down. Whether a client that has sent nothing has had its time.
    fn first_is_over(&mut self) -> bool {
        if !self.hurries {
            self.hurries = true;
            self.alarm.must_be_set = true;
        }
        self.start.elapsed() >= FIRST
    }

    /// The connection waits for something else now.
    #[inline]
    fn turn(&mut self, now: Waiting) {
        let quick =
            matches!((self.waiting, now), (Waiting::Request(_) | Waiting::Head(_), Waiting::Request(_)));
        self.since =
            if quick || matches!(now, Waiting::App | Waiting::Streams) { None } else { Some(Instant::now()) };
        self.waiting = now;
        // An alarm that was set with less patience rings early enough, whenever that was.
        self.alarm.must_be_set |= self.patience().is_some_and(|patience| patience < self.alarm.patience);
    }

    fn patience(&self) -> Option<Duration> {
        match self.waiting {
            Waiting::App => None,
            Waiting::Request(0) if self.hurries => {
                Some(self.timeouts.head.map_or(FIRST, |head| head.min(FIRST)))
            }
            Waiting::Request(0) | Waiting::Head(_) => self.timeouts.head,
            Waiting::Request(_) => self.timeouts.keep_alive,
            Waiting::Client(_) | Waiting::Streams => self.timeouts.write,
        }
    }

    /// Tells whether the time is over; else sets the alarm.
    #[cold]
    fn poll(&mut self, connection: &mut impl Drive, context: &mut Context<'_>) -> bool {
        if self.timeouts.write.is_some_and(|patience| connection.has_stalled(patience)) {
            return true;
        }
        let Some(patience) = self.patience() else {
            self.alarm = Alarm { task: self.alarm.task.take(), ..Alarm::default() };
            self.alarm.must_be_set = false;
            return false;
        };
        let since = match self.waiting {
            Waiting::Request(0) | Waiting::Head(0) => self.start,
            _ => self.since.or_else(|| connection.arrived()).unwrap_or_else(Instant::now),
        };
        self.since = Some(since);
        let Some(deadline) = since.checked_add(patience) else { return false };
        if !self.alarm.poll(deadline, patience, context) {
            return false;
        }
        if self.waiting != Waiting::Streams {
            return true;
        }
        // The next look, one patience later.
        self.since = None;
        self.alarm.poll(Instant::now() + patience, patience, context)
    }
}

/// One timer for all the clocks of a connection.
struct Alarm {
    must_be_set: bool,
    /// What it was set with, or more than anything if it wasn't.
    patience: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    /// The task that `sleep` wakes.
    task: Option<Waker>,
}

impl Default for Alarm {
    fn default() -> Self {
        Self { must_be_set: true, patience: Duration::MAX, sleep: None, task: None }
    }
}

impl Alarm {
    /// Tells whether it must be set, or has rung.
    #[inline]
    fn needs_care(&self) -> bool {
        self.must_be_set || self.sleep.as_ref().is_some_and(|sleep| sleep.is_elapsed())
    }

    /// Tells whether another task than before polls, and remembers it.
    #[inline]
    fn is_new(&mut self, context: &Context<'_>) -> bool {
        if self.task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            return false;
        }
        self.task = Some(context.waker().clone());
        self.must_be_set = true;
        true
    }

    /// Tells whether `deadline` has passed; else sees to it that the task is woken then.
    fn poll(&mut self, deadline: Instant, patience: Duration, context: &mut Context<'_>) -> bool {
        (self.must_be_set, self.patience) = (false, patience);
        let deadline = tokio::time::Instant::from_std(deadline);
        let sleep = match &mut self.sleep {
            None => self.sleep.insert(Box::pin(tokio::time::sleep_until(deadline))),
            Some(sleep) => {
                sleep.as_mut().reset(deadline);
                sleep
            }
        };
        // A connection that keeps its task busy uses up its turn's budget each time: no reason for it to have no clock.
        std::pin::pin!(tokio::task::unconstrained(sleep.as_mut())).poll(context).is_ready()
    }
}

/// How long a server that goes down waits for the first byte of a connection, since it was accepted: its client may have sent
/// the request already, and can't know that it may ask again. Many times what it is under way.
pub(crate) const FIRST: Duration = Duration::from_millis(500);

/// Waits for `work`, but no longer than `patience`; `None` when that has run out.
pub(crate) async fn within<T>(patience: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match patience {
        None => Some(work.await),
        Some(patience) => tokio::time::timeout(patience, work).await.ok(),
    }
}
