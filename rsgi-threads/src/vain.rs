//! [`Vain`]: waits that end before their time and bring nothing; after many in a row each is followed by a pause.
//!
//! A kick may come too late to be of use, so a few are normal. A poller that only ever does that (a fault of the system's,
//! or of ours) would else take a whole core and serve nobody the better.
//!
//! Invariant: anything that a wait brings ends the row, so a working poller is never slowed down.
//! Read on in `hub.rs`, which counts.

use std::time::Duration;

use crate::sync::atomic::{AtomicU32, Ordering};

#[derive(Debug, Default)]
pub(crate) struct Vain {
    in_a_row: AtomicU32,
}

impl Vain {
    /// A wait brought something.
    #[inline]
    pub(crate) fn end(&self) {
        if self.in_a_row.load(Ordering::Relaxed) != 0 {
            self.in_a_row.store(0, Ordering::Relaxed);
        }
    }

    /// A wait brought nothing.
    #[cold]
    pub(crate) fn count(&self) {
        if self.in_a_row.load(Ordering::Relaxed) < MANY {
            self.in_a_row.fetch_add(1, Ordering::Relaxed);
        } else {
            std::thread::sleep(PAUSE);
        }
    }
}

/// So many in a row are no coincidence.
const MANY: u32 = 1024;

/// Short enough for whoever comes meanwhile, long enough for the processor.
const PAUSE: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::time::Instant;

    use super::*;
    use crate::control::{Events, Key};
    use crate::{
        Accepted, Config, ConnWaker, Engine, Listener, Next, Opened, PollerKind, Protocol, Readiness, Stream,
        Turn,
    };

    /// Sends back what comes.
    struct Echo;

    impl Protocol for Echo {
        type Connection = Stream;
        type Shared = ();
        type Scratch = ();

        fn scratch(&self) {}

        fn accepted(&self, stream: Stream, _: &Accepted, _: ConnWaker) -> Option<Opened<Self>> {
            Some(Opened { connection: stream, shared: Arc::new(()), next: Next::read(None) })
        }

        fn ready(&self, stream: &mut Stream, _: Readiness, _: &mut Turn<'_, Self>) -> Next {
            let mut bytes = [0; 16];
            match stream.read(&mut bytes) {
                Ok(0) => Next::Close,
                Ok(count) => {
                    stream.write(&bytes[..count]).unwrap();
                    Next::read(None)
                }
                Err(_) => Next::read(None),
            }
        }

        fn run(&self, _: &mut Stream, _: &mut Turn<'_, Self>) -> Next {
            Next::Close
        }

        fn timeout(&self, _: &mut Stream, _: &mut Turn<'_, Self>) -> Next {
            Next::Close
        }
    }

    /// Says that it is over, whatever ends the test.
    struct Ends<'a>(&'a AtomicBool);

    impl Drop for Ends<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    fn ask(client: &mut TcpStream) {
        let mut answer = [0; 4];
        client.write_all(b"ping").unwrap();
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"ping");
    }

    /// The poller is kicked for nothing all the time; and then events are reported again and again that aren't so.
    #[test]
    fn a_poller_that_wakes_for_nothing_costs_little_and_breaks_nothing() {
        for kind in [PollerKind::Native, PollerKind::Portable] {
            let listener = Listener::tcp("127.0.0.1:0").unwrap();
            let address = listener.address().ip().unwrap();
            let config = Config::default().threads(2).poller(kind);
            let engine = Engine::new(Arc::new(Echo), vec![listener], &config).unwrap();
            let (handle, hub) = (engine.handle(), Arc::clone(&engine.core.hub));
            let serving = std::thread::spawn(move || engine.serve().unwrap());
            let mut client = TcpStream::connect(address).unwrap();
            ask(&mut client);
            let over = AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        hub.poller.kick();
                    }
                });
                let _ends = Ends(&over);
                let (begin, before) = (Instant::now(), handle.figures().polls);
                while begin.elapsed() < Duration::from_millis(300) {
                    std::thread::yield_now();
                }
                let polls = handle.figures().polls - before;
                let most = u64::from(MANY) + u64::try_from(begin.elapsed().as_millis()).unwrap() + 10;
                assert!(polls > 10, "{polls} polls: it was to be woken");
                assert!(polls <= most, "{polls} polls, not {most}: one a millisecond");
                for _ in 0..20 {
                    ask(&mut client);
                    ask(&mut TcpStream::connect(address).unwrap());
                }
            });
            let key = Key { index: 0, generation: 0 };
            for _ in 0..1000 {
                hub.post(key, Events::READ.and(Events::WRITE));
                hub.post(key, Events::WOKEN);
            }
            ask(&mut client);
            handle.stop();
            serving.join().unwrap();
        }
    }
}
