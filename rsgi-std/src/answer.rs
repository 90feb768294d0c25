//! Answers on their way out: the head is encoded, content in memory goes with it in one write, anything else is driven.
//!
//! What an answer means was decided by core's `respond`; here is what the connection adds: framing, persistence, the
//! order of bytes. Not here: what becomes of the connection afterwards (`after.rs`).
//!
//! Invariant: the final head is put on the wire once, after everything informational. Next: `after.rs`.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rsgi_core::http::{Response, Version, response};
use rsgi_core::http_body::Body as _;
use rsgi_core::{
    App, Cause, Environ, Framing, Outgoing, OutgoingError, OutgoingErrorKind, Sink as _, UpgradeKind,
    may_block,
};
use rsgi_threads::Turn;

use crate::body_out::{Coding, SocketSink};
use crate::conn::{After, Conn, Line};
use crate::desk::Tools;
use crate::h1::{self, AnswerFraming, AnswerHead, ConnectionField};
use crate::protocol::Http;
use crate::send::Sent;
use crate::serve::Step;
use crate::site::Site;

impl<A, M, F> Http<A, M, F>
where
    A: App,
    M: Fn(Arc<A>, Environ) -> F + Send + Sync + 'static,
    F: Future<Output = (Arc<A>, Response<Outgoing>)> + Send + 'static,
{
    /// Sends an answer, or begins to.
    #[inline]
    pub(crate) fn answer(
        &self,
        conn: &mut Conn<F>,
        response: Response<Outgoing>,
        turn: &mut Turn<'_, Self>,
    ) -> Step {
        let (parts, mut outgoing) = response.into_parts();
        let line = &mut conn.line;
        let leaving = turn.leaving();
        let now = turn.now();
        let tools = &mut turn.scratch.tools;
        let coding = line.encode_head(tools, &self.site, parts, &outgoing, leaving);
        let content = match outgoing.take_bytes() {
            Some(bytes) => Some(bytes),
            None if outgoing.is_end_stream() => Some(Bytes::new()),
            None => None,
        };
        let Some(content) = content else { return self.begin_body(conn, outgoing, coding, turn) };
        drop(outgoing);
        match line.send_whole(tools, &self.site, content, now) {
            Ok(Sent::Gathered(call)) => Step::Call(call),
            Ok(Sent::Ended) if line.after == After::Keep && line.inbound.is_none() => Step::Head,
            Ok(Sent::Ended) => self.settle(conn, turn),
            Ok(Sent::Out) => self.finished(conn, turn),
            Ok(Sent::Left) => Step::Rest(self.flush_later(conn, turn)),
            Err(cause) => Step::Rest(conn.abandon(cause)),
        }
    }

    /// Begins a body that isn't in memory: its head is gathered, and goes out with the first piece or a moment later.
    fn begin_body(
        &self,
        conn: &mut Conn<F>,
        outgoing: Outgoing,
        coding: Coding,
        turn: &mut Turn<'_, Self>,
    ) -> Step {
        let tools = &mut turn.scratch.tools;
        let at_once = outgoing.head_at_once() || matches!(outgoing.framing(), Framing::Upgraded(_));
        {
            let mut state = conn.line.shared.lock();
            state.wire.give_memory(|| tools.memory());
            state.wire.append(&tools.out);
            if at_once {
                // An error, or a want of room, is found by the first piece.
                let _later = state.wire.flush();
            }
        }
        self.go_on_body(conn, Box::new(outgoing), coding, turn)
    }

    /// Sends on a body that isn't in memory, in the way its kind asks for.
    pub(crate) fn go_on_body(
        &self,
        conn: &mut Conn<F>,
        outgoing: Box<Outgoing>,
        coding: Coding,
        turn: &mut Turn<'_, Self>,
    ) -> Step {
        if outgoing.file().is_some() && self.site.settings.sendfile && conn.line.transport.is_plain() {
            return self.send_file(conn, outgoing, coding, turn);
        }
        if outgoing.blocks() {
            return self.drive(conn, outgoing, coding, turn);
        }
        self.poll_body(conn, outgoing, coding, turn)
    }

    /// Drives a body that blocks, on this thread, to its end.
    #[expect(clippy::boxed_local, reason = "boxed since it was parked, as a file is")]
    pub(crate) fn drive(
        &self,
        conn: &mut Conn<F>,
        mut outgoing: Box<Outgoing>,
        coding: Coding,
        turn: &mut Turn<'_, Self>,
    ) -> Step {
        let settings = &self.site.settings;
        {
            let mut state = conn.line.shared.lock();
            state.wire.driven = true;
            if !state.wire.is_empty() {
                conn.line.shared.ask_for_tick(&mut state);
            }
        }
        let shared = Arc::clone(&conn.line.shared);
        let mut sink =
            SocketSink::new(&shared, coding, settings.limits.write_buffer, settings.timeouts.write);
        let driven = may_block(|| outgoing.write_to(&mut sink));
        shared.lock().wire.driven = false;
        match driven {
            Ok(()) => {
                sink.end();
                self.hand_over(conn, turn)
            }
            Err(error) => {
                if let OutgoingErrorKind::App(_) = error.kind() {
                    // What was produced before the error belongs to the client; a failure of this is one of the client's.
                    let _gone = sink.flush();
                }
                let cause = sink.failed;
                self.body_failed(conn, &error, cause, turn)
            }
        }
    }

    /// Ends a broken answer so that the client can tell.
    pub(crate) fn body_failed(
        &self,
        conn: &mut Conn<F>,
        error: &OutgoingError,
        cause: Option<Cause>,
        turn: &mut Turn<'_, Self>,
    ) -> Step {
        match (error.kind(), cause) {
            (OutgoingErrorKind::App(_), None) => {
                // Where the end of the connection ends the content, only a reset tells the two apart.
                conn.line.after = if conn.line.ends_content { After::Reset } else { After::Break };
                self.hand_over(conn, turn)
            }
            (_, cause) => Step::Rest(conn.abandon(cause.unwrap_or(Cause::Reset))),
        }
    }
}

impl Line {
    /// Encodes the head into the output buffer; decides what becomes of the connection.
    #[inline]
    fn encode_head(
        &mut self,
        tools: &mut Tools,
        site: &Site,
        parts: response::Parts,
        outgoing: &Outgoing,
        leaving: bool,
    ) -> Coding {
        let old = self.terms.version < Version::HTTP_11;
        self.ends_content = false;
        let (framing, coding) = match outgoing.framing() {
            Framing::None => (AnswerFraming::AsGiven, Coding::Plain),
            Framing::Length(length) => (AnswerFraming::Length(length), Coding::Plain),
            Framing::Unknown if !old => (AnswerFraming::Chunked, Coding::Chunked),
            Framing::Upgraded(_) => (AnswerFraming::Nothing, Coding::Plain),
            _ => (AnswerFraming::UntilClose, Coding::Plain),
        };
        tools.out.clear();
        let connection = if let Framing::Upgraded(kind) = outgoing.framing() {
            self.ends_content = true;
            self.after = After::Linger;
            let expects = self.inbound.as_ref().is_some_and(|inbound| inbound.stop_expecting());
            if expects {
                // RFC 9110 section 7.8: 100 precedes 101, where the client asked for both.
                tools.out.extend_from_slice(h1::CONTINUE);
            }
            if kind == UpgradeKind::Http1 { ConnectionField::Upgrade } else { ConnectionField::Omitted }
        } else {
            self.ends_content = framing == AnswerFraming::UntilClose;
            self.after = self.decide(site, outgoing, leaving);
            match self.after {
                After::Keep if old => ConnectionField::KeepAlive,
                After::Keep => ConnectionField::Omitted,
                _ => ConnectionField::Close,
            }
        };
        let head = AnswerHead { status: parts.status, headers: &parts.headers, framing, connection };
        h1::encode_head(&mut tools.out, &head, &tools.standing);
        tools.parser.recycle(parts.headers);
        coding
    }

    /// Decides what becomes of the connection after this answer (RFC 9112 section 9.3).
    #[inline]
    fn decide(&self, site: &Site, outgoing: &Outgoing, leaving: bool) -> After {
        let settings = &site.settings;
        if let Some(inbound) = &self.inbound {
            let (is_lost, left) = inbound.unread();
            // What is yet to be produced may yet read.
            let over = outgoing.is_end_stream() || outgoing.size_hint().exact() == Some(0);
            let left = left.filter(|_| over).unwrap_or(0);
            // A client that was never told to send may or may not: where its next request begins can't be known.
            if is_lost || left > settings.limits.discard_bytes {
                return After::Linger;
            }
        }
        let over = settings.limits.requests_per_connection.is_some_and(|most| self.served >= most);
        let never = settings.timeouts.keep_alive == Some(Duration::ZERO);
        let ends =
            over || never || leaving || outgoing.close_after() || !self.terms.keep || self.ends_content;
        if ends { After::Close } else { After::Keep }
    }
}
