//! A client made of a socket: it sends the bytes it is given and reads answers.
//!
//! It never repairs, retries or waits by itself. Every read has a deadline, so that a server which says nothing fails
//! a test and doesn't hang it. Read next: `answer.rs`, its reader; `bytes.rs`, what it is given to send.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, sockopt};

use super::answer::{Answer, Break, Broken, Head, Reader, broken_by};
use super::deadline::patience;

/// The two kinds of socket, and TLS over one.
pub trait Wire: Read + Write + Send {
    /// The socket beneath.
    fn socket(&self) -> BorrowedFd<'_>;
}

impl Wire for TcpStream {
    fn socket(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }
}

impl Wire for UnixStream {
    fn socket(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }
}

/// How many bytes of one write are sent one by one.
const SLOW: usize = 2048;

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By an orderly end of stream.
    Closed,
    /// By a reset.
    Reset,
}

/// One connection to a server.
pub struct RawClient {
    wire: Box<dyn Wire>,
    buffer: Vec<u8>,
    /// Whether each byte is sent by a write of its own.
    byte_by_byte: bool,
}

impl std::fmt::Debug for RawClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RawClient").field("read ahead", &self.buffer.len()).finish_non_exhaustive()
    }
}

impl RawClient {
    /// Connects over TCP.
    pub fn tcp(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, patience()).expect("connects");
        stream.set_nodelay(true).expect("a TCP socket");
        Self::over(stream)
    }

    /// Connects over TCP from an address of this machine, such as 127.0.0.2, with a receive buffer of about `bytes`.
    pub fn narrow(address: SocketAddr, bytes: usize) -> Self {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = rustix::net::socket(family, SocketType::STREAM, None).expect("a socket");
        sockopt::set_socket_recv_buffer_size(&socket, bytes).expect("a size");
        rustix::net::connect(&socket, &address).expect("connects");
        Self::over(TcpStream::from(socket))
    }

    /// Connects over a unix socket.
    pub fn unix(path: &Path) -> Self {
        Self::over(UnixStream::connect(path).expect("connects"))
    }

    /// Takes over a stream that is connected already.
    pub fn over(wire: impl Wire + 'static) -> Self {
        let client = Self { wire: Box::new(wire), buffer: Vec::new(), byte_by_byte: false };
        client.patience(patience());
        client
    }

    /// Sends each byte by a write of its own from now on (of a long content, only the beginning).
    #[must_use]
    pub fn byte_by_byte(mut self) -> Self {
        self.byte_by_byte = true;
        self
    }

    /// The socket beneath.
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.wire.socket()
    }

    /// Sets how long a read or write may take.
    pub fn patience(&self, time: Duration) {
        let timeouts = [sockopt::Timeout::Recv, sockopt::Timeout::Send];
        for timeout in timeouts {
            sockopt::set_socket_timeout(self.wire.socket(), timeout, Some(time)).expect("a time");
        }
    }

    /// Sends bytes.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.try_send(bytes).expect("the server takes what is sent");
        self
    }

    /// Sends bytes, or says why not.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let bytes = bytes.as_ref();
        // Long contents only begin that way: what is cut anywhere shows in the first of it.
        let slow = if self.byte_by_byte { bytes.len().min(SLOW) } else { 0 };
        for byte in bytes[..slow].chunks(1) {
            self.wire.write_all(byte)?;
        }
        self.wire.write_all(&bytes[slow..])?;
        self.wire.flush()
    }

    /// Sends as much as the socket takes without the server reading on, and tells how much that was.
    pub fn stuff(&mut self, piece: &[u8], most: usize) -> usize {
        let mut sent = 0;
        self.patience(Duration::from_millis(200));
        while sent < most {
            match self.wire.write(piece) {
                Ok(written) => sent += written,
                Err(_) => break,
            }
        }
        self.patience(patience());
        sent
    }

    /// Reads the answer to a request other than HEAD and CONNECT.
    pub fn answer(&mut self) -> Answer {
        self.answer_to("GET")
    }

    /// Reads the answer to a request of this method.
    pub fn answer_to(&mut self, method: &str) -> Answer {
        self.try_answer(method).unwrap_or_else(|broken| panic!("no whole answer to {method}: {broken}"))
    }

    /// Reads the answer to a request of this method, whole or broken.
    pub fn try_answer(&mut self, method: &str) -> Result<Answer, Broken> {
        self.reader().answer(method)
    }

    /// Reads an answer that must break, in whatever way but silence.
    pub fn broken_answer(&mut self) -> Broken {
        match self.try_answer("GET") {
            Ok(answer) => panic!("the answer came whole: {answer:?}"),
            Err(Broken { cause: Break::Silent, .. }) => panic!("the server neither sends nor closes"),
            Err(broken) => broken,
        }
    }

    /// Reads one head, final or not, and nothing of its content.
    pub fn head(&mut self) -> Head {
        self.reader().head().unwrap_or_else(|cause| panic!("no head: {cause:?}"))
    }

    /// Sends a request and reads its answer.
    pub fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        let request = request.as_ref();
        let method = request.split(|byte| *byte == b' ').next().unwrap_or_default();
        let method = String::from_utf8_lossy(method).into_owned();
        self.send(request).answer_to(&method)
    }

    /// Reads exactly so many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            let read = self.buffer.len();
            let filled = self.reader().fill();
            filled.unwrap_or_else(|cause| panic!("{cause:?} after {read} of {count} bytes"));
        }
        self.buffer.drain(..count).collect()
    }

    /// Reads to the end of the connection: what came, and how it ended.
    pub fn rest(&mut self) -> (Vec<u8>, End) {
        loop {
            match self.reader().fill() {
                Ok(()) => {}
                Err(Break::Closed) => return (std::mem::take(&mut self.buffer), End::Closed),
                Err(Break::Reset) => return (std::mem::take(&mut self.buffer), End::Reset),
                Err(other) => {
                    let so_far = String::from_utf8_lossy(&self.buffer);
                    panic!("the connection doesn't end: {other:?} after {so_far:?}");
                }
            }
        }
    }

    /// Expects the end of the connection, and nothing before it.
    pub fn expect_end(&mut self) -> End {
        let (rest, end) = self.rest();
        assert!(rest.is_empty(), "bytes before the end: {:?}", String::from_utf8_lossy(&rest));
        end
    }

    /// Expects an orderly end of the connection, and nothing before it.
    pub fn expect_closed(&mut self) {
        assert_eq!(self.expect_end(), End::Closed);
    }

    /// Expects that nothing comes for a moment.
    pub fn expect_silence(&mut self) {
        assert!(self.buffer.is_empty(), "bytes: {:?}", String::from_utf8_lossy(&self.buffer));
        self.patience(Duration::from_millis(100));
        let mut byte = [0];
        match self.wire.read(&mut byte) {
            Ok(0) => panic!("the connection ended"),
            Ok(_) => panic!("the server sends something"),
            Err(error) => assert!(matches!(broken_by(&error), Break::Silent), "{error}"),
        }
        self.patience(patience());
    }

    /// Ends the client's direction and leaves the other open.
    pub fn half_close(&mut self) {
        rustix::net::shutdown(self.wire.socket(), rustix::net::Shutdown::Write).expect("connected");
    }

    /// Resets the connection.
    pub fn reset(self) {
        sockopt::set_socket_linger(self.wire.socket(), Some(Duration::ZERO)).expect("a TCP socket");
    }

    fn reader(&mut self) -> Reader<'_> {
        Reader { stream: &mut *self.wire, buffer: &mut self.buffer }
    }
}
