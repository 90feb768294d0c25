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

use super::bell::Bell;
use super::desk::Desk;
use super::hosts::Stack;

/// What a turn came to.
enum Turn<T> {
    Done(T),
    /// Somebody wants content.
    Wanted,
    /// Nothing is to be done.
    Idle,
}

/// Polls until there is a result.
///
/// # Errors
///
/// The host ended its handling: a signal's handler, a timeout of gevent's or reading the content raised what is no error of the request's.
pub(super) fn drive<T: Send>(
    py: Python<'_>,
    desk: &Desk,
    runtime: &Handle,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T> + Send,
) -> PyResult<T> {
    let (bell, hub) = Bell::new(py, desk.stack())?;
    let waker = Waker::from(Arc::clone(&bell));
    desk.serve(Some(&bell));
    let look = || if desk.client().is_unseen() { Ok(()) } else { desk.look_for_client(py) };
    let seen_every = (!desk.client().is_unseen()).then_some(QUIET);
    let result = loop {
        // Waiting in the hub needs the interpreter; it lets go of it there.
        let patience = if hub.is_some() { Duration::ZERO } else { QUIET };
        let next = match py.detach(|| turn(desk, &bell, &waker, runtime, patience, &mut poll)) {
            Turn::Done(result) => break Ok(result),
            Turn::Wanted => {
                desk.read_wanted(py);
                Ok(())
            }
            Turn::Idle => match &hub {
                None => look(),
                Some(hub) => {
                    hub.wait(py, seen_every).and_then(|()| if bell.is_rung() { Ok(()) } else { look() })
                }
            },
        };
        // Handlers of signals run between two instructions of Python's, of which there is none here.
        if let Err(raised) = next.and_then(|()| py.check_signals()) {
            break Err(raised);
        }
        if let Some(ended) = desk.ended() {
            break Err(ended);
        }
    };
    desk.serve(None);
    if let Some(hub) = hub {
        hub.close(py)?;
    }
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
    patience: Duration,
    poll: &mut impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Turn<T> {
    loop {
        if bell.take() {
            let _entered = runtime.enter();
            let mut context = Context::from_waker(waker);
            let polled = match desk.stack() {
                Stack::Own => may_block(|| poll(&mut context)),
                Stack::Shared(_) => poll(&mut context),
            };
            if let Poll::Ready(result) = polled {
                return Turn::Done(result);
            }
        }
        if desk.wanted().is_some() {
            return Turn::Wanted;
        }
        if !bell.is_rung() && !patience.is_zero() {
            bell.wait(patience);
        }
        if !bell.is_rung() {
            return Turn::Idle;
        }
    }
}

/// An error of the system's, as Python's.
pub(super) fn no_runtime(error: &std::io::Error) -> PyErr {
    PyRuntimeError::new_err(format!("no tokio runtime can be made: {error}"))
}

/// How long a signal waits for its handler at most, and a client that has gone for its app to hear of it.
const QUIET: Duration = Duration::from_secs(1);
