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

use rsgi_core::http::{Method, Response, request};
use rsgi_core::{App, Cause, Environ, Exchange, Input, InputLength, Outgoing, may_block};
use rsgi_threads::{Hangup, Next, Turn};

use crate::body_in::Inbound;
use crate::conn::{After, Call, Conn, Line, Slot, Socket, Stage, Terms, Writes};
use crate::h1::{BodyDecoder, Expectation, Framing, Persistence, RequestHead, Target, UpgradeOffer};
use crate::protocol::Http;
use crate::read::Headed;
use crate::site::Site;

/// What came of a step.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// The connection rests, or ends.
    Rest(Next),
    /// The answer is out: the next request, please.
    Head,
}

impl<A, M, F> Http<A, M, F>
where
    A: App,
    M: Fn(Arc<A>, Environ) -> F + Send + Sync + 'static,
    F: Future<Output = (Arc<A>, Response<Outgoing>)> + Send + 'static,
{
    /// Runs a request, and those that came right behind it.
    pub(crate) fn serve(&self, conn: &mut Conn<F>, call: Box<Call>, turn: &mut Turn<'_, Self>) -> Next {
        let mut step = self.call(conn, call, turn);
        for _ in 0..BATCH {
            match step {
                Step::Rest(next) => return next,
                Step::Head => match self.next_call(conn, turn) {
                    Ok(call) => step = self.call(conn, call, turn),
                    Err(next) => return next,
                },
            }
        }
        match step {
            Step::Rest(next) => next,
            // Others want their turn, too.
            Step::Head => self.look_for_request(conn, turn),
        }
    }

    /// Goes on after a step that was no call.
    pub(crate) fn go_on(&self, conn: &mut Conn<F>, step: Step, turn: &mut Turn<'_, Self>) -> Next {
        match step {
            Step::Rest(next) => next,
            Step::Head => self.look_for_request(conn, turn),
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
    fn next_call(&self, conn: &mut Conn<F>, turn: &mut Turn<'_, Self>) -> Result<Box<Call>, Next> {
        conn.stage = Stage::Head;
        let now = turn.now();
        match conn.line.next_request(&mut turn.scratch.tools, &self.site, now) {
            Headed::Call(call) if self.reads_ahead(&call.head) => Err(self.due(conn, call, turn)),
            Headed::Call(call) => Ok(call),
            Headed::Refused => Err(self.send_refusal(conn, turn)),
            Headed::Rest(next) => {
                Err(if turn.draining() && conn.line.is_idle() { Next::Close } else { next })
            }
        }
    }

    #[inline]
    fn call(&self, conn: &mut Conn<F>, call: Box<Call>, turn: &mut Turn<'_, Self>) -> Step {
        let Call { head, arrived, waiting } = *call;
        drop(waiting);
        let line = &mut conn.line;
        line.served += 1;
        line.terms = Terms { version: head.version, keep: head.persistence == Persistence::KeepAlive };
        line.after = After::Keep;
        line.writes = Writes::Free;
        let Some(exchange) = line.shared.begin(arrived) else { return Step::Rest(Next::Close) };
        if line.socket == Socket::Ended
            && let Some(cause) = line.shared.meaning(Hangup::Finished)
        {
            // It ended before it was heard: told, but an answer that is ready at once is still offered to it.
            exchange.disconnect(cause);
        }
        let input = line.input(&self.site, &head, &exchange);
        let environ = environ(head, input, exchange);
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
            let mut context = Context::from_waker(conn.line.shared.task());
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
                conn.stage = Stage::App(slot);
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
    /// The input of a request.
    #[inline]
    fn input(&mut self, site: &Site, head: &RequestHead, exchange: &Arc<Exchange>) -> Input {
        let upgradable = head.upgrade == UpgradeOffer::Offered || head.method == Method::CONNECT;
        let bodiless = matches!(head.framing, Framing::None | Framing::Length(0));
        if bodiless && !upgradable {
            return Input::empty();
        }
        let inbound = match &self.inbound {
            Some(inbound) => Arc::clone(inbound),
            None => self.open_inbound(site, head),
        };
        let length = match head.framing {
            Framing::Length(length) if length > 0 => InputLength::Known(length),
            Framing::Chunked => InputLength::Unknown,
            _ => InputLength::None,
        };
        // Core would count an upgraded stream against the limit, too.
        let limit = site.server.body_limit.filter(|_| !upgradable);
        Input::new(inbound.source(Arc::clone(exchange)), length, limit)
    }

    /// Makes the shared state of a request's body.
    pub(crate) fn open_inbound(&mut self, site: &Site, head: &RequestHead) -> Arc<Inbound> {
        let limits = &site.settings.body;
        // No limit of the decoder's is broken by a length alone.
        let decoder = BodyDecoder::new(head.framing, limits).unwrap_or_else(|_| BodyDecoder::done());
        let inbound = Inbound::new(
            Arc::clone(&self.shared),
            self.transport.clone(),
            std::mem::take(&mut self.buf),
            decoder,
            head.expectation == Expectation::Continue,
            site.settings.timeouts.body_progress,
        );
        self.inbound = Some(Arc::clone(&inbound));
        inbound
    }

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

/// Makes the app's environ of a head.
#[inline]
fn environ(head: RequestHead, input: Input, exchange: Arc<Exchange>) -> Environ {
    let (mut parts, ()): (request::Parts, ()) = request::Request::new(()).into_parts();
    parts.method = head.method;
    parts.uri = head.uri;
    parts.version = head.version;
    parts.headers = head.headers;
    let mut environ = Environ::new(parts, input, exchange);
    if let Target::Absolute(raw) = head.target {
        environ.set_target(String::from_utf8_lossy(&raw));
    }
    environ
}

/// How many pipelined requests are answered in one turn.
const BATCH: usize = 32;
