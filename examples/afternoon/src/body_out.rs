//! Writing an answer: its head, and its body framed as `Outgoing::framing` says.
//!
//! Nothing is held back but the head, which goes out with the first piece or before the first wait.

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::SystemTime;

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use rsgi_core::http_body::{Body, Frame};
use rsgi_core::server::{Config, ServerField};
use rsgi_core::{
    AcceptedBy, Cause, Delivery, Disconnect, Framing, Outgoing, OutgoingError, OutgoingErrorKind, Sink, wait,
};

use crate::gate::Gate;
use crate::watch::Watched;
use crate::wire::{Wire, status_line, write_fields};

/// What the head says of the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// It goes on, as HTTP/1.1 has it.
    Kept,
    /// It goes on, as a client of HTTP/1.0 asked.
    KeptOld,
    Closed,
    /// It speaks another protocol from now on.
    HandedOver,
}

/// How a body's pieces are marked off.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Plain,
    Chunked,
}

/// Makes a head, empty line included.
pub(crate) fn head(
    config: &Config,
    status: StatusCode,
    fields: &HeaderMap,
    framing: Framing,
    coding: Coding,
    persistence: Persistence,
) -> Vec<u8> {
    let mut head = status_line(status);
    write_fields(&mut head, fields);
    if let (Framing::Length(length), false) = (framing, fields.contains_key(header::CONTENT_LENGTH)) {
        head.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
    }
    if coding == Coding::Chunked {
        head.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    if !fields.contains_key(header::DATE) {
        let now = httpdate::fmt_http_date(SystemTime::now());
        head.extend_from_slice(format!("date: {now}\r\n").as_bytes());
    }
    if let (ServerField::Named(name), false) = (&config.server_field, fields.contains_key(header::SERVER)) {
        let mut server = HeaderMap::new();
        server.insert(header::SERVER, HeaderValue::clone(name));
        write_fields(&mut head, &server);
    }
    head.extend_from_slice(match persistence {
        Persistence::Kept | Persistence::HandedOver => b"",
        Persistence::KeptOld => b"connection: keep-alive\r\n",
        Persistence::Closed => b"connection: close\r\n",
    });
    head.extend_from_slice(b"\r\n");
    head
}

/// Waits for a future, but only while the client is there.
pub(crate) fn wait_while_there<F: Future>(client: &Disconnect, future: F) -> Result<F::Output, Cause> {
    let mut future = pin!(future);
    let mut gone = pin!(client.gone());
    // The app comes first: it may have waited for the client's leaving, too.
    wait(poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => gone.as_mut().poll(context).map(Err),
    }))
}

/// Where an answer is written to.
pub(crate) struct Out<'a> {
    wire: &'a Wire,
    watched: &'a Watched,
    gate: &'a Gate,
    client: &'a Disconnect,
    coding: Coding,
    /// What goes out with the next piece.
    held: Vec<u8>,
}

impl<'a> Out<'a> {
    /// Begins an answer.
    pub(crate) fn new(watched: &'a Watched, gate: &'a Gate, client: &'a Disconnect, coding: Coding) -> Self {
        let wire = &*watched.wire;
        Self { wire, watched, gate, client, coding, held: wire.end_early() }
    }

    /// Writes all of an answer and tells how that went.
    pub(crate) fn send(&mut self, head: &[u8], response: Response<Outgoing>) -> Delivery {
        self.held.extend_from_slice(head);
        let mut outgoing = response.into_body();
        match self.send_body(&mut outgoing) {
            Ok(()) => Delivery::Whole(AcceptedBy::System),
            Err(delivery) => delivery,
        }
    }

    fn send_body(&mut self, outgoing: &mut Outgoing) -> Result<(), Delivery> {
        if outgoing.head_at_once() {
            self.flush().map_err(|error| self.broken(&error))?;
        }
        if let Some(bytes) = outgoing.take_bytes() {
            self.data(bytes).map_err(|error| self.broken(&error))?;
        } else if outgoing.blocks() {
            // Nobody waits for a head while the body's first piece is being made.
            self.flush().map_err(|error| self.broken(&error))?;
            let _permit = self.gate.enter();
            outgoing.write_to(self).map_err(|error| self.failed(&error))?;
        } else {
            self.send_polled(outgoing)?;
        }
        if self.coding == Coding::Chunked {
            self.end_chunks(&HeaderMap::new());
        }
        self.flush().map_err(|error| self.broken(&error))
    }

    fn send_polled(&mut self, outgoing: &mut Outgoing) -> Result<(), Delivery> {
        while let Some(frame) = self.next(outgoing)? {
            match frame.into_data() {
                Ok(piece) => self.data(piece),
                Err(frame) => self.trailers(frame.into_trailers().unwrap_or_default()),
            }
            .map_err(|error| self.broken(&error))?;
        }
        Ok(())
    }

    fn next(&mut self, outgoing: &mut Outgoing) -> Result<Option<Frame<Bytes>>, Delivery> {
        let client = self.client;
        let frame = wait_while_there(
            client,
            poll_fn(|context| {
                let frame = {
                    let _permit = self.gate.enter();
                    Pin::new(&mut *outgoing).poll_frame(context)
                };
                match frame {
                    Poll::Ready(frame) => Poll::Ready(frame.transpose().map_err(|error| self.failed(&error))),
                    Poll::Pending => match self.flush() {
                        Ok(()) => Poll::Pending,
                        Err(error) => Poll::Ready(Err(self.broken(&error))),
                    },
                }
            }),
        );
        frame.unwrap_or_else(|cause| Err(Delivery::Aborted(cause)))
    }

    fn end_chunks(&mut self, trailers: &HeaderMap) {
        self.held.extend_from_slice(b"0\r\n");
        write_fields(&mut self.held, trailers);
        self.held.extend_from_slice(b"\r\n");
        self.coding = Coding::Plain;
    }

    fn write(&mut self, pieces: &[&[u8]]) -> io::Result<()> {
        if self.watched.exchange.cause().is_some() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        self.wire.write_all(pieces)
    }

    /// What a write's error means.
    fn broken(&self, error: &io::Error) -> Delivery {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Delivery::TimedOut,
            _ => Delivery::Aborted(self.watched.exchange.cause().unwrap_or(Cause::Reset)),
        }
    }

    /// What an answer's error means.
    fn failed(&self, error: &OutgoingError) -> Delivery {
        let source = std::error::Error::source(error).and_then(|source| source.downcast_ref());
        match error.kind() {
            OutgoingErrorKind::Client => {
                source.map_or(Delivery::Aborted(Cause::Reset), |error| self.broken(error))
            }
            _ => Delivery::Failed,
        }
    }
}

impl Sink for Out<'_> {
    fn data(&mut self, piece: Bytes) -> io::Result<()> {
        let mut held = std::mem::take(&mut self.held);
        if self.coding == Coding::Plain {
            return self.write(&[&held, &piece]);
        }
        held.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        self.write(&[&held, &piece, b"\r\n"])
    }

    fn flush(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        if held.is_empty() { Ok(()) } else { self.write(&[&held]) }
    }

    fn trailers(&mut self, trailers: HeaderMap) -> io::Result<()> {
        if self.coding == Coding::Chunked {
            self.end_chunks(&trailers);
        }
        Ok(())
    }
}
