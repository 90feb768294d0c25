//! One request from its head to its outcome: the environ, the app's call, the answer, and what becomes of the connection.
//!
//! Invariant: the outcome is told once, behind the last flush, and never a better one than was seen.

use std::future::poll_fn;
use std::net::Shutdown;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rsgi_core::http::request::Parts;
use rsgi_core::http::{Method, Response, StatusCode, Version, header};
use rsgi_core::{
    App, Cause, Delivery, Disconnect, Environ, Exchange, Fault, Framing, Input, InputLength, Outgoing,
    respond,
};

use crate::body_in::Incoming;
use crate::body_out::{Coding, Out, Persistence, head, wait_while_there};
use crate::conn::Conn;
use crate::gate::Permit;
use crate::inbound::Framed;
use crate::request::{Request, lists};
use crate::watch::Watched;

/// How a connection goes on behind an answer.
pub(crate) enum Next {
    Request,
    /// Its end is an ordinary one: whoever still sends gets the answer all the same.
    Linger,
    Reset,
}

/// What of a request is needed behind the app's call.
struct Asked {
    version: Version,
    is_connect: bool,
    keeps: bool,
}

impl Conn {
    /// Calls the app and sends its answer.
    pub(crate) fn answer<A: App>(
        self: &Arc<Self>,
        app: &A,
        exchange: &Arc<Exchange>,
        request: Request,
        number: u64,
    ) -> Next {
        self.read_ahead(&request);
        let Some(permit) = self.shared.gate.enter_first() else {
            self.write_refusal(StatusCode::SERVICE_UNAVAILABLE);
            return Next::Linger;
        };
        let half_close = self.shared.config.half_close;
        let watched = Arc::new(Watched::new(Arc::clone(&self.wire), Arc::clone(exchange), half_close));
        let asked = Asked {
            version: request.head.version,
            is_connect: request.head.method == Method::CONNECT,
            keeps: request.keeps,
        };
        let (environ, input_dropped) = self.environ(request, &watched, number);
        let client = environ.disconnect();
        self.shared.watcher.add(&watched);
        let answered = self.call(app, environ, &client, permit);
        let (coding, persistence, delivery) = match answered {
            Ok(response) => self.send(response, &watched, &client, &asked),
            Err(cause) => (Coding::Chunked, Persistence::Closed, Delivery::Aborted(cause)),
        };
        self.shared.watcher.remove(&watched);
        if let Delivery::Aborted(cause) = delivery {
            exchange.disconnect(cause);
        }
        exchange.tell(delivery);
        if persistence == Persistence::HandedOver && matches!(delivery, Delivery::Whole(_)) {
            self.finish_tunnel(&watched, &input_dropped);
        }
        self.what_next(exchange, coding, persistence, delivery)
    }

    /// Reads a short body before the app is called (S59); what goes wrong the app's own read finds.
    fn read_ahead(&self, request: &Request) {
        let config = &self.shared.config;
        let Framed::Length(length) = request.body else { return };
        let most = config.limits.request_buffer;
        let Some(length) = usize::try_from(length).ok().filter(|length| *length <= most) else { return };
        if request.expects || may_upgrade(&request.head) {
            return;
        }
        let mut inbound = self.inbound();
        while inbound.buffer.len() < length {
            let deadline = config.timeouts.body_progress.map(|time| Instant::now() + time);
            if self.wire.wait(deadline).is_err() || !matches!(inbound.fill(&self.wire), Ok(1..)) {
                return;
            }
        }
    }

    fn environ(
        self: &Arc<Self>,
        request: Request,
        watched: &Arc<Watched>,
        number: u64,
    ) -> (Environ, Receiver<()>) {
        let Request { head, target, body, expects, .. } = request;
        let (alive, dropped) = channel();
        let length = match &body {
            Framed::Length(0) => InputLength::None,
            Framed::Length(length) => InputLength::Known(*length),
            Framed::Chunked(_) => InputLength::Unknown,
        };
        let may_upgrade = may_upgrade(&head);
        let mut inbound = self.inbound();
        (inbound.body, inbound.number, inbound.expects, inbound.failed) = (body, number, expects, false);
        drop(inbound);
        let input = if length == InputLength::None && !may_upgrade {
            Input::empty()
        } else {
            let source = Incoming {
                conn: Arc::clone(self),
                watched: Arc::clone(watched),
                number,
                since: None,
                _alive: alive,
            };
            // An upgraded stream has no limit.
            let limit = self.shared.config.limits.body_bytes;
            Input::new(source, length, limit.filter(|_| length != InputLength::None))
        };
        let mut environ = Environ::new(head, input, Arc::clone(&watched.exchange));
        if environ.target() != target {
            environ.set_target(target);
        }
        (environ, dropped)
    }

    /// Runs the app, with a permit whenever its code runs.
    fn call<A: App>(
        &self,
        app: &A,
        environ: Environ,
        client: &Disconnect,
        permit: Permit<'_>,
    ) -> Result<Response<Outgoing>, Cause> {
        let mut answer = pin!(respond(app, environ));
        let mut permit = Some(permit);
        let response = wait_while_there(
            client,
            poll_fn(|context| {
                let _permit = permit.take().unwrap_or_else(|| self.shared.gate.enter());
                answer.as_mut().poll(context)
            }),
        )?;
        // Whoever left while the app ran isn't answered (S61).
        client.cause().map_or(Ok(response), Err)
    }

    fn send(
        &self,
        response: Response<Outgoing>,
        watched: &Watched,
        client: &Disconnect,
        asked: &Asked,
    ) -> (Coding, Persistence, Delivery) {
        let framing = response.body().framing();
        let is_open_ended = framing == Framing::Unknown;
        let coding =
            if is_open_ended && asked.version == Version::HTTP_11 { Coding::Chunked } else { Coding::Plain };
        let persistence = match framing {
            Framing::Upgraded(_) => Persistence::HandedOver,
            _ if is_open_ended && coding == Coding::Plain => Persistence::Closed,
            _ if !asked.keeps || asked.is_connect || response.body().close_after() => Persistence::Closed,
            _ => self.persistence(watched, asked.version),
        };
        let mut first = Vec::new();
        if persistence == Persistence::HandedOver && std::mem::take(&mut self.inbound().expects) {
            first.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        let fields = response.headers();
        let config = &self.shared.config;
        first.extend(head(config, response.status(), fields, framing, coding, persistence));
        let delivery = Out::new(watched, &self.shared.gate, client, coding).send(&first, response);
        let cuts_off = if is_open_ended { coding } else { Coding::Chunked };
        (cuts_off, persistence, delivery)
    }

    /// Whether the connection may go on as far as the server knows at the head.
    fn persistence(&self, watched: &Watched, version: Version) -> Persistence {
        let (config, server) = (&self.shared.config, &self.shared.facts);
        let is_last = config
            .limits
            .requests_per_connection
            .is_some_and(|most| self.inbound().number.saturating_add(1) >= most);
        let must_close = is_last
            || server.drain.has_begun()
            || config.timeouts.keep_alive == Some(Duration::ZERO)
            || !self.inbound().can_be_discarded(config.limits.discard_bytes)
            || has_broken(&watched.exchange);
        match version {
            _ if must_close => Persistence::Closed,
            Version::HTTP_10 => Persistence::KeptOld,
            _ => Persistence::Kept,
        }
    }

    fn what_next(
        &self,
        exchange: &Exchange,
        coding: Coding,
        persistence: Persistence,
        delivery: Delivery,
    ) -> Next {
        match delivery {
            Delivery::Whole(_) => {}
            // No last chunk, or too few bytes: an end of stream says enough. Else only a reset does.
            Delivery::Failed if coding == Coding::Chunked => return Next::Linger,
            _ => return Next::Reset,
        }
        if !matches!(persistence, Persistence::Kept | Persistence::KeptOld) || has_broken(exchange) {
            return Next::Linger;
        }
        let config = &self.shared.config;
        let mut inbound = self.inbound();
        let deadline = config.timeouts.linger.map(|time| Instant::now() + time);
        if inbound.can_be_discarded(config.limits.discard_bytes)
            && inbound.discard(&self.wire, &config.limits, deadline)
        {
            return Next::Request;
        }
        Next::Linger
    }

    /// Behind the outbound stream's end the inbound one goes on until its own, or until the app drops it.
    fn finish_tunnel(&self, watched: &Arc<Watched>, input_dropped: &Receiver<()>) {
        let _may_be_gone = self.wire.stream.shutdown(Shutdown::Write);
        self.shared.watcher.add(watched);
        let _sender_is_dropped = input_dropped.recv();
        self.shared.watcher.remove(watched);
    }
}

/// Tells whether the client offers to hand over the stream.
fn may_upgrade(head: &Parts) -> bool {
    head.method == Method::CONNECT || lists(&head.headers, &header::CONNECTION, "upgrade")
}

/// Tells whether the answer's body was wrong, so that nothing may follow it (S23, S28).
fn has_broken(exchange: &Exchange) -> bool {
    let fault = exchange.current_fault();
    matches!(fault, Some(Fault::Surplus | Fault::Missing | Fault::BodyError | Fault::BodyPanic))
}
