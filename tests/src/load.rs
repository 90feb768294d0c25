//! Clients that go on while something else happens, and count every answer that isn't right.
//!
//! Invariant: nothing is asked twice, so whatever a server or a proxy loses is seen.
#![allow(clippy::unwrap_used, reason = "a test stops where it can't go on")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use crate::driving::{PATIENCE, until};

/// Some clients that keep their connection and some that come anew, until they are told to stop.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

/// What is asked, and which answers are right.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Method and path.
    pub line: &'static str,
    /// The request's content.
    pub content: &'static str,
    /// The contents of answers.
    pub right: &'static [&'static str],
}

#[derive(Debug)]
struct Shared {
    asked: Asked,
    over: AtomicBool,
    answered: AtomicUsize,
}

impl Load {
    /// Has them POST: a proxy doesn't repeat it.
    pub fn start(address: &str) -> Self {
        Self::asking(address, Asked { line: "POST /ping", content: "body", right: &["pong"] })
    }

    /// Has them ask this.
    pub fn asking(address: &str, asked: Asked) -> Self {
        let shared =
            Arc::new(Shared { asked, over: AtomicBool::default(), answered: AtomicUsize::default() });
        let clients = [Visit::Stays, Visit::Stays, Visit::Anew, Visit::Anew].map(|visit| {
            let (shared, address) = (Arc::clone(&shared), address.to_owned());
            thread::spawn(move || shared.ask_on(&address, visit))
        });
        let load = Self { shared, clients: clients.into() };
        load.goes_on();
        load
    }

    /// Waits until many more requests were answered.
    pub fn goes_on(&self) {
        let more = self.answered() + 200;
        until("answers", || {
            (self.answered() >= more || self.clients.iter().any(JoinHandle::is_finished)).then_some(())
        });
    }

    fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// Ends it; a client that met something wrong has said so, and is the test's failure.
    pub fn finish(self) -> usize {
        self.shared.over.store(true, Ordering::Relaxed);
        let fates: Vec<_> = self.clients.into_iter().map(JoinHandle::join).collect();
        assert!(fates.iter().all(Result::is_ok), "a client was not answered as it should be");
        self.shared.answered.load(Ordering::Relaxed)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Stays,
    Anew,
}

impl Shared {
    fn ask_on(&self, address: &str, visit: Visit) {
        let mut kept: Option<BufReader<TcpStream>> = None;
        while !self.over.load(Ordering::Relaxed) {
            let mut stream = kept.take().unwrap_or_else(|| {
                let stream = TcpStream::connect(address).expect("a proxy accepts");
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                BufReader::new(stream)
            });
            let closes = self.asked.on(&mut stream, visit);
            self.answered.fetch_add(1, Ordering::Relaxed);
            if visit == Visit::Stays && !closes {
                kept = Some(stream);
            }
        }
    }
}

impl Asked {
    /// One request. Tells whether the connection ends.
    fn on(&self, stream: &mut BufReader<TcpStream>, visit: Visit) -> bool {
        let Self { line, content, right } = self;
        let ends = if visit == Visit::Anew { "connection: close\r\n" } else { "" };
        let length = content.len();
        let head = format!("{line} HTTP/1.1\r\nhost: test\r\n{ends}content-length: {length}\r\n\r\n");
        stream.get_mut().write_all((head + content).as_bytes()).unwrap();
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let from = head.len();
            assert!(stream.read_line(&mut head).unwrap() > 0, "the connection ended after {head:?}");
            let line = head[from..].trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        let body = String::from_utf8_lossy(&body);
        assert!(head.starts_with("HTTP/1.1 200 ") && right.contains(&&*body), "{head}{body}");
        head.to_ascii_lowercase().contains("\nconnection: close")
    }
}
