//! What follows an answer: the outcome is told, an unread body thrown away, the connection kept, closed or broken off.
//!
//! All of it without blocking and without an app. RFC 9112 sections 9.3 and 9.6.
//!
//! Invariant: the outcome is told after the system has accepted the last byte, or once it is known that it never will.
//! Next: `read.rs`, for the next request.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rsgi_core::http::Response;
use rsgi_core::{AcceptedBy, App, Cause, Delivery, Environ, Fault, Outgoing};
use rsgi_threads::{Next, Turn};

use crate::conn::{After, Conn, Discarding, Line, Socket, Stage, Writes};
use crate::desk::Tools;
use crate::h1::Decoded;
use crate::protocol::Http;
use crate::serve::Step;
use crate::wire::Flushed;

impl<A, M, F> Http<A, M, F>
where
    A: App,
    M: Fn(Arc<A>, Environ) -> F + Send + Sync + 'static,
    F: Future<Output = (Arc<A>, Response<Outgoing>)> + Send + 'static,
{
    /// Flushes an answer that was produced to its end, unless its client has gone meanwhile.
    pub(crate) fn hand_over(&self, conn: &mut Conn<F>, turn: &mut Turn<'_, Self>) -> Step {
        let flushed = {
            let mut state = conn.line.shared.lock();
            match state.wire.gone {
                Some(_) => Err(io::ErrorKind::BrokenPipe.into()),
                None => state.wire.flush(),
            }
        };
        match flushed {
            Ok(Flushed::All) => self.finished(conn, turn),
            Ok(_) => Step::Rest(self.flush_later(conn, turn)),
            Err(_) => {
                let cause = conn.line.shared.gone().unwrap_or(Cause::Reset);
                Step::Rest(conn.abandon(cause))
            }
        }
    }

    /// Rests until the client takes what is left of an answer.
    pub(crate) fn flush_later(&self, conn: &mut Conn<F>, turn: &mut Turn<'_, Self>) -> Next {
        conn.stage = Stage::Flush;
        conn.line.deadline = self.site.settings.timeouts.write.map(|time| turn.now() + time);
        Next::write(conn.line.deadline)
    }

    /// Goes on flushing what is left of an answer.
    pub(crate) fn go_on_flushing(&self, conn: &mut Conn<F>, turn: &mut Turn<'_, Self>) -> Next {
        let flushed = conn.line.shared.lock().wire.flush();
        let step = match flushed {
            Ok(Flushed::All) => self.finished(conn, turn),
            Ok(Flushed::Some) => return self.flush_later(conn, turn),
            Ok(Flushed::Nothing) => return Next::write(conn.line.deadline),
            Err(_) => return conn.abandon(Cause::Reset),
        };
        self.go_on(conn, step, turn)
    }

    /// Tells the outcome: the system has every byte.
    pub(crate) fn finished(&self, conn: &mut Conn<F>, turn: &mut Turn<'_, Self>) -> Step {
        let line = &mut conn.line;
        {
            let mut state = line.shared.lock();
            if let Some(memory) = state.wire.take_memory() {
                turn.scratch.tools.put_memory(memory);
            }
        }
        let Some(exchange) = line.shared.end() else { return self.settle(conn, turn) };
        let broken = matches!(line.after, After::Break | After::Reset);
        if exchange.current_fault() == Some(Fault::Surplus) && line.after == After::Keep {
            line.after = After::Linger;
        }
        let upgraded = exchange.is_upgraded() && !broken;
        exchange.tell(if broken { Delivery::Failed } else { Delivery::Whole(AcceptedBy::System) });
        if Arc::strong_count(&exchange) == 1 {
            turn.scratch.tools.put_exchange(exchange);
        }
        if upgraded {
            return Step::Rest(self.outbound_ended(conn, turn));
        }
        self.settle(conn, turn)
    }

    /// The outbound half of an upgraded stream has ended: the inbound half goes on as long as the app reads it.
    fn outbound_ended(&self, conn: &mut Conn<F>, turn: &mut Turn<'_, Self>) -> Next {
        let line = &mut conn.line;
        let reads = line.inbound.as_ref().is_some_and(|inbound| !inbound.is_dropped());
        if !reads {
            return self.begin_linger(conn, turn);
        }
        if line.transport.finish().is_err() {
            return Next::Close;
        }
        conn.stage = Stage::HalfClosed;
        conn.line.writes = Writes::Free;
        conn.line.rest_parked()
    }

    /// Takes the body back from the app, and does with the connection what was decided.
    pub(crate) fn settle(&self, conn: &mut Conn<F>, turn: &mut Turn<'_, Self>) -> Step {
        let line = &mut conn.line;
        line.writes = Writes::Free;
        if let Some(inbound) = line.inbound.take() {
            let rest = inbound.take_back();
            line.buf = rest.buf;
            // Who reads the body doesn't know of an event that came behind it.
            line.socket = match (line.socket, rest.socket) {
                (Socket::Ended, _) | (_, Some(Socket::Ended)) => Socket::Ended,
                (Socket::Drained, None | Some(Socket::Drained)) => Socket::Drained,
                _ => Socket::MayHaveMore,
            };
            let at_end = rest.socket == Some(Socket::Ended);
            if !rest.decoder.is_done() {
                let allowed = self.site.settings.limits.discard_bytes;
                // What is more than may be thrown away isn't waited for.
                let buffered = line.buf.len() as u64;
                let is_much =
                    rest.decoder.remaining().is_some_and(|left| left.saturating_sub(buffered) > allowed);
                if line.after == After::Keep && !rest.expects && !at_end && !is_much {
                    conn.stage = Stage::Discard(Box::new(Discarding { decoder: rest.decoder, allowed }));
                    return self.discard(conn, turn);
                }
                if matches!(line.after, After::Keep | After::Close) {
                    line.after = After::Linger;
                }
            }
        }
        match line.after {
            After::Keep => Step::Head,
            After::Close if !line.may_be_sending(&mut turn.scratch.tools) => {
                if !line.transport.is_plain() {
                    // So that the client can tell this end from one that an attacker made; it may be gone already.
                    let _gone = line.transport.finish();
                }
                Step::Rest(Next::Close)
            }
            After::Close | After::Linger | After::Break => Step::Rest(self.begin_linger(conn, turn)),
            After::Reset => {
                line.transport.reset_at_close();
                Step::Rest(Next::Close)
            }
        }
    }

    /// Reads an unread body and throws it away, so that the next request is found behind it.
    pub(crate) fn discard(&self, conn: &mut Conn<F>, turn: &mut Turn<'_, Self>) -> Step {
        let now = turn.now();
        let Stage::Discard(discarding) = &mut conn.stage else { return Step::Head };
        let line = &mut conn.line;
        loop {
            match discarding.decoder.decode(&mut line.buf) {
                Ok(Decoded::Data(data)) => match discarding.allowed.checked_sub(data.len() as u64) {
                    Some(allowed) => discarding.allowed = allowed,
                    None => break,
                },
                Ok(Decoded::End(_)) => return Step::Head,
                Ok(Decoded::Incomplete) => match turn.scratch.tools.read(&line.transport) {
                    Ok((data, _)) if data.is_empty() => return Step::Rest(Next::Close),
                    Ok((data, _)) if line.buf.is_empty() => line.buf = data,
                    Ok((data, _)) => line.buf.extend_from_slice(&data),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        line.deadline = self.site.settings.timeouts.body_progress.map(|time| now + time);
                        return Step::Rest(line.rest_reading());
                    }
                    Err(_) => return Step::Rest(Next::Close),
                },
                Err(_) => break,
            }
        }
        Step::Rest(self.begin_linger(conn, turn))
    }

    /// Closes our half, and reads what still comes for a while (RFC 9112 section 9.6).
    pub(crate) fn begin_linger(&self, conn: &mut Conn<F>, turn: &mut Turn<'_, Self>) -> Next {
        let linger = self.site.settings.timeouts.linger;
        if conn.line.transport.finish().is_err() || linger == Some(Duration::ZERO) {
            return Next::Close;
        }
        conn.stage = Stage::Linger { allowed: self.site.settings.limits.discard_bytes };
        conn.line.deadline = linger.map(|time| turn.now() + time);
        conn.linger(&mut turn.scratch.tools)
    }

    /// Sends the server's own answer, which lies in the output buffer; the connection ends with it.
    #[cold]
    pub(crate) fn send_refusal(&self, conn: &mut Conn<F>, turn: &mut Turn<'_, Self>) -> Next {
        // One that was begun and refused has told nobody of itself.
        let _refused = conn.line.shared.end();
        conn.line.after = After::Linger;
        conn.line.ends_content = false;
        let written = {
            let mut state = conn.line.shared.lock();
            state.wire.write_now(&turn.scratch.tools.out, bytes::Bytes::new())
        };
        match written {
            Ok(Flushed::All) => match self.settle(conn, turn) {
                Step::Rest(next) => next,
                Step::Head | Step::Call(_) => Next::Close,
            },
            Ok(_) => self.flush_later(conn, turn),
            Err(_) => Next::Close,
        }
    }
}

impl<F> Conn<F> {
    /// Throws away what comes.
    pub(crate) fn linger(&mut self, tools: &mut Tools) -> Next {
        let Stage::Linger { allowed } = &mut self.stage else { return Next::Close };
        for _ in 0..LINGER_READS {
            if *allowed == 0 {
                // The answer gets its time to be read; nothing more is taken.
                return Next::park(self.line.deadline);
            }
            match tools.read_away(&self.line.transport) {
                Ok(0) => return Next::Close,
                Ok(read) => *allowed = allowed.saturating_sub(read as u64),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return self.line.rest_reading(),
                Err(_) => return Next::Close,
            }
        }
        // Others want their turn, too.
        Next::Run
    }
}

impl Line {
    /// Tells, before the connection is closed, whether that would be a reset which could cost the client its answer.
    fn may_be_sending(&self, tools: &mut Tools) -> bool {
        if !self.buf.is_empty() || self.upcoming.is_some() {
            return true;
        }
        // A client that said it sends nothing more is taken at its word.
        self.terms.keep
            && self.socket != Socket::Ended
            && tools.read_away(&self.transport).is_ok_and(|read| read > 0)
    }
}

/// How often a lingering connection is read in one turn.
const LINGER_READS: usize = 32;
