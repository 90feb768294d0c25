//! [`Clock`]: a connection's one timer, for whichever of its deadlines is the first.
//!
//! A deadline moves with every request, mostly away. So the timer is left as it is when it moves away, and set anew when it
//! goes off too early: tokio's timers are touched about once in a keep-alive time.
//!
//! Next: `connection.rs`.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::time::Sleep;

/// A timer that is made when it is first needed.
#[derive(Debug, Default)]
pub(super) struct Clock {
    sleep: Option<Pin<Box<Sleep>>>,
    deadline: Option<Instant>,
}

impl Clock {
    /// Sets until when; `None` for ever.
    pub(super) fn set(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// Whether the deadline has come.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Waits for the deadline.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.into())));
        if sleep.deadline() > deadline.into() {
            sleep.as_mut().reset(deadline.into());
        }
        loop {
            ready!(sleep.as_mut().poll(context));
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_deadline_that_moves_away_or_closer_is_the_last_one_set() {
        let mut clock = Clock::default();
        let start = Instant::now();
        for milliseconds in [1, 40, 5, 20] {
            let deadline = start + Duration::from_millis(milliseconds);
            clock.set(Some(deadline));
            let polled = poll_fn(|context| Poll::Ready(clock.poll(context))).await;
            assert!(polled.is_pending() || deadline <= Instant::now(), "{milliseconds} ms");
        }
        poll_fn(|context| clock.poll(context)).await;
        assert!(start.elapsed() >= Duration::from_millis(20) && clock.is_over(Instant::now()));
        clock.set(None);
        assert!(poll_fn(|context| Poll::Ready(clock.poll(context))).await.is_pending());
    }
}
