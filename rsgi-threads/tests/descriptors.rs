//! Descriptors run out: the engine survives, waits without spinning, and goes on when there are some again.
//!
//! A program of its own with a single test, as the limit on open files is the whole process's.
//!
//! Invariant: the test holds descriptors back only through files of its own, never through the engine's.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rsgi_threads::{
    Accepted, Config, ConnWaker, Engine, Listener, Next, Opened, Protocol, Readiness, Stream, Turn,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Greets and waits for the client's end.
struct Greeting(Mutex<mpsc::Sender<()>>);

impl Protocol for Greeting {
    type Connection = Stream;
    type Shared = ();
    type Scratch = ();

    fn scratch(&self) {}

    fn accepted(&self, stream: Stream, _: &Accepted, _: ConnWaker) -> Option<Opened<Self>> {
        stream.write(b"hello").unwrap();
        self.0.lock().unwrap().send(()).unwrap();
        Some(Opened { connection: stream, shared: Arc::new(()), next: Next::read(None) })
    }

    fn ready(&self, stream: &mut Stream, _: Readiness, _: &mut Turn<'_, Self>) -> Next {
        match stream.read(&mut [0; 16]) {
            Ok(0) => Next::Close,
            _ => Next::read(None),
        }
    }

    fn run(&self, _: &mut Stream, _: &mut Turn<'_, Self>) -> Next {
        Next::Close
    }

    fn timeout(&self, _: &mut Stream, _: &mut Turn<'_, Self>) -> Next {
        Next::Close
    }
}

fn greeted(client: &mut TcpStream) {
    let mut greeting = [0; 5];
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    client.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"hello");
}

#[test]
fn without_descriptors_accepting_pauses_and_then_goes_on() {
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum: hard }).unwrap();
    let (sender, accepted) = mpsc::channel();
    let listener = Listener::tcp("127.0.0.1:0").unwrap();
    let address = listener.address().ip().unwrap();
    let config = Config::default().threads(2);
    let engine = Engine::new(Arc::new(Greeting(Mutex::new(sender))), vec![listener], &config).unwrap();
    let handle = engine.handle();
    let serving = std::thread::spawn(move || engine.serve().unwrap());

    let mut first = TcpStream::connect(address).unwrap();
    greeted(&mut first);
    accepted.recv_timeout(Duration::from_secs(20)).unwrap();
    let mut held: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    // One for the client's end, none for the server's.
    held.pop().unwrap();
    let mut second = TcpStream::connect(address).unwrap();
    let before = handle.figures().polls;
    accepted.recv_timeout(Duration::from_millis(350)).unwrap_err();
    let polls = handle.figures().polls - before;
    assert!((1..40).contains(&polls), "{polls} polls: about ten tries a second were to be made");
    // The others are served meanwhile.
    first.write_all(b"still there").unwrap();
    drop(held);
    greeted(&mut second);
    handle.stop();
    assert_eq!(serving.join().unwrap().cut, 2);
}
