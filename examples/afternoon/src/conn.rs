//! One connection, request by request, on a thread of its own: the recipe of the README.
//!
//! Where next: `answer.rs` for a request, `closing.rs` for the end.

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rsgi_core::bytes::Buf;
use rsgi_core::http::StatusCode;
use rsgi_core::proxy_protocol::{ProxyProtocol, ProxyStatus};
use rsgi_core::{App, Connection, Endpoint, Exchange};

use crate::answer::Next;
use crate::head::{Refusal, read};
use crate::inbound::Inbound;
use crate::request::Request;
use crate::server::Shared;
use crate::wire::Wire;

/// A connection's part that its requests' inputs see.
pub(crate) struct Conn {
    pub(crate) shared: Arc<Shared>,
    pub(crate) wire: Arc<Wire>,
    inbound: Mutex<Inbound>,
}

/// Both ends of a connection and its number.
pub(crate) struct Ends {
    pub(crate) id: u64,
    pub(crate) peer: Endpoint,
    pub(crate) local: Endpoint,
}

impl Conn {
    pub(crate) fn new(shared: Arc<Shared>, wire: Arc<Wire>) -> Arc<Self> {
        Arc::new(Self { shared, wire, inbound: Mutex::new(Inbound::new()) })
    }

    pub(crate) fn inbound(&self) -> MutexGuard<'_, Inbound> {
        self.inbound.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves requests until the connection ends.
    pub(crate) fn serve<A: App>(self: &Arc<Self>, app: &A, ends: Ends) {
        let id = ends.id;
        let Ok(ends) = self.proxied(ends) else { return self.end() };
        let mut connection = Connection::new(Arc::clone(&self.shared.facts), id, ends.peer, ends.local);
        connection.link = Some(Arc::clone(&self.wire) as _);
        let mut exchange = Exchange::new(Arc::new(connection));
        for number in 0.. {
            let request = match self.next_request(number) {
                Ok(request) => request,
                Err(Refusal::Gone) => return self.end(),
                Err(Refusal::Answer(status)) => return self.refuse(status),
            };
            if number > 0 {
                Exchange::begin(&mut exchange, Instant::now());
            }
            self.wire.begin();
            self.shared.state().follow(id, &exchange);
            match self.answer(app, &exchange, request, number) {
                Next::Request => {}
                Next::Linger => return self.linger(),
                Next::Reset => return self.reset(),
            }
        }
    }

    /// Reads the PROXY protocol's header where the peer has to send one, and gives the ends that it tells.
    fn proxied(&self, mut ends: Ends) -> io::Result<Ends> {
        let config = &self.shared.config;
        if config.proxy_protocol == ProxyProtocol::Off || !config.trust.trusts(&ends.peer) {
            return Ok(ends);
        }
        let deadline = config.timeouts.handshake.map(|time| Instant::now() + time);
        let mut inbound = self.inbound();
        loop {
            let status = config.proxy_protocol.parse(&inbound.buffer).map_err(io::Error::other)?;
            if let ProxyStatus::Complete { consumed, header } = status {
                if let Some(told) = header.ends {
                    (ends.peer, ends.local) = (told.peer, told.local);
                }
                inbound.buffer.advance(consumed);
                return Ok(ends);
            }
            self.wire.wait(deadline)?;
            if inbound.fill(&self.wire)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Waits for a request and reads its head.
    fn next_request(&self, number: u64) -> Result<Request, Refusal> {
        let (timeouts, mut inbound) = (&self.shared.config.timeouts, self.inbound());
        let after = |time: Option<Duration>| time.map(|time| Instant::now() + time);
        let mut deadline = after(timeouts.head);
        if inbound.buffer.is_empty() {
            let idle = if number == 0 { deadline } else { after(timeouts.keep_alive) };
            match self.shared.wait_idle(&self.wire, idle) {
                Ok(()) => {}
                Err(error) if number == 0 && error.kind() == ErrorKind::WouldBlock => {
                    return Err(Refusal::Answer(StatusCode::REQUEST_TIMEOUT));
                }
                Err(_) => return Err(Refusal::Gone),
            }
            if number > 0 {
                deadline = after(timeouts.head);
            }
        }
        read(&mut inbound, &self.wire, &self.shared.config, deadline)
    }
}
