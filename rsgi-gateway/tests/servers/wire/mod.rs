//! A web server's side of the protocols, byte by byte.
//!
//! Written from the specifications, for tests: it shares nothing with the crate, and says what it got as it got it.

mod fastcgi;
mod single;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::marker::PhantomData;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;

use rsgi_gateway::codec::Codec;

use crate::served::PATIENCE;

pub(crate) use fastcgi::{FastCgi, abort, begin, get_values, params, record, stdin};
pub(crate) use single::{Scgi, Uwsgi};

/// One of the protocols.
pub(crate) trait Wire: 'static {
    type Codec: Codec;

    /// Whether a connection may go on after an answer.
    const KEEPS: bool;

    /// A request's variables.
    fn head(variables: &[(String, String)]) -> Vec<u8>;

    /// A piece of its content, in records of at most so many bytes.
    fn content(piece: &[u8], most: usize) -> Vec<u8>;

    /// The end of its content.
    fn end() -> Vec<u8>;

    /// Sorts what came.
    fn sort(came: &mut Vec<u8>, streams: &mut BTreeMap<u16, Stream>);
}

/// What came of one answer.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) out: Vec<u8>,
    pub(crate) errors: Vec<u8>,
    /// Application's and protocol's status, where the protocol tells.
    pub(crate) end: Option<(u32, u8)>,
}

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) variables: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) content: Vec<u8>,
    pub(crate) errors: String,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Reset,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Client<W> {
    socket: TcpStream,
    came: Vec<u8>,
    pub(crate) streams: BTreeMap<u16, Stream>,
    pub(crate) end: Option<End>,
    wire: PhantomData<W>,
}

impl Request {
    pub(crate) fn get(path: &str) -> Self {
        Self::of("GET", path, "")
    }

    /// With content of a length.
    pub(crate) fn post(path: &str, length: usize) -> Self {
        Self::of("POST", path, &length.to_string())
    }

    fn of(method: &str, target: &str, length: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let variables = [
            ("CONTENT_LENGTH", length),
            ("SCGI", "1"),
            ("REQUEST_METHOD", method),
            ("REQUEST_URI", target),
            ("SCRIPT_NAME", ""),
            ("PATH_INFO", path),
            ("QUERY_STRING", query),
            ("SERVER_NAME", "a.example"),
            ("SERVER_PORT", "80"),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("HTTP_HOST", "a.example"),
        ];
        Self { variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec() }
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl Stream {
    /// What came behind the head; `None` before all of the head did.
    pub(crate) fn content(&self) -> Option<&[u8]> {
        let end = self.out.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
        Some(&self.out[end + 4..])
    }

    pub(crate) fn answer(&self) -> Answer {
        let content = self.content().unwrap_or_else(|| panic!("no head: {:?}", self.out.escape_ascii()));
        let head = &self.out[..self.out.len() - content.len() - 4];
        let head = std::str::from_utf8(head).unwrap();
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap();
        let status = first.strip_prefix("Status: ").or(first.strip_prefix("HTTP/1.1 "));
        let status = status.unwrap_or_else(|| panic!("{first:?}"));
        let fields = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        });
        Answer {
            status: status[..3].parse().unwrap(),
            fields: fields.collect(),
            content: content.to_vec(),
            errors: String::from_utf8(self.errors.clone()).unwrap(),
        }
    }
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.content).unwrap()
    }

    /// The values of a field, in their order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let found = self.fields.iter().filter(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).collect()
    }
}

impl<W: Wire> Client<W> {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// Over a connection of any kind.
    pub(crate) fn over(socket: impl Into<OwnedFd>) -> Self {
        let socket = TcpStream::from(socket.into());
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { socket, came: Vec::new(), streams: BTreeMap::new(), end: None, wire: PhantomData }
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> &mut Self {
        self.socket.write_all(bytes).unwrap();
        self
    }

    /// Sends a request that has no content, or whose content follows.
    pub(crate) fn head(&mut self, request: &Request) -> &mut Self {
        self.send(&W::head(&request.variables))
    }

    /// Sends a request without content.
    pub(crate) fn get(&mut self, path: &str) -> &mut Self {
        self.whole(&Request::get(path), b"")
    }

    /// Sends a request with its content.
    pub(crate) fn whole(&mut self, request: &Request, content: &[u8]) -> &mut Self {
        let mut bytes = W::head(&request.variables);
        bytes.extend(W::content(content, usize::from(u16::MAX)));
        bytes.extend(W::end());
        self.send(&bytes)
    }

    /// Takes in more of what came; tells whether there was some.
    fn step(&mut self) -> bool {
        let mut piece = vec![0; 64 * 1024];
        let end = match self.socket.read(&mut piece) {
            Ok(0) => End::Closed,
            Ok(read) => {
                self.came.extend_from_slice(&piece[..read]);
                W::sort(&mut self.came, &mut self.streams);
                return true;
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => End::Reset,
            Err(error) => panic!("{error}, having got {:?}", self.streams.keys()),
        };
        self.end = Some(end);
        false
    }

    /// Reads until what came of a request is as wanted.
    pub(crate) fn until(&mut self, id: u16, is_wanted: impl Fn(&Stream) -> bool) -> &Stream {
        while !self.streams.get(&id).is_some_and(&is_wanted) {
            assert!(self.step(), "{:?} after {:?}", self.end, self.streams.get(&id));
        }
        &self.streams[&id]
    }

    /// Reads until so much content came, and gives it.
    pub(crate) fn content(&mut self, id: u16, length: usize) -> &[u8] {
        self.until(id, |stream| stream.content().is_some_and(|content| content.len() >= length));
        self.streams[&id].content().unwrap()
    }

    /// Reads the answer to a request, and forgets it.
    pub(crate) fn answer_of(&mut self, id: u16) -> Answer {
        if W::KEEPS {
            let end = self.until(id, |stream| stream.end.is_some()).end;
            assert_eq!(end, Some((0, 0)), "{:?}", self.streams[&id].out.escape_ascii().to_string());
        } else {
            assert_eq!(self.closed(), End::Closed, "the end of a whole answer");
        }
        self.streams.remove(&id).expect("an answer").answer()
    }

    /// Reads the answer to the one request there is.
    pub(crate) fn answer(&mut self) -> Answer {
        self.answer_of(1)
    }

    /// Reads until the connection ends, and tells how.
    pub(crate) fn closed(&mut self) -> End {
        while self.step() {}
        self.end.unwrap()
    }

    /// Reads until the connection ends, of which nothing else is known.
    pub(crate) fn closed_somehow(&mut self) {
        let mut rest = Vec::new();
        match self.socket.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_ne!(error.kind(), io::ErrorKind::WouldBlock, "it stays open"),
        }
    }

    /// Whether the answer that came is one that a web server takes for whole.
    pub(crate) fn is_whole(&self) -> bool {
        let ended = self.streams.get(&1).and_then(|stream| stream.end);
        if W::KEEPS { ended.is_some_and(|(status, _)| status == 0) } else { self.end == Some(End::Closed) }
    }
}

/// Content that says where each of its bytes belongs.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at ^ (at >> 8) ^ (at >> 16)) & 0xff).unwrap()).collect()
}
