//! The server's way to run work that blocks: inline on a blocking server, a pool on an async one.
//!
//! Core defines the hand-over and knows which threads may block; the pool itself belongs to the adapter, so core
//! spawns nothing. A job is one allocation that carries its closure, its result and the waker of whoever waits.
//! Used by `blocking.rs` for calls and by `body/offloaded.rs` for bodies.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tracing::Span;

use crate::closing::close;

/// How a server runs work that blocks.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Offload {
    /// On the calling thread, which the server gives up for it: a blocking server.
    #[default]
    Inline,
    /// On a pool of threads: an async server.
    Pool(Arc<dyn Pool>),
}

impl std::fmt::Debug for Offload {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Inline => "Inline",
            Self::Pool(_) => "Pool",
        })
    }
}

/// Threads that may block. Implemented by async adapters, which put it into [`Server::offload`](crate::Server::offload).
///
/// # Contract
///
/// Core submits one job for each call of a blocking app, for each stretch of a body that blocks, and for the drop of
/// one; from any thread, often from the reactor's. Each job is independent of the others, may take as long as its app
/// likes, and never panics.
///
/// # Examples
///
/// A thread for each job, in full:
///
/// ```
/// use std::sync::Arc;
/// use rsgi_core::{wait, Job, Offload, Pool};
///
/// struct Threads;
///
/// impl Pool for Threads {
///     fn submit(&self, job: Job) {
///         std::thread::spawn(move || {
///             if let Some(waiting) = job.run() {
///                 waiting.wake();
///             }
///         });
///     }
/// }
///
/// let offload = Offload::Pool(Arc::new(Threads));
/// assert_eq!(wait(offload.run(|| 6 * 7)), 42);
/// ```
pub trait Pool: Send + Sync {
    /// Takes a job to be [run](Job::run) on a thread that may block, soon and exactly once. Must not block; may
    /// gather jobs and hand them over in batches. A job that is dropped instead, as a pool that ends may, fails what
    /// waits for it.
    fn submit(&self, job: Job);
}

/// One piece of work that blocks.
pub struct Job(
    /// Taken by `run`.
    Option<Arc<dyn Work>>,
);

impl Job {
    /// Runs the work on the calling thread, marked as one that may block. Never panics: a panic of the work goes
    /// to whoever waits for it. Returns the waker of who waits, for the pool to wake now or with others.
    #[must_use = "somebody waits for this job: wake it"]
    pub fn run(mut self) -> Option<Waker> {
        let work = self.0.take()?;
        may_block(|| work.work())
    }

    /// Tells whether nobody waits for the work any more, so that running it would do nothing. A pool whose threads are
    /// all busy may drop such jobs, lest clients that ask and leave make its queue grow.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.as_ref().is_none_or(|work| work.is_cancelled())
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(waker) = self.0.take().and_then(|work| work.abandon()) {
            waker.wake();
        }
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Job(..)")
    }
}

pub(crate) trait Work: Send + Sync {
    /// Does the work; gives who waits for it.
    fn work(&self) -> Option<Waker>;

    /// Gives the work up, as its pool has ended; gives who waits for it.
    fn abandon(&self) -> Option<Waker>;

    /// Tells whether there is nothing left to do.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// What became of abandoned work, as a panic's or an error's text.
pub(crate) const ABANDONED: &str = "the server's pool ended before it ran a job";

impl Offload {
    /// Runs `work` where it may block and gives its result: at the first poll on a blocking server, after a
    /// hand-over on an async one, where the span of `tracing` goes along that is the current one now. Dropping the future before the work has begun cancels it, and drops the work there.
    ///
    /// # Panics
    ///
    /// As `work` panics, in the polling thread.
    pub fn run<T, W>(&self, work: W) -> Offloaded<T, W>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        Offloaded(match self {
            Self::Inline => Stage::Inline(Some(work)),
            Self::Pool(pool) => {
                let slot =
                    Arc::new(Slot(Mutex::new(SlotState::Queued { work, waker: None }), Span::current()));
                Stage::Queued { pool: Arc::clone(pool), slot }
            }
        })
    }

    /// Hands over work that nobody waits for, such as the drop of a body that may block; inline on a blocking server.
    pub(crate) fn detach(&self, work: impl FnOnce() + Send + 'static) {
        match self {
            Self::Inline => work(),
            Self::Pool(pool) => {
                let slot = Slot(Mutex::new(SlotState::Queued { work, waker: None }), Span::none());
                pool.submit(Job(Some(Arc::new(slot))));
            }
        }
    }

    pub(crate) fn submit(pool: &Arc<dyn Pool>, work: Arc<dyn Work>) {
        pool.submit(Job(Some(work)));
    }
}

enum SlotState<T, W> {
    Queued { work: W, waker: Option<Waker> },
    Running { waker: Option<Waker> },
    Done(std::thread::Result<T>),
    Taken,
}

/// Work with the span of whoever asked for it, whose thread it leaves.
struct Slot<T, W>(Mutex<SlotState<T, W>>, Span);

impl<T, W> Slot<T, W> {
    fn lock(&self) -> std::sync::MutexGuard<'_, SlotState<T, W>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send, W: FnOnce() -> T + Send> Work for Slot<T, W> {
    fn work(&self) -> Option<Waker> {
        let work = {
            let mut state = self.lock();
            match std::mem::replace(&mut *state, SlotState::Taken) {
                SlotState::Queued { work, waker } => {
                    *state = SlotState::Running { waker };
                    work
                }
                // Cancelled before it began.
                other => {
                    *state = other;
                    return None;
                }
            }
        };
        let result = catch_unwind(AssertUnwindSafe(|| self.1.in_scope(work)));
        let mut state = self.lock();
        if let SlotState::Running { waker } = std::mem::replace(&mut *state, SlotState::Done(result)) {
            return waker;
        }
        // Cancelled while it ran: the result is dropped here, on a thread that may block.
        let result = std::mem::replace(&mut *state, SlotState::Taken);
        drop(state);
        close(result);
        None
    }

    fn abandon(&self) -> Option<Waker> {
        let mut state = self.lock();
        if !matches!(*state, SlotState::Queued { .. }) {
            return None;
        }
        let queued = std::mem::replace(&mut *state, SlotState::Done(Err(Box::new(ABANDONED))));
        drop(state);
        let SlotState::Queued { work, waker } = queued else { return None };
        close(work);
        waker
    }

    fn is_cancelled(&self) -> bool {
        matches!(*self.lock(), SlotState::Taken)
    }
}

enum Stage<T, W> {
    Inline(Option<W>),
    Queued { pool: Arc<dyn Pool>, slot: Arc<Slot<T, W>> },
    Submitted { pool: Arc<dyn Pool>, slot: Arc<Slot<T, W>> },
}

/// The future of [`Offload::run`].
///
/// # Cancel safety
///
/// Dropping it cancels work that hasn't begun; the result of work that has is dropped where it ran.
#[must_use = "futures do nothing unless polled"]
pub struct Offloaded<T: Send + 'static, W: Send + 'static>(Stage<T, W>);

impl<T: Send, W: Send> std::fmt::Debug for Offloaded<T, W> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Offloaded(..)")
    }
}

// Nothing in it is pinned: the work is moved out before it runs.
impl<T: Send, W: Send> Unpin for Offloaded<T, W> {}

impl<T, W> Future for Offloaded<T, W>
where
    T: Send + 'static,
    W: FnOnce() -> T + Send + 'static,
{
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match &mut self.0 {
            Stage::Inline(work) => match work.take() {
                Some(work) => Poll::Ready(work()),
                None => Poll::Pending,
            },
            Stage::Queued { pool, slot } => {
                if let SlotState::Queued { waker, .. } = &mut *slot.lock() {
                    *waker = Some(context.waker().clone());
                }
                Offload::submit(pool, Arc::clone(slot) as Arc<dyn Work>);
                let (pool, slot) = (Arc::clone(pool), Arc::clone(slot));
                self.0 = Stage::Submitted { pool, slot };
                Poll::Pending
            }
            Stage::Submitted { slot, .. } => poll_slot(slot, context),
        }
    }
}

fn poll_slot<T, W>(slot: &Slot<T, W>, context: &mut Context<'_>) -> Poll<T> {
    let mut state = slot.lock();
    match &mut *state {
        SlotState::Queued { waker, .. } | SlotState::Running { waker } => {
            match waker {
                Some(known) if known.will_wake(context.waker()) => {}
                _ => *waker = Some(context.waker().clone()),
            }
            Poll::Pending
        }
        SlotState::Done(_) => match std::mem::replace(&mut *state, SlotState::Taken) {
            SlotState::Done(Ok(value)) => Poll::Ready(value),
            SlotState::Done(Err(panic)) => {
                drop(state);
                resume_unwind(panic)
            }
            _ => Poll::Pending,
        },
        SlotState::Taken => Poll::Pending,
    }
}

impl<T: Send + 'static, W: Send + 'static> Drop for Offloaded<T, W> {
    fn drop(&mut self) {
        let Stage::Submitted { pool, slot } = &self.0 else { return };
        let abandoned = std::mem::replace(&mut *slot.lock(), SlotState::Taken);
        if let SlotState::Done(result) = abandoned {
            // A result may hold a body whose drop blocks: not on this thread.
            Offload::Pool(Arc::clone(pool)).detach(move || close(result));
        }
    }
}

thread_local! {
    static MAY_BLOCK: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` with the calling thread marked as one that may block: there the input can be read by
/// [`std::io::Read`]. For blocking adapters, around an app's call or a whole thread's life, and for tests.
pub fn may_block<T>(work: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            MAY_BLOCK.set(self.0);
        }
    }
    let _restore = Restore(MAY_BLOCK.replace(true));
    work()
}

/// Tells whether the calling thread is marked as one that may block.
#[must_use]
pub fn thread_may_block() -> bool {
    MAY_BLOCK.get()
}
