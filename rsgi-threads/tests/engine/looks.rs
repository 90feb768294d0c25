//! A connection of a unix socket is read as soon as it is accepted, in a protocol that wants it so; one that says nothing waits as ever.
//!
//! Invariant: see `main.rs`.

use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rsgi_threads::{
    Accepted, Address, Config, ConnWaker, Engine, Listener, Next, Opened, Protocol, Readiness, Stream, Turn,
};

use crate::server::{LONG, over_both_pollers};

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// It was read, and there was nothing.
    Nothing,
    Text(String),
    TimedOut,
}

/// Tells what it reads; who says nothing for long is closed.
struct Looking {
    patience: Duration,
    seen: Mutex<Sender<Seen>>,
}

impl Looking {
    fn tell(&self, seen: Seen) {
        // A test that is over listens no more.
        let _ = self.seen.lock().unwrap().send(seen);
    }
}

impl Protocol for Looking {
    type Connection = Stream;
    type Shared = ();
    type Scratch = ();

    const READS_AT_ACCEPT: bool = true;

    fn scratch(&self) {}

    fn accepted(&self, stream: Stream, _: &Accepted, _: ConnWaker) -> Option<Opened<Self>> {
        let next = Next::read(Some(Instant::now() + self.patience));
        Some(Opened { connection: stream, shared: Arc::new(()), next })
    }

    fn ready(&self, stream: &mut Stream, readiness: Readiness, _: &mut Turn<'_, Self>) -> Next {
        if !readiness.readable() {
            return Next::read(Some(Instant::now()));
        }
        let mut buffer = [0; 64];
        match stream.read(&mut buffer) {
            Ok(0) => return Next::Close,
            Ok(count) => self.tell(Seen::Text(String::from_utf8_lossy(&buffer[..count]).into_owned())),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                self.tell(Seen::Nothing);
            }
        }
        Next::read(Some(Instant::now() + self.patience))
    }

    fn run(&self, _: &mut Stream, _: &mut Turn<'_, Self>) -> Next {
        Next::Close
    }

    fn timeout(&self, _: &mut Stream, _: &mut Turn<'_, Self>) -> Next {
        self.tell(Seen::TimedOut);
        Next::Close
    }
}

/// Serves at a TCP address and a unix socket while a test goes on.
fn serving(config: &Config, patience: Duration, test: impl FnOnce(&Address, &Address, &Receiver<Seen>)) {
    let (sender, seen) = mpsc::channel();
    let path = std::env::temp_dir().join(format!("rsgi-looks-{}-{:p}", std::process::id(), &sender));
    let listeners = vec![Listener::tcp("127.0.0.1:0").unwrap(), Listener::unix(&path).unwrap()];
    let looking = Arc::new(Looking { patience, seen: Mutex::new(sender) });
    let engine = Engine::new(looking, listeners, config).unwrap();
    let (handle, addresses) = (engine.handle(), engine.addresses());
    let served = std::thread::spawn(move || assert!(engine.serve().is_ok()));
    test(&addresses[0], &addresses[1], &seen);
    handle.stop();
    served.join().unwrap();
    let _gone = std::fs::remove_file(path);
}

fn connect(address: &Address) -> UnixStream {
    let Address::Unix(path) = address else { panic!("{address:?}") };
    UnixStream::connect(path).unwrap()
}

over_both_pollers! {
    fn who_says_nothing_at_first_is_heard_later(config) {
        serving(&config, LONG, |_, unix, seen| {
            let mut client = connect(unix);
            assert_eq!(seen.recv_timeout(LONG), Ok(Seen::Nothing));
            for text in ["one", "two"] {
                client.write_all(text.as_bytes()).unwrap();
                assert_eq!(seen.recv_timeout(LONG), Ok(Seen::Text(text.to_owned())));
            }
        });
    }

    fn who_says_nothing_at_all_is_timed_out(config) {
        serving(&config, Duration::from_millis(20), |_, unix, seen| {
            let _client = connect(unix);
            assert_eq!(seen.recv_timeout(LONG), Ok(Seen::Nothing));
            assert_eq!(seen.recv_timeout(LONG), Ok(Seen::TimedOut));
        });
    }

    fn over_tcp_nothing_is_read_before_it_comes(config) {
        serving(&config, Duration::from_millis(20), |tcp, _, seen| {
            let _client = TcpStream::connect(tcp.ip().unwrap()).unwrap();
            assert_eq!(seen.recv_timeout(LONG), Ok(Seen::TimedOut));
        });
    }
}
