//! A hyper connection in memory, for the `OnUpgrade` that only such a connection makes.
//!
//! It is asked to upgrade, by a request that nobody else sees, and its service waits. Once the real service has accepted,
//! it accepts, too: what hyper hands to the service then is one end of a pipe, and this moves the bytes at the other.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use rsgi_core::bytes::BytesMut;
use rsgi_core::http::{HeaderValue, Request, Response, StatusCode, header};
use rsgi_core::{Error, Input, Pulled, Sender};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::oneshot;

/// One connection and its pipe.
pub(super) struct Tunnel {
    connection: Pin<Box<dyn Future<Output = ()> + Send>>,
    far: DuplexStream,
    accept: oneshot::Sender<()>,
    /// What the service is to be given.
    pub(super) on_upgrade: Option<OnUpgrade>,
}

impl Tunnel {
    /// Opens one, as far as that hyper waits for an answer.
    pub(super) async fn open() -> Result<Self, Error> {
        let (near, mut far) = tokio::io::duplex(PIPE);
        far.write_all(ASKED).await?;
        let (accept, accepted) = oneshot::channel();
        let accepted = Arc::new(Mutex::new(Some(accepted)));
        let slot = Arc::new(Mutex::new(None));
        let filled = Arc::clone(&slot);
        let service = service_fn(move |mut request: Request<Incoming>| {
            *lock(&filled) = Some(hyper::upgrade::on(&mut request));
            let accepted = lock(&accepted).take();
            async move {
                if let Some(accepted) = accepted {
                    // An end without acceptance is one of the whole tunnel.
                    let _ = accepted.await;
                }
                Ok::<_, Infallible>(switching())
            }
        });
        let connection = http1::Builder::new()
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(near), service)
            .with_upgrades();
        let mut connection: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
            if let Err(error) = connection.await {
                tracing::debug!(target: "rsgi", %error, "a tunnel to a service broke");
            }
        });
        let on_upgrade = poll_fn(|context| {
            let over = connection.as_mut().poll(context).is_ready();
            match lock(&slot).take() {
                None if !over => Poll::Pending,
                found => Poll::Ready(found),
            }
        })
        .await;
        Ok(Self { connection, far, accept, on_upgrade })
    }

    /// Accepts, and moves bytes both ways until the service ends its half.
    pub(super) async fn run(self, input: Input, sender: Sender) -> Result<(), Error> {
        let Self { mut connection, mut far, accept, .. } = self;
        // Whoever dropped the connection sees the end of the pipe.
        let _ = accept.send(());
        let moved = async {
            let first = behind_head(&mut far).await?;
            let (reader, writer) = tokio::io::split(far);
            both(inbound(input, writer), outbound(first, reader, sender)).await
        };
        let mut moved = pin!(moved);
        let mut is_over = false;
        poll_fn(|context| {
            is_over = is_over || connection.as_mut().poll(context).is_ready();
            moved.as_mut().poll(context)
        })
        .await
    }
}

/// Runs both, until the second is over.
async fn both(
    first: impl Future<Output = ()>,
    second: impl Future<Output = Result<(), Error>>,
) -> Result<(), Error> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let mut is_over = false;
    poll_fn(|context| {
        is_over = is_over || first.as_mut().poll(context).is_ready();
        second.as_mut().poll(context)
    })
    .await
}

/// Moves what the client sends; its end, or its breaking off, is the end of the pipe.
async fn inbound(mut input: Input, mut writer: impl AsyncWrite + Unpin) {
    while let Some(piece) = input.piece().await {
        let written = match piece {
            Ok(piece) => writer.write_all(&piece).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = written {
            tracing::debug!(target: "rsgi", %error, "an upgraded stream ended");
            break;
        }
    }
    // The service may have closed its end before.
    let _ = writer.shutdown().await;
}

/// Moves what the service sends.
async fn outbound(first: BytesMut, mut reader: impl AsyncRead + Unpin, sender: Sender) -> Result<(), Error> {
    let mut piece = first;
    loop {
        if !piece.is_empty() {
            sender.send(piece.split().freeze()).await?;
        }
        piece.reserve(PIPE);
        if reader.read_buf(&mut piece).await? == 0 {
            return Ok(());
        }
    }
}

/// Reads past hyper's own head; gives what came with it.
async fn behind_head(far: &mut DuplexStream) -> Result<BytesMut, Error> {
    let mut read = BytesMut::with_capacity(PIPE);
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            return Ok(read.split_off(end + 4));
        }
        if far.read_buf(&mut read).await? == 0 {
            return Err("the service gave the stream up before it took it".into());
        }
    }
}

fn switching() -> Response<Pulled> {
    let mut response = Response::new(Pulled::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let upgrade = HeaderValue::from_static("upgrade");
    response.headers_mut().insert(header::CONNECTION, upgrade);
    response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("tunnel"));
    response
}

fn lock<T>(slot: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The request that nobody sees.
const ASKED: &[u8] = b"GET / HTTP/1.1\r\nhost: tunnel\r\nconnection: upgrade\r\nupgrade: tunnel\r\n\r\n";

/// What the pipe holds each way, in bytes.
const PIPE: usize = 16 * 1024;
