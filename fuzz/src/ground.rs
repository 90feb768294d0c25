//! Both servers, started once, each with an app that notes what it sees; and a client that sends bytes to one of them.
//!
//! Over unix sockets without a file, so that nothing is left behind and no ports run out. One connection at a time: a
//! target waits for its end, and for every app that it began, before it looks.
//!
//! Invariant: a [`Transcript`] holds what one connection did, and nothing of another's. Next: the targets.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::IntoRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rsgi_core::http::{HeaderMap, Method, StatusCode};
use rsgi_core::server::{Config, HalfClose};
use rsgi_core::{Adapter, App, Environ, Error, InputErrorKind, StartResponse, Started};

use crate::answers::{self, Answer};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// rsgi-std.
    Std,
    /// rsgi-hyper.
    Hyper,
}

/// A server that runs as long as the process.
#[derive(Debug)]
pub struct Ground {
    address: SocketAddr,
    notes: Arc<Notes>,
}

/// A request as the app saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The method.
    pub method: Vec<u8>,
    /// The target, as the server keeps it.
    pub target: Vec<u8>,
    /// Whether the version is 1.1.
    pub is_11: bool,
    /// The fields, sorted by name, those of one name in their order.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// The content; or how it broke, with the names of the causes.
    pub content: Result<Vec<u8>, (InputErrorKind, String)>,
    /// The trailer fields, sorted as the fields are.
    pub trailers: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What one connection did.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// The requests that the app saw, in order.
    pub seen: Vec<Seen>,
    /// The answers that the client got, in order.
    pub answers: Vec<Answer>,
}

impl Ground {
    /// Starts a server, with `body_bytes` as the limit on content.
    pub fn start(kind: Kind, body_bytes: u64) -> Self {
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("rsgi-fuzz-{}-{number}", std::process::id());
        let address = SocketAddr::from_abstract_name(name).expect("a name");
        let listener = UnixListener::bind_addr(&address).expect("an unused name");
        listener.set_nonblocking(true).expect("a socket");
        let notes = Arc::new(Notes::default());
        let app = Noting { notes: Arc::clone(&notes) };
        let config =
            config(body_bytes).bind(&format!("fd://{}", listener.into_raw_fd())).expect("a descriptor");
        match kind {
            Kind::Std => std::mem::forget(rsgi_std::Server::start(config.threads(2), app).expect("a server")),
            Kind::Hyper => {
                let builder = rsgi_hyper::Builder::new(config).reactors(1);
                std::mem::forget(builder.start(app).expect("a server"));
            }
        }
        Self { address, notes }
    }

    /// Sends bytes in these pieces, ends its direction, and reads to the end.
    pub fn converse(&self, pieces: &[&[u8]]) -> Transcript {
        let wire = self.send(pieces);
        let seen = self.notes.take_all();
        let methods: Vec<_> = seen.iter().map(|seen| seen.method.clone()).collect();
        let answers = answers::read(&wire, &methods);
        let answers = answers.unwrap_or_else(|fault| panic!("{fault}: {:?}", String::from_utf8_lossy(&wire)));
        Transcript { seen, answers }
    }

    /// As [`converse`](Self::converse), for whoever wants no more than the bytes that came back.
    pub fn send(&self, pieces: &[&[u8]]) -> Vec<u8> {
        let mut client = UnixStream::connect_addr(&self.address).expect("a server that listens");
        client.set_read_timeout(Some(PATIENCE)).expect("a socket");
        client.set_write_timeout(Some(PATIENCE)).expect("a socket");
        for piece in pieces {
            // A server may have closed already: what it said before is still read.
            let _closed = client.write_all(piece);
        }
        let _closed = client.shutdown(Shutdown::Write);
        let mut wire = Vec::new();
        match client.read_to_end(&mut wire) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("the connection didn't end; so far {:?}", String::from_utf8_lossy(&wire));
            }
            // A server that closes with bytes unread resets, behind what it has said.
            _ => wire,
        }
    }

    /// Returns the most requests that were ever with the app at once, and forgets it.
    pub fn most_at_once(&self) -> usize {
        self.notes.await_idle();
        self.notes.most.swap(0, Ordering::SeqCst)
    }
}

/// The settings of both: short, and an end of stream is taken for what it is.
fn config(body_bytes: u64) -> Config {
    let config = Config::new().half_close(HalfClose::Answered);
    config.limits(|limits| limits.body_bytes = Some(body_bytes))
}

/// What the app has seen since it was last asked.
#[derive(Debug, Default)]
struct Notes {
    seen: Mutex<Vec<Seen>>,
    busy: AtomicUsize,
    most: AtomicUsize,
}

impl Notes {
    /// Waits for apps that outlive their connection by a moment.
    fn await_idle(&self) {
        let patience = Instant::now() + PATIENCE;
        while self.busy.load(Ordering::SeqCst) > 0 {
            assert!(Instant::now() < patience, "an app never ended");
            std::thread::yield_now();
        }
    }

    fn take_all(&self) -> Vec<Seen> {
        self.await_idle();
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Counts a request for as long as it is with the app.
struct Busy<'a>(&'a Notes);

impl<'a> Busy<'a> {
    fn begin(notes: &'a Notes) -> Self {
        let now = notes.busy.fetch_add(1, Ordering::SeqCst) + 1;
        notes.most.fetch_max(now, Ordering::SeqCst);
        Self(notes)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Reads every request to its end, notes it, and says its length.
struct Noting {
    notes: Arc<Notes>,
}

impl App for Noting {
    async fn call(&self, mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        let _busy = Busy::begin(&self.notes);
        let mut input = environ.take_input();
        let mut data = Vec::new();
        let mut fault = None;
        while let Some(piece) = input.piece().await {
            match piece {
                Ok(piece) => data.extend_from_slice(&piece),
                Err(error) => {
                    fault = Some(error);
                    break;
                }
            }
        }
        let length = data.len();
        let content = fault.as_ref().map_or(Ok(data), |fault| Err((fault.kind(), causes(fault))));
        let seen = Seen {
            method: environ.method().as_str().into(),
            target: environ.target().as_bytes().into(),
            is_11: environ.version() == rsgi_core::http::Version::HTTP_11,
            fields: sorted(environ.headers()),
            content,
            trailers: input.trailers().map(sorted).unwrap_or_default(),
        };
        self.notes.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        if let Some(fault) = fault {
            return Err(fault.into());
        }
        // A tunnel is no part of this.
        let is_connect = *environ.method() == Method::CONNECT;
        let status = if is_connect { StatusCode::METHOD_NOT_ALLOWED } else { StatusCode::OK };
        Ok(start_response.status(status).body(format!("{length} bytes")))
    }
}

fn sorted(fields: &HeaderMap) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pairs = fields.iter().map(|(name, value)| (name.as_str().into(), value.as_bytes().to_vec()));
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = pairs.collect();
    pairs.sort_by(|left, right| left.0.cmp(&right.0));
    pairs
}

/// An error and all that caused it, in one line.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let all = std::iter::successors(Some(error), |error| error.source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// How long a server may take to end a connection whose client has said everything.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How many servers this process has started.
static STARTED: AtomicUsize = AtomicUsize::new(0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_servers_note_and_answer_what_they_are_sent() {
        for kind in [Kind::Std, Kind::Hyper] {
            let ground = Ground::start(kind, 100);
            let request: &[u8] = b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi";
            for _ in 0..2 {
                let transcript = ground.converse(&[request, b"HEAD /b HTTP/1.1\r\nHost: h\r\n\r\n"]);
                let targets: Vec<_> = transcript.seen.iter().map(|seen| &seen.target[..]).collect();
                assert_eq!(targets, [b"/a", b"/b"]);
                assert_eq!(transcript.seen[0].content, Ok(b"hi".to_vec()));
                assert_eq!(transcript.answers[0].content, "2 bytes");
                assert_eq!(transcript.answers.len(), 2);
            }
        }
    }

    #[test]
    fn a_broken_body_is_noted_with_its_cause() {
        let ground = Ground::start(Kind::Std, 3);
        let chunk: &[u8] = b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx";
        let transcript = ground.converse(&[chunk]);
        let Err((kind, causes)) = &transcript.seen[0].content else { panic!("a body") };
        assert_eq!(*kind, InputErrorKind::Malformed);
        assert!(causes.contains("invalid chunk size"), "{causes}");
        assert_eq!(transcript.answers[0].status, 400);
    }
}
