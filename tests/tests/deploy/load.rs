//! Clients that go on while something else happens, and count every answer that isn't right.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use rsgi_tests::driving::{PATIENCE, until};

/// Some clients that keep their connection and some that come anew, until they are told to stop.
pub(crate) struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    over: AtomicBool,
    answered: AtomicUsize,
}

impl Load {
    pub(crate) fn start(address: &str) -> Self {
        let shared = Arc::new(Shared::default());
        let clients = [Visit::Stays, Visit::Stays, Visit::Anew, Visit::Anew].map(|visit| {
            let (shared, address) = (Arc::clone(&shared), address.to_owned());
            thread::spawn(move || shared.ask_on(&address, visit))
        });
        let load = Self { shared, clients: clients.into() };
        load.goes_on();
        load
    }

    /// Waits until many more requests were answered.
    pub(crate) fn goes_on(&self) {
        let more = self.answered() + 200;
        until("answers", || {
            (self.answered() >= more || self.clients.iter().any(JoinHandle::is_finished)).then_some(())
        });
    }

    fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// Ends it; a client that met something wrong has said so, and is the test's failure.
    pub(crate) fn finish(self) -> usize {
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
            let closes = ask(&mut stream, visit);
            self.answered.fetch_add(1, Ordering::Relaxed);
            if visit == Visit::Stays && !closes {
                kept = Some(stream);
            }
        }
    }
}

/// One POST: a proxy doesn't repeat it, so whatever is lost behind it is seen here. Tells whether the connection ends.
fn ask(stream: &mut BufReader<TcpStream>, visit: Visit) -> bool {
    let ends = if visit == Visit::Anew { "connection: close\r\n" } else { "" };
    let request = format!("POST /ping HTTP/1.1\r\nhost: test\r\n{ends}content-length: 4\r\n\r\nbody");
    stream.get_mut().write_all(request.as_bytes()).unwrap();
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
    assert!(head.starts_with("HTTP/1.1 200 ") && body == b"pong", "{head}{}", String::from_utf8_lossy(&body));
    head.to_ascii_lowercase().contains("\nconnection: close")
}
