//! What precedes the first head: a PROXY protocol header from a trusted peer, a TLS handshake; then the facts stand.
//!
//! Both are read by the one clock `timeouts.handshake`, and a connection that fails here is closed without an answer:
//! its peer speaks no HTTP yet.
//!
//! Invariant: the peer that apps see is the system's, or that of a trusted peer's header; never of any other.
//! Next: `read.rs`.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Buf as _;
use rsgi_core::http::Response;
use rsgi_core::proxy_protocol::{HEADER_BYTES_MOST, ProxiedEnds, ProxyError, ProxyProtocol, ProxyStatus};
use rsgi_core::{App, Connection, Endpoint, Environ, Outgoing, Scheme, Tls};
use rsgi_threads::{Accepted, Interest, Next, Stream, Turn};

use crate::conn::{Conn, Line, Stage};
use crate::desk::Tools;
use crate::protocol::Http;
use crate::site::Site;
use crate::tls::Session;
use crate::transport::Transport;

/// A connection that isn't ready for its first head.
#[derive(Debug)]
pub(crate) struct Opening {
    peer: Endpoint,
    local: Arc<Endpoint>,
    accepted: Instant,
    /// The header that is awaited.
    proxy: ProxyProtocol,
    /// The session whose handshake isn't over.
    session: Option<Session>,
    begun: bool,
}

/// What a step came to.
enum Opened {
    Done(Option<Tls>),
    Wait(Interest),
    Failed,
}

impl Opening {
    /// Begins with what the system says of a connection; `None` if it can't say.
    pub(crate) fn new(site: &Site, facts: &Accepted, stream: &Stream) -> Option<Self> {
        let place = site.places.get(facts.listener)?;
        let local = place.local(stream).ok()?;
        let peer = facts.peer_endpoint(stream);
        let proxy = site.settings.proxy;
        let proxy = if proxy != ProxyProtocol::Off && site.server.trust.trusts(&peer) {
            proxy
        } else {
            ProxyProtocol::Off
        };
        let session = match &site.certificates {
            Some(certificates) if place.is_tcp() => Some(certificates.session().ok()?),
            _ => None,
        };
        Some(Self { peer, local, accepted: facts.at, proxy, session, begun: false })
    }

    /// Tells whether nothing precedes the first head.
    pub(crate) fn is_done(&self) -> bool {
        self.proxy == ProxyProtocol::Off && self.session.is_none()
    }

    /// Tells whether the client has sent something.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }

    fn step(&mut self, line: &mut Line, tools: &mut Tools) -> Opened {
        if self.proxy != ProxyProtocol::Off {
            match self.read_header(line, tools) {
                Ok(true) => self.proxy = ProxyProtocol::Off,
                Ok(false) => return Opened::Wait(Interest::READ),
                Err(error) => {
                    tracing::info!(target: "rsgi", peer = %self.peer, %error, "connection refused: no PROXY header");
                    return Opened::Failed;
                }
            }
        }
        let Some(session) = &self.session else { return Opened::Done(None) };
        if !line.buf.is_empty() {
            // Read along with the header.
            let early = std::mem::take(&mut line.buf);
            if session.feed(&early).is_err() {
                return Opened::Failed;
            }
        }
        let stream = line.transport.stream();
        self.begun = true;
        match session.shake_hands(stream) {
            Ok(Some(facts)) => Opened::Done(Some(facts)),
            Ok(None) if session.wants_write() => Opened::Wait(Interest::BOTH),
            Ok(None) => Opened::Wait(Interest::READ),
            Err(error) => {
                tracing::debug!(target: "rsgi", peer = %self.peer, %error, "TLS handshake failed");
                Opened::Failed
            }
        }
    }

    /// Reads the PROXY header; tells whether it was whole.
    fn read_header(&mut self, line: &mut Line, tools: &mut Tools) -> io::Result<bool> {
        loop {
            let status = self.proxy.parse(&line.buf).map_err(broken)?;
            if let ProxyStatus::Complete { consumed, header } = status {
                if let Some(ProxiedEnds { peer, local, .. }) = header.ends {
                    (self.peer, self.local) = (peer, local.into());
                }
                line.buf.advance(consumed);
                return Ok(true);
            }
            if line.buf.len() >= HEADER_BYTES_MOST {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the header has no end"));
            }
            match tools.read(&line.transport) {
                Ok((data, _)) if data.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok((data, _)) => {
                    self.begun = true;
                    line.buf.extend_from_slice(&data);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }
}

impl<A, M, F> Http<A, M, F>
where
    A: App,
    M: Fn(Arc<A>, Environ) -> F + Send + Sync + 'static,
    F: Future<Output = (Arc<A>, Response<Outgoing>)> + Send + 'static,
{
    /// Goes on with what precedes the first head.
    pub(crate) fn go_on_opening(
        &self,
        conn: &mut Conn<F>,
        mut opening: Box<Opening>,
        turn: &mut Turn<'_, Self>,
    ) -> Next {
        match opening.step(&mut conn.line, &mut turn.scratch.tools) {
            Opened::Failed => Next::Close,
            Opened::Wait(interest) => {
                conn.stage = Stage::Open(opening);
                Next::Wait { interest, deadline: conn.line.deadline }
            }
            Opened::Done(tls) => {
                if let Some(session) = opening.session.take() {
                    conn.line.seal(session);
                }
                conn.line.deadline = self.site.settings.timeouts.head.map(|time| turn.now() + time);
                conn.line.open(&self.site, *opening, tls);
                self.look_for_request(conn, turn)
            }
        }
    }
}

impl Line {
    /// Makes the connection's facts.
    pub(crate) fn open(&mut self, site: &Site, opening: Opening, tls: Option<Tls>) {
        let id = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        let mut connection = Connection::at(Arc::clone(&site.server), id, opening.peer, opening.local);
        connection.accepted = opening.accepted;
        connection.scheme = if tls.is_some() { Scheme::Https } else { Scheme::Http };
        connection.tls = tls.map(Box::new);
        connection.link = Some(Arc::clone(&self.shared) as _);
        self.shared.open(Arc::new(connection));
    }

    /// Puts a TLS session between the socket and everybody.
    fn seal(&mut self, session: Session) {
        let transport = Transport::sealed(self.transport.stream().clone(), session);
        self.shared.lock().wire.replace(transport.clone());
        self.transport = transport;
    }
}

fn broken(error: ProxyError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// How many connections this process has opened: their numbers.
static CONNECTIONS: AtomicU64 = AtomicU64::new(1);
