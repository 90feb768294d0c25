//! Raw hyper, written as its own examples do: a task a connection, on tokio's runtime of N threads.
//!
//! `--cores shared` (one runtime of N threads, as rsgi-hyper's default) or `separate` (N runtimes of one thread, each
//! with its own listener); `--mode async` or `blocking` (each request through `spawn_blocking`); `--flush on` is
//! `pipeline_flush`; `--tls` speaks what ALPN says, `--h2` HTTP/2 from the first byte on.
//!
//! No timer is given to hyper, so that it sets none for a request's head: that is its cheapest. Read next: `app.rs`.

mod app;
mod blocking;
mod tls;

use std::error::Error;
use std::sync::Arc;
use std::thread;

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use peer_options::Options;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio_rustls::TlsAcceptor;

use crate::app::{Answer, App};

type Failed = Box<dyn Error + Send + Sync>;

/// What all connections share.
struct Host {
    app: App,
    is_blocking: bool,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    is_http2: bool,
    tls: Option<TlsAcceptor>,
}

fn main() -> Result<(), Failed> {
    let options = Options::read(&["tls", "mode", "flush", "h2", "cores"]);
    let mut http1 = http1::Builder::new();
    http1.pipeline_flush(options.flush);
    let host = Arc::new(Host {
        app: App { file: options.file.as_deref().map(Into::into) },
        is_blocking: match options.mode.as_str() {
            "" | "async" => false,
            "blocking" => true,
            other => return Err(format!("--mode {other} is neither async nor blocking").into()),
        },
        http1,
        http2: http2::Builder::new(TokioExecutor::new()),
        is_http2: options.h2,
        tls: options.tls.as_ref().map(|(certificate, key)| tls::acceptor(certificate, key)).transpose()?,
    });
    let threads = options.threads.unwrap_or(1);
    if !options.separate {
        let runtime = Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
        // In a task of its own, so that the main thread only waits.
        return runtime.block_on(async { tokio::spawn(accept(options.listener()?, host)).await? });
    }
    let mut running = Vec::new();
    for _ in 0..threads {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (listener, host) = (options.listener()?, Arc::clone(&host));
        running.push(thread::spawn(move || runtime.block_on(accept(listener, host))));
    }
    running.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
}

async fn accept(listener: std::net::TcpListener, host: Arc<Host>) -> Result<(), Failed> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let host = Arc::clone(&host);
        tokio::spawn(async move {
            let Some(tls) = &host.tls else { return serve(&host, stream, host.is_http2).await };
            if let Ok(stream) = tls.accept(stream).await {
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                serve(&host, stream, is_http2).await;
            }
        });
    }
}

/// Serves a connection to its end; how it ends is the client's business.
async fn serve(host: &Host, stream: impl AsyncRead + AsyncWrite + Unpin, is_http2: bool) {
    let app = host.app.clone();
    if host.is_blocking {
        let service = service_fn(move |request| blocking::answer(app.clone(), request));
        serve_with(host, stream, is_http2, service).await;
    } else {
        let service = service_fn(move |request| app::answer(app.clone(), request));
        serve_with(host, stream, is_http2, service).await;
    }
}

async fn serve_with<S>(host: &Host, stream: impl AsyncRead + AsyncWrite + Unpin, is_http2: bool, service: S)
where
    S: HttpService<Incoming, ResBody = Answer> + Send,
    S::Error: Into<Failed>,
    S::Future: Send + 'static,
{
    let io = TokioIo::new(stream);
    let _ended = if is_http2 {
        host.http2.serve_connection(io, service).await
    } else {
        host.http1.serve_connection(io, service).await
    };
}
