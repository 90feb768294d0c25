//! Push bodies: a closure that writes, PEP 3333's `write()` without its traps.
//!
//! The closure runs where blocking is allowed; its [`Writer`] waits when the client doesn't read, which is how
//! backpressure reaches it.

use std::io::{self, Write};

use bytes::Bytes;
use http::HeaderMap;

use super::produce::{Produce, Sink, Step};
use crate::Error;

/// Writes the body of an answer, from [`Body::push`](crate::Body::push).
///
/// Small writes may be gathered for a moment; [`flush`](Write::flush) returns once the operating system has them.
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use rsgi_core::Body;
///
/// let body = Body::push(|writer| {
///     for line in 0..3 {
///         writeln!(writer, "line {line}")?;
///         writer.flush()?;
///     }
///     Ok(())
/// });
/// # let _ = body;
/// ```
pub struct Writer<'a> {
    sink: &'a mut dyn Sink,
}

impl Writer<'_> {
    /// Writes bytes that are shared already, without copying them.
    ///
    /// # Errors
    ///
    /// The client has gone, or took too long.
    pub fn write_bytes(&mut self, bytes: impl Into<Bytes>) -> io::Result<()> {
        self.sink.data(bytes.into())
    }

    /// Sends trailers, as the last thing; on HTTP/1.1 those whose names
    /// [`Body::announce_trailers`](crate::Body::announce_trailers) named.
    ///
    /// # Errors
    ///
    /// The client has gone, or took too long.
    pub fn trailers(&mut self, trailers: HeaderMap) -> io::Result<()> {
        self.sink.trailers(trailers)
    }
}

impl Write for Writer<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if !buffer.is_empty() {
            self.sink.copy(buffer)?;
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

impl std::fmt::Debug for Writer<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Writer(..)")
    }
}

pub(crate) struct Push<F>(Option<F>);

impl<F> Push<F> {
    pub(crate) fn new(write: F) -> Self {
        Self(Some(write))
    }
}

impl<F> Produce for Push<F>
where
    F: FnOnce(&mut Writer<'_>) -> Result<(), Error> + Send,
{
    fn step(&mut self, sink: &mut dyn Sink) -> Result<Step, Error> {
        if let Some(write) = self.0.take() {
            write(&mut Writer { sink })?;
        }
        Ok(Step::Done)
    }

    fn pushes(&self) -> bool {
        true
    }
}
