//! [`Content`]: an answer's content, as the iterable that a WSGI application returns; and the other way, the host's `write`.
//!
//! The host pulls: nothing is made of a body before it is asked for, and the outcome is told with the end, with `close()`, or with the
//! drop of a host that forgot to close (PEP 3333, "Specification Details").

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rsgi_core::bytes::Bytes;
use rsgi_core::http::HeaderMap;
use rsgi_core::http_body::{Body as _, Frame};
use rsgi_core::{
    AcceptedBy, Cause, Delivery, Exchange, Outgoing, OutgoingError, OutgoingErrorKind, Sink, may_block,
};

use super::bell::Bell;
use super::desk::Desk;
use super::drive::{drive, no_runtime};
use super::hosts::Stack;
use super::process::Here;

/// An answer on its way.
pub(super) struct Flow {
    outgoing: Outgoing,
    watched: Watched,
    desk: Arc<Desk>,
    here: Arc<Here>,
    /// What was there when the head was given to the host.
    first: Option<Pulled>,
    /// Whether the host has a piece.
    given: bool,
}

type Pulled = Option<Result<Frame<Bytes>, OutgoingError>>;

/// Tells the outcome, once.
struct Watched {
    exchange: Arc<Exchange>,
    over: bool,
}

impl Watched {
    fn tell(&mut self, delivery: Delivery) {
        if !std::mem::replace(&mut self.over, true) {
            if let Delivery::Aborted(cause) = delivery {
                self.exchange.disconnect(cause);
            }
            self.exchange.tell(delivery);
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.tell(Delivery::Aborted(Cause::Closed));
    }
}

impl Flow {
    pub(super) fn new(outgoing: Outgoing, exchange: Arc<Exchange>, desk: Arc<Desk>, here: Arc<Here>) -> Self {
        Self { outgoing, watched: Watched { exchange, over: false }, desk, here, first: None, given: false }
    }

    /// Ends it: drops what is left where that may block, and tells.
    pub(super) fn end(mut self, py: Python<'_>, delivery: Delivery) {
        py.detach(|| {
            let Self { outgoing, here, .. } = &mut self;
            let _entered = here.runtime().map(tokio::runtime::Handle::enter);
            may_block(|| drop(outgoing.take()));
            self.watched.tell(delivery);
        });
    }

    /// Content that is there, for a host whose end nobody waits for: the outcome is told.
    pub(super) fn take_unwatched(&mut self) -> Option<Bytes> {
        if self.watched.exchange.is_watched() {
            return None;
        }
        let bytes = self.outgoing.take_bytes();
        let bytes = bytes.or_else(|| self.outgoing.is_end_stream().then(Bytes::new))?;
        self.watched.tell(WHOLE);
        Some(bytes)
    }

    /// Whether the body is to be driven by [`write_to`](Self::write_to).
    pub(super) fn pushes(&mut self) -> bool {
        self.outgoing.pushes()
    }

    /// Whether the head is to go out now, as the app asks for that or has nothing of its content yet: else a client waits for both.
    ///
    /// # Errors
    ///
    /// There is no runtime.
    pub(super) fn waits(&mut self, py: Python<'_>) -> PyResult<bool> {
        if self.outgoing.head_at_once() {
            return Ok(true);
        }
        if self.outgoing.blocks() || self.outgoing.is_end_stream() {
            return Ok(false);
        }
        let runtime = self.here.runtime().map_err(|error| no_runtime(&error))?;
        let outgoing = &mut self.outgoing;
        // Whoever is to be woken is told at the next poll.
        self.first = py.detach(|| {
            let _entered = runtime.enter();
            let mut context = Context::from_waker(Waker::noop());
            match Pin::new(outgoing).poll_frame(&mut context) {
                Poll::Ready(frame) => Some(frame),
                Poll::Pending => None,
            }
        });
        Ok(self.first.is_none())
    }

    /// What was delivered to a host that closes before it was told the end: nothing, where there was nothing to give. A host that has sent
    /// the last piece asks for the next; one that closes instead failed to send it.
    fn left(&self) -> Delivery {
        let nothing = self.outgoing.is_end_stream() && self.first.is_none() && !self.given;
        if nothing { WHOLE } else { Delivery::Aborted(Cause::Closed) }
    }

    /// Pulls the next piece; `None` at the end.
    fn next(&mut self, py: Python<'_>) -> PyResult<Option<Result<Bytes, String>>> {
        let runtime = self.here.runtime().map_err(|error| no_runtime(&error))?;
        let outgoing = &mut self.outgoing;
        loop {
            let frame = match self.first.take() {
                Some(first) => first,
                None => {
                    drive(py, &self.desk, runtime, |context| Pin::new(&mut *outgoing).poll_frame(context))?
                }
            };
            match frame.map(|frame| frame.map(Frame::into_data)) {
                None => return Ok(None),
                Some(Err(error)) => return Ok(Some(Err(error.to_string()))),
                Some(Ok(Ok(piece))) if !piece.is_empty() => return Ok(Some(Ok(piece))),
                // Trailers have no place, and core gives none.
                Some(Ok(_)) => {}
            }
        }
    }

    /// Drives a body that writes into the host's `write`, on this thread.
    ///
    /// # Errors
    ///
    /// What `write` raised; that the body broke.
    pub(super) fn write_to(mut self, write: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = write.py();
        let runtime = self.here.runtime().map_err(|error| no_runtime(&error))?.clone();
        let (bell, _) = Bell::new(py, &Stack::Own)?;
        self.desk.serve(Some(&bell));
        let mut sink = HostWrite { write: write.clone().unbind(), raised: None };
        let outgoing = &mut self.outgoing;
        let sent = py.detach(|| {
            let _entered = runtime.enter();
            may_block(|| outgoing.write_to(&mut sink))
        });
        self.desk.serve(None);
        let ended = self.desk.ended();
        match (sent, sink.raised.or(ended)) {
            (Ok(()), None) => {
                self.end(py, WHOLE);
                Ok(())
            }
            (Err(error), None) => {
                let delivery = match error.kind() {
                    OutgoingErrorKind::App(_) => Delivery::Failed,
                    _ => Delivery::Aborted(Cause::Closed),
                };
                self.end(py, delivery);
                Err(PyRuntimeError::new_err(error.to_string()))
            }
            (_, Some(raised)) => {
                self.end(py, Delivery::Aborted(Cause::Closed));
                Err(raised)
            }
        }
    }
}

/// The host's `write` (PEP 3333, "The `write()` Callable"): what it takes is with the client's system when it returns.
struct HostWrite {
    write: Py<PyAny>,
    raised: Option<PyErr>,
}

impl HostWrite {
    fn pass(&mut self, piece: &[u8]) -> io::Result<()> {
        Python::attach(|py| self.write.call1(py, (PyBytes::new(py, piece),))).map(drop).map_err(|error| {
            let failed = io::Error::new(io::ErrorKind::BrokenPipe, error.to_string());
            self.raised.get_or_insert(error);
            failed
        })
    }
}

impl Sink for HostWrite {
    fn data(&mut self, piece: Bytes) -> io::Result<()> {
        self.pass(&piece)
    }

    fn copy(&mut self, piece: &[u8]) -> io::Result<()> {
        self.pass(piece)
    }

    fn flush(&mut self) -> io::Result<()> {
        // Nothing is held here.
        Ok(())
    }

    fn trailers(&mut self, _: HeaderMap) -> io::Result<()> {
        // They have no place, and core gives none.
        Ok(())
    }
}

/// The content of an answer, as PEP 3333 has an application return it.
#[pyclass(frozen, module = "rsgi")]
pub(super) struct Content(Mutex<Stage>);

enum Stage {
    Flows(Flow),
    /// Being pulled.
    Away,
    Over,
}

impl Content {
    pub(super) fn of(flow: Flow) -> Self {
        Self(Mutex::new(Stage::Flows(flow)))
    }

    fn replace(&self, stage: Stage) -> Stage {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), stage)
    }
}

#[pymethods]
impl Content {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let mut flow = match self.replace(Stage::Away) {
            Stage::Flows(flow) => flow,
            Stage::Away => return Err(PyValueError::new_err("the content is being pulled already")),
            Stage::Over => {
                self.replace(Stage::Over);
                return Ok(None);
            }
        };
        match flow.next(py) {
            Ok(Some(Ok(piece))) => {
                flow.given = true;
                self.replace(Stage::Flows(flow));
                Ok(Some(PyBytes::new(py, &piece)))
            }
            Ok(None) => {
                self.replace(Stage::Over);
                flow.end(py, WHOLE);
                Ok(None)
            }
            Ok(Some(Err(broken))) => {
                self.replace(Stage::Over);
                flow.end(py, Delivery::Failed);
                Err(PyRuntimeError::new_err(broken))
            }
            Err(raised) => {
                self.replace(Stage::Over);
                let cause = flow.desk.cause();
                flow.end(py, Delivery::Aborted(cause));
                Err(raised)
            }
        }
    }

    /// Ends it, whole or not.
    fn close(&self, py: Python<'_>) {
        match self.replace(Stage::Over) {
            Stage::Flows(flow) => {
                let left = flow.left();
                flow.end(py, left);
            }
            Stage::Away | Stage::Over => {}
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Content").finish_non_exhaustive()
    }
}

/// A host takes bytes and says no more of them than that it asks for the next, or closes.
pub(super) const WHOLE: Delivery = Delivery::Whole(AcceptedBy::Caller);
