//! The road to a live server: HTTP/1.1 and 1.0 over a socket, connections kept while the answers allow it.
//!
//! Requests are written here and answers read by the wire's strict reader, which shares nothing with the servers; what
//! is odd on purpose is sent by [`RawClient`](crate::wire::RawClient).
//!
//! Read next: `flight.rs`, one request; `line.rs`, the socket.

mod flight;
mod line;
mod write;

use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rsgi_core::Error;
use rsgi_core::http::Version;
use url::Url;

use crate::client::error::{ClientError, ClientErrorKind};
use crate::client::outline::Outline;
use crate::client::road::{Flight, Road};
use crate::wire::deadline::patience;

use flight::LiveFlight;
use line::Line;

/// A server, and the connections to it.
#[derive(Debug)]
pub(crate) struct Live {
    address: Address,
    idle: Idle,
    /// How many bytes of each connection are sent one by one.
    slow: usize,
}

/// Connections on which a request may be sent.
type Idle = Arc<Mutex<Vec<Line>>>;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// Host and port, as a URL has them.
    Tcp(String, u16),
    Unix(PathBuf),
}

impl Address {
    /// Reads `http://host:port` or `unix:/path`.
    pub(crate) fn parse(text: &str) -> Result<Self, ClientError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let url = Url::parse(text).map_err(|error| cannot(text, error))?;
        match (url.scheme(), url.host_str()) {
            ("http", Some(host)) => Ok(Self::Tcp(host.to_owned(), url.port().unwrap_or(80))),
            _ => Err(cannot(text, "an address begins with http:// or unix:")),
        }
    }

    /// What the Host field says.
    pub(crate) fn authority(&self) -> String {
        match self {
            Self::Tcp(host, 80) => host.clone(),
            Self::Tcp(host, port) => format!("{host}:{port}"),
            Self::Unix(_) => String::from("localhost"),
        }
    }

    /// Connects over TCP.
    pub(crate) fn tcp(host: &str, port: u16) -> Result<TcpStream, ClientError> {
        let name = format!("{host}:{port}");
        let mut last = None;
        for address in name.to_socket_addrs().map_err(|error| cannot(&name, error))? {
            match TcpStream::connect_timeout(&address, patience()) {
                Ok(stream) => {
                    stream.set_nodelay(true).map_err(|error| cannot(&name, error))?;
                    return Ok(stream);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(cannot(&name, last.map_or_else(|| "no such host".into(), Error::from)))
    }
}

impl Live {
    pub(crate) fn new(address: &str) -> Result<Self, ClientError> {
        Ok(Self { address: Address::parse(address)?, idle: Idle::default(), slow: 0 })
    }

    /// Sends the first bytes of each connection one by one: what is cut anywhere shows in them.
    #[cfg(feature = "suite")]
    pub(crate) fn byte_by_byte(mut self) -> Self {
        self.slow = 4096;
        self
    }

    fn connect(&self) -> Result<Line, ClientError> {
        match &self.address {
            Address::Tcp(host, port) => Ok(Line::new(Address::tcp(host, *port)?).slowly(self.slow)),
            Address::Unix(path) => match UnixStream::connect(path) {
                Ok(stream) => Ok(Line::new(stream).slowly(self.slow)),
                Err(error) => Err(cannot(&path.to_string_lossy(), error)),
            },
        }
    }

    /// A connection that the server keeps still, or a new one.
    fn line(&self) -> Result<Line, ClientError> {
        loop {
            let kept = lock(&self.idle).pop();
            match kept {
                Some(line) if line.is_silent() => return Ok(line),
                Some(_) => {}
                None => return self.connect(),
            }
        }
    }
}

impl Road for Live {
    fn open(&mut self, mut outline: Outline) -> Result<Box<dyn Flight>, ClientError> {
        if outline.facts.is_some() && outline.version > Version::HTTP_11 {
            // A recorded request is asked by what this server speaks.
            outline.version = Version::HTTP_11;
        }
        if !matches!(outline.version, Version::HTTP_10 | Version::HTTP_11) || outline.protocol.is_some() {
            return Err(unsupported("a version other than HTTP/1.0 and 1.1"));
        }
        if outline.deadline.is_some() {
            return Err(unsupported("a deadline"));
        }
        let line = self.line()?;
        Ok(Box::new(LiveFlight::new(outline, line, Arc::clone(&self.idle))))
    }

    fn authority(&self) -> String {
        self.address.authority()
    }

    fn stop(&mut self) {
        lock(&self.idle).clear();
    }
}

pub(crate) fn unsupported(what: &str) -> ClientError {
    ClientError::new(ClientErrorKind::Unsupported, format!("{what} isn't for this live server"))
}

pub(crate) fn cannot(address: &str, source: impl Into<Error>) -> ClientError {
    ClientError::new(ClientErrorKind::Connect, format!("cannot connect to {address:?}")).with_source(source)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
