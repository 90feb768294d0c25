//! The `write()` callable that `start_response` returns (PEP 3333, "The `write()` Callable").
//!
//! What it is given is sent while the application goes on, where that has a thread of its own: an async server's pool, or
//! one made for an application that was seen to write. Else, once, it is kept until the application returns: a server's own
//! thread can't send and run the application at a time.

use std::io::{self, Seek as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_channel::oneshot;
use pyo3::exceptions::{PyAssertionError, PyConnectionError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rsgi_core::bytes::Bytes;
use rsgi_core::{Body, Error, Sender, wait};
use tempfile::SpooledTempFile;

use super::start_response::{StartResponse, State};

/// What became of what was written.
pub(super) enum Written {
    /// Nothing was, and there is nobody to send it: the application is on a thread of the server's.
    Inline(Arc<AtomicBool>),
    /// Nothing was, and the answer can go there before the application returns.
    Early(Early),
    /// Kept.
    Kept(SpooledTempFile),
    /// Sent.
    Sending(Sending),
    /// The answer was made of it.
    Taken,
}

/// Who waits for the answer.
pub(super) type Early = oneshot::Sender<Result<rsgi_core::Started, Error>>;

/// An answer that is on its way while the application still makes it.
pub(super) struct Sending {
    sender: Sender,
    /// Who waits for its end.
    end: oneshot::Sender<Result<(), Error>>,
}

/// The callable.
#[pyclass(frozen, freelist = 16, module = "rsgi")]
pub(super) struct Write(Py<StartResponse>);

impl Write {
    pub(super) fn of(start_response: Py<StartResponse>) -> Self {
        Self(start_response)
    }
}

#[pymethods]
impl Write {
    #[pyo3(signature = (data, /))]
    fn __call__(&self, py: Python<'_>, data: &Bound<'_, PyBytes>) -> PyResult<()> {
        let start_response = self.0.bind(py).get();
        let sender = {
            let mut state = start_response.lock();
            if data.as_bytes().is_empty() {
                return Ok(());
            }
            state.begin()?;
            match &mut state.written {
                Written::Sending(sending) => sending.sender.clone(),
                Written::Kept(kept) => return Ok(kept.write_all(data.as_bytes())?),
                _ => {
                    return Err(PyRuntimeError::new_err(
                        "write() was called when the application had returned",
                    ));
                }
            }
        };
        let piece = Bytes::copy_from_slice(data.as_bytes());
        py.detach(|| wait(sender.send(piece))).map_err(|gone| PyConnectionError::new_err(gone.to_string()))
    }
}

impl State {
    /// Begins to send, or to keep, at the first piece that is written.
    fn begin(&mut self) -> PyResult<()> {
        if !matches!(self.written, Written::Inline(_) | Written::Early(_)) {
            return Ok(());
        }
        if self.head.is_none() {
            return Err(PyAssertionError::new_err("write() before start_response"));
        }
        self.is_sent = true;
        self.written = match std::mem::replace(&mut self.written, Written::Taken) {
            Written::Inline(seen) => {
                seen.store(true, Ordering::Relaxed);
                Written::Kept(SpooledTempFile::new(IN_MEMORY))
            }
            Written::Early(waiting) => match self.head.take() {
                Some(started) => Written::Sending(Sending::begin(started.head, waiting)),
                None => Written::Taken,
            },
            other => other,
        };
        Ok(())
    }
}

impl Sending {
    /// Hands the answer over to who waits for it, with a body that is fed from here.
    pub(super) fn begin(head: rsgi_core::Head, waiting: Early) -> Self {
        let (end, ended) = oneshot::channel();
        let mut sender = None;
        let body = Body::send(|fed| {
            sender = Some(fed);
            async move { ended.await.unwrap_or_else(|_| Err("the application's thread ended".into())) }
        });
        // Nobody waits any more if the client has gone: the first piece that is sent finds that out.
        let _gone = waiting.send(Ok(head.body(body)));
        let sender = sender.unwrap_or_else(|| unreachable!("the closure was called by `send`"));
        Self { sender, end }
    }

    /// Sends one more piece, of those that the application returned.
    pub(super) fn send(&self, piece: Bytes) -> Result<(), Error> {
        wait(self.sender.send(piece))
    }

    /// Ends the body: whole, or visibly broken.
    pub(super) fn end(self, ended: Result<(), Error>) {
        // The client may have gone.
        let _gone = self.end.send(ended);
    }
}

/// What was kept, to be read from its beginning.
pub(super) fn rewound(mut kept: SpooledTempFile) -> io::Result<SpooledTempFile> {
    kept.rewind()?;
    Ok(kept)
}

/// Bytes that are kept in memory; more go into a temporary file.
const IN_MEMORY: usize = 1 << 20;
