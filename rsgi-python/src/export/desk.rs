//! [`Desk`]: where a request's app and the host's thread meet: the app asks for content there, the thread is woken there.
//!
//! `wsgi.input` belongs to the host's thread: uWSGI finds its request by the thread that asks, and under gevent reading means that other
//! greenlets run. So whoever else wants content leaves a wish here and is woken, and the thread, which waits for the app anyway, reads.
//!
//! Invariant: what threads share lies in the desk's own memory, never on a stack, and its lock is held for no call of anybody's.
//! Next: `drive.rs`, the thread's side.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake as _, Waker};
use std::thread;

use pyo3::exceptions::{
    PyBrokenPipeError, PyConnectionError, PyException, PyOSError, PyTimeoutError, PyTypeError,
};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rsgi_core::bytes::Bytes;
use rsgi_core::http_body::Frame;
use rsgi_core::{Cause, InputError, InputErrorKind, InputLength, InputSource};

use super::bell::Bell;
use super::client::Client;
use super::hosts::Stack;

/// Content that was read: none of it is the end.
pub(super) type Piece = Result<Bytes, InputError>;

/// Where the app and the host's thread meet.
pub(super) struct Desk {
    input: Option<Py<PyAny>>,
    /// What the host's call runs on.
    stack: Stack,
    client: Client,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The thread that serves, and how it is woken.
    bell: Option<Arc<Bell>>,
    /// The size of the piece that is asked for; 0 for none.
    wanted: usize,
    piece: Option<Piece>,
    waker: Option<Waker>,
    /// How the client was seen to have gone.
    left: Option<Cause>,
    /// What ended the host's handling of the request: a `SystemExit`, a timeout of gevent's.
    ended: Option<PyErr>,
}

impl Desk {
    pub(super) fn new(input: Option<Py<PyAny>>, stack: Stack, client: Client) -> Arc<Self> {
        Arc::new(Self { input, stack, client, state: Mutex::default() })
    }

    /// How the client's end is seen.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Looks whether the client has gone.
    ///
    /// # Errors
    ///
    /// It has: for the host, which mostly passes it over.
    pub(super) fn look_for_client(&self, py: Python<'_>) -> PyResult<()> {
        let Some(end) = self.client.end(py)? else { return Ok(()) };
        self.lock().left = Some(end);
        Err(PyBrokenPipeError::new_err((BROKEN_PIPE, "the client has gone")))
    }

    /// Why the host's handling ended.
    pub(super) fn cause(&self) -> Cause {
        self.lock().left.unwrap_or(Cause::ServerStopped)
    }

    /// What the host's call runs on.
    pub(super) fn stack(&self) -> &Stack {
        &self.stack
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to serve, or ends with `None`. An ask that came before rings.
    pub(super) fn serve(&self, bell: Option<&Arc<Bell>>) {
        self.lock().bell = bell.cloned();
    }

    /// The size of the piece that is asked for.
    pub(super) fn wanted(&self) -> Option<usize> {
        Some(self.lock().wanted).filter(|size| *size > 0)
    }

    /// What ended the host's handling.
    pub(super) fn ended(&self) -> Option<PyErr> {
        self.lock().ended.take()
    }

    /// Reads the piece that is asked for, on the host's thread, and wakes who asked.
    pub(super) fn read_wanted(&self, py: Python<'_>) {
        let Some(size) = self.wanted() else { return };
        let piece = self.read(py, size);
        let waker = {
            let mut state = self.lock();
            (state.wanted, state.piece) = (0, Some(piece));
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn read(&self, py: Python<'_>, size: usize) -> Piece {
        let Some(input) = &self.input else { return Ok(Bytes::new()) };
        read(input.bind(py), size).map_err(|error| {
            let kind = kind(py, &error);
            let text = error.to_string();
            if !error.is_instance_of::<PyException>(py) {
                self.lock().ended.get_or_insert(error);
            }
            InputError::new(kind).with_source(text)
        })
    }

    fn poll(&self, size: usize, context: &mut Context<'_>) -> Poll<Piece> {
        let bell = {
            let mut state = self.lock();
            if let Some(piece) = state.piece.take() {
                return Poll::Ready(piece);
            }
            state.waker = Some(context.waker().clone());
            state.wanted = size;
            state.bell.clone()
        };
        if let Some(bell) = bell {
            bell.wake();
        }
        Poll::Pending
    }
}

/// Reads what the host has, up to `size`; nothing at the end.
fn read(input: &Bound<'_, PyAny>, size: usize) -> PyResult<Bytes> {
    let read = input.call_method1(intern!(input.py(), "read"), (size,))?;
    let piece = read.cast::<PyBytes>().map_err(|_| PyTypeError::new_err("wsgi.input gave no bytes"))?;
    Ok(Bytes::copy_from_slice(piece.as_bytes()))
}

/// What an exception of the host's means. Most hosts say no more than that reading failed, as it does when a client leaves.
fn kind(py: Python<'_>, error: &PyErr) -> InputErrorKind {
    if error.is_instance_of::<PyTimeoutError>(py) {
        return InputErrorKind::TimedOut;
    }
    let name = error.get_type(py).name().map(|name| name.to_string()).unwrap_or_default();
    match &*name {
        // Gunicorn's.
        "NoMoreData" => return InputErrorKind::Truncated,
        "InvalidChunkSize" | "InvalidChunkExtension" | "ChunkMissingTerminator" => {
            return InputErrorKind::Malformed;
        }
        _ => {}
    }
    if error.is_instance_of::<PyConnectionError>(py) || error.is_instance_of::<PyOSError>(py) {
        return InputErrorKind::Disconnected;
    }
    InputErrorKind::Other
}

/// The content of a request, as the app's input.
pub(super) struct HostInput {
    desk: Arc<Desk>,
    /// What is left of the length; `None` for all until the end.
    left: Option<u64>,
}

impl HostInput {
    pub(super) fn new(desk: Arc<Desk>, length: InputLength) -> Self {
        let left = match length {
            InputLength::Known(length) => Some(length),
            InputLength::None => Some(0),
            _ => None,
        };
        Self { desk, left }
    }

    /// How much to read next; 0 at the end.
    fn size(&self) -> usize {
        self.left.map_or(PIECE, |left| usize::try_from(left).unwrap_or(PIECE).min(PIECE))
    }

    fn take(&mut self, piece: Piece) -> Option<Result<Frame<Bytes>, InputError>> {
        match piece {
            Ok(piece) if piece.is_empty() => {
                let missing = self.left.replace(0).is_some();
                missing.then(|| Err(InputError::new(InputErrorKind::Truncated)))
            }
            Ok(piece) => {
                self.left = self.left.map(|left| left.saturating_sub(piece.len() as u64));
                Some(Ok(Frame::data(piece)))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

impl InputSource for HostInput {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        let size = self.size();
        if size == 0 {
            return Poll::Ready(None);
        }
        let piece = std::task::ready!(self.desk.poll(size, context));
        Poll::Ready(self.take(piece))
    }

    fn wait_frame(mut self: Pin<&mut Self>) -> Option<Result<Frame<Bytes>, InputError>> {
        let size = self.size();
        if size == 0 {
            return None;
        }
        let bell = self.desk.lock().bell.clone();
        if self.desk.stack.is_own() && bell.is_some_and(|bell| bell.is_on(thread::current().id())) {
            let piece = Python::attach(|py| self.desk.read(py, size));
            return self.take(piece);
        }
        rsgi_core::wait(std::future::poll_fn(|context| self.as_mut().poll_frame(context)))
    }
}

/// As much as is asked for at once.
const PIECE: usize = 64 * 1024;

/// `EPIPE`.
const BROKEN_PIPE: i32 = 32;
