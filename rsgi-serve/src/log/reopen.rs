//! Opening all log files of a process anew, on USR1: after a rotation that renamed them.

use std::sync::Arc;

use super::Log;
use super::level::{Level, say};
use super::sink::Sink;

/// All that a process reopens together; cheap to clone, usable from any thread.
#[derive(Clone, Debug)]
pub(crate) struct Reopen {
    log: Log,
    others: Vec<Arc<Sink>>,
}

impl Reopen {
    /// Reopens a log.
    pub(crate) fn new(log: Log) -> Self {
        Self { log, others: Vec::new() }
    }

    /// Reopens another output with it.
    #[must_use]
    pub(crate) fn and(mut self, sink: Arc<Sink>) -> Self {
        self.others.push(sink);
        self
    }

    /// Opens them all again. One that can't be is used as it was, which is said at error; gives how many those are.
    pub(crate) fn all(&self) -> usize {
        // The log comes first, so that it is its new file that tells of the others.
        let log = std::iter::once(self.log.reopen());
        let mut kept = 0;
        for error in log.chain(self.others.iter().map(|sink| sink.reopen())).filter_map(Result::err) {
            kept += 1;
            say(Level::Error, format_args!("{error}; the old one is written on"));
        }
        kept
    }
}
