//! What the steps of a case are given: clients of the server under test, and the notes of the case's app.
//!
//! Above the wire a case asks by the [`Client`] it finds here, whatever that speaks; below it, by a [`RawClient`].
//! Either way each request carries the field that chooses the case's app, and lies under the mount prefix of the run.
//! Read next: `run.rs`, which makes one for each run.

use std::fmt;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::endpoint::{Endpoint, Reach, ask};
use super::notes::Told;
use super::probe::FIELD;
use super::seen::Seen;
use super::store::Store;
use crate::Client;
use crate::wire::deadline::{patience, until};
use crate::wire::http2::Http2;
use crate::wire::{RawClient, bytes};

/// One run of a case's steps.
#[derive(Debug)]
pub struct Talk {
    client: Client,
    way: Way,
    /// Where the server listens; `None` in memory.
    reach: Option<Reach>,
    book: Book,
    /// The value of [`FIELD`]: the case's name and the run's token.
    named: String,
    prefix: String,
}

/// What carries the requests of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a case may have to tell them apart")]
pub enum Way {
    /// No socket: the test client.
    Memory,
    /// HTTP/1 over a socket.
    Http1,
    /// HTTP/1 over a socket, each byte of the client's in a write of its own.
    ByteByByte,
    /// HTTP/2 over a socket.
    Http2,
}

/// The client's side of the notes.
#[derive(Debug, Clone)]
pub(super) enum Book {
    /// The probe is in this process.
    Here(Arc<Store>),
    /// The probe is asked over the server under test.
    There(Endpoint),
}

impl fmt::Display for Way {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Memory => "in memory",
            Self::Http1 => "over HTTP/1",
            Self::ByteByByte => "over HTTP/1 byte by byte",
            Self::Http2 => "over HTTP/2",
        })
    }
}

/// A case above the wire asks by the client.
impl Deref for Talk {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Talk {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl Talk {
    pub(super) fn new(client: Client, way: Way, reach: Option<Reach>, book: Book, named: String) -> Self {
        let client = client.default_header(FIELD, &named);
        Self { client, way, reach, book, named, prefix: String::new() }
    }

    pub(super) fn under(mut self, prefix: &str) -> Self {
        self.client = self.client.base(prefix);
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// What carries the requests, for what only some of them can show.
    pub fn way(&self) -> Way {
        self.way
    }

    /// The mount prefix of the run, perhaps empty.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The client, for what borrows it while notes are taken.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    // Below the wire.

    /// A connection of HTTP/1 to the server.
    pub fn raw(&self) -> RawClient {
        let client = self.reach().connect();
        if self.way == Way::ByteByByte { client.byte_by_byte() } else { client }
    }

    /// A connection of HTTP/2 to the server, with prior knowledge.
    pub fn http2(&self) -> Http2 {
        match self.reach() {
            Reach::Tcp(address) => Http2::connect(*address),
            Reach::Unix(path) => Http2::unix(path),
        }
    }

    /// The server's address on TCP.
    pub fn address(&self) -> SocketAddr {
        match self.reach() {
            Reach::Tcp(address) => *address,
            Reach::Unix(path) => panic!("the server listens on {} and not on TCP", path.display()),
        }
    }

    /// Where the server listens.
    pub fn reach(&self) -> &Reach {
        self.reach.as_ref().expect("a case of the wire runs over sockets")
    }

    /// A target under the run's mount prefix.
    pub fn at(&self, target: &str) -> String {
        format!("{}{target}", self.prefix)
    }

    /// The field that chooses the case's app, as a line of HTTP/1, for heads that are written by hand.
    pub fn line(&self) -> String {
        format!("{FIELD}: {}\r\n", self.named)
    }

    /// The field that chooses the case's app, as name and value.
    pub fn field(&self) -> (&'static str, &str) {
        (FIELD, &self.named)
    }

    /// A GET of HTTP/1.1 to the case's app.
    pub fn raw_get(&self, target: &str) -> Vec<u8> {
        self.raw_request("GET", target, &[], b"")
    }

    /// A POST of HTTP/1.1 with a `Content-Length` to the case's app.
    pub fn raw_post(&self, target: &str, content: &[u8]) -> Vec<u8> {
        self.raw_request("POST", target, &[("content-length", &content.len().to_string())], content)
    }

    /// The head of a POST of HTTP/1.1 with chunked content to the case's app.
    pub fn raw_chunked(&self, target: &str) -> Vec<u8> {
        self.raw_request("POST", target, &[("transfer-encoding", "chunked")], b"")
    }

    /// A request of HTTP/1.1 to the case's app; `Content-Length` is the caller's to give.
    pub fn raw_request(
        &self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        content: &[u8],
    ) -> Vec<u8> {
        let fields = [&[self.field()], fields].concat();
        bytes::request(method, &self.at(target), &fields, content)
    }

    /// A request of HTTP/2 to the case's app, without its content.
    pub fn http2_request(
        &self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
    ) -> rsgi_core::http::Request<()> {
        let fields = [&[self.field()], fields].concat();
        crate::wire::http2::request(method, &self.at(target), &fields)
    }

    // Notes.

    /// Waits for what the app saw.
    pub fn seen(&self) -> Seen {
        self.note("seen")
    }

    /// Waits for an outcome.
    pub fn outcome(&self) -> Told {
        self.note("outcome")
    }

    /// Waits for a note of a kind.
    pub fn note<T: DeserializeOwned>(&self, kind: &str) -> T {
        self.note_within(kind, patience()).unwrap_or_else(|| panic!("the app never told `{kind}`"))
    }

    /// Waits for a note of a kind that has no value.
    pub fn happened(&self, kind: &str) {
        self.note::<()>(kind);
    }

    /// Expects that no note of a kind is left.
    pub fn nothing(&self, kind: &str) {
        self.nothing_within(kind, Duration::ZERO);
    }

    /// Expects that no note of a kind comes for a while; the way to spend time in which nothing happens.
    pub fn nothing_within(&self, kind: &str, time: Duration) {
        let note = self.note_within::<serde_json::Value>(kind, time);
        assert!(note.is_none(), "the app told `{kind}`: {note:?}");
    }

    /// Expects that no request reached an app that tells what it sees, neither by this case's field nor without one.
    pub fn unseen(&self) {
        self.nothing("seen");
        let stray = self.book.take("stray", "seen", Duration::ZERO);
        assert!(stray.is_none(), "a request reached the app: {stray:?}");
    }

    /// Waits for a note of a kind, at most so long.
    pub fn note_within<T: DeserializeOwned>(&self, kind: &str, time: Duration) -> Option<T> {
        let note = self.book.take(self.token(), kind, time)?;
        Some(serde_json::from_str(&note).unwrap_or_else(|error| panic!("`{kind}` is {note}: {error}")))
    }

    /// Opens a gate that the app waits at.
    pub fn open(&self, gate: &str) {
        self.book.open(self.token(), gate);
    }

    fn token(&self) -> &str {
        self.named.rsplit('/').next().unwrap_or_default()
    }
}

impl Book {
    pub(super) fn take(&self, token: &str, kind: &str, time: Duration) -> Option<String> {
        match self {
            Self::Here(store) => store.take(token, kind, time),
            Self::There(endpoint) => {
                let ask = || ask(endpoint, &format!("*take/{token}/{kind}"));
                let mut found = ask();
                if !time.is_zero() && found.is_none() {
                    let end = std::time::Instant::now() + time;
                    until("a note, or the end of the wait for it", || {
                        found = ask();
                        found.is_some() || std::time::Instant::now() > end
                    });
                }
                found
            }
        }
    }

    fn open(&self, token: &str, gate: &str) {
        match self {
            Self::Here(store) => store.open(token, gate),
            Self::There(endpoint) => {
                ask(endpoint, &format!("*open/{token}/{gate}"));
            }
        }
    }
}
