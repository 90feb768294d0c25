//! What an application returned, as an answer (PEP 3333, "Buffering and Streaming").
//!
//! The head goes out with the first piece that isn't empty, so the application may change its mind until then; each piece
//! is handed on before the next is asked for; `close()` is called once, whatever happens.

use std::io::Read as _;

use pyo3::exceptions::{PyAssertionError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyIterator, PyList, PyString, PyTuple};
use rsgi_core::bytes::Bytes;
use rsgi_core::{Body, Environ, Error, Offload};

use super::failure::Told;
use super::file_wrapper::{FileWrapper, Rest};
use super::start_response::{StartResponse, Started};
use super::write::{Written, rewound};
use crate::interpreter;

/// Makes the answer of what the application returned; `None` if it was handed over already, by `write()`.
pub(super) fn answer<'py>(
    start_response: &Bound<'py, StartResponse>,
    returned: &Bound<'py, PyAny>,
    environ: &Environ,
) -> PyResult<Option<rsgi_core::Started>> {
    let state = start_response.get();
    if matches!(state.lock().written, Written::Inline(_) | Written::Early(_))
        && let Some(content) = in_memory(returned)?
    {
        // Most answers: a list of bytes, which has no `close()`.
        return Ok(Some(taken(start_response)?.head.body(content)));
    }
    let closing = Closing { iterable: Some(returned.clone().unbind()), told: Some(Told::of(environ)) };
    if let Some(rest) = rest(start_response, returned, environ) {
        return file(start_response, rest, environ, closing).map(Some);
    }
    let mut pieces = Pieces { first: None, iterator: None, closing };
    pieces.begin(returned)?;
    let written = {
        let mut state = state.lock();
        match &state.written {
            Written::Sending(_) | Written::Kept(_) => std::mem::replace(&mut state.written, Written::Taken),
            _ => Written::Taken,
        }
    };
    match written {
        Written::Sending(sending) => {
            let py = returned.py();
            py.detach(|| {
                let sent = pieces.by_ref().try_for_each(|piece| sending.send(piece?));
                drop(pieces);
                sending.end(sent);
            });
            Ok(None)
        }
        Written::Kept(kept) => {
            let head = taken(start_response)?.head;
            let kept = std::io::BufReader::with_capacity(PIECE, rewound(kept)?);
            Ok(Some(head.body(Body::iter(Kept { kept: Some(kept), pieces }))))
        }
        _ => {
            let Started { head, length } = taken(start_response)?;
            Ok(Some(head.body(pieces.body(returned, length))))
        }
    }
}

/// Takes the head to be sent.
fn taken(start_response: &Bound<'_, StartResponse>) -> PyResult<Started> {
    let mut state = start_response.get().lock();
    state.is_sent = true;
    state.head.take().ok_or_else(|| {
        PyAssertionError::new_err("the application gave content, or returned, without calling start_response")
    })
}

/// The content of a list or tuple of bytes, joined; `None` for anything else, and for much.
fn in_memory(returned: &Bound<'_, PyAny>) -> PyResult<Option<Body>> {
    if let Ok(list) = returned.cast_exact::<PyList>() {
        return match list.len() {
            1 => Ok(Some(content(&list.get_item(0)?)?.into())),
            count => Ok(joined(list.iter(), count)),
        };
    }
    let Ok(tuple) = returned.cast_exact::<PyTuple>() else { return Ok(None) };
    match tuple.len() {
        1 => Ok(Some(content(&tuple.get_item(0)?)?.into())),
        count => Ok(joined(tuple.iter(), count)),
    }
}

fn joined<'py>(pieces: impl Iterator<Item = Bound<'py, PyAny>>, count: usize) -> Option<Body> {
    if count == 0 {
        return Some(Body::empty());
    }
    let mut whole = Vec::new();
    for piece in pieces {
        let piece = piece.cast::<PyBytes>().ok()?;
        if whole.len() + piece.as_bytes().len() > JOINED {
            return None;
        }
        whole.extend_from_slice(piece.as_bytes());
    }
    Some(whole.into())
}

/// A piece of content: copied if it is small, else shared with Python.
fn content(piece: &Bound<'_, PyAny>) -> PyResult<Bytes> {
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

/// What is left of a file that the system can send, on a server whose threads may wait for the disk.
fn rest(
    start_response: &Bound<'_, StartResponse>,
    returned: &Bound<'_, PyAny>,
    environ: &Environ,
) -> Option<Rest> {
    let wrapper = returned.cast_exact::<FileWrapper>().ok()?;
    let is_ours = matches!(start_response.get().lock().written, Written::Inline(_));
    let may_wait = matches!(environ.offload(), Offload::Inline);
    if is_ours && may_wait { wrapper.get().rest(returned.py()) } else { None }
}

/// An answer of such a file, closed when it was sent.
fn file(
    start_response: &Bound<'_, StartResponse>,
    rest: Rest,
    environ: &Environ,
    mut closing: Closing,
) -> PyResult<rsgi_core::Started> {
    let Started { head, length } = taken(start_response)?;
    let length = length.map_or(rest.length, |length| length.min(rest.length));
    let body = Body::file_range(rest.file, rest.offset, length)?;
    // A callback must not hold the exchange that holds it.
    closing.told = closing.told.take().map(Told::without_stream);
    environ.on_outcome(move |_| drop(closing));
    Ok(head.body(body))
}

/// Calls `close()` once, at the latest when it is dropped.
struct Closing {
    iterable: Option<Py<PyAny>>,
    /// Where an exception of it is told.
    told: Option<Told>,
}

impl Closing {
    fn close(&mut self) {
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

impl Drop for Closing {
    fn drop(&mut self) {
        self.close();
    }
}

/// The pieces of an iterable, each asked for when the one before was handed on.
struct Pieces {
    /// Was asked for already, when the head could still change.
    first: Option<Bytes>,
    /// `None` at the end.
    iterator: Option<Py<PyIterator>>,
    closing: Closing,
}

impl Pieces {
    /// Asks for the first piece that isn't empty.
    fn begin(&mut self, returned: &Bound<'_, PyAny>) -> PyResult<()> {
        if returned.is_instance_of::<PyBytes>() || returned.is_instance_of::<PyString>() {
            let kind = returned.get_type().name()?;
            let text =
                format!("the application returned {kind}, not an iterable of bytes; put bytes into a list");
            return Err(PyTypeError::new_err(text));
        }
        if returned.is_none() {
            return Err(PyTypeError::new_err("the application returned None, not an iterable of bytes"));
        }
        let mut iterator = returned.try_iter()?;
        for piece in &mut iterator {
            let piece = content(&piece?)?;
            if !piece.is_empty() {
                self.first = Some(piece);
                self.iterator = Some(iterator.unbind());
                break;
            }
        }
        Ok(())
    }

    /// The body, once the head is known.
    fn body(mut self, returned: &Bound<'_, PyAny>, length: Option<u64>) -> Body {
        let py = returned.py();
        let first = self.first.as_ref().map_or(0, |first| first.len() as u64);
        // PEP 3333, "Handling the Content-Length Header": the length of the only piece is the content's.
        let is_whole =
            length == Some(first) || returned.len().is_ok_and(|count| count == 1) || self.first.is_none();
        if !is_whole {
            return Body::iter(self);
        }
        self.iterator = None;
        if !returned.hasattr(intern!(py, "close")).unwrap_or(true) {
            self.closing.iterable = None;
            return self.first.take().unwrap_or_default().into();
        }
        Body::iter(self).with_length(first)
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
                    let told = self.closing.told.as_mut()?;
                    return Some(Err(told.failed(py, &error, None).into()));
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
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        self.iterator.as_ref()?;
        interpreter::attach(|py| self.ask(py))
    }
}

/// What was written and kept, and then what the application returned.
struct Kept {
    kept: Option<std::io::BufReader<tempfile::SpooledTempFile>>,
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

/// Up to so many bytes a piece is copied: less work than sharing it, whose end must come to the interpreter.
const COPIED: usize = 16 * 1024;

/// Up to so many bytes the pieces of a list are joined.
const JOINED: usize = 64 * 1024;

/// Bytes read at once of what was kept.
const PIECE: usize = 64 * 1024;
