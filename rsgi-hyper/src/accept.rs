//! Accepting: a task for each listener, until the server leaves or goes down.
//!
//! Not here: what a listener is (`listener.rs`), and what becomes of a connection (`conn.rs`).
//!
//! Invariant: an error of `accept` never ends a server, and whatever was accepted is served.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rsgi_core::App;
use rsgi_core::server::ServeError;
use tokio::sync::Semaphore;

use crate::conn::{self, Host};
use crate::control::Control;
use crate::listener::{Accepted, Accepting, Listener};
use crate::stage::{Member, Stage};

/// Ties listeners to the current runtime.
pub(crate) fn accepting(listeners: Vec<Listener>) -> Result<Vec<Accepting>, ServeError> {
    listeners.into_iter().map(Listener::accepting).collect()
}

/// Has each listener accepted from, by a task of its own.
pub(crate) fn spawn_accepting<A: App>(
    listeners: Vec<Accepting>,
    host: &Arc<Host<A>>,
    control: &Arc<Control>,
    permits: &Arc<Semaphore>,
) {
    for listener in listeners {
        let member = control.stages.join_accepting();
        let (host, control, permits) = (Arc::clone(host), Arc::clone(control), Arc::clone(permits));
        tokio::spawn(async move { accept(&listener, &host, &control, &permits, &member).await });
    }
}

/// Accepts until the server leaves or goes down, and then what the kernel had queued, unless that is left to others.
async fn accept<A: App>(
    listener: &Accepting,
    host: &Arc<Host<A>>,
    control: &Arc<Control>,
    permits: &Arc<Semaphore>,
    member: &Member,
) {
    let requests = control.stages.requests();
    let is_left_to_others = || member.stage() == Stage::Leaving && listener.is_shared();
    while !is_left_to_others() {
        let room = requests.while_room(while_permitted(permits, listener));
        let accepted = match unless_ending(member, room).await {
            Some(Ok(accepted)) => accepted,
            Some(Err(error)) => {
                survive(&error).await;
                continue;
            }
            None if is_left_to_others() || member.stage() == Stage::Stopped => return,
            None => match listener.accept_queued() {
                Ok(Some(accepted)) => accepted,
                Ok(None) | Err(_) => return,
            },
        };
        // Behind the accept: a permit that an idle listener held would be missing to the busy ones. What has to wait for one
        // nevertheless, when another listener was quicker, is served without when the end begins, as what the kernel had
        // queued is.
        let permit = unless_ending(member, Arc::clone(permits).acquire_owned()).await;
        let (host, member, id) = (Arc::clone(host), control.stages.join(), control.number());
        tokio::spawn(async move {
            conn::serve(&host, accepted, id, member).await;
            drop(permit);
        });
    }
}

/// Accepts while a permit is free: what is accepted without one waits here, though another process may have room for it.
async fn while_permitted(permits: &Semaphore, listener: &Accepting) -> io::Result<Accepted> {
    loop {
        // It fails when they are closed, which nobody does.
        drop(permits.acquire().await);
        let mut accepting = std::pin::pin!(listener.accept());
        let accepted = std::future::poll_fn(|context| {
            // Others may have taken the last one while nobody came here.
            if permits.available_permits() == 0 {
                Poll::Ready(None)
            } else {
                accepting.as_mut().poll(context).map(Some)
            }
        });
        if let Some(accepted) = accepted.await {
            return accepted;
        }
    }
}

/// Waits for `work` while the server neither leaves nor goes down.
async fn unless_ending<T>(member: &Member, work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let mut ending = std::pin::pin!(member.reached(Stage::Leaving));
    std::future::poll_fn(|context| {
        if let Poll::Ready(output) = work.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        ending.as_mut().poll(context).map(|()| None)
    })
    .await
}

/// What an error of `accept` asks for: out of descriptors or memory, a pause; a client that has gone, nothing.
async fn survive(error: &io::Error) {
    let gone =
        [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::NotConnected];
    if gone.contains(&error.kind()) {
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
