//! The error stream of a request (PEP 3333, `wsgi.errors`): the server's log, or what the gateway's protocol has.

use std::io::{self, Write};
use std::sync::Arc;

use crate::exchange::Exchange;
use crate::guarded_log::guarded;

/// Where an adapter takes what apps write to their error streams, if not to the log. FastCGI has a stream for it.
///
/// # Contract
///
/// Called by [`ErrorStream`] with whole lines, or with what is left at a flush or its drop, from whatever thread the app
/// runs on, several at once. It has no way to fail: an app's error line is no reason for another error.
pub trait ErrorSink: Send + Sync {
    /// Takes some lines of one request. Must not block for long.
    fn write(&self, text: &[u8]);
}

/// Writes to the error stream. Lines are kept together; what is left without a line's end goes out on drop.
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use rsgi_core::Environ;
/// use rsgi_core::http::Request;
///
/// let environ = Environ::for_test(Request::new(()));
/// writeln!(environ.errors(), "odd, but not fatal")?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct ErrorStream {
    exchange: Arc<Exchange>,
    line: Vec<u8>,
}

/// Bytes of an unfinished line that are kept before they go out as they are.
const LINE: usize = 8 * 1024;

impl ErrorStream {
    pub(crate) fn new(exchange: Arc<Exchange>) -> Self {
        Self { exchange, line: Vec::new() }
    }

    fn send(&mut self, length: usize) {
        let lines: Vec<u8> = self.line.drain(..length).collect();
        if lines.is_empty() {
            return;
        }
        let connection = self.exchange.connection();
        if let Some(sink) = &connection.errors {
            sink.write(&lines);
            return;
        }
        let (connection, request) = (connection.id, self.exchange.number());
        let mut is_first = true;
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line = String::from_utf8_lossy(line);
            // A line each, so that none can pose as another event; the target tells which go on with the one before.
            guarded(|| {
                if is_first {
                    tracing::error!(target: "rsgi::errors", connection, request, "{line}");
                } else {
                    tracing::error!(target: "rsgi::errors::more", connection, request, "{line}");
                }
            });
            is_first = false;
        }
    }
}

impl Write for ErrorStream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(buffer);
        if let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') {
            self.send(end + 1);
        } else if self.line.len() >= LINE {
            self.send(self.line.len());
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send(self.line.len());
        Ok(())
    }
}

impl Drop for ErrorStream {
    fn drop(&mut self) {
        self.send(self.line.len());
    }
}
