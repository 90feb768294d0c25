//! Beside `hyper_cases.rs`: an axum router by `axum::serve`, and the same router on rsgi-hyper.
//!
//! `axum::serve` runs each connection as a task of its own, so here ours is one as well: both are woken and scheduled by
//! the same runtime, on a pipe that wakes.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::routing::get;
use axum::serve::Listener;
use rsgi_core::Endpoint;
use rsgi_core::server::Config;
use rsgi_tower::ServiceApp;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Builder;

use crate::hyper_cases::HyperCase;
use crate::pipe::{PING, Pipe};

/// Each case with its name.
pub const AXUM_CASES: [HyperCase; 2] = [("axum-serve", by_axum), ("rsgi-hyper-axum", by_rsgi)];

fn router() -> Router {
    Router::new().route("/ping", get(async || "pong"))
}

fn by_axum(requests: usize) -> usize {
    drive(requests, |pipe| {
        tokio::spawn(async { axum::serve(Once(Some(pipe)), router()).await });
    })
}

fn by_rsgi(requests: usize) -> usize {
    drive(requests, |pipe| {
        let app = ServiceApp::new(router());
        let hosted = rsgi_hyper::Builder::new(Config::new()).host(app).expect("default settings are right");
        let end = Endpoint::unix(None, None);
        tokio::spawn(async move { hosted.serve(pipe, end.clone(), end).await });
    })
}

/// Has a server answer so many requests on one connection.
pub(crate) fn drive(requests: usize, serve: impl FnOnce(Waking)) -> usize {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime for the connection");
    runtime.block_on(async {
        let pipe = Waking::default();
        serve(pipe.clone());
        for _ in 0..requests {
            let before = pipe.pipe.written();
            pipe.send();
            while pipe.pipe.written() == before {
                tokio::task::yield_now().await;
            }
        }
        pipe.pipe.written()
    })
}

/// A pipe whose server is woken when there is something to read, and may read less than all of it.
#[derive(Clone, Default)]
pub(crate) struct Waking {
    /// What is written.
    pipe: Pipe,
    reader: Arc<Mutex<Reader>>,
}

#[derive(Default)]
struct Reader {
    unread: &'static [u8],
    waiting: Option<Waker>,
}

impl Waking {
    fn send(&self) {
        let mut reader = self.reader();
        reader.unread = PING;
        if let Some(waiting) = reader.waiting.take() {
            waiting.wake();
        }
    }

    fn reader(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Waking {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut reader = self.reader();
        if reader.unread.is_empty() {
            reader.waiting = Some(context.waker().clone());
            return Poll::Pending;
        }
        let (now, later) = reader.unread.split_at(reader.unread.len().min(buffer.remaining()));
        buffer.put_slice(now);
        reader.unread = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Waking {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write_vectored(context, slices)
    }
}

/// Accepts one connection, and then nothing.
struct Once(Option<Waking>);

impl Listener for Once {
    type Io = Waking;
    type Addr = ();

    async fn accept(&mut self) -> (Waking, ()) {
        poll_fn(|_| self.0.take().map_or(Poll::Pending, |pipe| Poll::Ready((pipe, ())))).await
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}
