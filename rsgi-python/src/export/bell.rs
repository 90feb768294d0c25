//! [`Bell`]: how whoever has something for a host's thread wakes it, while it waits for its request's app.
//!
//! A thread of its own is parked. A greenlet of gevent's waits in its hub for a socket, so that the thread's other requests go on.
//!
//! Invariant: who rings takes no lock and doesn't ask for the interpreter's, as it may hold locks itself.

use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;
use std::thread::{self, Thread, ThreadId};
use std::time::Duration;

use pyo3::intern;
use pyo3::prelude::*;

use super::hosts::Stack;

/// Wakes a host's thread.
pub(super) struct Bell {
    thread: Thread,
    rung: AtomicBool,
    /// Where a greenlet listens: the near end and the far one.
    line: Option<(UnixStream, UnixStream)>,
}

/// Gevent's side of a bell.
pub(super) struct Hub {
    hub: Py<PyAny>,
    watcher: Py<PyAny>,
}

impl Bell {
    /// For the calling thread; rung already, as nothing was looked at yet.
    pub(super) fn new(py: Python<'_>, stack: &Stack) -> PyResult<(Arc<Self>, Option<Hub>)> {
        let (thread, rung) = (thread::current(), AtomicBool::new(true));
        let Stack::Shared(Some(hub)) = stack else {
            return Ok((Arc::new(Self { thread, rung, line: None }), None));
        };
        let (near, far) = UnixStream::pair()?;
        near.set_nonblocking(true)?;
        far.set_nonblocking(true)?;
        let events = hub.getattr(py, intern!(py, "loop"))?;
        let watcher = events.call_method1(py, intern!(py, "io"), (near.as_raw_fd(), READABLE))?;
        let bell = Self { thread, rung, line: Some((near, far)) };
        Ok((Arc::new(bell), Some(Hub { hub: hub.clone_ref(py), watcher })))
    }

    /// Whether it was rung since.
    pub(super) fn take(&self) -> bool {
        let rung = self.rung.swap(false, Ordering::Acquire);
        if let (true, Some((near, _))) = (rung, &self.line) {
            let mut rest = [0; 64];
            while (&*near).read(&mut rest).is_ok_and(|length| length == rest.len()) {}
        }
        rung
    }

    /// Waits until it is rung or the time is over, on its thread.
    pub(super) fn wait(&self, time: Duration) {
        if !self.is_rung() {
            thread::park_timeout(time);
        }
    }

    pub(super) fn is_rung(&self) -> bool {
        self.rung.load(Ordering::Acquire)
    }

    pub(super) fn is_on(&self, thread: ThreadId) -> bool {
        self.thread.id() == thread
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.rung.swap(true, Ordering::AcqRel) {
            return;
        }
        match &self.line {
            None => self.thread.unpark(),
            // Where it is full there is something to read.
            Some((_, far)) => drop((&*far).write(&[0])),
        }
    }
}

impl Hub {
    /// Lets other greenlets run until the bell is rung, or no longer than a time.
    pub(super) fn wait(&self, py: Python<'_>, longest: Option<Duration>) -> PyResult<()> {
        let wait = || self.hub.call_method1(py, intern!(py, "wait"), (&self.watcher,)).map(drop);
        let Some(longest) = longest else { return wait() };
        let timeouts = py.import(intern!(py, "gevent"))?.getattr(intern!(py, "Timeout"))?;
        let timeout = timeouts.call_method1(intern!(py, "start_new"), (longest.as_secs_f64(),))?;
        let waited = wait();
        timeout.call_method0(intern!(py, "close"))?;
        match waited {
            Err(raised) if raised.value(py).is(&timeout) => Ok(()),
            waited => waited,
        }
    }

    /// Ends the watch, before the bell's line is closed.
    pub(super) fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.watcher.call_method0(py, intern!(py, "close")).map(drop)
    }
}

/// Libev's and libuv's number for it.
const READABLE: i32 = 1;
