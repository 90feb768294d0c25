//! [`Process`]: what of the process belongs to the request: its standard output, its error log, its end.
//!
//! Invariant: standard output is the answer's alone while the app runs: what anybody else prints goes to the error log.
//! Next: `mod.rs`.

use std::fs::File;
use std::io::{self, PipeWriter, Write as _};
use std::os::fd::AsFd as _;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rsgi_core::server::ServeError;
use rsgi_core::{App, Cause, ErrorSink, Exchange, may_block, wait};
use rustix::event::{PollFd, PollFlags, poll};

/// The process's ends.
pub(super) struct Process {
    /// What the web server reads.
    pub(super) output: File,
}

/// The web server's error log.
struct StandardError;

impl Process {
    /// Takes standard output for the answer, and leaves standard error in its place.
    pub(super) fn take() -> Result<Self, ServeError> {
        let taken = || -> io::Result<File> {
            let output = io::stdout().as_fd().try_clone_to_owned()?;
            rustix::stdio::dup2_stdout(io::stderr())?;
            Ok(File::from(output))
        };
        taken().map(|output| Self { output }).map_err(|error| ServeError::io("standard output", error))
    }

    /// Ends the answer: the web server waits for it.
    pub(super) fn close(self) {
        drop(self.output);
    }
}

/// Where error streams go.
pub(super) fn errors() -> Arc<dyn ErrorSink> {
    Arc::new(StandardError)
}

impl ErrorSink for StandardError {
    fn write(&self, text: &[u8]) {
        // In one piece, so that lines of several requests stay whole. Where it can't be written there is nobody to tell.
        let _lost = io::stderr().lock().write_all(text);
    }
}

/// Tells the exchange when the web server closes its end of the output, until this is dropped.
pub(super) struct Watch {
    end: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

/// Watches the output. Where the system doesn't let it, the next write finds out.
pub(super) fn watch(output: &File, exchange: &Arc<Exchange>) -> Watch {
    let begun = || -> io::Result<Watch> {
        let (output, exchange) = (output.try_clone()?, Arc::clone(exchange));
        let (over, end) = io::pipe()?;
        let thread = thread::Builder::new().name("rsgi-cgi-watch".into()).spawn(move || {
            let mut ends = [PollFd::new(&output, PollFlags::empty()), PollFd::new(&over, PollFlags::empty())];
            while poll(&mut ends, None) == Err(rustix::io::Errno::INTR) {}
            if ends[0].revents().intersects(PollFlags::ERR | PollFlags::HUP) {
                exchange.disconnect(Cause::Closed);
            }
        })?;
        Ok(Watch { end: Some(end), thread: Some(thread) })
    };
    begun().unwrap_or(Watch { end: None, thread: None })
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It has an end of the output, which must be closed before the process ends.
            let _panicked = thread.join();
        }
    }
}

/// Runs the app's `stop`, bounded.
pub(super) fn stop(app: Arc<impl App>, graceful: Option<Duration>) {
    let (over, ended) = mpsc::channel::<()>();
    let stopping = thread::Builder::new().name("rsgi-cgi-stop".into()).spawn(move || {
        may_block(|| wait(app.stop()));
        drop(over);
    });
    if stopping.is_err() {
        tracing::error!(target: "rsgi", "no thread for the app's stop: left out");
        return;
    }
    let waited = match graceful {
        Some(most) => ended.recv_timeout(most),
        None => ended.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
    };
    if waited == Err(mpsc::RecvTimeoutError::Timeout) {
        tracing::warn!(target: "rsgi", "the app's stop took too long: given up (`graceful`)");
    }
}
