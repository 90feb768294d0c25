//! Files sent by the system: `sendfile` on Linux, in the clear.
//!
//! Elsewhere, and over TLS, a file is a blocking body like any other and is copied. A slow client holds no thread: what
//! the socket doesn't take waits for room.
//!
//! Invariant: a file that has become shorter than announced ends the connection visibly. Next: `answer.rs`.

use std::future::Future;
use std::sync::Arc;

use rsgi_core::http::Response;
use rsgi_core::{App, Cause, Environ, Outgoing};
use rsgi_threads::{Stream, Turn};
use rustix::io::Errno;

use crate::body_out::Coding;
use crate::conn::{Conn, Stage, Writes};
use crate::protocol::Http;
use crate::serve::Step;
use crate::wire::Flushed;

/// Whether the system sends files here.
pub(crate) const HERE: bool = cfg!(target_os = "linux");

impl<A, M, F> Http<A, M, F>
where
    A: App,
    M: Fn(Arc<A>, Environ) -> F + Send + Sync + 'static,
    F: Future<Output = (Arc<A>, Response<Outgoing>)> + Send + 'static,
{
    /// Sends on a file, as far as there is room.
    pub(crate) fn send_file(
        &self,
        conn: &mut Conn<F>,
        mut outgoing: Box<Outgoing>,
        coding: Coding,
        turn: &mut Turn<'_, Self>,
    ) -> Step {
        let mut moved = conn.line.writes == Writes::Free;
        loop {
            let (gone, flushed) = {
                let mut state = conn.line.shared.lock();
                (state.wire.gone, state.wire.flush_more())
            };
            let sent = match (gone, flushed) {
                (Some(cause), _) => {
                    drop(outgoing);
                    return Step::Rest(conn.abandon(cause));
                }
                (None, Ok(Flushed::All)) => send(conn.line.transport.stream(), &outgoing),
                (None, Ok(flushed)) => {
                    moved |= flushed == Flushed::Some;
                    Err(Errno::AGAIN)
                }
                (None, Err(_)) => Err(Errno::CONNRESET),
            };
            match sent {
                Ok(Part::Sent(bytes)) => {
                    outgoing.file_sent(bytes);
                    moved = true;
                }
                // What is left, and what is wrong with it, is found by copying.
                Ok(Part::Rest) | Err(Errno::INVAL | Errno::NOSYS | Errno::IO | Errno::OVERFLOW) => {
                    return self.drive(conn, outgoing, coding, turn);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    if moved {
                        let until = self.site.settings.timeouts.write.map(|time| turn.now() + time);
                        conn.line.writes = Writes::Wait(until);
                    }
                    conn.stage = Stage::Body(outgoing, coding, self.site.pending.park());
                    return Step::Rest(conn.line.rest_parked());
                }
                Err(_) => {
                    drop(outgoing);
                    return Step::Rest(conn.abandon(Cause::Reset));
                }
            }
        }
    }
}

/// What one call came to.
enum Part {
    Sent(u64),
    /// Nothing is left, or nothing more is there.
    Rest,
}

#[cfg(target_os = "linux")]
fn send(stream: &Stream, outgoing: &Outgoing) -> Result<Part, Errno> {
    let Some(body) = outgoing.file().filter(|body| body.left() > 0) else { return Ok(Part::Rest) };
    let mut offset = body.offset();
    let most = usize::try_from(body.left()).unwrap_or(usize::MAX).min(AT_ONCE);
    match rustix::fs::sendfile(stream, body.file(), Some(&mut offset), most)? {
        0 => Ok(Part::Rest),
        sent => Ok(Part::Sent(sent as u64)),
    }
}

#[cfg(not(target_os = "linux"))]
fn send(_: &Stream, _: &Outgoing) -> Result<Part, Errno> {
    Ok(Part::Rest)
}

/// What is asked of the system at once, at most; it takes as much as the socket has room for.
#[cfg(target_os = "linux")]
const AT_ONCE: usize = 1 << 30;
