//! One HTTP/2 connection: hyper's engine, whose streams are tasks of their own.
//!
//! Read next: `service.rs` for a request, `streams.rs` for what connection and streams know of each other, `paced.rs` for small
//! frames.

pub(crate) mod paced;
mod service;
pub(crate) mod streams;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::server::conn::http2::{Builder, Connection as HyperConnection};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rsgi_core::server::Config;
use rsgi_core::{App, Cause, Connection};

use crate::body_out::Http2Body;
use crate::drive::{Drive, End, Waiting, drive};
use crate::setting::Setting;
use crate::stage::Member;
use crate::transport::{Stream, Transport};

use streams::Streams;

/// The bytes with which a client says that it speaks HTTP/2 (RFC 9113 section 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// hyper's settings for HTTP/2.
pub(crate) fn builder(config: &Config) -> Builder<TokioExecutor> {
    let limits = &config.limits.http2;
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_concurrent_streams(limits.concurrent_streams)
        .max_pending_accept_reset_streams(limits.pending_reset_streams)
        .max_local_error_reset_streams(limits.error_reset_streams)
        .max_header_list_size(u32::try_from(config.limits.head_bytes).unwrap_or(u32::MAX))
        .max_send_buf_size(config.limits.write_buffer)
        .max_frame_size(limits.frame_bytes)
        .initial_stream_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window);
    builder
}

/// Serves one connection to its end.
pub(crate) async fn serve<S: Stream, A: App>(
    stream: S,
    connection: Connection,
    app: &Arc<A>,
    builder: &Builder<TokioExecutor>,
    setting: &Arc<Setting>,
    member: &Member,
) {
    let streams = Streams::new(Arc::new(connection), setting.concurrent_streams);
    let shared =
        service::Shared { app: Arc::clone(app), streams: Arc::clone(&streams), setting: Arc::clone(setting) };
    let service = service_fn(move |request| service::answer(shared.clone(), request));
    let io = TokioIo::new(Transport::new(stream, Arc::clone(&streams)));
    let mut engine = Engine {
        connection: builder.serve_connection(io, service),
        streams: Arc::clone(&streams),
        requests: setting.requests,
        stalled: Stalled { taken: 0, since: Instant::now() },
    };
    let mut end = drive(&mut engine, member, &setting.timeouts, Instant::now()).await;
    if matches!(end, End::TimedOut(Waiting::Request(_))) {
        // An idle connection is told (GOAWAY) and gets the time to go.
        engine.finish();
        let patience = setting.timeouts.linger;
        let going = std::future::poll_fn(|context| engine.poll(context));
        if let Some(result) = crate::drive::within(patience, going).await {
            end = End::Over(result);
        }
    }
    let cause = match end {
        End::TimedOut(_) => Cause::TimedOut,
        End::Stopped => Cause::ServerStopped,
        End::Abused => {
            tracing::debug!(target: "rsgi", "a client left too much work behind it (`http2.concurrent_streams`)");
            Cause::Reset
        }
        End::Over(Ok(())) => Cause::Closed,
        End::Over(Err(error)) => {
            tracing::debug!(target: "rsgi", %error, "connection ended");
            Cause::Reset
        }
    };
    streams.end(cause);
}

struct Engine<S: Stream, H: HttpService<Incoming>> {
    connection: HyperConnection<TokioIo<Transport<S, Arc<Streams>>>, H, TokioExecutor>,
    streams: Arc<Streams>,
    /// Requests after which the connection ends.
    requests: u64,
    stalled: Stalled,
}

/// Since when the client has taken no more than so many bytes, though there were some that it could take.
#[derive(Debug)]
struct Stalled {
    taken: u64,
    since: Instant,
}

impl<S, H> Drive for Engine<S, H>
where
    S: Stream,
    H: HttpService<Incoming, ResBody = Http2Body>,
    H::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    H::Future: Send + 'static,
{
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        Future::poll(Pin::new(&mut self.connection), context)
    }

    fn finish(&mut self) {
        Pin::new(&mut self.connection).graceful_shutdown();
    }

    fn wants_finish(&self) -> bool {
        self.streams.is_closing() || self.streams.requests() >= self.requests
    }

    /// By GOAWAY (RFC 9113 section 6.8): streams that the client began before it heard of it are served.
    fn goes_at_once(&self) -> bool {
        true
    }

    fn waiting(&self) -> Waiting {
        self.streams.waiting()
    }

    fn running(&self, _: Waiting) -> usize {
        self.streams.active()
    }

    fn arrived(&self) -> Option<Instant> {
        None
    }

    fn attend(&mut self, task: &Waker) {
        self.streams.attend(task);
    }

    /// The client's windows hold bytes back without the byte stream's ever being full, so this is another clock than
    /// that of [`Waiting::Client`]. One byte of any stream moves it, as on the connections of HTTP/1.
    fn has_stalled(&mut self, patience: Duration) -> bool {
        let now = Instant::now();
        match self.streams.taken() {
            Some(taken) if taken == self.stalled.taken => now.duration_since(self.stalled.since) >= patience,
            taken => {
                self.stalled = Stalled { taken: taken.unwrap_or(u64::MAX), since: now };
                false
            }
        }
    }

    fn is_abused(&self) -> bool {
        self.streams.is_abused()
    }
}
