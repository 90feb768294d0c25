//! The accepting thread: connections from every listener, each to a thread of its own, until the drain; then what the
//! kernel had queued, and the end.
//!
//! Invariant: no error of accept, and no lack of threads or descriptors, ends it.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rsgi_core::{App, may_block, wait};
use rustix::event::{PollFd, PollFlags, poll};

use crate::conn::{Conn, Ends};
use crate::listen::Listener;
use crate::server::Shared;
use crate::wire::{Wire, timeout};

/// How long to wait when the system has no descriptor or thread left.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes a connection out of the books, whatever its thread came to.
struct Booked(Arc<Shared>, u64);

impl Drop for Booked {
    fn drop(&mut self) {
        self.0.state().live.remove(&self.1);
        self.0.bell.ring();
    }
}

/// What the thread does.
pub(crate) fn accept<A: App>(listeners: Vec<Listener>, shared: &Arc<Shared>, app: &Arc<A>) {
    let (mut id, mut is_paused) = (0, false);
    while !shared.facts.drain.has_begun() {
        wait_for_clients(&listeners, shared, is_paused);
        is_paused = take_all(&listeners, shared, app, &mut id) == Queue::Stuck;
    }
    // What the kernel had queued waits for room, as it would have without the drain.
    while take_all(&listeners, shared, app, &mut id) == Queue::Full && !shared.is_time_over() {
        shared.wait_for_change();
    }
    drop(listeners);
    end_connections(shared);
    shared.watcher.end();
    wait(app.stop());
}

fn wait_for_clients(listeners: &[Listener], shared: &Shared, is_paused: bool) {
    let is_full = shared.state().live.len() >= shared.config.limits.connections;
    let mut fds = vec![PollFd::new(&shared.bell.reader, PollFlags::IN)];
    if !is_paused && !is_full {
        fds.extend(listeners.iter().map(|listener| PollFd::new(listener, PollFlags::IN)));
    }
    let pause = is_paused.then(|| Instant::now() + PAUSE);
    let result = poll(&mut fds, timeout(pause).as_ref());
    if result.is_ok() && !fds[0].revents().is_empty() {
        shared.bell.hush();
    }
}

/// What is left in the listeners' queues.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Queue {
    Empty,
    /// As many connections are open as may be.
    Full,
    /// The system has no descriptor left, say.
    Stuck,
}

/// Accepts until nobody is there, or there is no room.
fn take_all<A: App>(listeners: &[Listener], shared: &Arc<Shared>, app: &Arc<A>, id: &mut u64) -> Queue {
    for listener in listeners {
        loop {
            if shared.state().live.len() >= shared.config.limits.connections {
                return Queue::Full;
            }
            match listener.accept() {
                Ok((stream, peer, local)) => {
                    *id += 1;
                    begin(shared, app, Wire::new(stream), Ends { id: *id, peer, local });
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    tracing::warn!(%error, "a connection was lost before it was accepted");
                    return Queue::Stuck;
                }
            }
        }
    }
    Queue::Empty
}

fn begin<A: App>(shared: &Arc<Shared>, app: &Arc<A>, wire: Wire, ends: Ends) {
    let (id, wire) = (ends.id, Arc::new(wire));
    let _checked_by_config = wire.stream.set_write_timeout(shared.config.timeouts.write);
    shared.state().live.insert(id, (Arc::clone(&wire), None));
    let booked = Booked(Arc::clone(shared), id);
    let (conn, app) = (Conn::new(Arc::clone(shared), wire), Arc::clone(app));
    let spawned = thread::Builder::new().spawn(move || {
        let _booked = booked;
        may_block(|| conn.serve(&*app, ends));
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "a connection was dropped, as there is no thread for it");
    }
}

/// Waits for the last connection, or cuts off what is left when the time is over.
fn end_connections(shared: &Shared) {
    while !shared.state().live.is_empty() && !shared.is_time_over() {
        shared.wait_for_change();
    }
    shared.state().cut_off();
}
