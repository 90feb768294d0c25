//! A byte stream that the application took over: what comes in goes to its input, what its body gives goes out.
//!
//! The same for HTTP/1's Upgrade, CONNECT, and extended CONNECT on HTTP/2. Either direction may end before the other.
//!
//! Invariant: nothing is buffered beyond one piece each way, so each side's slowness is felt by the other.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rsgi_core::bytes::{Buf, Bytes, BytesMut};
use rsgi_core::http_body::Body;
use rsgi_core::server::Timeouts;
use rsgi_core::{AcceptedBy, Cause, Delivery, Exchange, Outgoing};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::drive::within;

/// An upgrade that the application accepted, on its way to whoever gets the stream.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) exchange: Arc<Exchange>,
    /// The outbound half.
    pub(crate) outgoing: Outgoing,
    /// Where inbound bytes go.
    pub(crate) input: mpsc::Sender<Bytes>,
}

impl Accepted {
    /// The stream never comes.
    pub(crate) fn give_up(self, cause: Cause) {
        self.exchange.disconnect(cause);
        drop(self.outgoing);
        self.exchange.tell(Delivery::Aborted(cause));
    }
}

/// Where the service leaves an accepted upgrade for the connection.
#[derive(Debug, Default)]
pub(crate) struct Slot(Mutex<Option<Accepted>>);

impl Slot {
    pub(crate) fn put(&self, accepted: Accepted) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(accepted);
    }

    pub(crate) fn take(&self) -> Option<Accepted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Makes the way of inbound bytes to an input.
pub(crate) fn channel() -> (mpsc::Sender<Bytes>, mpsc::Receiver<Bytes>) {
    mpsc::channel(1)
}

/// Moves bytes both ways until the outbound half is over, tells the outcome, and waits a while for the inbound one's end.
/// `first` was read already.
pub(crate) async fn run<S>(stream: S, first: Bytes, accepted: Accepted, by: AcceptedBy, timeouts: &Timeouts)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Accepted { exchange, outgoing, input } = accepted;
    let (reader, writer) = tokio::io::split(stream);
    let mut inbound = pin!(inbound(reader, first, input, &exchange));
    let mut outbound = pin!(outbound(writer, outgoing, timeouts.write));
    let mut is_inbound_over = false;
    let sent = poll_fn(|context| {
        if !is_inbound_over {
            is_inbound_over = inbound.as_mut().poll(context).is_ready();
        }
        outbound.as_mut().poll(context)
    })
    .await;
    let lingers = sent.is_ok() && !is_inbound_over;
    exchange.tell(match sent {
        Ok(()) => Delivery::Whole(by),
        Err(Failure::Body) => Delivery::Failed,
        Err(Failure::Stream(error)) if error.kind() == io::ErrorKind::TimedOut => Delivery::TimedOut,
        Err(Failure::Stream(_)) => Delivery::Aborted(Cause::Reset),
    });
    if lingers {
        // Our end is closed. The client gets the time to close its own.
        let _expired = within(timeouts.linger, inbound).await;
    }
}

enum Failure {
    /// The application's body broke; core has logged it.
    Body,
    Stream(io::Error),
}

/// Reads into the input, and on past its being dropped, so that the end of the stream is seen.
async fn inbound(
    mut reader: impl AsyncRead + Unpin,
    first: Bytes,
    input: mpsc::Sender<Bytes>,
    exchange: &Exchange,
) {
    let mut input = Some(input);
    if !first.is_empty()
        && let Some(sender) = &input
        && sender.send(first).await.is_err()
    {
        input = None;
    }
    loop {
        // Nothing is read before there is room for it.
        if let Some(sender) = &input
            && sender.reserve().await.is_err()
        {
            input = None;
        }
        let mut piece = BytesMut::with_capacity(PIECE);
        match (reader.read_buf(&mut piece).await, &input) {
            // Whoever reads the input sees its end; without a reader only the token can tell.
            (Ok(0), Some(_)) => return,
            (Ok(0), None) => return exchange.disconnect(Cause::Closed),
            (Ok(_), Some(sender)) => {
                if sender.send(piece.freeze()).await.is_err() {
                    input = None;
                }
            }
            (Ok(_), None) => {}
            (Err(error), _) => {
                tracing::debug!(target: "rsgi", %error, "an upgraded stream broke");
                return exchange.disconnect(Cause::Reset);
            }
        }
    }
}

async fn outbound(
    mut writer: impl AsyncWrite + Unpin,
    outgoing: Outgoing,
    patience: Option<Duration>,
) -> Result<(), Failure> {
    let mut outgoing = pin!(outgoing);
    while let Some(frame) = poll_fn(|context| outgoing.as_mut().poll_frame(context)).await {
        let frame = frame.map_err(|_| Failure::Body)?;
        let Ok(mut piece) = frame.into_data() else { continue };
        while !piece.is_empty() {
            let written = patiently(patience, writer.write(&piece)).await?;
            if written == 0 {
                return Err(Failure::Stream(io::ErrorKind::WriteZero.into()));
            }
            piece.advance(written);
        }
        patiently(patience, writer.flush()).await?;
    }
    patiently(patience, writer.shutdown()).await
}

/// Bounds how long the client may take no byte.
async fn patiently<T>(
    patience: Option<Duration>,
    write: impl Future<Output = io::Result<T>>,
) -> Result<T, Failure> {
    let written = within(patience, write).await;
    written.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into())).map_err(Failure::Stream)
}

/// Bytes read at once.
const PIECE: usize = 16 * 1024;
