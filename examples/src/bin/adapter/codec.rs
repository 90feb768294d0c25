//! HTTP/1.0 for one request: its head by `httparse`, its body by Content-Length, its answer until the end of the
//! connection. What HTTP/1.0 doesn't have is refused: a transfer coding, CONNECT.
//!
//! Everything waits for the client here, also inside a poll: the thread is this connection's alone.

use std::future::poll_fn;
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use rsgi_core::bytes::{Bytes, BytesMut};
use rsgi_core::http::request::Parts;
use rsgi_core::http::{HeaderMap, Method, Request, Response, StatusCode, Version, header};
use rsgi_core::http_body::{Body, Frame};
use rsgi_core::server::Config;
use rsgi_core::{
    AcceptedBy, Cause, Delivery, Framing, Input, InputError, InputErrorKind, InputLength, InputSource,
    Outgoing, OutgoingErrorKind, Sink, wait,
};

/// Why there is no request to answer.
pub(crate) enum Refusal {
    /// Nobody is there any more.
    Gone,
    /// This status and nothing else is the answer.
    Answer(StatusCode),
}

/// Reads a request's head within the limits and in time, and prepares its body.
pub(crate) fn read(stream: &TcpStream, config: &Config) -> Result<(Parts, Input), Refusal> {
    let deadline = config.timeouts.head.map(|time| Instant::now() + time);
    let (mut bytes, mut piece) = (BytesMut::new(), [0; 4096]);
    loop {
        let mut fields = vec![httparse::EMPTY_HEADER; config.limits.header_count];
        let mut parsed = httparse::Request::new(&mut fields);
        match parsed.parse(&bytes) {
            Ok(httparse::Status::Complete(end)) => {
                let (head, length) = check(&parsed).map_err(Refusal::Answer)?;
                stream.set_read_timeout(config.timeouts.body_progress).map_err(|_| Refusal::Gone)?;
                let stream = stream.try_clone().map_err(|_| Refusal::Gone)?;
                let source = Incoming { stream, first: bytes.split_off(end).freeze(), left: length };
                let limit = config.limits.body_bytes;
                let body = || Input::new(source, InputLength::Known(length), limit);
                return Ok((head, if length == 0 { Input::empty() } else { body() }));
            }
            Ok(_) if bytes.len() < config.limits.head_bytes => {}
            Ok(_) | Err(httparse::Error::TooManyHeaders) => {
                return Err(Refusal::Answer(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
            }
            Err(_) => return Err(Refusal::Answer(StatusCode::BAD_REQUEST)),
        }
        match read_by(deadline, stream, &mut piece) {
            Ok(read @ 1..) => bytes.extend_from_slice(&piece[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(Refusal::Answer(StatusCode::REQUEST_TIMEOUT));
            }
            Ok(0) | Err(_) => return Err(Refusal::Gone),
        }
    }
}

fn read_by(deadline: Option<Instant>, mut stream: &TcpStream, piece: &mut [u8]) -> io::Result<usize> {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    if left.is_some_and(|left| left.is_zero()) {
        return Err(ErrorKind::WouldBlock.into());
    }
    stream.set_read_timeout(left)?;
    stream.read(piece)
}

/// Makes http's own types of a head, and finds its body's length; `Err` has the status to refuse it with.
fn check(parsed: &httparse::Request<'_, '_>) -> Result<(Parts, u64), StatusCode> {
    let (method, target) = (parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
    let mut request = Request::builder().method(method).uri(target).version(Version::HTTP_10);
    for field in parsed.headers.iter() {
        request = request.header(field.name, field.value);
    }
    let (head, ()) = request.body(()).map_err(|_| StatusCode::BAD_REQUEST)?.into_parts();
    if head.method == Method::CONNECT || head.headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(StatusCode::NOT_IMPLEMENTED);
    }
    // RFC 9112 section 3.2: one Host, which only HTTP/1.0 may leave out; section 6.3: one Content-Length, of digits.
    let count = |name| head.headers.get_all(name).iter().count();
    let hosts = count(header::HOST);
    if hosts > 1 || hosts == 0 && parsed.version == Some(1) || count(header::CONTENT_LENGTH) > 1 {
        return Err(StatusCode::BAD_REQUEST);
    }
    let Some(length) = head.headers.get(header::CONTENT_LENGTH) else { return Ok((head, 0)) };
    let digits = length.to_str().ok().filter(|length| length.bytes().all(|byte| byte.is_ascii_digit()));
    let length = digits.and_then(|digits| digits.parse().ok()).ok_or(StatusCode::BAD_REQUEST)?;
    Ok((head, length))
}

/// A request's body, as it comes.
struct Incoming {
    stream: TcpStream,
    /// What came together with the head.
    first: Bytes,
    left: u64,
}

impl InputSource for Incoming {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        if self.first.is_empty() {
            let mut piece = vec![0; 16 * 1024];
            let kind = match self.stream.read(&mut piece) {
                Ok(0) => Some(InputErrorKind::Truncated),
                Ok(read) => {
                    piece.truncate(read);
                    self.first = piece.into();
                    None
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => Some(InputErrorKind::TimedOut),
                Err(_) => Some(InputErrorKind::Disconnected),
            };
            if let Some(kind) = kind {
                return Poll::Ready(Some(Err(InputError::new(kind))));
            }
        }
        // What follows the body is nobody's: this connection has one request.
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(self.first.len());
        let piece = self.first.split_to(most);
        self.left -= most as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

/// Writes an answer; `Err` says how it came to grief.
pub(crate) fn write(
    stream: &TcpStream,
    config: &Config,
    response: Response<Outgoing>,
) -> Result<(), Delivery> {
    let gone = |error: io::Error| match error.kind() {
        ErrorKind::WouldBlock => Delivery::TimedOut,
        _ => Delivery::Aborted(Cause::Reset),
    };
    let broken = |kind| match kind {
        OutgoingErrorKind::Client => Delivery::Aborted(Cause::Reset),
        _ => Delivery::Failed,
    };
    stream.set_write_timeout(config.timeouts.write).map_err(gone)?;
    let (head, mut outgoing) = response.into_parts();
    let mut wire = Wire(BufWriter::new(stream));
    write_head(&mut wire.0, head.status, &head.headers, outgoing.framing()).map_err(gone)?;
    if let Some(bytes) = outgoing.take_bytes() {
        wire.0.write_all(&bytes).map_err(gone)?;
    } else if outgoing.blocks() {
        // Nobody waits for a head while the body's first piece is being made.
        wire.flush().map_err(gone)?;
        outgoing.write_to(&mut wire).map_err(|error| broken(error.kind()))?;
    }
    // What doesn't block is polled; what was written goes out before the thread sleeps.
    while let Some(frame) = wait(poll_fn(|context| {
        let frame = Pin::new(&mut outgoing).poll_frame(context);
        if frame.is_pending() && wire.flush().is_err() {
            return Poll::Ready(None);
        }
        frame
    })) {
        if let Ok(piece) = frame.map_err(|error| broken(error.kind()))?.into_data() {
            wire.data(piece).map_err(gone)?;
        }
    }
    wire.flush().map_err(gone)
}

/// Answers with a status alone.
pub(crate) fn refuse(mut stream: &TcpStream, config: &Config, status: StatusCode) -> io::Result<()> {
    write_head(&mut stream, status, &HeaderMap::new(), Framing::Length(0))?;
    close(stream, config, Delivery::Whole(AcceptedBy::System))
}

fn write_head(
    out: &mut impl Write,
    status: StatusCode,
    fields: &HeaderMap,
    framing: Framing,
) -> io::Result<()> {
    write!(out, "HTTP/1.0 {} {}\r\n", status.as_str(), status.canonical_reason().unwrap_or_default())?;
    for (name, value) in fields {
        write!(out, "{name}: ")?;
        out.write_all(value.as_bytes())?;
        out.write_all(b"\r\n")?;
    }
    if let (Framing::Length(length), false) = (framing, fields.contains_key(header::CONTENT_LENGTH)) {
        write!(out, "content-length: {length}\r\n")?;
    }
    if !fields.contains_key(header::DATE) {
        write!(out, "date: {}\r\n", httpdate::fmt_http_date(SystemTime::now()))?;
    }
    out.write_all(b"connection: close\r\n\r\n")
}

/// Where a body that blocks is written to.
struct Wire<'a>(BufWriter<&'a TcpStream>);

impl Sink for Wire<'_> {
    /// PEP 3333, "Buffering and Streaming": a piece is sent before the next is asked for.
    fn data(&mut self, piece: Bytes) -> io::Result<()> {
        self.0.write_all(&piece)?;
        self.0.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }

    /// HTTP/1.0 has none, and `respond` knows it.
    fn trailers(&mut self, _: HeaderMap) -> io::Result<()> {
        Ok(())
    }
}

/// Ends the connection so that the client can tell a whole answer from a broken one.
pub(crate) fn close(stream: &TcpStream, config: &Config, delivery: Delivery) -> io::Result<()> {
    if !matches!(delivery, Delivery::Whole(_)) {
        // A reset: an end of stream would pass for the answer's own.
        rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO))?;
        return Ok(());
    }
    // Whoever still sends gets the answer all the same, not a reset (RFC 9112 section 9.6).
    stream.shutdown(Shutdown::Write)?;
    let deadline = config.timeouts.linger.map(|time| Instant::now() + time);
    let (mut left, mut piece) = (config.limits.discard_bytes, [0; 4096]);
    while left > 0 {
        match read_by(deadline, stream, &mut piece) {
            Ok(read @ 1..) => left = left.saturating_sub(read as u64),
            Ok(0) | Err(_) => break,
        }
    }
    Ok(())
}
