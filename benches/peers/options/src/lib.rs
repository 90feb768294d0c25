//! What all peers share: the command line, the listener, and the contents of the answers.
//!
//! Not here: how a server answers; each peer is written as its own documentation shows, so that none is measured by
//! another's habits.
//!
//! Invariant: a flag that a peer can't follow ends it with a message, and is never passed over.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::exit;
use std::time::{SystemTime, UNIX_EPOCH};

use lexopt::{Arg, Parser, ValueExt};
use socket2::{Domain, Protocol, Socket, Type};

/// The answer to `/ping` and `/block`.
pub const PONG: &str = "pong";

/// How many pieces `/stream` has.
pub const PIECES: usize = 256;

/// One piece of `/stream`.
pub static PIECE: &[u8] = &[b's'; 1024];

/// The answer to `/big`.
pub static BIG: &[u8] = &[b'b'; 8 << 20];

/// How long `/block` waits.
pub const BLOCK: std::time::Duration = std::time::Duration::from_millis(5);

/// How many events `/events` has.
pub const EVENTS: usize = 20;

/// How long `/events` waits before each.
pub const BETWEEN_EVENTS: std::time::Duration = std::time::Duration::from_millis(50);

/// One event of `/events`: the time at which it was made, in nanoseconds since 1970.
#[must_use]
pub fn event() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("data: {}\n\n", now.as_nanos())
}

/// What the command line says.
#[derive(Debug)]
#[non_exhaustive]
pub struct Options {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How many threads to serve with, if it was said.
    pub threads: Option<usize>,
    /// The file that `/file` sends.
    pub file: Option<PathBuf>,
    /// Certificate and key, both PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// How the app runs; empty is the peer's own way.
    pub mode: String,
    /// Whether answers to pipelined requests are gathered.
    pub flush: bool,
    /// Whether clients speak HTTP/2 from their first byte on.
    pub h2: bool,
    /// Whether each thread has a runtime and a listener of its own.
    pub separate: bool,
}

impl Options {
    /// Reads the command line; `known` names the flags beside `listen`, `threads` and `file` that the peer follows.
    /// Ends the process when it can't be followed.
    #[must_use]
    pub fn read(known: &[&str]) -> Self {
        Self::parse(Parser::from_env(), known).unwrap_or_else(|error| {
            eprintln!("error: {error}");
            exit(2)
        })
    }

    fn parse(mut parser: Parser, known: &[&str]) -> Result<Self, lexopt::Error> {
        let mut listen = None;
        let mut options = Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            threads: None,
            file: None,
            tls: None,
            mode: String::new(),
            flush: false,
            h2: false,
            separate: false,
        };
        while let Some(arg) = parser.next()? {
            match arg {
                Arg::Long("listen") => listen = Some(parser.value()?.parse()?),
                Arg::Long("threads") => options.threads = Some(parser.value()?.parse()?),
                Arg::Long("file") => options.file = Some(parser.value()?.into()),
                Arg::Long(flag) if known.contains(&flag) => match flag {
                    "tls" => options.tls = Some((parser.value()?.into(), parser.value()?.into())),
                    "mode" => options.mode = parser.value()?.string()?,
                    "flush" => options.flush = choice(&parser.value()?, ["off", "on"])?,
                    "cores" => options.separate = choice(&parser.value()?, ["shared", "separate"])?,
                    _ => options.h2 = true,
                },
                other => return Err(other.unexpected()),
            }
        }
        options.listen = listen.ok_or("--listen is missing")?;
        Ok(options)
    }

    /// Listens with a long queue. Linux hands `TCP_NODELAY` down to what is accepted.
    ///
    /// # Errors
    ///
    /// The address can't be listened at.
    pub fn listener(&self) -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(self.listen), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if self.separate {
            socket.set_reuse_port(true)?;
        }
        socket.set_tcp_nodelay(true)?;
        socket.bind(&self.listen.into())?;
        socket.listen(4096)?;
        Ok(socket.into())
    }
}

fn choice(value: &OsString, words: [&str; 2]) -> Result<bool, lexopt::Error> {
    match words.iter().position(|word| value == word) {
        Some(place) => Ok(place == 1),
        None => Err(format!("{} is none of {words:?}", value.display()).into()),
    }
}

/// The pieces of `/stream` behind a reader, for servers whose streams are readers: one piece a read.
#[derive(Debug)]
pub struct Pieces(std::ops::Range<usize>);

impl Pieces {
    /// All pieces.
    #[must_use]
    pub fn new() -> Self {
        Self(0..PIECES)
    }
}

impl Default for Pieces {
    fn default() -> Self {
        Self::new()
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.len() < PIECE.len() {
            return Err(io::Error::other("the buffer is smaller than a piece"));
        }
        Ok(self.0.next().map_or(0, |_| {
            buffer[..PIECE.len()].copy_from_slice(PIECE);
            PIECE.len()
        }))
    }
}
