//! The wait for an app's answer, and its end.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use rsgi_core::{Cause, Error, Exchange, Started};

use super::clock::{Bell, Clock};

/// A wait until a deadline.
pub(super) struct Late<'a> {
    clock: &'a Clock,
    deadline: Option<Instant>,
    exchange: Arc<Exchange>,
    /// Set before the app runs where it may hold up this very thread, else only once it has to be waited for: an app that is
    /// ready at once costs no bell.
    bell: Option<Bell>,
}

impl<'a> Late<'a> {
    pub(super) fn new(
        clock: &'a Clock,
        deadline: Option<Instant>,
        exchange: Arc<Exchange>,
        blocks: bool,
    ) -> Self {
        let at = if blocks { deadline } else { None };
        let bell = at.map(|at| clock.set(at, Some(Arc::clone(&exchange))));
        Self { clock, deadline, exchange, bell }
    }

    /// Waits for `app`; `None` if time was up before.
    pub(super) async fn or<F>(mut self, app: F) -> Option<Result<Started, Error>>
    where
        F: Future<Output = Result<Started, Error>>,
    {
        let mut app = pin!(app);
        poll_fn(|context| {
            match app.as_mut().poll(context) {
                // Who gave up for its token's sake is late; who has an answer has it.
                Poll::Ready(Err(_)) if self.bell.as_ref().is_some_and(Bell::rang) => {
                    return Poll::Ready(None);
                }
                Poll::Ready(answered) => return Poll::Ready(Some(answered)),
                Poll::Pending => {}
            }
            let Some(deadline) = self.deadline else { return Poll::Pending };
            let tells = &self.exchange;
            let bell = self.bell.get_or_insert_with(|| self.clock.set(deadline, Some(Arc::clone(tells))));
            if !bell.poll(context.waker()) {
                return Poll::Pending;
            }
            // Before the app's future is dropped: what it started elsewhere hears why.
            self.exchange.disconnect(Cause::TimedOut);
            Poll::Ready(None)
        })
        .await
    }
}
