//! A server seen through a proxy that tampers with the bytes of one direction: how a right adapter becomes a wrong one
//! below the app.
//!
//! Ends and resets are passed on as they are, so that the tampering is all that a case can notice; the control with a
//! faithful proxy proves that.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rsgi_core::server::{Load, ServeError};
use rsgi_core::{Endpoint, Running};
use rustix::net::sockopt;

/// Changes what passes; called for each piece as it was read, and with nothing at the end of the stream.
pub(crate) type Tamper = Box<dyn FnMut(&[u8]) -> Pass + Send>;

/// What becomes of a piece.
pub(crate) enum Pass {
    /// These bytes go on instead.
    On(Vec<u8>),
    /// These go on, and then this direction ends.
    End(Vec<u8>),
    /// The connection is reset, both ways.
    Reset,
}

/// Makes a [`Tamper`] for each connection.
pub(crate) type MakeTamper = fn() -> Tamper;

/// The direction that is tampered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the client.
    In,
    /// To the client.
    Out,
}

/// What runs behind a proxy.
pub(crate) struct Behind<R> {
    inner: R,
    addresses: Vec<Endpoint>,
    gate: Closing,
}

/// Ends the accepting thread when dropped.
struct Closing {
    closing: Arc<AtomicBool>,
    at: SocketAddr,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        // Wakes the thread.
        drop(TcpStream::connect(self.at));
    }
}

/// Lets everything pass: the control.
pub(crate) fn faithful() -> Tamper {
    Box::new(|bytes| Pass::On(bytes.to_vec()))
}

impl<R: Running> Behind<R> {
    /// Puts a proxy before a server's first TCP address.
    pub(crate) fn new(inner: R, direction: Direction, make: MakeTamper) -> Self {
        let mut addresses = inner.addresses().to_vec();
        let first = addresses.iter_mut().find_map(|it| match it {
            Endpoint::Tcp(address) => Some(address),
            _ => None,
        });
        let first = first.expect("it listens on TCP");
        let server = *first;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        *first = at;
        let closing = Arc::new(AtomicBool::new(false));
        let closed = Arc::clone(&closing);
        thread::spawn(move || accept(&listener, server, direction, make, &closed));
        Self { inner, addresses, gate: Closing { closing, at } }
    }
}

impl<R: Running> Running for Behind<R> {
    type Handle = R::Handle;

    fn addresses(&self) -> &[Endpoint] {
        &self.addresses
    }

    fn handle(&self) -> R::Handle {
        self.inner.handle()
    }

    const CAN_BE_WORKER: bool = R::CAN_BE_WORKER;

    fn shutdown_by(handle: &R::Handle, limit: Option<Duration>) {
        R::shutdown_by(handle, limit);
    }

    fn leave_by(handle: &R::Handle, limit: Option<Duration>) {
        R::leave_by(handle, limit);
    }

    fn load(handle: &R::Handle) -> Option<Load> {
        R::load(handle)
    }

    fn wait(self) -> Result<(), ServeError> {
        let Self { inner, gate, .. } = self;
        let result = inner.wait();
        drop(gate);
        result
    }
}

fn accept(
    listener: &TcpListener,
    server: SocketAddr,
    direction: Direction,
    make: MakeTamper,
    closing: &AtomicBool,
) {
    for client in listener.incoming() {
        if closing.load(Ordering::SeqCst) {
            return;
        }
        let (Ok(client), Ok(server)) = (client, TcpStream::connect(server)) else { continue };
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
        }
        let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let (inbound, outbound) = match direction {
            Direction::In => (make(), faithful()),
            Direction::Out => (faithful(), make()),
        };
        thread::spawn(move || pass(&from_client, &to_server, inbound));
        thread::spawn(move || pass(&server, &client, outbound));
    }
}

/// Copies one direction until it ends.
fn pass(mut from: &TcpStream, mut to: &TcpStream, mut tamper: Tamper) {
    let mut piece = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut piece);
        let passed = match &read {
            Ok(read) => tamper(&piece[..*read]),
            Err(_) => Pass::Reset,
        };
        match passed {
            Pass::On(bytes) => {
                if to.write_all(&bytes).is_err() {
                    // The other side is gone: so is this one.
                    let _gone = from.shutdown(Shutdown::Both);
                    return;
                }
                if matches!(read, Ok(0)) {
                    let _gone = to.shutdown(Shutdown::Write);
                    return;
                }
            }
            Pass::End(bytes) => {
                let _gone = to.write_all(&bytes);
                let _gone = to.shutdown(Shutdown::Write);
                return;
            }
            Pass::Reset => {
                for stream in [from, to] {
                    let _gone = sockopt::set_socket_linger(stream, Some(Duration::ZERO));
                    let _gone = stream.shutdown(Shutdown::Read);
                }
                return;
            }
        }
    }
}
