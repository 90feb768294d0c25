//! Accepting: a task for each listener, until the server leaves or ends.
//!
//! Invariants: an error of `accept` never ends a server; whatever was accepted is served; what there is no room for waits in
//! the kernel. Next: `connection.rs`.

use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use rsgi_core::Endpoint;
use rsgi_core::server::ServeError;
use rsgi_threads::{Address, Listener, Stream};

use super::connection;
use super::control::{Control, Place, Stage};
use super::socket::{ReactorSocket, Watched};
use crate::codec::Codec;
use crate::conn::Ends;
use crate::peers::Peers;

/// A listener on a runtime; dropping it closes it, and removes its file.
#[derive(Debug)]
pub(super) struct Accepting {
    /// A duplicate of the listener's descriptor, let go of before it.
    watched: Watched,
    listener: Listener,
    local: rsgi_threads::Place,
    peers: Peers,
}

impl Accepting {
    /// Ties a listener to the current runtime.
    pub(super) fn new(
        listener: Listener,
        local: rsgi_threads::Place,
        peers: Peers,
    ) -> Result<Self, ServeError> {
        let watched = listener.as_fd().try_clone_to_owned().and_then(Watched::new);
        let watched = watched.map_err(|error| ServeError::io("watch a listener", error))?;
        Ok(Self { watched, listener, local, peers })
    }

    /// Accepts until the server leaves or ends, and then what the kernel had queued, unless that is left to others.
    pub(super) async fn run<C: Codec>(self, control: Arc<Control>, place: Place) {
        self.accept::<C>(&control).await;
        // The socket's file is gone when the server is.
        drop(self);
        drop(place);
    }

    async fn accept<C: Codec>(&self, control: &Arc<Control>) {
        let mut may_wait = true;
        loop {
            // Before the looks at what they tell of, so that no news is lost.
            let (changed, less) = (control.changed(), control.less());
            match control.stage() {
                Stage::Serving => {}
                Stage::Leaving if self.listener.is_shared() => return,
                Stage::Leaving | Stage::Draining => break,
                Stage::Stopped => return,
            }
            if !may_wait {
                may_wait = first(changed, self.news()).await;
                continue;
            }
            match control.admit(|| self.listener.take()) {
                None => less.await,
                Some(Ok((accepted, place))) => self.serve::<C>(accepted, place),
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => may_wait = false,
                Some(Err(error)) => survive(&error).await,
            }
            tokio::task::consume_budget().await;
        }
        while control.stage() < Stage::Stopped {
            match control.admit(|| self.listener.take()) {
                Some(Ok((accepted, place))) => self.serve::<C>(accepted, place),
                Some(Err(error)) if is_gone(&error) => {}
                Some(Err(_)) | None => return,
            }
        }
    }

    /// Waits for news of the listener.
    async fn news(&self) {
        if poll_fn(|context| self.watched.poll_input(context)).await.is_err() {
            // The runtime ends, and with it this task.
            std::future::pending::<()>().await;
        }
    }

    fn serve<C: Codec>(&self, (stream, address): (Stream, Address), place: Place) {
        let peer = stream.peer_endpoint(&address);
        if !self.peers.may_speak(&peer) {
            return Peers::log_refused::<C>(&peer);
        }
        match self.open(stream) {
            Ok((local, socket)) => {
                let ends = Ends { peer, local, accepted: Instant::now() };
                drop(tokio::spawn(connection::serve::<C>(socket, ends, place)));
            }
            Err(error) => {
                tracing::debug!(target: "rsgi", %error, "a connection was gone before it was served");
            }
        }
    }

    fn open(&self, stream: Stream) -> io::Result<(Arc<Endpoint>, ReactorSocket)> {
        let local = self.local.local(&stream)?;
        let socket = OwnedFd::try_from(stream).map_err(|_| io::Error::other("the socket is shared"))?;
        Ok((local, ReactorSocket::new(socket)?))
    }
}

/// Waits for either; tells whether it was the second.
async fn first(one: impl Future<Output = ()>, other: impl Future<Output = ()>) -> bool {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|context| {
        if other.as_mut().poll(context).is_ready() {
            return Poll::Ready(true);
        }
        one.as_mut().poll(context).map(|()| false)
    })
    .await
}

fn is_gone(error: &io::Error) -> bool {
    let gone =
        [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::NotConnected];
    gone.contains(&error.kind())
}

/// What an error of `accept` asks for: out of descriptors or memory, a pause; a client that has gone, nothing.
async fn survive(error: &io::Error) {
    if is_gone(error) {
        return tracing::debug!(target: "rsgi", %error, "a connection was gone before it was accepted");
    }
    // A subscriber that panics, as one may whose disk is full, must not end the accepting.
    let _unheard = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        tracing::error!(target: "rsgi", %error, "can't accept a connection; trying again in {PAUSE:?}");
    }));
    tokio::time::sleep(PAUSE).await;
}

/// How long accepting pauses when the process is out of descriptors.
const PAUSE: Duration = Duration::from_millis(50);
