//! Bodies whose producer may block: iterators, readers, push closures, mapped files.
//!
//! A producer is driven step by step into a [`Sink`]: on a blocking server the sink is the connection, on an async
//! one a bounded queue between the offload and the reactor. A pull kind makes one piece a step, a push kind runs
//! whole. Mapping wraps the sink, so one mechanism serves both.

use std::io::{self, Read};

use bytes::Bytes;
use http::HeaderMap;

use crate::Error;

/// What an iterator or stream may yield as a piece of a body: bytes, text, or a `Result` of such.
pub trait IntoPiece {
    /// Converts to bytes; literals, `Bytes`, `String` and `Vec` aren't copied.
    ///
    /// # Errors
    ///
    /// The error of a `Result`: it ends the body visibly broken.
    fn into_piece(self) -> Result<Bytes, Error>;
}

macro_rules! pieces {
    ($($memory:ty),*) => {$(
        impl IntoPiece for $memory {
            fn into_piece(self) -> Result<Bytes, Error> {
                Ok(self.into())
            }
        }
    )*};
}
pieces!(Bytes, &'static str, &'static [u8], String, Vec<u8>);

impl<P: IntoPiece, E: Into<Error>> IntoPiece for Result<P, E> {
    fn into_piece(self) -> Result<Bytes, Error> {
        self.map_err(Into::into)?.into_piece()
    }
}

/// Where a blocking body is written to. Implemented by adapters whose threads may block.
///
/// # Contract
///
/// Called by [`Outgoing::write_to`](crate::Outgoing::write_to) alone, on the thread that called it, in order; pieces
/// are never empty and together never more than the declared length. After an error it isn't called again: the answer
/// is broken, and `write_to` says so. Trailers come last and at most once.
pub trait Sink {
    /// Takes a piece; may gather it with others, and may wait until the client reads.
    ///
    /// # Errors
    ///
    /// The client has gone, or took too long.
    fn data(&mut self, piece: Bytes) -> io::Result<()>;

    /// Takes a copy of a piece. Default: as [`data`](Self::data); a sink that gathers spares itself an allocation.
    ///
    /// # Errors
    ///
    /// As [`data`](Self::data).
    fn copy(&mut self, piece: &[u8]) -> io::Result<()> {
        self.data(Bytes::copy_from_slice(piece))
    }

    /// Returns once all that was taken has been accepted by the operating system or the protocol's layer.
    ///
    /// # Errors
    ///
    /// As [`data`](Self::data).
    fn flush(&mut self) -> io::Result<()>;

    /// Takes the trailers; nothing follows them.
    ///
    /// # Errors
    ///
    /// As [`data`](Self::data).
    fn trailers(&mut self, trailers: HeaderMap) -> io::Result<()>;
}

/// What a producer's step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// There may be more.
    More,
    /// That was all.
    Done,
}

/// A producer that may block.
pub(crate) trait Produce: Send {
    fn step(&mut self, sink: &mut dyn Sink) -> Result<Step, Error>;

    /// A step into a sink that keeps what it is given until the client takes it; tells whether the client waits for it.
    fn step_ahead(&mut self, sink: &mut dyn Sink, _is_waited_for: bool) -> Result<Step, Error> {
        self.step(sink)
    }

    /// Tells whether one step makes all of the body, however long that takes.
    fn pushes(&self) -> bool {
        false
    }
}

pub(crate) struct Iter<I>(I);

impl<I> Iter<I> {
    pub(crate) fn new(pieces: I) -> Self {
        Self(pieces)
    }
}

impl<I> Produce for Iter<I>
where
    I: Iterator + Send,
    I::Item: IntoPiece,
{
    fn step(&mut self, sink: &mut dyn Sink) -> Result<Step, Error> {
        let Some(item) = self.0.next() else { return Ok(Step::Done) };
        sink.data(item.into_piece()?)?;
        Ok(Step::More)
    }
}

/// Bytes asked of a reader or file at once.
pub(crate) const READ: usize = 64 * 1024;

pub(crate) struct Reader<R> {
    reader: R,
    buffer: Vec<u8>,
}

impl<R> Reader<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new() }
    }
}

impl<R: Read + Send> Produce for Reader<R> {
    fn step(&mut self, sink: &mut dyn Sink) -> Result<Step, Error> {
        let read = read_some(&mut self.reader, &mut self.buffer, READ)?;
        if read == 0 {
            return Ok(Step::Done);
        }
        sink.copy(&self.buffer[..read])?;
        Ok(Step::More)
    }
}

/// Reads up to `limit` bytes into a buffer that is made once and goes from step to step: a reader that gives little at
/// once doesn't pin a large piece of memory for each.
pub(crate) fn read_some(reader: &mut impl Read, buffer: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
    let room = limit.min(READ);
    if buffer.len() < room {
        buffer.resize(room, 0);
    }
    read_into(reader, &mut buffer[..room])
}

/// Reads what is there, but nothing less for a signal.
pub(crate) fn read_into(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}
