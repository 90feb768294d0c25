//! How far a server's life has come, and who has to know: the connections and the accept loops.
//!
//! A connection asks at each turn, which costs one load, and is woken when the answer changes. Core's `Drain` is for
//! apps; this is for the server's own tasks, which come and go by the thousand and must leave nothing behind.
//!
//! Invariant: a stage is never left for an earlier one.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::load::Requests;

/// A stage in a server's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Accepts and serves.
    Serving,
    /// Accepts no more, and keeps its connections to their next answer.
    Leaving,
    /// Finishes what is in flight.
    Draining,
    /// Ends at once.
    Stopped,
}

/// The stage of a server, and its members.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stages(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    stage: AtomicU8,
    members: Mutex<Members>,
    requests: Requests,
}

#[derive(Debug, Default)]
struct Members {
    last: u64,
    /// How many of the tasks accept.
    accepting: usize,
    tasks: HashMap<u64, Option<Waker>>,
    /// Who waits for the last member to leave, or for a stage without being a member.
    onlookers: Vec<Waker>,
}

/// One task of a server; it leaves when this is dropped.
#[derive(Debug)]
pub(crate) struct Member {
    shared: Arc<Shared>,
    number: u64,
    role: Role,
}

/// What a task does for its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Accepts,
    Serves,
}

impl Stages {
    /// The stages of a server that accepts no more connections while it answers so many requests.
    pub(crate) fn new(running_requests: Option<usize>) -> Self {
        Self(Arc::new(Shared { requests: Requests::new(running_requests), ..Shared::default() }))
    }

    /// Takes a connection's task in.
    pub(crate) fn join(&self) -> Member {
        self.enter(Role::Serves)
    }

    /// Takes a task in that accepts.
    pub(crate) fn join_accepting(&self) -> Member {
        self.enter(Role::Accepts)
    }

    fn enter(&self, role: Role) -> Member {
        let mut members = self.0.lock();
        members.last += 1;
        let number = members.last;
        members.tasks.insert(number, None);
        members.accepting += usize::from(role == Role::Accepts);
        Member { shared: Arc::clone(&self.0), number, role }
    }

    /// How many connections there are.
    pub(crate) fn connections(&self) -> usize {
        let members = self.0.lock();
        members.tasks.len() - members.accepting
    }

    /// The requests of all connections.
    pub(crate) fn requests(&self) -> &Requests {
        &self.0.requests
    }

    /// The stage now.
    pub(crate) fn stage(&self) -> Stage {
        self.0.stage()
    }

    /// Goes on to a later stage and wakes everybody.
    pub(crate) fn advance(&self, stage: Stage) {
        let mut members = self.0.lock();
        self.0.stage.fetch_max(stage as u8, Ordering::SeqCst);
        // Kept, not taken: a task that is woken for the drain need not watch again to be woken for the stop.
        let wakers: Vec<_> = members.tasks.values().flatten().cloned().collect();
        let onlookers = std::mem::take(&mut members.onlookers);
        drop(members);
        for waker in wakers.into_iter().chain(onlookers) {
            waker.wake();
        }
    }

    /// Waits for a stage, or a later one.
    pub(crate) async fn reached(&self, stage: Stage) {
        self.look(|shared, _| shared.stage() >= stage).await;
    }

    /// Waits until every task has left.
    pub(crate) async fn empty(&self) {
        self.look(|_, members| members.tasks.is_empty()).await;
    }

    async fn look(&self, is_there: impl Fn(&Shared, &Members) -> bool) {
        poll_fn(|context| {
            let mut members = self.0.lock();
            if is_there(&self.0, &members) {
                return Poll::Ready(());
            }
            if !members.onlookers.iter().any(|known| known.will_wake(context.waker())) {
                members.onlookers.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

impl Shared {
    #[inline]
    fn stage(&self) -> Stage {
        match self.stage.load(Ordering::SeqCst) {
            0 => Stage::Serving,
            1 => Stage::Leaving,
            2 => Stage::Draining,
            _ => Stage::Stopped,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    /// The stage now.
    #[inline]
    pub(crate) fn stage(&self) -> Stage {
        self.shared.stage()
    }

    /// The requests of all connections.
    pub(crate) fn requests(&self) -> &Requests {
        &self.shared.requests
    }

    /// Has the current task woken when the stage changes. Ask for the stage after it.
    pub(crate) fn watch(&self, context: &mut Context<'_>) {
        if let Some(task) = self.shared.lock().tasks.get_mut(&self.number) {
            *task = Some(context.waker().clone());
        }
    }

    /// Waits for a stage, or a later one.
    pub(crate) async fn reached(&self, stage: Stage) {
        poll_fn(|context| {
            self.watch(context);
            if self.stage() >= stage { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut members = self.shared.lock();
        members.tasks.remove(&self.number);
        members.accepting -= usize::from(self.role == Role::Accepts);
        if members.tasks.is_empty() {
            let onlookers = std::mem::take(&mut members.onlookers);
            drop(members);
            for waker in onlookers {
                waker.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[tokio::test]
    async fn members_see_the_stage_and_the_server_sees_them_leave() {
        let stages = Stages::default();
        let member = stages.join();
        assert_eq!(member.stage(), Stage::Serving);
        let task = tokio::spawn(async move {
            member.reached(Stage::Draining).await;
            member.stage()
        });
        tokio::task::yield_now().await;
        stages.advance(Stage::Draining);
        stages.empty().await;
        assert_eq!(task.await.unwrap(), Stage::Draining);
    }

    #[test]
    fn a_task_that_watched_once_is_woken_for_every_stage() {
        struct Count(AtomicUsize);
        impl std::task::Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let stages = Stages::default();
        let member = stages.join();
        member.watch(&mut Context::from_waker(&Arc::clone(&count).into()));
        stages.advance(Stage::Draining);
        stages.advance(Stage::Stopped);
        assert_eq!(count.0.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn who_accepts_is_no_connection() {
        let stages = Stages::default();
        let (accepting, serving) = (stages.join_accepting(), stages.join());
        assert_eq!(stages.connections(), 1);
        drop(accepting);
        assert_eq!(stages.connections(), 1);
        drop(serving);
        assert_eq!(stages.connections(), 0);
    }

    #[test]
    fn a_stage_is_never_left_for_an_earlier_one() {
        let stages = Stages::default();
        stages.advance(Stage::Stopped);
        stages.advance(Stage::Draining);
        assert_eq!(stages.stage(), Stage::Stopped);
    }
}
