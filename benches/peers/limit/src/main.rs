//! The floor: what the kernel alone costs for a request and its answer. Whatever is read is answered by `pong`.
//!
//! One thread, one buffer, edge-triggered: a read that doesn't fill the buffer has taken all there was, so each
//! request costs one read and one write, and a share of one wait. (Level-triggered costs the kernel one more look at
//! each socket.) No HTTP is understood: a read is taken for one request, so there is neither another path nor
//! pipelining.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use peer_options::Options;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\
    date: Sun, 22 Nov 2026 00:00:00 GMT\r\n\r\npong";

/// Stands for the listener among the descriptors.
const LISTENER: u64 = u64::MAX;

fn main() -> io::Result<()> {
    let options = Options::read(&[]);
    if options.threads.is_some_and(|threads| threads != 1) {
        return Err(io::Error::other("this server has one thread"));
    }
    let listener = options.listener()?;
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    // By descriptor.
    let mut streams: Vec<Option<TcpStream>> = Vec::new();
    let mut events = Vec::with_capacity(1024);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        events.clear();
        match epoll::wait(&epoll, spare_capacity(&mut events), None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let place = event.data.u64();
            if place == LISTENER {
                accept(&listener, &epoll, &mut streams)?;
                continue;
            }
            let slot = &mut streams[usize::try_from(place).map_err(io::Error::other)?];
            // Dropping a stream takes it out of the set.
            if slot.as_mut().is_some_and(|stream| answer(stream, &mut buffer).is_err()) {
                *slot = None;
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    epoll: &impl std::os::fd::AsFd,
    streams: &mut Vec<Option<TcpStream>>,
) -> io::Result<()> {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nonblocking(true)?;
        let place = usize::try_from(stream.as_raw_fd()).map_err(io::Error::other)?;
        epoll::add(epoll, &stream, EventData::new_u64(place as u64), EventFlags::IN | EventFlags::ET)?;
        if streams.len() <= place {
            streams.resize_with(place + 1, || None);
        }
        streams[place] = Some(stream);
    }
}

/// Reads what is there and answers it; an error ends the connection.
fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    loop {
        let read = match stream.read(buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        if stream.write(ANSWER)? < ANSWER.len() {
            return Err(ErrorKind::WriteZero.into());
        }
        if read < buffer.len() {
            return Ok(());
        }
    }
}
