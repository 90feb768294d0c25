//! The load: what is asked of a server, by which generator, and what came back.
//!
//! wrk asks most things and reports through a script of ours; h2load speaks HTTP/2 and keeps a rate. A run with a failed
//! request, an answer that isn't a success, or fewer bytes than the answers have is an error and no figure.

mod h2load;
mod wrk;

use std::net::SocketAddr;
use std::path::Path;

use rsgi_core::Error;

use crate::process::Core;

/// What is asked of a server for the time of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// wrk, each connection asking again when it has its answers.
    Closed {
        /// Connections.
        connections: u32,
        /// Requests sent together on each.
        pipelined: u32,
        /// How many bytes each request has as its body.
        upload: usize,
    },
    /// h2load over HTTP/2.
    Http2 {
        /// Connections.
        connections: u32,
        /// Streams at once on each.
        streams: u32,
    },
    /// h2load over HTTP/1.1, keeping a rate.
    Rate {
        /// Connections.
        connections: u32,
        /// Requests a second on all of them.
        per_second: u32,
    },
}

/// Where a load goes and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aim<'a> {
    /// The server.
    pub(crate) address: SocketAddr,
    /// What is asked for.
    pub(crate) path: &'a str,
    /// Whether over TLS.
    pub(crate) tls: bool,
    /// How many bytes the body of an answer has.
    pub(crate) body: u64,
    /// For how many seconds.
    pub(crate) seconds: u32,
    /// Where the generator runs.
    pub(crate) core: Core,
    /// Where scripts and logs may be written.
    pub(crate) folder: &'a Path,
}

/// What a generator counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counted {
    /// Answers that came whole.
    pub(crate) requests: u64,
    /// How long it took, in microseconds.
    pub(crate) microseconds: u64,
    /// Bytes received, heads and unfinished answers included.
    pub(crate) bytes: u64,
    /// What failed: connections, reads, writes, answers that are no success, timeouts.
    pub(crate) failures: u64,
    /// Times of the answers: half, nine of ten, 99 of 100, in microseconds.
    pub(crate) times: [u64; 3],
}

impl Load {
    /// Makes the load.
    ///
    /// # Errors
    ///
    /// When the generator fails, or an answer isn't what it has to be.
    pub(crate) fn make(self, aim: Aim<'_>) -> Result<Counted, Error> {
        let counted = match self {
            Self::Closed { connections, pipelined, upload } => wrk::run(aim, connections, pipelined, upload)?,
            Self::Http2 { connections, streams } => h2load::run(aim, connections, streams)?,
            Self::Rate { connections, per_second } => h2load::run_at_rate(aim, connections, per_second)?,
        };
        counted.checked(aim.body)
    }
}

impl Counted {
    fn checked(self, body: u64) -> Result<Self, Error> {
        if self.failures > 0 {
            return Err(format!("{} of {} requests failed", self.failures, self.requests).into());
        }
        if self.requests == 0 || self.microseconds == 0 {
            return Err("no request was answered".into());
        }
        if self.bytes < self.requests * body {
            let each = self.bytes / self.requests;
            return Err(format!("answers have {each} bytes each, fewer than the body's {body}").into());
        }
        Ok(self)
    }
}

fn url(aim: Aim<'_>) -> String {
    format!("http{}://{}{}", if aim.tls { "s" } else { "" }, aim.address, aim.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Counted =
        Counted { requests: 10, microseconds: 1_000, bytes: 1_000, failures: 0, times: [1, 2, 3] };

    #[test]
    fn a_run_with_a_failure_or_too_few_bytes_is_no_figure() {
        assert_eq!(GOOD.checked(100).unwrap(), GOOD);
        assert!(GOOD.checked(101).unwrap_err().to_string().contains("100 bytes each"));
        assert!(Counted { failures: 1, ..GOOD }.checked(4).is_err());
        assert!(Counted { requests: 0, ..GOOD }.checked(0).is_err());
    }
}
