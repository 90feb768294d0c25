//! What an application returned, as an answer (PEP 3333, "Buffering and Streaming").
//!
//! The head goes out with the first piece that isn't empty, so the application may change its mind until then; each piece
//! is handed on before the next is asked for (`pieces.rs`).

use std::sync::Arc;

use pyo3::exceptions::PyAssertionError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use rsgi_core::{Body, Environ, Offload};

use super::closings::Closings;
use super::file_wrapper::{FileWrapper, Rest};
use super::pieces::{Closing, Pieces, content};
use super::start_response::{StartResponse, Started};
use super::write::{Sending, Written, rewound};

/// Makes the answer of what the application returned; `None` if it was handed over already, by `write()`.
pub(super) fn answer<'py>(
    start_response: &Bound<'py, StartResponse>,
    returned: &Bound<'py, PyAny>,
    environ: &Environ,
    closings: &Arc<Closings>,
) -> PyResult<Option<rsgi_core::Started>> {
    let state = start_response.get();
    if matches!(state.lock().written, Written::Inline(_) | Written::Early(_))
        && let Some(content) = in_memory(returned)?
    {
        // Most answers: a list of bytes, which has no `close()`.
        return Ok(Some(taken(start_response)?.head.body(content)));
    }
    let closing = Closing::of(returned, environ, closings);
    if let Some(rest) = rest(start_response, returned, environ) {
        return file(start_response, rest, environ, closing).map(Some);
    }
    let mut pieces = Pieces::begin(returned, environ, closing)?;
    let py = returned.py();
    let written = std::mem::replace(&mut state.lock().written, Written::Taken);
    match written {
        Written::Sending(sending) => {
            py.detach(|| stream(pieces, sending));
            Ok(None)
        }
        Written::Kept(kept) => {
            let head = taken(start_response)?.head;
            Ok(Some(head.body(pieces.behind(rewound(kept)?))))
        }
        Written::Early(waiting) => {
            // What is left to do of the request stays on this thread: frameworks keep what is a request's by the thread.
            let Started { head, length } = taken(start_response)?;
            if let Some(content) = pieces.whole(returned, length) {
                // Nobody waits if the client has gone.
                let _gone = waiting.send(Ok(head.body(content)));
                py.detach(|| pieces.end());
            } else {
                py.detach(|| stream(pieces, Sending::begin(head, waiting)));
            }
            Ok(None)
        }
        Written::Inline(_) | Written::Taken => {
            let Started { head, length } = taken(start_response)?;
            let Some(content) = pieces.whole(returned, length) else {
                return Ok(Some(head.body(pieces.body(length, environ))));
            };
            pieces.end_when_sent(environ);
            Ok(Some(head.body(content)))
        }
    }
}

/// Sends the pieces from this thread, and then lets go of what they came from.
fn stream(mut pieces: Pieces, sending: Sending) {
    let sent = pieces.by_ref().try_for_each(|piece| sending.send(piece?));
    sending.end(sent);
    pieces.close();
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
    closing: Closing,
) -> PyResult<rsgi_core::Started> {
    let Started { head, length } = taken(start_response)?;
    let length = length.map_or(rest.length, |length| length.min(rest.length));
    let body = Body::file_range(rest.file, rest.offset, length)?;
    drop(closing.when_sent(environ));
    Ok(head.body(body))
}

/// Up to so many bytes the pieces of a list are joined.
const JOINED: usize = 64 * 1024;
