//! The floor behind a web server: what the kernel alone costs for a request and its answer. Whatever is read is answered by `pong`.
//!
//! `--protocol uwsgi` (SCGI is the same to it): a connection a request, which is four calls of one thread that blocks in each: accept,
//! read, write, close. `--protocol fastcgi`: kept connections, one edge-triggered wait for all of them, a read and a write a request. No
//! protocol is understood: a read is taken for one request, of the number 1.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::{UnixListener, UnixStream};

use lexopt::ValueExt as _;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

const HTTP: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\npong";

/// A record of 67 bytes of stdout, and the end of the request: each with version 1, its type, the request's number and its length.
const FASTCGI: &[u8] = b"\x01\x06\x00\x01\x00\x43\x00\x00\
    status: 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\npong\
    \x01\x03\x00\x01\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";

/// Stands for the listener among the descriptors.
const LISTENER: u64 = u64::MAX;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (mut protocol, mut listen) = (String::new(), String::new());
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("protocol") => protocol = parser.value()?.string()?,
            lexopt::Arg::Long("listen") => listen = parser.value()?.string()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let kept = match &*protocol {
        "uwsgi" | "scgi" => false,
        "fastcgi" => true,
        other => return Err(format!("--protocol {other:?}: uwsgi, scgi or fastcgi").into()),
    };
    if let Some(path) = listen.strip_prefix("unix:") {
        serve(&UnixListener::bind(path)?, kept)?;
    } else {
        serve(&TcpListener::bind(listen)?, kept)?;
    }
    Ok(())
}

/// Either kind of listener.
trait Listens: AsFd {
    type Stream: Read + Write + AsFd + AsRawFd;

    fn next(&self) -> io::Result<Self::Stream>;

    fn refuse_to_block(&self) -> io::Result<()>;

    fn never_block(stream: &Self::Stream) -> io::Result<()>;
}

impl Listens for TcpListener {
    type Stream = TcpStream;

    fn next(&self) -> io::Result<TcpStream> {
        Ok(self.accept()?.0)
    }

    fn refuse_to_block(&self) -> io::Result<()> {
        self.set_nonblocking(true)
    }

    fn never_block(stream: &TcpStream) -> io::Result<()> {
        stream.set_nonblocking(true)
    }
}

impl Listens for UnixListener {
    type Stream = UnixStream;

    fn next(&self) -> io::Result<UnixStream> {
        Ok(self.accept()?.0)
    }

    fn refuse_to_block(&self) -> io::Result<()> {
        self.set_nonblocking(true)
    }

    fn never_block(stream: &UnixStream) -> io::Result<()> {
        stream.set_nonblocking(true)
    }
}

fn serve<L: Listens>(listener: &L, kept: bool) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    if kept {
        return serve_kept(listener, &mut buffer);
    }
    loop {
        let mut stream = listener.next()?;
        // A client that left already is its own affair.
        if stream.read(&mut buffer).is_ok_and(|read| read > 0) {
            let _ = stream.write(HTTP);
        }
    }
}

fn serve_kept<L: Listens>(listener: &L, buffer: &mut [u8]) -> io::Result<()> {
    listener.refuse_to_block()?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut streams: BTreeMap<u64, L::Stream> = BTreeMap::new();
    let mut events = Vec::with_capacity(1024);
    loop {
        events.clear();
        match epoll::wait(&epoll, spare_capacity(&mut events), None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let place = event.data.u64();
            if place == LISTENER {
                while let Some(stream) = would_block(listener.next())? {
                    L::never_block(&stream)?;
                    let place = u64::try_from(stream.as_raw_fd()).map_err(io::Error::other)?;
                    epoll::add(&epoll, &stream, EventData::new_u64(place), EventFlags::IN | EventFlags::ET)?;
                    streams.insert(place, stream);
                }
                continue;
            }
            // Dropping a stream takes it out of the set.
            if streams.get_mut(&place).is_some_and(|stream| answer(stream, buffer).is_err()) {
                streams.remove(&place);
            }
        }
    }
}

fn would_block<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(it) => Ok(Some(it)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads what is there and answers it; an error ends the connection.
fn answer(stream: &mut (impl Read + Write), buffer: &mut [u8]) -> io::Result<()> {
    loop {
        match would_block(stream.read(buffer))? {
            Some(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Some(read) => {
                stream.write_all(FASTCGI)?;
                if read < buffer.len() {
                    return Ok(());
                }
            }
            None => return Ok(()),
        }
    }
}
