//! [`Http`]: the engine's protocol: says for every event what it means in the connection's present stage.
//!
//! The map of the state machine; each move is made in the file that its stage belongs to. Everything but `run` must not
//! block, for it also happens on the thread that keeps the server alive while all handlers are busy.
//!
//! Invariant: a stage is left only by a callback of its own connection. Next: `conn.rs` (the stages), `read.rs`,
//! `serve.rs`, `answer.rs`, `after.rs`.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use rsgi_core::http::{Response, StatusCode};
use rsgi_core::{App, Cause, Environ, Outgoing};
use rsgi_threads::{Accepted, ConnWaker, Hangup, Next, Opened, Protocol, Readiness, Runtime, Stream, Turn};

use crate::body_in::Ahead;
use crate::conn::{Call, Conn, Line, Socket, Stage, Waiting};
use crate::desk::Desk;
use crate::open::Opening;
use crate::read::Headed;
use crate::shared::Shared;
use crate::site::Site;
use crate::transport::Transport;

/// HTTP/1 over the engine, for one app; `F` is the future of one request.
pub(crate) struct Http<A, M, F> {
    pub(crate) app: Arc<A>,
    /// Makes a request's future; it lends the app out and gives it back, which spares a reference count each.
    pub(crate) call: M,
    pub(crate) site: Site,
    runtime: Runtime,
    future: PhantomData<fn() -> F>,
}

impl<A, M, F> Http<A, M, F>
where
    A: App,
    M: Fn(Arc<A>, Environ) -> F + Send + Sync + 'static,
    F: Future<Output = (Arc<A>, Response<Outgoing>)> + Send + 'static,
{
    pub(crate) fn new(app: Arc<A>, call: M, site: Site, runtime: Runtime) -> Self {
        Self { app, call, site, runtime, future: PhantomData }
    }

    /// Puts a request in line, or first reads its body.
    pub(crate) fn due(&self, conn: &mut Conn<F>, mut call: Call, turn: &mut Turn<'_, Self>) -> Next {
        if std::mem::take(&mut call.ahead) {
            conn.stage = Stage::Ahead(call);
            return self.fill_ahead(conn, turn);
        }
        if let Some(most) = self.site.settings.limits.pending_requests {
            call.waiting = Waiting::begin(&self.site.waiting, most);
            if call.waiting.is_none() {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Line::refuse_with(&mut turn.scratch.tools, status, "too many requests wait for a thread");
                return self.send_refusal(conn, turn);
            }
        }
        conn.stage = Stage::Call(call);
        Next::Run
    }

    /// Reads on a body that is read before the app is called.
    fn fill_ahead(&self, conn: &mut Conn<F>, turn: &mut Turn<'_, Self>) -> Next {
        let Some(inbound) = conn.line.inbound.clone() else { return Next::Close };
        match inbound.fill_ahead(self.site.settings.limits.request_buffer) {
            Ahead::Whole | Ahead::Enough => match std::mem::replace(&mut conn.stage, Stage::Head) {
                Stage::Ahead(call) => self.due(conn, call, turn),
                _ => Next::Close,
            },
            Ahead::Wait => {
                let progress = self.site.settings.timeouts.body_progress;
                conn.line.deadline = progress.map(|time| turn.now() + time);
                conn.line.rest_reading()
            }
            Ahead::Broken(kind) => {
                Line::refuse_with(&mut turn.scratch.tools, kind.status(), "the request's body is broken");
                self.send_refusal(conn, turn)
            }
        }
    }

    /// The app reads on after its outbound half has ended.
    fn half_closed(&self, conn: &mut Conn<F>, readiness: Readiness, turn: &mut Turn<'_, Self>) -> Next {
        let dropped = conn.line.inbound.as_ref().is_none_or(|inbound| inbound.is_dropped());
        if dropped || matches!(readiness.hangup(), Some(Hangup::Gone | Hangup::Cut)) {
            return self.begin_linger(conn, turn);
        }
        if let Some(inbound) = &conn.line.inbound {
            inbound.wake();
        }
        conn.line.rest_parked()
    }

    /// Looks for a request in what has come.
    #[inline]
    fn read_head(&self, conn: &mut Conn<F>, turn: &mut Turn<'_, Self>) -> Next {
        let now = turn.now();
        match conn.line.read_request(&mut turn.scratch.tools, &self.site, now) {
            Headed::Call(call) => self.due(conn, call, turn),
            Headed::Refused => self.send_refusal(conn, turn),
            Headed::Rest(next) => next,
        }
    }
}

impl<A, M, F> Protocol for Http<A, M, F>
where
    A: App,
    M: Fn(Arc<A>, Environ) -> F + Send + Sync + 'static,
    F: Future<Output = (Arc<A>, Response<Outgoing>)> + Send + 'static,
{
    type Connection = Conn<F>;
    type Shared = Shared;
    type Scratch = Desk<A, F>;

    fn scratch(&self) -> Desk<A, F> {
        Desk::new(&self.site.settings)
    }

    fn around_thread(&self, work: &mut dyn FnMut()) {
        self.runtime.entered(work);
    }

    fn accepted(&self, stream: Stream, facts: &Accepted, waker: ConnWaker) -> Option<Opened<Self>> {
        let settings = &self.site.settings;
        let transport = Transport::plain(stream);
        let shared = Shared::new(transport.clone(), waker, settings.half_close);
        let opening = Opening::new(&self.site, facts, transport.stream())?;
        let mut line = Line::new(transport, Arc::clone(&shared), None);
        let stage = if opening.is_done() {
            line.deadline = settings.timeouts.head.map(|time| facts.at + time);
            line.open(&self.site, opening, None);
            Stage::Head
        } else {
            line.deadline = settings.timeouts.handshake.map(|time| facts.at + time);
            Stage::Open(Box::new(opening))
        };
        let next = line.rest_reading();
        Some(Opened { connection: Conn { stage, line }, shared, next })
    }

    #[inline]
    fn ready(&self, conn: &mut Conn<F>, readiness: Readiness, turn: &mut Turn<'_, Self>) -> Next {
        turn.scratch.tools.refresh(turn.now());
        if readiness.hangup().is_some() {
            conn.line.socket = Socket::Ended;
        } else if readiness.readable() && conn.line.socket == Socket::Drained {
            // Told once and never again: a stage that doesn't read now leaves it to the one that does.
            conn.line.socket = Socket::MayHaveMore;
        }
        let readable = readiness.readable() || readiness.hangup().is_some();
        match &conn.stage {
            Stage::Head if readable => self.read_head(conn, turn),
            Stage::Head => conn.line.rest_reading(),
            Stage::Open(_) | Stage::Call(_) => Next::Run,
            Stage::Ahead(_) => self.fill_ahead(conn, turn),
            Stage::App(..) | Stage::Body(..) => conn.parked(readiness),
            Stage::Flush => self.go_on_flushing(conn, turn),
            Stage::HalfClosed => self.half_closed(conn, readiness, turn),
            Stage::Discard(_) => {
                let step = self.discard(conn, turn);
                self.go_on(conn, step, turn)
            }
            Stage::Linger { .. } => conn.linger(&mut turn.scratch.tools),
        }
    }

    #[inline]
    fn run(&self, conn: &mut Conn<F>, turn: &mut Turn<'_, Self>) -> Next {
        turn.scratch.tools.refresh(turn.now());
        match std::mem::replace(&mut conn.stage, Stage::Head) {
            Stage::Call(call) => self.serve(conn, call, turn),
            Stage::App(slot, parked) => {
                // From here on its thread counts.
                drop(parked);
                let step = self.resume_app(conn, slot, turn);
                self.go_on(conn, step, turn)
            }
            Stage::Body(outgoing, coding, parked) => {
                drop(parked);
                let step = self.go_on_body(conn, outgoing, coding, turn);
                self.go_on(conn, step, turn)
            }
            Stage::Open(opening) => self.go_on_opening(conn, opening, turn),
            Stage::Head => self.look_for_request(conn, turn),
            stage @ Stage::Linger { .. } => {
                conn.stage = stage;
                conn.linger(&mut turn.scratch.tools)
            }
            stage => {
                // Stages that don't ask to be run.
                conn.stage = stage;
                conn.line.rest_reading()
            }
        }
    }

    fn timeout(&self, conn: &mut Conn<F>, turn: &mut Turn<'_, Self>) -> Next {
        turn.scratch.tools.refresh(turn.now());
        match &conn.stage {
            Stage::Head if conn.line.head_begun => {
                Line::refuse_with(
                    &mut turn.scratch.tools,
                    StatusCode::REQUEST_TIMEOUT,
                    "the request took too long",
                );
                self.send_refusal(conn, turn)
            }
            Stage::Ahead(_) => {
                Line::refuse_with(
                    &mut turn.scratch.tools,
                    StatusCode::REQUEST_TIMEOUT,
                    "the request's body took too long",
                );
                self.send_refusal(conn, turn)
            }
            Stage::App(..) | Stage::Body(..) => conn.parked_too_long(turn.now()),
            Stage::Flush => conn.abandon(Cause::TimedOut),
            Stage::Call(_) => Next::Run,
            Stage::HalfClosed => conn.line.rest_parked(),
            Stage::Head | Stage::Open(_) | Stage::Discard(_) | Stage::Linger { .. } => Next::Close,
        }
    }

    fn drain(&self, conn: &mut Conn<F>, turn: &mut Turn<'_, Self>) -> Next {
        let timeouts = &self.site.settings.timeouts;
        match &conn.stage {
            Stage::Head if conn.line.is_idle() => conn.line.end_idle(timeouts.head, turn.now()),
            Stage::Open(opening) if !opening.has_begun() => {
                conn.line.end_idle(timeouts.handshake, turn.now())
            }
            Stage::Flush => Next::write(conn.line.deadline),
            Stage::App(..) | Stage::Body(..) | Stage::HalfClosed => conn.line.rest_parked(),
            Stage::Call(_) => Next::Run,
            Stage::Head | Stage::Open(_) | Stage::Ahead(_) | Stage::Discard(_) | Stage::Linger { .. } => {
                conn.line.rest_reading()
            }
        }
    }

    fn has_room(&self, running: usize) -> bool {
        let most = self.site.settings.limits.running_requests.unwrap_or(usize::MAX);
        running + self.site.pending.count() < most
    }

    fn hangup(&self, shared: &Shared, hangup: Hangup) {
        shared.hang_up(hangup);
    }

    fn tick(&self, shared: &Shared) {
        shared.send_gathered();
    }
}
