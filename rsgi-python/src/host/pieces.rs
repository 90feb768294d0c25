//! [`Pieces`]: what an application's iterable gives, as a body; and [`Closing`], which calls its `close()` once, whatever
//! happens.

use std::io::Read as _;
use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyIterator, PyString};
use rsgi_core::bytes::Bytes;
use rsgi_core::{Body, Environ, Error};
use tempfile::SpooledTempFile;

use super::closings::{Closings, Open};
use super::failure::Told;
use super::file_wrapper::FileWrapper;
use crate::interpreter;

/// Calls `close()` of what the application returned when it is dropped.
pub(super) struct Closing {
    iterable: Option<Py<PyAny>>,
    /// Where an exception of it is told.
    told: Option<Told>,
    /// Behind `close()`, as it is the last to be dropped.
    _open: Open,
}

impl Closing {
    pub(super) fn of(returned: &Bound<'_, PyAny>, environ: &Environ, closings: &Arc<Closings>) -> Self {
        let (iterable, told) = (Some(returned.clone().unbind()), Some(Told::of(environ)));
        Self { iterable, told, _open: closings.open() }
    }

    /// The same, but at the earliest when the answer was sent: `close()` may take its time, and the client shall not wait for
    /// it. For a server that runs what blocks inline.
    pub(super) fn when_sent(mut self, environ: &Environ) -> Arc<Self> {
        // A callback must not hold the exchange that holds it.
        self.told = self.told.take().map(Told::without_stream);
        let closing = Arc::new(self);
        let held = Arc::clone(&closing);
        environ.on_outcome(move |_| drop(held));
        closing
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let (Some(iterable), Some(mut told)) = (self.iterable.take(), self.told.take()) else { return };
        interpreter::attach(|py| {
            let closed = match iterable.bind(py).getattr_opt(intern!(py, "close")) {
                Ok(Some(close)) => close.call0().map(drop),
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = closed {
                told.note(py, "close() of what the application returned failed", &error);
            }
            drop(iterable);
        });
    }
}

/// The pieces of an iterable, each asked for when the one before was handed on.
pub(super) struct Pieces {
    /// Was asked for already, when the head could still change.
    first: Option<Bytes>,
    /// `None` at the end.
    iterator: Option<Py<PyIterator>>,
    /// How much of a file is still to be sent, where the head says how long the content is: the rest of the file isn't surplus.
    left: Option<u64>,
    /// Where an exception is told.
    told: Told,
    closing: Held,
}

/// What calls `close()` behind the last piece, or when the answer was sent.
enum Held {
    Own(Closing),
    Shared { _closing: Arc<Closing> },
}

impl Held {
    /// There is no `close()`.
    fn forget(&mut self) {
        if let Self::Own(closing) = self {
            closing.iterable = None;
        }
    }

    fn without_stream(&mut self) {
        if let Self::Own(closing) = self {
            closing.told = closing.told.take().map(Told::without_stream);
        }
    }
}

impl Pieces {
    /// Asks for the first piece that isn't empty.
    pub(super) fn begin(returned: &Bound<'_, PyAny>, environ: &Environ, closing: Closing) -> PyResult<Self> {
        let mut begun = Self {
            first: None,
            iterator: None,
            left: None,
            told: Told::of(environ),
            closing: Held::Own(closing),
        };
        if returned.is_instance_of::<PyBytes>() || returned.is_instance_of::<PyString>() || returned.is_none()
        {
            let kind = returned.get_type().name()?;
            let text =
                format!("the application returned {kind}, not an iterable of bytes; put bytes into a list");
            return Err(PyTypeError::new_err(text));
        }
        let mut iterator = returned.try_iter()?;
        for piece in &mut iterator {
            let piece = content(&piece?)?;
            if !piece.is_empty() {
                begun.first = Some(piece);
                begun.iterator = Some(iterator.unbind());
                break;
            }
        }
        Ok(begun)
    }

    /// The body that `written` begins.
    pub(super) fn behind(self, written: SpooledTempFile) -> Body {
        let written = std::io::BufReader::with_capacity(PIECE, written);
        Body::iter(Kept { kept: Some(written), pieces: self })
    }

    /// Takes the content, if all of it is there.
    pub(super) fn whole(&mut self, returned: &Bound<'_, PyAny>, length: Option<u64>) -> Option<Bytes> {
        if !returned.hasattr(intern!(returned.py(), "close")).unwrap_or(true) {
            self.closing.forget();
        }
        let first = self.first.as_ref().map_or(0, |first| first.len() as u64);
        let is_whole = match length {
            _ if self.first.is_none() => true,
            Some(length) => length == first,
            // PEP 3333, "Handling the Content-Length Header": the length of the only piece is the content's.
            None => returned.len().is_ok_and(|count| count == 1),
        };
        self.left = if is_whole {
            Some(0)
        } else {
            length.filter(|_| returned.is_exact_instance_of::<FileWrapper>())
        };
        is_whole.then(|| self.first.take().unwrap_or_default())
    }

    /// The body of what isn't whole, on a server that runs it where the application ran.
    pub(super) fn body(mut self, length: Option<u64>, environ: &Environ) -> Body {
        self.closing = match self.closing {
            // The client sees the end of a length at its last byte, and that of chunks behind all else.
            Held::Own(closing) if closing.iterable.is_some() && length.is_none() => {
                Held::Shared { _closing: closing.when_sent(environ) }
            }
            closing => closing,
        };
        Body::iter(self)
    }

    /// Has the application run to its end, and what it returned closed, when the answer was sent, of which all content is there.
    pub(super) fn end_when_sent(mut self, environ: &Environ) {
        let closes = matches!(&self.closing, Held::Own(closing) if closing.iterable.is_some());
        if closes || self.iterator.is_some() {
            // A callback must not hold the exchange that holds it.
            self.told = self.told.without_stream();
            self.closing.without_stream();
            environ.on_outcome(move |_| self.end());
        }
    }

    /// Asks for what is behind the last byte, which is nothing but the application's own work.
    pub(super) fn end(mut self) {
        self.told = self.told.without_stream();
        let surplus = match self.iterator {
            Some(_) => interpreter::attach(|py| self.ask(py)),
            None => None,
        };
        if let Some(Ok(_)) = surplus {
            self.told.warn("the application gave more content than Content-Length says; it isn't sent");
        }
        self.close();
    }

    /// Lets go of what the application returned. The request's error stream has ended with the answer.
    pub(super) fn close(mut self) {
        self.closing.without_stream();
    }

    fn ask(&mut self, py: Python<'_>) -> Option<Result<Bytes, Error>> {
        let mut iterator = self.iterator.as_ref()?.bind(py).clone();
        loop {
            let piece = iterator.next().map(|piece| content(&piece?));
            match piece {
                Some(Ok(piece)) if piece.is_empty() => {}
                Some(Ok(piece)) => return Some(Ok(piece)),
                None => break,
                Some(Err(error)) => {
                    self.iterator = None;
                    return Some(Err(self.told.failed(py, &error, None).into()));
                }
            }
        }
        self.iterator = None;
        None
    }
}

impl Iterator for Pieces {
    type Item = Result<Bytes, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let piece = match self.first.take() {
            Some(first) => Ok(first),
            None if self.left == Some(0) || self.iterator.is_none() => return None,
            None => interpreter::attach(|py| self.ask(py))?,
        };
        Some(piece.map(|mut piece| {
            if let Some(left) = &mut self.left {
                piece.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= piece.len() as u64;
            }
            piece
        }))
    }
}

/// What was written and kept, and then what the application returned.
struct Kept {
    kept: Option<std::io::BufReader<SpooledTempFile>>,
    pieces: Pieces,
}

impl Iterator for Kept {
    type Item = Result<Bytes, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(kept) = &mut self.kept {
            let mut piece = vec![0; PIECE];
            match kept.read(&mut piece) {
                Ok(0) => self.kept = None,
                Ok(read) => {
                    piece.truncate(read);
                    return Some(Ok(piece.into()));
                }
                Err(error) => {
                    self.kept = None;
                    return Some(Err(error.into()));
                }
            }
        }
        self.pieces.next()
    }
}

/// A piece of content: copied if it is small, else shared with Python.
pub(super) fn content(piece: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    let Ok(bytes) = piece.cast::<PyBytes>() else {
        let kind = piece.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "the application's iterable gave {kind}, not bytes; a str is encoded, and bytes are returned in a list"
        )));
    };
    if bytes.as_bytes().len() <= COPIED {
        return Ok(Bytes::copy_from_slice(bytes.as_bytes()));
    }
    Ok(Bytes::from_owner(PyBackedBytes::from(bytes.clone())))
}

/// Up to so many bytes a piece is copied: less work than sharing it, whose end must come to the interpreter.
const COPIED: usize = 16 * 1024;

/// Bytes read at once of what was kept.
const PIECE: usize = 64 * 1024;
