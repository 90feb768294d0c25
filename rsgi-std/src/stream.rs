//! Bodies that are polled: their frames are gathered and sent, and a pending one is parked with its connection.
//!
//! A client that doesn't read holds what the wire holds and one frame; the body isn't asked for more meanwhile. Not
//! here: bodies that block (`body_out.rs`).
//!
//! Invariant: when a body is pending, all it gave has been offered to the system. Next: `after.rs`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rsgi_core::http::Response;
use rsgi_core::http_body::{Body as _, Frame};
use rsgi_core::{App, Cause, Environ, Outgoing, may_block};
use rsgi_threads::{Next, Turn};

use crate::body_out::Coding;
use crate::conn::{Conn, Line, Stage, Writes};
use crate::protocol::Http;
use crate::serve::Step;
use crate::site::Site;
use crate::wire::Flushed;

/// How a flush between two frames ended.
enum Room {
    /// There is room for more.
    Here,
    /// The client must read first.
    Wanting,
    /// The client has gone.
    Gone(Cause),
}

impl<A, M, F> Http<A, M, F>
where
    A: App,
    M: Fn(Arc<A>, Environ) -> F + Send + Sync + 'static,
    F: Future<Output = (Arc<A>, Response<Outgoing>)> + Send + 'static,
{
    /// Polls a body and sends what it gives.
    pub(crate) fn poll_body(
        &self,
        conn: &mut Conn<F>,
        mut outgoing: Box<Outgoing>,
        coding: Coding,
        turn: &mut Turn<'_, Self>,
    ) -> Step {
        let bound = self.site.settings.limits.write_buffer;
        for _ in 0..FRAMES {
            match conn.line.make_room(&self.site, bound, turn.now()) {
                Room::Here => {}
                Room::Wanting => {
                    conn.stage = Stage::Body(outgoing, coding, self.site.pending.park());
                    return Step::Rest(conn.line.rest_parked());
                }
                Room::Gone(cause) => {
                    drop(outgoing);
                    return Step::Rest(conn.abandon(cause));
                }
            }
            let polled = {
                let task = conn.line.task();
                let mut context = Context::from_waker(&task);
                may_block(|| Pin::new(&mut *outgoing).poll_frame(&mut context))
            };
            match polled {
                Poll::Ready(Some(Ok(frame))) => {
                    if conn.line.take_frame(frame, coding) {
                        return self.hand_over(conn, turn);
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    drop(outgoing);
                    return self.body_failed(conn, &error, None, turn);
                }
                Poll::Ready(None) => {
                    drop(outgoing);
                    coding.end(&mut conn.line.shared.lock().wire, None);
                    return self.hand_over(conn, turn);
                }
                Poll::Pending => {
                    let room = conn.line.make_room(&self.site, 1, turn.now());
                    let cause = if let Room::Gone(cause) = room { Some(cause) } else { conn.line.gone() };
                    if let Some(cause) = cause {
                        drop(outgoing);
                        return Step::Rest(conn.abandon(cause));
                    }
                    conn.stage = Stage::Body(outgoing, coding, self.site.pending.park());
                    return Step::Rest(conn.line.rest_parked());
                }
            }
        }
        // Others want their turn, too; what lies gathered is sent meanwhile.
        conn.stage = Stage::Body(outgoing, coding, self.site.pending.park());
        Step::Rest(Next::Run)
    }
}

impl Line {
    /// Flushes if as much as `bound` lies gathered.
    fn make_room(&mut self, site: &Site, bound: usize, now: std::time::Instant) -> Room {
        let mut state = self.shared.lock();
        if let Some(cause) = state.wire.gone {
            return Room::Gone(cause);
        }
        let wire = &state.wire;
        if wire.is_empty() || self.writes == Writes::Free && wire.len() < bound && !wire.has_large() {
            self.writes = Writes::Free;
            return Room::Here;
        }
        let until = || Writes::Wait(site.settings.timeouts.write.map(|time| now + time));
        match state.wire.flush() {
            Ok(Flushed::All) => {
                self.writes = Writes::Free;
                Room::Here
            }
            Ok(Flushed::Some) => {
                self.writes = until();
                Room::Wanting
            }
            Ok(Flushed::Nothing) => {
                if self.writes == Writes::Free {
                    self.writes = until();
                }
                Room::Wanting
            }
            Err(_) => Room::Gone(Cause::Reset),
        }
    }

    /// Puts a frame on the wire; tells whether it was the last.
    fn take_frame(&self, frame: Frame<bytes::Bytes>, coding: Coding) -> bool {
        let mut state = self.shared.lock();
        match frame.into_data() {
            Ok(data) => {
                coding.push(&mut state.wire, data);
                self.shared.ask_for_tick(&mut state);
                false
            }
            Err(frame) => {
                coding.end(&mut state.wire, frame.trailers_ref());
                true
            }
        }
    }
}

/// How many frames are taken in one turn.
const FRAMES: usize = 256;
