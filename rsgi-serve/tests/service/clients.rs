//! [`Kept`]: a client that keeps its connection, and is asked step by step.
//!
//! It shares no parser with the servers: an answer is its head up to the empty line, and as many bytes as `content-length` says.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::driving::PATIENCE;

/// A connection that is kept as long as the server keeps it.
pub(crate) struct Kept {
    stream: BufReader<Box<dyn Stream>>,
}

/// A socket of either kind.
pub(crate) trait Stream: Read + Write + Send {
    fn wait_at_most(&self, patience: Duration) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn wait_at_most(&self, patience: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(patience))
    }
}

impl Stream for UnixStream {
    fn wait_at_most(&self, patience: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(patience))
    }
}

/// An answer of status 200.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: String,
    /// Whether it said `connection: close`.
    pub(crate) closes: bool,
}

impl Kept {
    pub(crate) fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self::of(stream))
    }

    pub(crate) fn of(stream: impl Stream + 'static) -> Self {
        stream.wait_at_most(PATIENCE).unwrap();
        Self { stream: BufReader::new(Box::new(stream)) }
    }

    pub(crate) fn send(&mut self, path: &str) -> io::Result<()> {
        self.send_with(path, "")
    }

    /// Sends some bytes of a request.
    pub(crate) fn write(&mut self, bytes: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes.as_bytes())
    }

    /// Sends a request with further lines in its head.
    pub(crate) fn send_with(&mut self, path: &str, lines: &str) -> io::Result<()> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\n{lines}\r\n");
        self.stream.get_mut().write_all(request.as_bytes())
    }

    /// Reads an answer. Whatever goes wrong after its first byte is of the kind `Other`.
    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        let mut status = String::new();
        if self.stream.read_line(&mut status)? == 0 {
            return Err(io::ErrorKind::NotConnected.into());
        }
        if status != "HTTP/1.1 200 OK\r\n" {
            return Err(io::Error::other(status));
        }
        self.rest().map_err(|error| io::Error::other(format!("cut off: {error}")))
    }

    fn rest(&mut self) -> io::Result<Answer> {
        let (mut length, mut closes, mut line) = (0, false, String::new());
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let text = line.trim_end().to_ascii_lowercase();
            if let Some(value) = text.strip_prefix("content-length: ") {
                length = value.parse().map_err(io::Error::other)?;
            }
            closes |= text == "connection: close";
            if text.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { body: String::from_utf8(body).map_err(io::Error::other)?, closes })
    }

    pub(crate) fn ask(&mut self, path: &str) -> io::Result<Answer> {
        self.send(path)?;
        self.answer()
    }

    /// Waits until the server closes it, in order and without another byte.
    pub(crate) fn ended(mut self) {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "{:?}", String::from_utf8_lossy(&rest));
    }
}
