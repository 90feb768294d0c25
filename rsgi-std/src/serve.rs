//! Runs requests: calls the app through core's `respond`, parks what is pending, and goes on with the next request.
//!
//! On a thread that may block. An answer that is ready at the first poll never leaves the thread; a pending one is
//! parked with its connection and polled by whichever thread its wake reaches. Not here: the answer's bytes
//! (`answer.rs`).
//!
//! Invariant: nothing of ours is locked while the app runs. Next: `answer.rs`.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};

use rsgi_core::http::Response;
use rsgi_core::{App, Cause, Environ, Outgoing, may_block};
use rsgi_threads::{Hangup, Next, Turn};

use crate::conn::{Call, Conn, Line, Slot, Socket, Stage};
use crate::protocol::Http;
use crate::read::Headed;

/// What came of a step.
#[derive(Debug)]
pub(crate) enum Step {
    /// The connection rests, or ends.
    Rest(Next),
    /// The answer is out: the next request, please.
    Head,
    /// The answer lies gathered, and this is the next request.
    Call(Call),
}

impl<A, M, F> Http<A, M, F>
where
    A: App,
    M: Fn(Arc<A>, Environ) -> F + Send + Sync + 'static,
    F: Future<Output = (Arc<A>, Response<Outgoing>)> + Send + 'static,
{
    /// Runs a request, and those that came right behind it.
    pub(crate) fn serve(&self, conn: &mut Conn<F>, call: Call, turn: &mut Turn<'_, Self>) -> Next {
        let mut step = self.call(conn, call, turn);
        for _ in 0..BATCH {
            let call = match step {
                Step::Rest(next) => return next,
                Step::Call(call) if call.ahead => return self.due(conn, call, turn),
                Step::Call(call) => call,
                Step::Head => match self.next_call(conn, turn) {
                    Ok(call) => call,
                    Err(next) => return next,
                },
            };
            step = self.call(conn, call, turn);
        }
        // Others want their turn, too.
        self.go_on(conn, step, turn)
    }

    /// Goes on after a step that was no call.
    pub(crate) fn go_on(&self, conn: &mut Conn<F>, step: Step, turn: &mut Turn<'_, Self>) -> Next {
        match step {
            Step::Rest(next) => next,
            Step::Head => self.look_for_request(conn, turn),
            Step::Call(call) => self.due(conn, call, turn),
        }
    }

    /// Rests for the next request, or puts it in line.
    pub(crate) fn look_for_request(&self, conn: &mut Conn<F>, turn: &mut Turn<'_, Self>) -> Next {
        match self.next_call(conn, turn) {
            Ok(call) => self.due(conn, call, turn),
            Err(next) => next,
        }
    }

    #[inline]
    fn next_call(&self, conn: &mut Conn<F>, turn: &mut Turn<'_, Self>) -> Result<Call, Next> {
        conn.stage = Stage::Head;
        let now = turn.now();
        match conn.line.next_request(&mut turn.scratch.tools, &self.site, now) {
            Headed::Call(call) if call.ahead => Err(self.due(conn, call, turn)),
            Headed::Call(call) => Ok(call),
            Headed::Refused => Err(self.send_refusal(conn, turn)),
            Headed::Rest(_) if turn.draining() && conn.line.is_idle() => {
                Err(conn.line.end_idle(self.site.settings.timeouts.head, now))
            }
            Headed::Rest(next) => Err(next),
        }
    }

    /// Calls the app.
    #[inline]
    fn call(&self, conn: &mut Conn<F>, call: Call, turn: &mut Turn<'_, Self>) -> Step {
        let Call { environ, waiting, .. } = call;
        drop(waiting);
        let desk = &mut *turn.scratch;
        let app = desk.app.take().unwrap_or_else(|| Arc::clone(&self.app));
        let mut slot = desk.slot();
        slot.set(Some((self.call)(app, environ)));
        self.poll_app(conn, slot, turn)
    }

    /// Polls an app's future.
    #[inline]
    pub(crate) fn poll_app(&self, conn: &mut Conn<F>, mut slot: Slot<F>, turn: &mut Turn<'_, Self>) -> Step {
        let polled = {
            let task = conn.line.task();
            let mut context = Context::from_waker(&task);
            let Some(future) = slot.as_mut().as_pin_mut() else { return Step::Rest(Next::Close) };
            may_block(|| future.poll(&mut context))
        };
        match polled {
            Poll::Ready((app, response)) => {
                slot.set(None);
                turn.scratch.put_slot(slot);
                turn.scratch.app = Some(app);
                self.answer(conn, response, turn)
            }
            Poll::Pending => {
                conn.stage = Stage::App(slot, self.site.pending.park());
                match conn.line.gone() {
                    Some(cause) => Step::Rest(conn.abandon(cause)),
                    None => Step::Rest(conn.line.rest_parked()),
                }
            }
        }
    }

    /// Goes on with a pending future, unless its client has gone.
    pub(crate) fn resume_app(&self, conn: &mut Conn<F>, slot: Slot<F>, turn: &mut Turn<'_, Self>) -> Step {
        match conn.line.shared.gone() {
            Some(cause) => {
                // On this thread, which may block as a drop may.
                drop(slot);
                Step::Rest(conn.abandon(cause))
            }
            None => self.poll_app(conn, slot, turn),
        }
    }
}

impl Line {
    /// Why a pending request's client counts as gone, if it does.
    pub(crate) fn gone(&self) -> Option<Cause> {
        if self.socket == Socket::Ended {
            return self.shared.hang_up(Hangup::Finished);
        }
        self.shared.gone()
    }

    /// Tells whether nothing of a next request is there.
    pub(crate) fn is_idle(&self) -> bool {
        self.buf.is_empty() && !self.head_begun
    }
}

/// How many pipelined requests are answered in one turn.
const BATCH: usize = 32;
