//! The client's end of a connection: sends bytes, and compares each byte that comes with the one that must come.
//!
//! Not a parser of HTTP: an answer is known beforehand but for its date and the order of its fields, so nothing else
//! passes. It shares no code with the servers. Cheap enough that one core asks both servers faster than they answer.
//!
//! Invariant: no byte of an answer is skipped. Read next: `expected.rs`, what a head must say.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, sockopt};

use crate::fault::Fault;

/// A connection, and what was read of it and not yet compared.
pub(crate) struct Inbox {
    stream: TcpStream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    compared: u64,
}

impl Inbox {
    /// Connects.
    pub(crate) fn connect(address: SocketAddr) -> Result<Self, Fault> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(|error| Fault::of(&error))?;
        Self::over(stream)
    }

    /// Connects with a small receive buffer, so that the server feels how slowly this client reads.
    pub(crate) fn narrow(address: SocketAddr) -> Result<Self, Fault> {
        let connected =
            rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).and_then(|socket| {
                sockopt::set_socket_recv_buffer_size(&socket, 32 << 10)?;
                rustix::net::connect(&socket, &address)?;
                Ok(TcpStream::from(socket))
            });
        Self::over(connected.map_err(|error| Fault::of(&error.into()))?)
    }

    fn over(stream: TcpStream) -> Result<Self, Fault> {
        let set = stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(PATIENCE)));
        set.and_then(|()| stream.set_write_timeout(Some(PATIENCE))).map_err(|error| Fault::of(&error))?;
        Ok(Self { stream, buffer: vec![0; ROOM], start: 0, end: 0, compared: 0 })
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.stream.write_all(bytes).map_err(|error| Fault::of(&error).while_doing("sending"))
    }

    /// Another handle on the stream, for a thread that sends while this one reads.
    pub(crate) fn writer(&self) -> Result<TcpStream, Fault> {
        self.stream.try_clone().map_err(|error| Fault::of(&error))
    }

    /// Bytes compared since the last call.
    pub(crate) fn take_compared(&mut self) -> u64 {
        std::mem::take(&mut self.compared)
    }

    /// Takes a line, without its end.
    pub(crate) fn line(&mut self) -> Result<&[u8], Fault> {
        let mut seen = 0;
        loop {
            let there = &self.buffer[self.start + seen..self.end];
            if let Some(at) = there.windows(2).position(|two| two == b"\r\n") {
                let begin = self.start;
                let length = seen + at;
                self.start += length + 2;
                self.compared += length as u64 + 2;
                return Ok(&self.buffer[begin..begin + length]);
            }
            seen = (self.end - self.start).saturating_sub(1);
            if self.end - self.start == ROOM {
                return Err(Fault::wrong("a line without an end"));
            }
            self.fill()?;
        }
    }

    /// Compares what comes next.
    pub(crate) fn expect(&mut self, mut expected: &[u8]) -> Result<(), Fault> {
        while !expected.is_empty() {
            if self.start == self.end {
                self.fill()
                    .map_err(|fault| fault.while_doing(&format!("{} bytes to come", expected.len())))?;
            }
            let length = expected.len().min(self.end - self.start);
            let came = &self.buffer[self.start..self.start + length];
            if came != &expected[..length] {
                let at =
                    came.iter().zip(expected).position(|(left, right)| left != right).unwrap_or_default();
                let (came, due) = (shown(&came[at..]), shown(&expected[at..]));
                return Err(Fault::wrong(format!("\"{came}\" came instead of \"{due}\"")));
            }
            self.start += length;
            self.compared += length as u64;
            expected = &expected[length..];
        }
        Ok(())
    }

    /// Expects the end of the stream.
    pub(crate) fn expect_end(&mut self) -> Result<(), Fault> {
        if self.start < self.end {
            let more = shown(&self.buffer[self.start..self.end]);
            return Err(Fault::wrong(format!("\"{more}\" came instead of the end")));
        }
        match self.stream.read(&mut self.buffer) {
            Ok(0) => Ok(()),
            Ok(length) => Err(Fault::wrong(format!("{length} bytes came instead of the end"))),
            Err(error) => Err(Fault::of(&error).while_doing("waiting for the end")),
        }
    }

    /// Reads and throws away until the server ends the connection, in whatever way, and gives how many bytes came.
    pub(crate) fn drain(&mut self) -> Result<usize, Fault> {
        let mut all = self.end - self.start;
        self.start = self.end;
        loop {
            match self.stream.read(&mut self.buffer) {
                Ok(0) => return Ok(all),
                Ok(length) => all += length,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Ok(all),
                Err(error) => return Err(Fault::of(&error).while_doing("waiting to be let go")),
            }
        }
    }

    /// Ends the connection so that the server sees a reset.
    pub(crate) fn reset(self) {
        let _as_good_as_it_goes = sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO));
    }

    /// Ends this direction.
    pub(crate) fn half_close(&self) {
        let _ended_already = self.stream.shutdown(Shutdown::Write);
    }

    fn fill(&mut self) -> Result<(), Fault> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        match self.stream.read(&mut self.buffer[self.end..]) {
            Ok(0) => Err(Fault::closed("the stream ended")),
            Ok(length) => {
                self.end += length;
                Ok(())
            }
            Err(error) => Err(Fault::of(&error).while_doing("reading")),
        }
    }
}

/// The beginning of bytes, to be read by people.
pub(crate) fn shown(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(48)].escape_ascii().to_string()
}

/// How long a good client waits for anything.
const PATIENCE: Duration = Duration::from_secs(30);
/// What is read at once, and the longest line.
const ROOM: usize = 64 << 10;
