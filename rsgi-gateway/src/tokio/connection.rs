//! A connection's task: has the machine (`conn`) go on whenever something happened, and waits for what it says.
//!
//! A peer that hangs up is noticed in any state, also while nothing of what it sent is read.
//!
//! Invariant: the task ends soon after the server is told to stop, and tells on its way what became of its requests.
//! Next: `conn/mod.rs`.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use rsgi_core::Cause;
use rsgi_core::server::HalfClose;

use super::clock::Clock;
use super::control::{Control, Place, Stage};
use super::socket::{News, ReactorSocket};
use crate::codec::Codec;
use crate::conn::{Conn, Ends, Going, Happened, Link, Rest};

/// What a task has.
struct Task<'a, C: Codec> {
    conn: Conn<ReactorSocket, C>,
    socket: ReactorSocket,
    control: &'a Control,
    clock: Clock,
    /// News that the machine hasn't been told yet: it comes but once.
    happened: Option<Happened>,
    /// What the machine rests for.
    reads: bool,
    writes: bool,
    /// The peer has ended its half, as was seen while nothing was read.
    has_ended: bool,
}

/// Serves a connection, which holds its place meanwhile.
pub(super) async fn serve<C: Codec>(socket: ReactorSocket, ends: Ends, place: Place) {
    let control = place.control();
    let link = Link::new(socket.clone(), Arc::clone(control.site()), ends);
    let mut task: Task<'_, C> = Task {
        conn: Conn::new(link),
        socket,
        control,
        clock: Clock::default(),
        happened: None,
        reads: true,
        writes: false,
        has_ended: false,
    };
    let mut is_known = false;
    poll_fn(|context| {
        if !std::mem::replace(&mut is_known, true) {
            // A task's waker stays the same.
            place.wakes(context.waker());
        }
        task.poll(context)
    })
    .await;
}

impl<C: Codec> Task<'_, C> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.happened.is_none() {
            self.happened = self.poll_socket(context);
        }
        for _ in 0..ROUNDS {
            let Some(going) = going(self.control.stage()) else { return Poll::Ready(()) };
            let now = Instant::now();
            if self.clock.is_over(now) {
                self.conn.expire(now, going);
            }
            self.conn.look(self.happened.take().unwrap_or_default());
            match self.conn.turn(context, going, now) {
                Rest::Close => return Poll::Ready(()),
                Rest::Again => break,
                Rest::Wait { reads, writes, deadline } => {
                    (self.reads, self.writes) = (reads, writes);
                    self.clock.set(deadline);
                }
            }
            self.control.tell_room();
            self.happened = self.poll_socket(context);
            if self.happened.is_none() && self.clock.poll(context).is_pending() {
                return Poll::Pending;
            }
        }
        // Others have their turn first.
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// What happened on the socket of what is waited for.
    fn poll_socket(&mut self, context: &mut Context<'_>) -> Option<Happened> {
        let input = self.poll_input(context);
        // What a peer does after the end of its half is told of our half alone.
        let watches = self.writes || self.has_ended;
        while watches && let Poll::Ready(output) = self.socket.watched().poll_output(context) {
            match output {
                Ok(News::Ready) if self.writes => return Some(input.unwrap_or_default()),
                // There is room, and nothing to send.
                Ok(News::Ready) => {}
                Ok(News::Ended) | Err(_) => {
                    self.conn.lose(Cause::Reset);
                    return Some(Happened { readable: self.reads, hangup: true });
                }
            }
        }
        input
    }

    fn poll_input(&mut self, context: &mut Context<'_>) -> Option<Happened> {
        while self.reads || !self.has_ended {
            let Poll::Ready(input) = self.socket.watched().poll_input(context) else { break };
            match input {
                Ok(_) if self.reads => return Some(Happened { readable: true, hangup: false }),
                // It lies there until there is room for it.
                Ok(News::Ready) => {}
                Ok(News::Ended) => {
                    self.has_ended = true;
                    if self.control.site().half_close == HalfClose::Gone {
                        self.conn.lose(if self.socket.was_reset() { Cause::Reset } else { Cause::Closed });
                        return Some(Happened { readable: false, hangup: true });
                    }
                }
                Err(_) => {
                    self.conn.lose(Cause::ServerStopped);
                    return Some(Happened { readable: false, hangup: true });
                }
            }
        }
        None
    }
}

/// How the machine is to go on; `None` if not at all.
fn going(stage: Stage) -> Option<Going> {
    match stage {
        Stage::Serving => Some(Going::On),
        Stage::Leaving => Some(Going::Leaving),
        Stage::Draining => Some(Going::Ending),
        Stage::Stopped => None,
    }
}

/// How often a connection goes on in one turn of its task.
const ROUNDS: usize = 8;
