//! [`Running`]: one request from its app's call to its outcome.
//!
//! Core's `respond` decides what an answer means; here it is called, and its result encoded. Where the host's threads may block,
//! bodies that block are driven right here, else everything is polled.
//!
//! Invariants: the outcome is told once, after the system has taken the answer's last byte or once it is known that it never
//! will; what a client that has gone left pending is dropped before that. Next: `sink.rs`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use rsgi_core::http_body::{Body as _, Frame};
use rsgi_core::{
    AcceptedBy, Cause, Delivery, Exchange, Framing, Outgoing, OutgoingError, OutgoingErrorKind, Sink as _,
    may_block,
};

use super::link::Link;
use super::sink::LinkSink;
use super::socket::Socket;
use super::stream::Serial;
use crate::codec::{After, Codec, Ending, RequestId};
use crate::site::{Answering, Counted};

/// A request at work.
pub(crate) struct Running {
    pub(crate) serial: Serial,
    pub(crate) id: RequestId,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) stage: Stage,
    pub(crate) _counted: Counted,
}

/// How far it is.
pub(crate) enum Stage {
    /// The app was called.
    App(Answering),
    /// The answer's body is on its way.
    Body(Box<Outgoing>),
    /// All was produced, up to this byte of the connection.
    Produced(u64, Ending),
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It waits: for its app, for its peer.
    Waits,
    /// It has more to do, and lets others have their turn first.
    GoesOn,
    /// All was produced.
    Produced,
}

impl Running {
    /// Goes on as far as it can without waiting, but on a thread that may block.
    pub(crate) fn go_on<S: Socket, C: Codec>(
        &mut self,
        link: &Arc<Link<S, C>>,
        context: &mut Context<'_>,
    ) -> Step {
        if let Stage::App(answering) = &mut self.stage {
            let polled = on_host::<S, _>(|| answering.as_mut().poll(context));
            let Poll::Ready(response) = polled else { return Step::Waits };
            self.begin_answer(response, link);
        }
        if let Stage::Body(outgoing) = &mut self.stage {
            if S::BLOCKS && outgoing.blocks() {
                self.drive(link);
            } else {
                return self.poll_body(link, context);
            }
        }
        Step::Produced
    }

    fn begin_answer<S: Socket, C: Codec>(&mut self, response: Response<Outgoing>, link: &Link<S, C>) {
        let (parts, mut outgoing) = response.into_parts();
        let length = match outgoing.framing() {
            Framing::Length(length) => Some(length),
            _ => None,
        };
        let content = outgoing.take_bytes();
        let ends = content.is_some() || outgoing.is_end_stream();
        let at_once = outgoing.head_at_once();
        {
            let mut state = link.lock();
            if outgoing.close_after() {
                state.after = state.after.max(After::Close);
            }
            let (codec, out) = state.encoder();
            codec.head(self.id, parts.status, &parts.headers, length, out);
            if let Some(content) = content.filter(|content| !content.is_empty()) {
                codec.content(self.id, content, out);
            }
            if ends {
                return self.end(&mut state, Ending::Whole);
            }
        }
        self.stage = Stage::Body(Box::new(outgoing));
        if at_once {
            link.flush();
        }
    }

    fn end<S: Socket, C: Codec>(&mut self, state: &mut super::state::State<S, C>, ending: Ending) {
        state.end(Some(self.serial), self.id, ending);
        self.stage = Stage::Produced(state.produced(), ending);
    }

    fn poll_body<S: Socket, C: Codec>(&mut self, link: &Link<S, C>, context: &mut Context<'_>) -> Step {
        let Stage::Body(outgoing) = &mut self.stage else { return Step::Produced };
        for _ in 0..FRAMES {
            if link.lock().out.len() >= link.site.limits.write_buffer {
                link.flush();
                if link.lock().out.len() >= link.site.limits.write_buffer {
                    return Step::Waits;
                }
            }
            let polled = on_host::<S, _>(|| Pin::new(&mut **outgoing).poll_frame(context));
            match polled {
                Poll::Pending => return Step::Waits,
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers have no place in these protocols: core doesn't hand them over.
                    let piece = Frame::into_data(frame).unwrap_or_else(|_| Bytes::new());
                    if !piece.is_empty() {
                        let mut state = link.lock();
                        let (codec, out) = state.encoder();
                        codec.content(self.id, piece, out);
                    }
                }
                Poll::Ready(None) => {
                    self.end(&mut link.lock(), Ending::Whole);
                    return Step::Produced;
                }
                Poll::Ready(Some(Err(_))) => {
                    self.end(&mut link.lock(), Ending::Broken);
                    return Step::Produced;
                }
            }
        }
        Step::GoesOn
    }

    /// Drives a body that blocks, on this thread, to its end.
    fn drive<S: Socket, C: Codec>(&mut self, link: &Link<S, C>) {
        let Stage::Body(outgoing) = &mut self.stage else { return };
        {
            let mut state = link.lock();
            state.is_driven = true;
            if !state.out.is_empty() {
                state.ask_for_tick();
            }
        }
        let mut sink = LinkSink::new(link, self.id);
        let driven = may_block(|| outgoing.write_to(&mut sink));
        if driven.as_ref().is_err_and(is_the_apps) {
            // What was produced before the error belongs to the client; a failure of this is one of the client's.
            let _gone = sink.flush();
        }
        let mut state = link.lock();
        state.is_driven = false;
        if state.gone.is_some() {
            // The peer's, not the body's: it is given up.
            return;
        }
        let ending = if driven.is_ok() { Ending::Whole } else { Ending::Broken };
        self.end(&mut state, ending);
    }

    /// Whether the system has every byte of the answer.
    pub(crate) fn is_out(&self, sent: u64) -> bool {
        matches!(self.stage, Stage::Produced(end, _) if end <= sent)
    }

    /// Tells the outcome of an answer that [is out](Self::is_out).
    pub(crate) fn tell_out(self) {
        let is_whole = matches!(self.stage, Stage::Produced(_, Ending::Whole));
        self.exchange.tell(if is_whole { Delivery::Whole(AcceptedBy::System) } else { Delivery::Failed });
    }

    /// Gives it up; what is pending is dropped first, on a thread that may block where there are such.
    pub(crate) fn give_up<S: Socket>(self, cause: Cause) {
        let Self { exchange, stage, .. } = self;
        exchange.disconnect(cause);
        on_host::<S, _>(|| drop(stage));
        exchange.tell(if cause == Cause::TimedOut { Delivery::TimedOut } else { Delivery::Aborted(cause) });
    }
}

/// Runs an app's code as the host's threads may.
fn on_host<S: Socket, T>(code: impl FnOnce() -> T) -> T {
    if S::BLOCKS { may_block(code) } else { code() }
}

fn is_the_apps(error: &OutgoingError) -> bool {
    matches!(error.kind(), OutgoingErrorKind::App(_))
}

/// How many frames of a body are taken in one turn.
const FRAMES: usize = 256;
