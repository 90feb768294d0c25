//! The request's body: read as frames by async code, by [`std::io::Read`] where blocking is allowed.
//!
//! It ends by itself, whatever its framing was, counts its bytes against the limit, and tells a truncated body
//! from a whole one. Adapters supply the bytes as an [`InputSource`]; a request without a body costs no allocation.
//! PEP 3333, "Input and Error Streams".

use std::future::poll_fn;
use std::io::{self, BufRead, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Frame, SizeHint};

use crate::exchange::Exchange;
use crate::exclusive::Exclusive;
use crate::input_error::{InputError, InputErrorKind};
use crate::offload::thread_may_block;
use crate::park;
use crate::trailer::allowed_trailers;
use crate::watch::{Watch, Watched};
use crate::whole::Whole;

/// What is known of a request body's length before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputLength {
    /// The request has no body.
    None,
    /// The body has exactly so many bytes, if it arrives whole.
    Known(u64),
    /// The body ends where its framing says (chunked, HTTP/2 without `content-length`, an upgraded stream).
    Unknown,
}

/// Where the bytes of an input come from. Implemented by adapters.
///
/// # Contract
///
/// Called by [`Input`] alone, one call at a time, first when the app first reads: that is when a `100 Continue` goes out
/// (RFC 9110 section 10.1.1). `poll_frame` is called where the app is polled, `wait_frame` on a thread that may block;
/// an app may change from one to the other. What the limit allows is counted by `Input`. It is dropped when the app has
/// no more use for the input, at the latest with the answer: what wasn't read is the adapter's to drain or to close on.
pub trait InputSource: Send {
    /// Gives the next piece, or trailers as the last frame. After an error it isn't called again. After the end it may
    /// be, by an app that reads on: then it gives the end again, but on an upgraded stream, where `None` before the
    /// upgrade isn't the end.
    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>>;

    /// Waits for the next piece on the calling thread, which may block. Default: polls and parks; an [`Input`] that is
    /// polled underneath, by a source that changes what another gives, waits on this thread, too.
    fn wait_frame(mut self: Pin<&mut Self>) -> Option<Result<Frame<Bytes>, InputError>> {
        park::wait_throughout(poll_fn(|context| self.as_mut().poll_frame(context)))
    }
}

enum Source {
    Bytes(Bytes),
    Adapter(Exclusive<Pin<Box<dyn InputSource>>>),
}

/// Boxed, so that an environ without a body carries one word of it.
struct Live {
    source: Source,
    length: InputLength,
    read: u64,
    /// What may still be read; the limit less what was.
    allowed: u64,
    /// Set by an error: after it the input gives the end, and nothing more is asked of the source.
    failed: bool,
    /// What a `read` left over of the last piece.
    rest: Bytes,
    /// What was put back: read and counted again before all else.
    back: Bytes,
    trailers: Option<HeaderMap>,
    /// Of a request that may be upgraded: what comes behind that is no body, and has no limit.
    upgradable: Option<Arc<Exchange>>,
}

/// The body of a request.
///
/// # Examples
///
/// Blocking code reads it as any reader:
///
/// ```
/// use std::io::Read;
/// use rsgi_core::{Environ, Error, StartResponse, Started};
/// use rsgi_core::http::StatusCode;
///
/// fn echo(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     let mut text = String::new();
///     environ.input_mut().read_to_string(&mut text)?;
///     Ok(start_response.status(StatusCode::OK).body(text))
/// }
/// # fn is_app(_: impl rsgi_core::App) {}
/// # is_app(rsgi_core::blocking(echo));
/// ```
///
/// Async code awaits its pieces:
///
/// ```
/// use rsgi_core::{Environ, Error, StartResponse, Started};
/// use rsgi_core::http::StatusCode;
///
/// async fn count(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     let mut bytes = 0;
///     while let Some(piece) = environ.input_mut().piece().await {
///         bytes += piece?.len();
///     }
///     Ok(start_response.status(StatusCode::OK).body(format!("{bytes} bytes")))
/// }
/// # fn is_app(_: impl rsgi_core::App) {}
/// # is_app(count);
/// ```
pub struct Input(Option<Box<Live>>);

impl Input {
    /// No body; allocates nothing.
    #[must_use]
    pub const fn empty() -> Self {
        Self(None)
    }

    /// Drops the input, at no cost if it is empty.
    #[inline(always)]
    pub(crate) fn discard(self) {
        match self.0 {
            Some(live) => drop(live),
            none => std::mem::forget(none),
        }
    }

    /// A body that is in memory already.
    #[must_use]
    pub fn from_bytes(bytes: Bytes) -> Self {
        let length = InputLength::Known(bytes.len() as u64);
        Self::live(Source::Bytes(bytes), length, None)
    }

    /// A body that an adapter supplies, with what is known of its length and at most `limit` bytes long. A known length
    /// over the limit is refused at the first read, before the source is asked for anything.
    ///
    /// A request that may be upgraded is given no limit here, as an adapter can't tell its body from what comes behind the
    /// upgrade: [`respond`](crate::respond()) limits the one and not the other.
    pub fn new(source: impl InputSource + 'static, length: InputLength, limit: Option<u64>) -> Self {
        Self::live(Source::Adapter(Exclusive::new(Box::pin(source))), length, limit)
    }

    fn live(source: Source, length: InputLength, limit: Option<u64>) -> Self {
        let allowed = limit.unwrap_or(u64::MAX);
        let (rest, back) = (Bytes::new(), Bytes::new());
        let live = Live {
            source,
            length,
            read: 0,
            allowed,
            failed: false,
            rest,
            back,
            trailers: None,
            upgradable: None,
        };
        Self(Some(Box::new(live)))
    }

    /// Has `watch` see what the input gives from here on, what was [put back](Self::put_back) before included; nothing else
    /// changes, its limit neither. What is put back later was seen. What is in memory isn't watched.
    #[must_use]
    pub fn watch(mut self, watch: impl Watch) -> Self {
        if let Some(live) = &mut self.0 {
            live.source = match std::mem::replace(&mut live.source, Source::Bytes(Bytes::new())) {
                Source::Adapter(inner) => {
                    let watched = Watched::new(inner.into_inner(), Box::new(watch)).behind(live.take_back());
                    Source::Adapter(Exclusive::new(Box::pin(watched)))
                }
                memory @ Source::Bytes(_) => memory,
            };
        }
        self
    }

    /// What was known of the length before reading.
    #[must_use]
    pub fn length(&self) -> InputLength {
        self.0.as_ref().map_or(InputLength::None, |live| live.length)
    }

    /// Changes the limit, in bytes, for what has yet to be read: an upload's app may allow more than the server
    /// does by default, another less. Default: the server's `body_bytes`.
    pub fn set_limit(&mut self, limit: u64) {
        if let Some(live) = &mut self.0 {
            live.allowed = limit;
        }
    }

    /// Puts bytes that were read back in front of what is still to come: for middleware that looks at the beginning of a
    /// body. They count again as they are read again, so a limit that is set behind holds for the whole body.
    ///
    /// # Examples
    ///
    /// ```
    /// use rsgi_core::bytes::Bytes;
    /// use rsgi_core::{Input, wait};
    ///
    /// let mut input = Input::from_bytes(Bytes::from_static(b"_method=PUT"));
    /// let piece = wait(input.piece()).expect("a piece")?;
    /// input.put_back(piece);
    /// assert_eq!(wait(input.collect(100))?, "_method=PUT");
    /// # Ok::<(), rsgi_core::Error>(())
    /// ```
    pub fn put_back(&mut self, bytes: Bytes) {
        let Some(live) = &mut self.0 else {
            *self = Self::from_bytes(bytes);
            return;
        };
        live.put_back(bytes);
    }

    /// Tells whether some of the body was read and not put back, or reading it has failed: nobody can read the whole of
    /// it any more.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.0.as_ref().is_some_and(|live| live.failed || live.read > live.rest.len() as u64)
    }

    /// Limits the body of a request that may be upgraded, and not what comes behind that. Adapters can't: they hand both
    /// over as one stream.
    pub(crate) fn limit_until_upgraded(&mut self, exchange: &Arc<Exchange>, limit: Option<u64>) {
        if let Some(live) = &mut self.0 {
            live.allowed = limit.unwrap_or(u64::MAX).min(live.allowed);
            live.upgradable = Some(Arc::clone(exchange));
        }
    }

    /// The request's trailers, once the body has been read to its end (RFC 9110 section 6.5).
    #[must_use]
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.0.as_ref().and_then(|live| live.trailers.as_ref())
    }

    /// Waits for the next piece of data; `None` at the end, after which [`trailers`](Self::trailers) are known.
    ///
    /// # Errors
    ///
    /// An [`InputError`]; after it the input is at its end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn piece(&mut self) -> Option<Result<Bytes, InputError>> {
        poll_fn(|context| self.poll_piece(context)).await
    }

    /// Polls for the next piece of data, as [`piece`](Self::piece).
    pub fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, InputError>>> {
        let Some(live) = &mut self.0 else { return Poll::Ready(None) };
        if !live.rest.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut live.rest))));
        }
        if park::waits_throughout() {
            return live.poll_with(|source| Poll::Ready(source.wait_frame()));
        }
        live.poll_with(|source| source.poll_frame(context))
    }

    /// Reads the whole body into memory; at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// An [`InputError`]; its kind is [`InputErrorKind::Limit`] if the body is longer.
    pub async fn collect(&mut self, limit: u64) -> Result<Bytes, InputError> {
        if let Some(live) = &mut self.0 {
            live.allowed = live.allowed.min(limit);
        }
        let mut whole = Whole::default();
        while let Some(piece) = self.piece().await {
            whole.push(piece?);
        }
        Ok(whole.finish())
    }

    /// Reads the whole body into memory, as [`collect`](Self::collect), on a thread that may block. A body that the
    /// server read as one piece isn't copied, which [`read_to_end`](Read::read_to_end) can't spare.
    ///
    /// # Errors
    ///
    /// As [`collect`](Self::collect), and [`InputErrorKind::WouldBlock`] where blocking isn't allowed.
    pub fn read_whole(&mut self, limit: u64) -> Result<Bytes, InputError> {
        if let Some(live) = &mut self.0 {
            live.allowed = live.allowed.min(limit);
        }
        let mut whole = Whole::default();
        while let Some(piece) = self.wait_piece()? {
            whole.push(piece);
        }
        Ok(whole.finish())
    }

    /// Waits for the next piece of data on this thread, which may block; `None` at the end. As [`piece`](Self::piece), for
    /// code that hands a piece on without a copy.
    ///
    /// # Errors
    ///
    /// As [`piece`](Self::piece), and [`InputErrorKind::WouldBlock`] where blocking isn't allowed.
    pub fn wait_piece(&mut self) -> Result<Option<Bytes>, InputError> {
        let Some(live) = &mut self.0 else { return Ok(None) };
        if !live.rest.is_empty() {
            return Ok(Some(std::mem::take(&mut live.rest)));
        }
        if live.back.is_empty() && matches!(live.source, Source::Adapter(_)) && !thread_may_block() {
            return Err(InputError::new(InputErrorKind::WouldBlock));
        }
        let Poll::Ready(piece) = live.poll_with(|source| Poll::Ready(source.wait_frame())) else {
            return Ok(None);
        };
        piece.transpose()
    }
}

impl Live {
    fn put_back(&mut self, bytes: Bytes) {
        let again = (bytes.len() + self.rest.len()) as u64;
        self.read = self.read.saturating_sub(again);
        self.allowed = self.allowed.saturating_add(again);
        // What a `read` left over comes behind it.
        self.back = match (self.rest.is_empty(), self.back.is_empty()) {
            (true, true) => bytes,
            _ => [bytes, std::mem::take(&mut self.rest), std::mem::take(&mut self.back)].concat().into(),
        };
    }

    /// Takes what lies before the source's own bytes, uncounted.
    fn take_back(&mut self) -> Bytes {
        self.put_back(Bytes::new());
        std::mem::take(&mut self.back)
    }

    /// Asks the source by `ask` until a piece, the end or an error is there.
    fn poll_with(
        &mut self,
        mut ask: impl FnMut(Pin<&mut dyn InputSource>) -> Poll<Option<Result<Frame<Bytes>, InputError>>>,
    ) -> Poll<Option<Result<Bytes, InputError>>> {
        loop {
            if self.failed {
                return Poll::Ready(None);
            }
            // A body that is known to be too long isn't begun: no `100 Continue` asks for it.
            if self.left().is_some_and(|left| left > self.allowed) && !self.is_upgraded() {
                return Poll::Ready(Some(Err(self.fail(InputError::new(InputErrorKind::Limit)))));
            }
            let frame = match &mut self.source {
                _ if !self.back.is_empty() => Some(Ok(Frame::data(std::mem::take(&mut self.back)))),
                Source::Bytes(bytes) if bytes.is_empty() => None,
                Source::Bytes(bytes) => Some(Ok(Frame::data(std::mem::take(bytes)))),
                Source::Adapter(source) => std::task::ready!(ask(source.get_mut().as_mut())),
            };
            if let Some(piece) = self.take_frame(frame) {
                return Poll::Ready(piece);
            }
        }
    }

    /// Counts a frame; `None` if it held nothing for the reader.
    #[allow(clippy::option_option, reason = "nothing for the reader, the end, and a piece are three things")]
    fn take_frame(
        &mut self,
        frame: Option<Result<Frame<Bytes>, InputError>>,
    ) -> Option<Option<Result<Bytes, InputError>>> {
        let frame = match frame {
            None => return Some(None),
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Some(Some(Err(self.fail(error)))),
        };
        match frame.into_data() {
            Ok(data) if data.is_empty() => None,
            Ok(data) if self.is_upgraded() => Some(Some(Ok(data))),
            Ok(data) => match self.allowed.checked_sub(data.len() as u64) {
                Some(allowed) => {
                    self.allowed = allowed;
                    self.read += data.len() as u64;
                    Some(Some(Ok(data)))
                }
                None => Some(Some(Err(self.fail(InputError::new(InputErrorKind::Limit))))),
            },
            Err(frame) => {
                self.trailers = frame.into_trailers().ok().and_then(allowed_trailers);
                None
            }
        }
    }

    fn is_upgraded(&self) -> bool {
        self.upgradable.as_ref().is_some_and(|exchange| exchange.is_upgraded())
    }

    /// What is still to come, where the length is known.
    fn left(&self) -> Option<u64> {
        match self.length {
            InputLength::Known(length) => Some(length.saturating_sub(self.read)),
            InputLength::None | InputLength::Unknown => None,
        }
    }

    fn fail(&mut self, error: InputError) -> InputError {
        self.failed = true;
        error
    }
}

impl Default for Input {
    fn default() -> Self {
        Self::empty()
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Input").field("length", &self.length()).finish_non_exhaustive()
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let piece = self.wait_piece()?;
        let Some(live) = &mut self.0 else { return Ok(&[]) };
        live.rest = piece.unwrap_or_default();
        Ok(&live.rest)
    }

    fn consume(&mut self, amount: usize) {
        if let Some(live) = &mut self.0 {
            live.rest.advance(amount);
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let amount = available.len().min(buffer.len());
        buffer[..amount].copy_from_slice(&available[..amount]);
        self.consume(amount);
        Ok(amount)
    }

    /// Copies each piece whole: the general way would ask for a few bytes at a time as the vector grows.
    fn read_to_end(&mut self, content: &mut Vec<u8>) -> io::Result<usize> {
        let begun = content.len();
        loop {
            let available = self.fill_buf()?;
            if available.is_empty() {
                return Ok(content.len() - begun);
            }
            content.extend_from_slice(available);
            let amount = available.len();
            self.consume(amount);
        }
    }
}

impl http_body::Body for Input {
    type Data = Bytes;
    type Error = InputError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        let this = self.get_mut();
        if let Some(piece) = std::task::ready!(this.poll_piece(context)) {
            return Poll::Ready(Some(piece.map(Frame::data)));
        }
        let trailers = this.0.as_mut().and_then(|live| live.trailers.take());
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            None => SizeHint::with_exact(0),
            Some(live) => match &live.source {
                Source::Bytes(bytes) => {
                    SizeHint::with_exact((bytes.len() + live.rest.len() + live.back.len()) as u64)
                }
                Source::Adapter(_) => live.left().map_or_else(SizeHint::default, |left| {
                    SizeHint::with_exact(left + live.rest.len() as u64)
                }),
            },
        }
    }
}
