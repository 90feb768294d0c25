//! [`drive`]: the host's thread does what a request needs: it polls, waits, and reads the content for whoever asks, in turns.
//!
//! The interpreter's lock is let go for the first two. Polling happens with the app's runtime entered, as a thread of the app's that may
//! block; none of that is in force while Python runs, where the thread may be taken over by another greenlet.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rsgi_core::may_block;
use tokio::runtime::Handle;

use super::desk::{Bell, Desk};

/// What a turn came to.
enum Turn<T> {
    Done(T),
    /// Somebody wants content.
    Wanted,
    /// Nothing happened for a while.
    Quiet,
}

/// Polls until there is a result.
///
/// # Errors
///
/// The host ended its handling: a signal's handler or reading the content raised what is no error of the request's.
pub(super) fn drive<T: Send>(
    py: Python<'_>,
    desk: &Desk,
    runtime: &Handle,
    own_stack: bool,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T> + Send,
) -> PyResult<T> {
    let bell = Bell::new(own_stack);
    let waker = Waker::from(Arc::clone(&bell));
    desk.serve(Some(&bell));
    let result = loop {
        match py.detach(|| turn(desk, &bell, &waker, runtime, &mut poll)) {
            Turn::Done(result) => break Ok(result),
            Turn::Wanted => desk.read_wanted(py),
            Turn::Quiet => {}
        }
        // Handlers of signals run between two instructions of Python's, of which there is none here.
        if let Err(raised) = py.check_signals() {
            break Err(raised);
        }
        if let Some(ended) = desk.ended() {
            break Err(ended);
        }
    };
    desk.serve(None);
    match desk.ended() {
        None => result,
        Some(ended) => Err(ended),
    }
}

fn turn<T>(
    desk: &Desk,
    bell: &Bell,
    waker: &Waker,
    runtime: &Handle,
    poll: &mut impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Turn<T> {
    loop {
        if bell.take() {
            let _entered = runtime.enter();
            let mut context = Context::from_waker(waker);
            let polled = if bell.own_stack() { may_block(|| poll(&mut context)) } else { poll(&mut context) };
            if let Poll::Ready(result) = polled {
                return Turn::Done(result);
            }
        }
        if desk.wanted().is_some() {
            return Turn::Wanted;
        }
        if !bell.wait(QUIET) && desk.wanted().is_none() {
            return Turn::Quiet;
        }
    }
}

/// An error of the system's, as Python's.
pub(super) fn no_runtime(error: &std::io::Error) -> PyErr {
    PyRuntimeError::new_err(format!("no tokio runtime can be made: {error}"))
}

/// How long a signal waits for its handler at most.
const QUIET: Duration = Duration::from_secs(1);
