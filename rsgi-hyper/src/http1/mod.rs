//! One HTTP/1 connection: hyper's engine, our wire, and what comes after hyper is done.
//!
//! The connection's task owns the app and all that is shared; service and transport borrow it. Read next:
//! `service.rs` for a request, `wire.rs` for what the byte stream tells.

mod body_out;
mod flags;
mod framing;
mod informational;
mod service;
mod wire;

use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::server::conn::http1::{Builder, Connection as HyperConnection};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;

use rsgi_core::server::{Config, HalfClose};
use rsgi_core::{AcceptedBy, App, Cause, Connection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::drive::{Drive, End, Waiting, drive, within};
use crate::setting::Setting;
use crate::stage::Member;
use crate::transport::{Stream, Transport};
use crate::upgrade::{self, Slot};

use body_out::Http1Body;
use informational::Heads;
use service::Shared;
use wire::Wire;

/// hyper's settings for HTTP/1.
pub(crate) fn builder(config: &Config, setting: &Setting) -> Builder {
    // glibc gives the memory of a buffer that is freed back to the system, to be faulted in again for the next one,
    // until it has seen one freed that is larger than its threshold. 3 % of the benchmark's echo.
    drop(black_box(Vec::<u8>::with_capacity(ABOVE_THRESHOLD)));
    let mut builder = Builder::new();
    builder
        .keep_alive(setting.keeps())
        .half_close(config.half_close == HalfClose::Answered)
        // Ours are in `drive.rs`: hyper's costs a timer for each request.
        .writev(false)
        .header_read_timeout(None)
        .max_header_size(config.limits.head_bytes)
        // Bounds what is read ahead, and what is held for a client that doesn't read. hyper takes no less than 8 KiB.
        // With room for a usual head, so that one read takes it with content of a round size, which is not copied then.
        .max_buf_size(config.limits.write_buffer.max(config.limits.head_bytes) + USUAL_HEAD);
    // `pipeline_flush` stays off: it holds an answer back for as long as a next request lies in the buffer, and
    // then buffers a stream whole. `transport.rs` gathers pipelined answers.
    if config.limits.header_count != HYPERS_HEADER_COUNT {
        // Any other number costs an allocation for each request.
        builder.max_headers(config.limits.header_count);
    }
    builder
}

/// Serves one connection to its end. What few connections come to is boxed: an idle one would keep the room for it.
pub(crate) async fn serve<S: Stream, A: App>(
    stream: S,
    mut connection: Connection,
    app: &A,
    builder: &Builder,
    setting: &Setting,
    member: &Member,
) {
    let heads = Arc::new(Heads::default());
    connection.link = Some(Arc::clone(&heads) as _);
    let wire = Wire::new(&Arc::new(connection), heads, setting.half_close);
    let slot = Slot::default();
    let shared = Shared { wire: &wire, upgrade: &slot, setting };
    let service = service_fn(|request| service::answer(app, &shared, request));
    let io = TokioIo::new(Transport::new(stream, &wire));
    let mut engine = Engine { connection: builder.serve_connection(io, service), wire: &wire };
    let end = drive(&mut engine, member, &setting.timeouts, Instant::now()).await;
    let cause = cause(&end, &wire);
    if let Some(accepted) = slot.take() {
        let parts = engine.connection.into_parts();
        let (stream, _sent_with_the_head) = parts.io.into_inner().into_parts();
        // hyper may have read the end of the content, and nobody have heard of it yet.
        wire.poll_away(&mut Context::from_waker(Waker::noop()));
        if wire.has_unread() {
            // What comes next would be content, too much of it to be thrown away, and no byte of the stream's.
            tracing::debug!(target: "rsgi", "an upgraded stream was given up: the app left the request's content unread");
            accepted.give_up(cause);
            return Box::pin(linger(stream, setting)).await;
        }
        let run = upgrade::run(stream, parts.read_buf, accepted, AcceptedBy::System, &setting.timeouts);
        return Box::pin(run).await;
    }
    wire.disconnect(cause);
    // Drops the app's future and its body, if they are still there.
    let (mut stream, gathered) = engine.connection.into_parts().io.into_inner().into_parts();
    let needs_reset = wire.breaks_unseen();
    let was_busy = wire.end(cause);
    if needs_reset {
        return stream.reset();
    }
    if !gathered.is_empty() && matches!(end, End::Over(_)) {
        // hyper gave up on what follows these answers, and didn't shut down.
        let _sent = within(setting.timeouts.write, stream.write_all(&gathered)).await;
    }
    match &end {
        End::TimedOut(Waiting::Head(_)) if !was_busy && !wire.has_unread() => {
            let refused = within(setting.timeouts.write, stream.write_all(REQUEST_TIMEOUT)).await;
            if matches!(refused, Some(Ok(()))) {
                Box::pin(linger(stream, setting)).await;
            }
        }
        // hyper has refused a head, or answered before it had read the body: the client may still be sending.
        End::Over(result)
            if !wire.is_over()
                && (wire.has_unread() || result.as_ref().is_err_and(hyper::Error::is_parse)) =>
        {
            Box::pin(linger(stream, setting)).await;
        }
        _ => {}
    }
}

/// Why the connection ended, for whatever was in flight.
fn cause(end: &End, wire: &Wire) -> Cause {
    match end {
        End::TimedOut(_) => Cause::TimedOut,
        End::Stopped => Cause::ServerStopped,
        End::Abused => Cause::Reset,
        End::Over(result) => {
            if let Err(error) = result {
                tracing::debug!(target: "rsgi", %error, "connection ended");
            }
            if wire.is_ended() { Cause::Closed } else { Cause::Reset }
        }
    }
}

/// Reads on for a while, so that what the client still sends isn't answered with a reset that destroys the answer
/// (RFC 9112 section 9.6).
async fn linger(mut stream: impl Stream, setting: &Setting) {
    let reading = async {
        if stream.shutdown().await.is_err() {
            return;
        }
        let mut left = setting.discard.bytes;
        let mut piece = rsgi_core::bytes::BytesMut::with_capacity(8192);
        while left > 0 {
            piece.clear();
            match stream.read_buf(&mut piece).await {
                Ok(0) | Err(_) => return,
                Ok(read) => left = left.saturating_sub(read as u64),
            }
        }
    };
    if setting.timeouts.linger != Some(Duration::ZERO) {
        let _expired = within(setting.timeouts.linger, reading).await;
    }
}

type Io<'a, S> = TokioIo<Transport<S, &'a Wire>>;

struct Engine<'a, S: Stream, H: HttpService<Incoming>> {
    connection: HyperConnection<Io<'a, S>, H>,
    wire: &'a Wire,
}

impl<S, H> Drive for Engine<'_, S, H>
where
    S: Stream,
    H: HttpService<Incoming, ResBody = Http1Body>,
    H::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    #[inline]
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        loop {
            let polled = Future::poll(Pin::new(&mut self.connection), context);
            // hyper may have been given a large piece behind its last flush.
            if polled.is_ready() || !self.wire.poll_away(context) && !self.wire.can_write_large() {
                return polled;
            }
        }
    }

    fn finish(&mut self) {
        Pin::new(&mut self.connection).graceful_shutdown();
    }

    #[inline]
    fn wants_finish(&self) -> bool {
        self.wire.is_closing()
    }

    fn leave(&mut self) {
        self.wire.answer_once_more();
    }

    #[inline]
    fn waiting(&self) -> Waiting {
        self.wire.waiting()
    }

    #[inline]
    fn arrived(&self) -> Option<Instant> {
        Some(self.wire.arrived())
    }
}

/// Twice what glibc takes from the system and gives back to it at first (mallopt(3), `M_MMAP_THRESHOLD`).
const ABOVE_THRESHOLD: usize = 256 * 1024;

/// More bytes than most heads have.
const USUAL_HEAD: usize = 8 * 1024;

/// What hyper parses into without allocating.
const HYPERS_HEADER_COUNT: usize = 100;

/// The answer to a head that takes too long (RFC 9110 section 15.5.9).
const REQUEST_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
