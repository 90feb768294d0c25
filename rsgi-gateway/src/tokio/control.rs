//! [`Control`]: how far a server's life has come, who is served, and [`Handle`], by which others end it.
//!
//! Its tasks ask at each turn, which costs one load, and are woken when the answer changes.
//!
//! Invariants: a stage is never left for an earlier one, and the time for the graceful end only ever gets shorter.
//! Next: `accept.rs`, `connection.rs`.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use rsgi_core::Drain;
use rsgi_core::server::Load;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::timeout_at;

use super::pool::Threads;
use crate::site::Site;

/// A stage in a server's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Accepts and serves.
    Serving,
    /// Accepts no more, and keeps its connections to their next answer.
    Leaving,
    /// Finishes what is in flight.
    Draining,
    /// Ends at once.
    Stopped,
}

/// What the tasks of a server share with its handles.
#[derive(Debug)]
pub(super) struct Control {
    site: Arc<Site>,
    threads: Arc<Threads>,
    drain: Drain,
    graceful: Option<Duration>,
    stage: AtomicU8,
    /// The stage has changed: for those who accept. Connections are woken one by one.
    changed: Notify,
    /// There is less to do: a connection or a request is over. The stage's changes are told here, too.
    less: Notify,
    tasks: Mutex<Tasks>,
    accepted: AtomicU64,
    /// Until when the graceful end may take; `None` before it began, and where it has no limit.
    until: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Tasks {
    connections: usize,
    accepting: usize,
    /// What wakes the connections, by the numbers of their places: there from a task's first turn to its end, so that it hears of
    /// every stage, however quickly they follow each other.
    wakers: HashMap<u64, Waker>,
}

/// A task's place among a server's; given back on drop.
#[derive(Debug)]
pub(super) struct Place {
    control: Arc<Control>,
    role: Role,
    number: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Accepts,
    Serves,
}

impl Control {
    pub(super) fn new(
        site: Arc<Site>,
        threads: Arc<Threads>,
        drain: Drain,
        graceful: Option<Duration>,
    ) -> Self {
        Self {
            site,
            threads,
            drain,
            graceful,
            stage: AtomicU8::new(Stage::Serving as u8),
            changed: Notify::new(),
            less: Notify::new(),
            tasks: Mutex::default(),
            accepted: AtomicU64::new(0),
            until: Mutex::new(None),
        }
    }

    pub(super) fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// The stage now.
    pub(super) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::SeqCst) {
            0 => Stage::Serving,
            1 => Stage::Leaving,
            2 => Stage::Draining,
            _ => Stage::Stopped,
        }
    }

    /// Is told of every change of the stage after this call.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Is told of every connection or request that is over after this call, as far as somebody may wait for it.
    pub(super) fn less(&self) -> Notified<'_> {
        self.less.notified()
    }

    /// Tells who accepts that there may be room again, if anybody waits for that.
    pub(super) fn tell_room(&self) {
        if let Some(most) = self.site.limits.running_requests
            && self.site.running() < most
        {
            self.less.notify_waiters();
        }
    }

    /// Takes a task in that accepts.
    pub(super) fn join_accepting(self: &Arc<Self>) -> Place {
        self.tasks().accepting += 1;
        Place { control: Arc::clone(self), role: Role::Accepts, number: 0 }
    }

    /// Accepts a connection and takes it in; `None` if there is no room for one.
    pub(super) fn admit<T>(
        self: &Arc<Self>,
        accept: impl FnOnce() -> io::Result<T>,
    ) -> Option<io::Result<(T, Place)>> {
        let limits = &self.site.limits;
        // Kept while the system is asked, so that no listener goes beyond the limit.
        let mut tasks = self.tasks();
        let has_room = tasks.connections < limits.connections
            && limits.running_requests.is_none_or(|most| self.site.running() < most);
        // Whoever ends leaves nothing in the kernel that only this server would serve.
        if !has_room && self.stage() == Stage::Serving {
            return None;
        }
        Some(accept().map(|accepted| {
            tasks.connections += 1;
            let number = self.accepted.fetch_add(1, Ordering::Relaxed);
            (accepted, Place { control: Arc::clone(self), role: Role::Serves, number })
        }))
    }

    /// What the server has to do at this moment.
    fn load(&self) -> Load {
        let mut load = Load::default();
        load.connections = self.tasks().connections;
        load.running = self.site.running();
        load.waiting = self.threads.waiting();
        load.accepted = self.accepted.load(Ordering::Relaxed);
        load
    }

    fn end(&self, stage: Stage, limit: Option<Duration>) {
        if let Some(limit) = limit.or(self.graceful)
            && let Some(at) = Instant::now().checked_add(limit)
        {
            let mut until = self.until();
            *until = Some(until.map_or(at, |before| before.min(at)));
        }
        self.advance(stage);
        // Behind it: what an app answers on being told must say already that it is the last.
        self.drain.begin();
    }

    fn advance(&self, stage: Stage) {
        self.stage.fetch_max(stage as u8, Ordering::SeqCst);
        self.changed.notify_waiters();
        self.less.notify_waiters();
        let wakers: Vec<Waker> = self.tasks().wakers.values().cloned().collect();
        for waker in wakers {
            waker.wake();
        }
    }

    /// Waits for the order to leave or to end and until every task has left; cuts them off when the time is over.
    pub(super) async fn ended(&self) {
        loop {
            let less = self.less();
            let is_empty = {
                let tasks = self.tasks();
                tasks.connections + tasks.accepting == 0
            };
            if is_empty && self.stage() != Stage::Serving {
                return;
            }
            // Behind the order: who hurries sets the limit first.
            let until = if self.stage() == Stage::Stopped { None } else { *self.until() };
            match until {
                None => less.await,
                Some(until) => {
                    if timeout_at(until.into(), less).await.is_err() {
                        self.cut();
                    }
                }
            }
        }
    }

    fn cut(&self) {
        let connections = self.tasks().connections;
        if connections > 0 {
            tracing::warn!(target: "rsgi", connections, "not everything ended within the graceful time: cut off");
        }
        self.advance(Stage::Stopped);
    }

    /// How much of the graceful end's time is left, if it has a limit.
    pub(super) fn left(&self) -> Option<Duration> {
        self.until().map(|until| until.saturating_duration_since(Instant::now()))
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(super) fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// Has a task woken at every change of the stage, until its place is given back. What the stage is then is asked behind it.
    pub(super) fn wakes(&self, task: &Waker) {
        self.control.tasks().wakers.insert(self.number, task.clone());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Dropped outside of the lock.
        let mut waker = None;
        {
            let mut tasks = self.control.tasks();
            match self.role {
                Role::Accepts => tasks.accepting -= 1,
                Role::Serves => {
                    tasks.connections -= 1;
                    waker = tasks.wakers.remove(&self.number);
                }
            }
        }
        drop(waker);
        self.control.less.notify_waiters();
    }
}

/// A handle on a running server, for other threads and tasks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) control: Arc<Control>,
}

impl Handle {
    /// Begins the graceful end, as [`Running::shutdown_by`](rsgi_core::Running::shutdown_by); `None` takes the setting
    /// `timeouts.graceful`.
    pub fn shutdown(&self, limit: Option<Duration>) {
        self.control.end(Stage::Draining, limit);
    }

    /// Begins to leave a service that goes on, as [`Running::leave_by`](rsgi_core::Running::leave_by); `None` takes the
    /// setting `timeouts.graceful`.
    pub fn leave(&self, limit: Option<Duration>) {
        self.control.end(Stage::Leaving, limit);
    }

    /// What the server has to do at this moment.
    #[must_use]
    pub fn load(&self) -> Load {
        self.control.load()
    }

    /// Tells whether the graceful end has begun, or the service is left.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.control.drain.has_begun()
    }
}
