//! How long a server waits for a client, each clock by its name.
//!
//! Seven clocks, never merged: servers that let one number mean two of these have years of issues about it.
//! None of them limits the application: how long a request may run is its own affair, or a middleware's.
//!
//! Invariant: a client that does nothing is let go by one of these, in whatever phase it stops.

use std::time::Duration;

/// Bounds how long a client may take.
///
/// `None` switches a clock off. Zero is refused by [`Config::check`](super::Config::check), but in
/// `keep_alive`, `linger` and `graceful`, where it means "not at all".
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// From accepting a connection to its TLS session, PROXY protocol header included. Default: 10 s.
    ///
    /// Raise it for clients on very slow links.
    pub handshake: Option<Duration>,
    /// From a connection's first chance to send a head, or from a head's first byte on a kept connection, to
    /// its end. Over it: 408 and close. Default: 30 s.
    ///
    /// This is what ends clients that send a byte a second (slowloris). Lower it on the open internet.
    pub head: Option<Duration>,
    /// Between two bytes of a request's body. Over it: a typed error from the input, 408 if the head is
    /// unsent. Default: 30 s.
    ///
    /// It runs only while somebody waits for the body: an app that reads slowly isn't the client's fault.
    pub body_progress: Option<Duration>,
    /// Between two bytes that the client takes of an answer. Over it: the connection is closed. Default: 30
    /// s.
    ///
    /// On HTTP/2 between two bytes that it takes of any answer while there is one that it could take, its windows
    /// included; there a client may get up to twice the time.
    pub write: Option<Duration>,
    /// Between an answer and the next request's first byte. Default: 75 s.
    ///
    /// Longer than the 60 s that load balancers commonly keep a connection, so that they close it first and
    /// never send a request into a closing one. An idle connection holds no thread. Zero closes after each
    /// answer.
    pub keep_alive: Option<Duration>,
    /// How long a connection that is to be closed is still read, so that the client gets the answer and not a
    /// reset (RFC 9112 section 9.6). Default: 2 s.
    pub linger: Option<Duration>,
    /// From the order to stop to the end of everything still running. Default: 30 s.
    ///
    /// Raise it for long downloads, together with the supervisor's own limit.
    pub graceful: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            handshake: Some(Duration::from_secs(10)),
            head: Some(Duration::from_secs(30)),
            body_progress: Some(Duration::from_secs(30)),
            write: Some(Duration::from_secs(30)),
            keep_alive: Some(Duration::from_secs(75)),
            linger: Some(Duration::from_secs(2)),
            graceful: Some(Duration::from_secs(30)),
        }
    }
}
