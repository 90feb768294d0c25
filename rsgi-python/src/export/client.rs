//! [`Client`]: whether the client has gone, by what some hosts hand out beyond PEP 3333, which has no word for it.
//!
//! Looked at while nothing else is to be done: an app that waits for what never comes would else keep one of the host's threads.

use pyo3::intern;
use pyo3::prelude::*;
use rsgi_core::Cause;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::sys;

/// How the client's end is seen.
#[derive(Debug, Default)]
pub(super) enum Client {
    /// Not at all.
    #[default]
    Unseen,
    /// Its socket: Gunicorn's `gunicorn.socket`.
    Socket(Py<PyAny>),
    /// By a call: Waitress's `waitress.client_disconnected`, which knows if `channel_request_lookahead` isn't 0.
    Asked(Py<PyAny>),
}

impl Client {
    pub(super) fn is_unseen(&self) -> bool {
        matches!(self, Self::Unseen)
    }

    /// How it has gone, if it has. One that has ended its direction counts as gone, as on servers of our own.
    pub(super) fn end(&self, py: Python<'_>) -> PyResult<Option<Cause>> {
        match self {
            Self::Unseen => Ok(None),
            Self::Asked(asked) => Ok(asked.call0(py)?.is_truthy(py)?.then_some(Cause::Closed)),
            Self::Socket(socket) => {
                let number: i32 = socket.call_method0(py, intern!(py, "fileno"))?.extract(py)?;
                let socket = sys::duplicate(number)?;
                let mut looked_at = [PollFd::new(&socket, PollFlags::RDHUP)];
                let found = poll(&mut looked_at, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
                let seen = if found.is_ok() { looked_at[0].revents() } else { PollFlags::empty() };
                Ok(match (seen.contains(PollFlags::ERR), seen.is_empty()) {
                    (true, _) => Some(Cause::Reset),
                    (false, false) => Some(Cause::Closed),
                    (false, true) => None,
                })
            }
        }
    }
}
