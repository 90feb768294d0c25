//! The road to a live server over HTTP/2, by the crate `h2`, on a runtime of its own.
//!
//! Requests are streams of one connection, with prior knowledge (RFC 9113 section 3.3). Content is sent by a task, so
//! that it flows while the answer is read; it doesn't wait for a `100 Continue`, as it needn't (RFC 9110 section
//! 10.1.1). What breaks the protocol is sent by the wire's [`frames`](crate::wire::frames).

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use h2::client::{ResponseFuture, SendRequest};
use h2::ext::Protocol;
use h2::{Ping, Reason, RecvStream, SendStream};
use rsgi_core::bytes::Bytes;
use rsgi_core::http::header;
use rsgi_core::http::{HeaderMap, Method, Request, Response, Uri, Version};
use rsgi_core::{Cause, Error, is_hop_by_hop};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::client::answer::{Framing, Informational};
use crate::client::error::{ClientError, ClientErrorKind};
use crate::client::live::{Address, cannot, unsupported};
use crate::client::outline::{Content, Outline};
use crate::client::road::{AnswerHead, Event, Flight, Pace, Road};
use crate::wire::deadline::patience;
use crate::wire::http2::piece;

/// A server, and the connection to it.
pub(crate) struct Http2Live {
    runtime: Arc<Runtime>,
    address: Address,
    sender: Option<SendRequest<Bytes>>,
}

impl Http2Live {
    pub(crate) fn new(address: &str) -> Result<Self, ClientError> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = Arc::new(runtime.map_err(|error| cannot(address, error))?);
        Ok(Self { runtime, address: Address::parse(address)?, sender: None })
    }

    fn connect(&self) -> Result<SendRequest<Bytes>, ClientError> {
        let connected = match &self.address {
            Address::Tcp(host, port) => {
                let stream = Address::tcp(host, *port)?;
                within(&self.runtime, async {
                    stream.set_nonblocking(true)?;
                    begin(TcpStream::from_std(stream)?).await
                })
            }
            Address::Unix(path) => {
                within(&self.runtime, async { begin(UnixStream::connect(path).await?).await })
            }
        };
        connected?.map_err(|error| cannot(&self.address.authority(), error))
    }

    /// The connection, made anew if it has ended.
    fn sender(&mut self) -> Result<SendRequest<Bytes>, ClientError> {
        if let Some(sender) = self.sender.take()
            && let Ok(sender) = within(&self.runtime, sender.ready())?
        {
            self.sender = Some(sender.clone());
            return Ok(sender);
        }
        let ready = within(&self.runtime, self.connect()?.ready())?;
        let sender = ready.map_err(|error| cannot(&self.address.authority(), error))?;
        self.sender = Some(sender.clone());
        Ok(sender)
    }
}

/// Shakes hands, and waits for the server's settings: whether it takes extended CONNECT is known then.
async fn begin<S>(stream: S) -> Result<SendRequest<Bytes>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, mut connection) = h2::client::handshake(stream).await?;
    let ping = connection.ping_pong();
    tokio::spawn(connection);
    if let Some(mut ping) = ping {
        // They come before its pong.
        ping.ping(Ping::opaque()).await?;
    }
    Ok(sender)
}

impl Road for Http2Live {
    fn open(&mut self, mut outline: Outline) -> Result<Box<dyn Flight>, ClientError> {
        if outline.deadline.is_some() {
            return Err(unsupported("a deadline"));
        }
        outline.version = Version::HTTP_2;
        if outline.facts.is_some() {
            // A recorded request is asked by what this server speaks.
            outline.fields.retain(|(name, _)| !is_hop_by_hop(name));
        }
        let _declared = outline.frame();
        let request = request(&outline, &self.address)?;
        let is_connect = outline.method == Method::CONNECT;
        let content = if is_connect { Content::ByHand } else { outline.content };
        let is_end = matches!(content, Content::None) && outline.trailers.is_none();
        let mut sender = self.sender()?;
        let _runtime = self.runtime.enter();
        let (answer, stream) = sender.send_request(request, is_end).map_err(broken)?;
        let (feed, given) = unbounded_channel();
        let sending = (!is_end).then(|| tokio::spawn(send(stream, content, outline.trailers, given)));
        Ok(Box::new(Http2Flight {
            runtime: Arc::clone(&self.runtime),
            method: outline.method,
            at: At::Head(answer),
            feed,
            sending,
        }))
    }

    fn authority(&self) -> String {
        self.address.authority()
    }

    fn stop(&mut self) {
        self.sender = None;
    }
}

impl fmt::Debug for Http2Live {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Http2Live").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A request as `h2` takes it: its authority stands in the URI, and no Host beside it.
fn request(outline: &Outline, address: &Address) -> Result<Request<()>, ClientError> {
    let host = outline.value(&header::HOST).and_then(|host| host.to_str().ok());
    let host = host.map_or_else(|| address.authority(), str::to_owned);
    let target = outline.target.as_str();
    let uri = match target {
        "*" => Uri::builder().scheme("http").authority(host).path_and_query("*").build().map_err(Error::from),
        _ if target.starts_with('/') => Uri::try_from(format!("http://{host}{target}")).map_err(Error::from),
        _ => Uri::try_from(target).map_err(Error::from),
    };
    let illegal = || ClientError::new(ClientErrorKind::Request, format!("target {target:?}"));
    let uri = uri.map_err(|error| illegal().with_source(error))?;
    let mut request = Request::new(());
    *request.uri_mut() = uri;
    *request.method_mut() = outline.method.clone();
    *request.version_mut() = Version::HTTP_2;
    for (name, value) in outline.fields.iter().filter(|(name, _)| *name != header::HOST) {
        request.headers_mut().append(name, value.clone());
    }
    if let Some(protocol) = &outline.protocol {
        request.extensions_mut().insert(Protocol::from(protocol.as_str()));
    }
    Ok(request)
}

/// What the test tells the task that sends.
enum Fed {
    Piece(Bytes),
    End(Option<HeaderMap>),
}

/// Sends a content. A content that is given up resets the stream, as its handle is dropped.
async fn send(
    mut stream: SendStream<Bytes>,
    content: Content,
    mut trailers: Option<HeaderMap>,
    mut given: UnboundedReceiver<Fed>,
) -> Result<(), h2::Error> {
    match content {
        Content::None => {}
        Content::Bytes(bytes) => send_piece(&mut stream, bytes).await?,
        Content::Pieces(pieces) => {
            for piece in pieces {
                send_piece(&mut stream, piece).await?;
            }
        }
        Content::ByHand => loop {
            match given.recv().await {
                Some(Fed::Piece(piece)) => send_piece(&mut stream, piece).await?,
                Some(Fed::End(last)) => {
                    trailers = last.or(trailers);
                    break;
                }
                None => {
                    stream.send_reset(Reason::CANCEL);
                    return Ok(());
                }
            }
        },
    }
    match trailers {
        Some(trailers) => stream.send_trailers(trailers),
        None => stream.send_data(Bytes::new(), true),
    }
}

/// Sends a piece as the server makes room for it.
async fn send_piece(stream: &mut SendStream<Bytes>, mut piece: Bytes) -> Result<(), h2::Error> {
    while !piece.is_empty() {
        stream.reserve_capacity(piece.len());
        match poll_fn(|context| stream.poll_capacity(context)).await {
            Some(room) => stream.send_data(piece.split_to(room?.min(piece.len())), false)?,
            None => return Ok(()),
        }
    }
    Ok(())
}

/// Where in the answer the reader is.
enum At {
    Head(ResponseFuture),
    Body(RecvStream),
    End,
    Gone,
}

/// One request and its answer.
struct Http2Flight {
    runtime: Arc<Runtime>,
    method: Method,
    at: At,
    feed: UnboundedSender<Fed>,
    sending: Option<JoinHandle<Result<(), h2::Error>>>,
}

impl Http2Flight {
    async fn next(&mut self) -> Result<Event, h2::Error> {
        match &mut self.at {
            At::Head(answer) => {
                let head = poll_fn(|context| match answer.poll_informational(context) {
                    Poll::Ready(Some(Ok(head))) => Poll::Ready(Ok(Err(head))),
                    Poll::Ready(Some(Err(error))) => Poll::Ready(Err(error)),
                    Poll::Ready(None) | Poll::Pending => {
                        std::pin::Pin::new(&mut *answer).poll(context).map_ok(Ok)
                    }
                });
                match head.await? {
                    Ok(response) => Ok(self.head(response)),
                    Err(informational) => Ok(Self::informational(informational)),
                }
            }
            At::Body(stream) => {
                if let Some(piece) = piece(stream).await {
                    return piece.map(Event::Piece);
                }
                let trailers = stream.trailers().await?;
                self.at = At::End;
                Ok(trailers.map_or(Event::End, Event::Trailers))
            }
            At::End => Ok(Event::End),
            At::Gone => {
                self.at = At::End;
                Ok(Event::Broken(ClientError::new(ClientErrorKind::Vanished, "the client has gone")))
            }
        }
    }

    fn informational(head: Response<()>) -> Event {
        let (head, ()) = head.into_parts();
        Event::Informational(Informational { status: head.status, headers: head.headers })
    }

    fn head(&mut self, response: Response<RecvStream>) -> Event {
        let (head, stream) = response.into_parts();
        let declared = head.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let framing = match head.status.as_u16() {
            200..300 if self.method == Method::CONNECT => Framing::Upgraded,
            204 | 304 => Framing::None,
            _ if self.method == Method::HEAD => Framing::None,
            _ => declared.and_then(|value| value.parse().ok()).map_or(Framing::Stream, Framing::Length),
        };
        self.at = At::Body(stream);
        let (status, headers) = (head.status, head.headers);
        Event::Head(AnswerHead { status, version: Version::HTTP_2, headers, framing })
    }

    fn fed(&self, fed: Fed) -> Result<(), ClientError> {
        let gone = || ClientError::new(ClientErrorKind::Broken, "the server takes no more");
        self.feed.send(fed).map_err(|_| gone())
    }
}

impl Flight for Http2Flight {
    fn poll(&mut self, _: Pace, _: &mut Context<'_>) -> Poll<Event> {
        let runtime = Arc::clone(&self.runtime);
        let event = within(&runtime, self.next()).and_then(|event| event.map_err(broken));
        Poll::Ready(event.unwrap_or_else(|error| {
            self.at = At::End;
            Event::Broken(error)
        }))
    }

    fn feed(&mut self, piece: Bytes) -> Result<(), ClientError> {
        self.fed(Fed::Piece(piece))
    }

    fn end_input(&mut self, trailers: Option<HeaderMap>) -> Result<(), ClientError> {
        self.fed(Fed::End(trailers))
    }

    /// Resets the stream; HTTP/2 has no other way to go from one request.
    fn vanish(&mut self, _: Cause) {
        let _runtime = self.runtime.enter();
        if let Some(sending) = self.sending.take() {
            sending.abort();
        }
        self.at = At::Gone;
    }
}

impl Drop for Http2Flight {
    fn drop(&mut self) {
        if let Some(sending) = self.sending.take().filter(|_| !matches!(self.at, At::End)) {
            sending.abort();
        }
    }
}

/// Waits for something, but not for ever.
fn within<T>(runtime: &Runtime, work: impl Future<Output = T>) -> Result<T, ClientError> {
    let waited = runtime.block_on(async { timeout(patience(), work).await });
    waited.map_err(|_| ClientError::new(ClientErrorKind::Silent, "nothing comes"))
}

fn broken(error: h2::Error) -> ClientError {
    ClientError::new(ClientErrorKind::Broken, "the stream broke").with_source(error)
}
