//! A client of HTTP/2 for whole requests, by the crate `h2`, behind calls that wait.
//!
//! Its runtime is its own, so cases stay plain functions. What breaks the protocol is sent by `frames.rs`.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;

use ::h2::client::{ResponseFuture, SendRequest};
use ::h2::{RecvStream, SendStream};
use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderMap, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::deadline::patience;

/// One connection.
#[derive(Debug)]
pub struct Http2 {
    runtime: Runtime,
    sender: SendRequest<Bytes>,
    connection: Option<JoinHandle<Result<(), ::h2::Error>>>,
}

/// One answer, whole.
#[derive(Debug)]
pub struct Http2Answer {
    /// The status.
    pub status: u16,
    /// The fields.
    pub fields: HeaderMap,
    /// The content.
    pub body: Vec<u8>,
    /// The fields behind it.
    pub trailers: Option<HeaderMap>,
}

/// An answer that didn't come whole.
#[derive(Debug)]
pub struct Http2Broken {
    /// The status, if the head came.
    pub status: Option<u16>,
    /// The content up to the break.
    pub body: Vec<u8>,
    /// What broke it.
    pub error: ::h2::Error,
}

impl Http2Answer {
    /// The content as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the content is text")
    }

    /// The one field of a name, as text.
    pub fn field(&self, name: &str) -> Option<&str> {
        let all: Vec<_> = self.fields.get_all(name).iter().collect();
        assert!(all.len() <= 1, "{name} is there {} times", all.len());
        all.first().and_then(|value| value.to_str().ok())
    }
}

/// A GET of this target.
pub fn get(target: &str) -> Request<()> {
    request("GET", target, &[])
}

/// A request with these fields; its host is `test`.
pub fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> Request<()> {
    let mut builder = Request::builder().method(method).uri(format!("http://test{target}"));
    for (name, value) in fields {
        builder = builder.header(*name, *value);
    }
    builder.body(()).expect("a request")
}

impl Http2 {
    /// Connects with prior knowledge.
    pub fn connect(address: SocketAddr) -> Self {
        Self::connect_with(address, &::h2::client::Builder::new())
    }

    /// Connects with settings of the client's own.
    pub fn connect_with(address: SocketAddr, builder: &::h2::client::Builder) -> Self {
        Self::over(async move { TcpStream::connect(address).await.expect("connects") }, builder)
    }

    /// Connects over a unix socket.
    pub fn unix(path: &Path) -> Self {
        let connecting = async { UnixStream::connect(path).await.expect("connects") };
        Self::over(connecting, &::h2::client::Builder::new())
    }

    fn over<S>(connecting: impl Future<Output = S>, builder: &::h2::client::Builder) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (sender, connection) =
            wait(&runtime, async { builder.handshake(connecting.await).await.expect("speaks HTTP/2") });
        let connection = Some(runtime.spawn(connection));
        Self { runtime, sender, connection }
    }

    /// Waits for something, but not for ever.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        wait(&self.runtime, work)
    }

    /// Sends a request's head; `is_end` if there is no content.
    pub fn send(&mut self, request: Request<()>, is_end: bool) -> (ResponseFuture, SendStream<Bytes>) {
        let mut sender = self.sender.clone();
        self.wait(async {
            sender = sender.ready().await.expect("the server takes a stream");
            sender.send_request(request, is_end).expect("a legal request")
        })
    }

    /// Sends a request's head, or says why the connection takes none.
    pub fn try_send(&mut self, request: Request<()>) -> Result<ResponseFuture, ::h2::Error> {
        let sender = self.sender.clone();
        self.wait(async {
            let mut sender = sender.ready().await?;
            sender.send_request(request, true).map(|(answer, _)| answer)
        })
    }

    /// Sends a request with content and reads its answer.
    pub fn ask(&mut self, request: Request<()>, content: &[u8]) -> Http2Answer {
        let (answer, mut stream) = self.send(request, content.is_empty());
        if !content.is_empty() {
            stream.send_data(Bytes::copy_from_slice(content), true).expect("the stream is open");
        }
        self.answer(answer)
    }

    /// Reads an answer.
    pub fn answer(&self, answer: ResponseFuture) -> Http2Answer {
        self.try_answer(answer).unwrap_or_else(|broken| panic!("no whole answer: {broken:?}"))
    }

    /// Reads an answer, whole or broken.
    pub fn try_answer(&self, answer: ResponseFuture) -> Result<Http2Answer, Http2Broken> {
        self.wait(async {
            let response =
                answer.await.map_err(|error| Http2Broken { status: None, body: Vec::new(), error })?;
            collect(response).await
        })
    }

    /// Waits for the end of the connection, which must be the server's doing.
    pub fn ended(&mut self) -> Result<(), ::h2::Error> {
        let connection = self.connection.take().expect("asked once");
        self.wait(connection).expect("no panic")
    }

    /// Whether the server allows extended CONNECT (RFC 8441 section 3); known once anything was answered.
    pub fn allows_extended_connect(&self) -> bool {
        self.sender.is_extended_connect_protocol_enabled()
    }
}

/// Reads the next piece of a stream that isn't empty, and lets the other side send as much again.
pub async fn piece(stream: &mut RecvStream) -> Option<Result<Bytes, ::h2::Error>> {
    loop {
        let piece = stream.data().await?;
        if let Ok(piece) = &piece {
            let _closed_already = stream.flow_control().release_capacity(piece.len());
        }
        if !piece.as_ref().is_ok_and(Bytes::is_empty) {
            return Some(piece);
        }
    }
}

async fn collect(response: Response<RecvStream>) -> Result<Http2Answer, Http2Broken> {
    let (head, mut stream) = response.into_parts();
    let mut body = Vec::new();
    let status = head.status.as_u16();
    while let Some(piece) = piece(&mut stream).await {
        match piece {
            Ok(piece) => body.extend_from_slice(&piece),
            Err(error) => return Err(Http2Broken { status: Some(status), body, error }),
        }
    }
    match stream.trailers().await {
        Ok(trailers) => Ok(Http2Answer { status, fields: head.headers, body, trailers }),
        Err(error) => Err(Http2Broken { status: Some(status), body, error }),
    }
}

fn wait<T>(runtime: &Runtime, work: impl Future<Output = T>) -> T {
    let waited = runtime.block_on(async { tokio::time::timeout(patience(), work).await });
    waited.expect("the server says something in time")
}
