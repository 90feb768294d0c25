//! `wsgi.input`: a request's content as a binary stream (PEP 3333, "Input and Error Streams").
//!
//! It ends by itself, whatever the framing was: `wsgi.input_terminated`. Waiting for the client never holds the
//! interpreter's lock.
//!
//! Invariant: the stream's lock is held by a thread that waits for the client, so nobody attached waits for it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, TryLockError};

use pyo3::exceptions::{PyConnectionError, PyOSError, PyRuntimeError, PyTimeoutError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use rsgi_core::bytes::{Buf as _, Bytes};
use rsgi_core::{InputError, InputErrorKind};

/// The content of one request.
#[pyclass(frozen, freelist = 16, module = "rsgi")]
pub(super) struct Input(Mutex<Stream>);

struct Stream {
    input: rsgi_core::Input,
    /// What was received and not read, in order.
    pieces: VecDeque<Bytes>,
    /// Bytes of `pieces` together.
    held: usize,
    ended: bool,
    failed: Option<InputErrorKind>,
}

/// How much is asked for.
#[derive(Clone, Copy)]
enum Wanted {
    /// So many bytes, less only at the end.
    Bytes(usize),
    /// All there is.
    All,
    /// A line with its end, but no more than so many bytes.
    Line(usize),
}

impl Input {
    pub(super) fn of(py: Python<'_>, input: rsgi_core::Input) -> PyResult<Bound<'_, Self>> {
        let stream = Stream { input, pieces: VecDeque::new(), held: 0, ended: false, failed: None };
        Bound::new(py, Self(Mutex::new(stream)))
    }

    /// Why reading failed, if it did.
    pub(super) fn failed(&self) -> Option<InputErrorKind> {
        self.lock().ok()?.failed
    }

    /// Gives up what wasn't read: the request is over, and its connection waits for that, whatever still refers to the environ.
    pub(super) fn finish(&self) {
        // Who reads in a thread of its own meanwhile comes to the end by itself.
        if let Ok(mut stream) = self.lock() {
            stream.input = rsgi_core::Input::empty();
            stream.ended = true;
        }
    }

    fn lock(&self) -> PyResult<MutexGuard<'_, Stream>> {
        match self.0.try_lock() {
            Ok(stream) => Ok(stream),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                Err(PyRuntimeError::new_err("wsgi.input is being read by another thread; read it by one"))
            }
        }
    }

    fn take<'py>(&self, py: Python<'py>, wanted: Wanted) -> PyResult<Bound<'py, PyBytes>> {
        let mut stream = self.lock()?;
        if let Some(length) = stream.there(wanted) {
            return stream.give(py, length);
        }
        // The interpreter's lock is given up for as long, and the stream's before it is wanted again.
        drop(stream);
        let length = py.detach(|| {
            let mut stream = self.lock()?;
            stream.wait_for(wanted).map_err(|error| raised(&error))
        })?;
        self.lock()?.give(py, length)
    }
}

/// The size argument of Python's streams: negative or None is no bound.
fn bound(size: Option<isize>) -> Option<usize> {
    size.and_then(|size| usize::try_from(size).ok())
}

#[pymethods]
impl Input {
    /// Reads so many bytes, or all; less only at the end.
    #[pyo3(signature = (size = -1, /))]
    fn read<'py>(&self, py: Python<'py>, size: Option<isize>) -> PyResult<Bound<'py, PyBytes>> {
        self.take(py, bound(size).map_or(Wanted::All, Wanted::Bytes))
    }

    /// Reads a line with its end.
    #[pyo3(signature = (size = -1, /))]
    fn readline<'py>(&self, py: Python<'py>, size: Option<isize>) -> PyResult<Bound<'py, PyBytes>> {
        self.take(py, Wanted::Line(bound(size).unwrap_or(usize::MAX)))
    }

    /// Reads all lines, or those that begin within the first `hint` bytes.
    #[pyo3(signature = (hint = -1, /))]
    fn readlines<'py>(&self, py: Python<'py>, hint: Option<isize>) -> PyResult<Bound<'py, PyList>> {
        let most = bound(hint).filter(|hint| *hint > 0).unwrap_or(usize::MAX);
        let (lines, mut read) = (PyList::empty(py), 0);
        while read < most {
            let line = self.take(py, Wanted::Line(usize::MAX))?;
            let length = line.as_bytes().len();
            if length == 0 {
                break;
            }
            read += length;
            lines.append(line)?;
        }
        Ok(lines)
    }

    fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let line = self.take(py, Wanted::Line(usize::MAX))?;
        Ok(if line.as_bytes().is_empty() { None } else { Some(line) })
    }
}

impl Stream {
    /// How much of what is there answers; `None` if more must come first.
    fn there(&self, wanted: Wanted) -> Option<usize> {
        let most = match wanted {
            Wanted::Bytes(count) => count,
            Wanted::All => usize::MAX,
            Wanted::Line(most) => match self.line(0, 0) {
                Some(length) => return Some(length.min(most)),
                None => most,
            },
        };
        (self.ended || self.held >= most).then(|| self.held.min(most))
    }

    /// Where the first line ends, if its end is there; of the pieces from `skipped` on, which begin at byte `before`.
    fn line(&self, skipped: usize, before: usize) -> Option<usize> {
        let mut before = before;
        for piece in self.pieces.iter().skip(skipped) {
            if let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
                return Some(before + end + 1);
            }
            before += piece.len();
        }
        None
    }

    /// Waits until there is enough, and tells how much that is. Only where no other thread waits for us.
    fn wait_for(&mut self, wanted: Wanted) -> Result<usize, InputError> {
        loop {
            // Only what has just come is looked through: a line in small pieces costs no more than its length.
            if let Some(length) = self.there_now(wanted) {
                return Ok(length);
            }
            match self.input.wait_piece() {
                Ok(Some(piece)) if piece.is_empty() => {}
                Ok(Some(piece)) => {
                    self.held += piece.len();
                    self.pieces.push_back(piece);
                }
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.failed = Some(error.kind());
                    self.ended = true;
                    return Err(error);
                }
            }
        }
    }

    fn there_now(&self, wanted: Wanted) -> Option<usize> {
        if let (Wanted::Line(most), false, Some(last)) = (wanted, self.ended, self.pieces.back())
            && self.held < most
        {
            let skipped = self.pieces.len() - 1;
            return self.line(skipped, self.held - last.len());
        }
        self.there(wanted)
    }

    /// Gives so many bytes, which are there: copied once, into what Python gets.
    fn give<'py>(&mut self, py: Python<'py>, length: usize) -> PyResult<Bound<'py, PyBytes>> {
        let length = length.min(self.held);
        self.held -= length;
        if let Some(first) = self.pieces.front_mut()
            && first.len() > length
        {
            return Ok(PyBytes::new(py, &first.split_to(length)));
        }
        PyBytes::new_with(py, length, |mut content| {
            while !content.is_empty() {
                let Some(piece) = self.pieces.front_mut() else { break };
                let count = piece.len().min(content.len());
                let (now, later) = content.split_at_mut(count);
                piece.copy_to_slice(now);
                content = later;
                if piece.is_empty() {
                    self.pieces.pop_front();
                }
            }
            Ok(())
        })
    }
}

/// The exception of an error. Each is an `OSError`, as of a socket.
fn raised(error: &InputError) -> PyErr {
    let text = error.to_string();
    match error.kind() {
        InputErrorKind::TimedOut => PyTimeoutError::new_err(text),
        InputErrorKind::Disconnected | InputErrorKind::Truncated => PyConnectionError::new_err(text),
        _ => PyOSError::new_err(text),
    }
}
