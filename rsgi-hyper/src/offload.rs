//! The threads on which blocking work runs, off the reactor: one does the work, the others stand by.
//!
//! A thread woken for each job costs more than most jobs do. So jobs are handed over once a turn of the reactor
//! ([`Lane`]), one thread takes them one after the other, and the tasks that wait for them are woken together, on
//! their own reactor. Another thread is woken only when a job has waited for a whole tick; the watchdog that sees
//! to it sleeps without a timer while there is nothing to do. While jobs are slow (`pace.rs`) each gets a thread at once.
//!
//! Not here: what a job is and how its result travels (core's `offload.rs`).
//!
//! Invariant: a job handed over is taken within two ticks as long as threads may be added, whatever the others do.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant};

use rsgi_core::{Job, Pool};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::pace::Pace;

/// The pool's owner: dropping it ends the threads once they are idle.
#[derive(Debug)]
pub(crate) struct Threads(Arc<Shared>);

/// One runtime's way into the pool and back: what `submit` gathers, and whom finished jobs wake.
pub(crate) struct Lane {
    threads: Arc<Shared>,
    /// Jobs submitted in this turn of the reactor.
    inbox: Mutex<Vec<Job>>,
    /// Who waits for jobs that are done; woken by the lane's task, on the reactor.
    finished: Mutex<Vec<Waker>>,
    /// The lane's task has been woken for `finished` and hasn't run yet.
    rung: AtomicBool,
    task: OnceLock<Waker>,
    /// Whether the runtime has several threads, where a woken task runs next and not last.
    flavor: RuntimeFlavor,
}

struct Shared {
    state: Mutex<State>,
    watchdog: OnceLock<Thread>,
    /// The watchdog waits without a timer: whoever hands work over wakes it.
    watchdog_rests: AtomicBool,
    /// The most threads.
    limit: usize,
    /// Entered by every thread, so that blocking work may use timers and channels of tokio.
    runtime: Handle,
}

#[derive(Default)]
struct State {
    queue: VecDeque<(Job, Arc<Lane>)>,
    /// The queue's length at which it is searched for cancelled jobs again.
    sift_at: usize,
    idle: Vec<Thread>,
    lanes: Arc<[Weak<Lane>]>,
    threads: usize,
    /// Threads that aren't in `idle`.
    active: usize,
    /// Jobs handed over, and jobs taken or thrown away, since the start: the difference is the queue.
    handed: u64,
    taken: u64,
    pace: Pace,
    closed: bool,
}

impl Threads {
    /// Makes a pool of at most `limit` threads; none is started before the first job. Call it within a runtime.
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            watchdog: OnceLock::new(),
            watchdog_rests: AtomicBool::new(false),
            limit: limit.max(1),
            runtime: Handle::current(),
        }))
    }

    /// What tells how much waits here.
    pub(crate) fn backlog(&self) -> Backlog {
        Backlog(Arc::downgrade(&self.0))
    }

    /// Opens a lane for the runtime of the calling task, and spawns the lane's task on it.
    pub(crate) fn lane(&self) -> Arc<Lane> {
        let lane = Arc::new(Lane {
            threads: Arc::clone(&self.0),
            inbox: Mutex::default(),
            finished: Mutex::default(),
            rung: AtomicBool::new(false),
            task: OnceLock::new(),
            flavor: Handle::current().runtime_flavor(),
        });
        let mut state = lock(&self.0.state);
        let known = state.lanes.iter().filter(|known| known.strong_count() > 0).cloned();
        state.lanes = known.chain([Arc::downgrade(&lane)]).collect();
        drop(state);
        tokio::spawn(attend(Arc::downgrade(&lane)));
        lane
    }
}

/// The work that waits for a thread of a pool, seen from outside.
#[derive(Debug)]
pub(crate) struct Backlog(Weak<Shared>);

impl Backlog {
    /// How many jobs were handed over and not taken.
    pub(crate) fn jobs(&self) -> usize {
        self.0.upgrade().map_or(0, |shared| lock(&shared.state).queue.len())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.closed = true;
        let idle = std::mem::take(&mut state.idle);
        state.active += idle.len();
        drop(state);
        for thread in idle.iter().chain(self.0.watchdog.get()) {
            thread.unpark();
        }
    }
}

impl Pool for Lane {
    fn submit(&self, job: Job) {
        let mut inbox = lock(&self.inbox);
        inbox.push(job);
        if inbox.len() == 1 {
            drop(inbox);
            self.wake_task();
        }
    }
}

impl Lane {
    fn wake_task(&self) {
        if let Some(task) = self.task.get() {
            task.wake_by_ref();
        }
    }

    /// Has the lane's task wake those whose jobs are done, if there are any.
    fn ring(&self) {
        if !lock(&self.finished).is_empty() && !self.rung.swap(true, Ordering::AcqRel) {
            self.wake_task();
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.wake_task();
    }
}

/// The lane's task: wakes those whose jobs are done, and at the end of a turn hands over what the turn submitted.
async fn attend(lane: Weak<Lane>) {
    let mut jobs = Vec::new();
    let mut wakers = Vec::new();
    let mut end_of_turn = false;
    std::future::poll_fn(move |context| {
        let Some(lane) = lane.upgrade() else { return Poll::Ready(()) };
        lane.task.get_or_init(|| context.waker().clone());
        lane.rung.store(false, Ordering::Release);
        std::mem::swap(&mut *lock(&lane.finished), &mut wakers);
        for waker in wakers.drain(..) {
            waker.wake();
        }
        if lock(&lane.inbox).is_empty() {
            return Poll::Pending;
        }
        // On one thread this task was queued behind all that the reactor had woken. On several it runs next, so it
        // steps back once, until the queue is empty.
        if lane.flavor != RuntimeFlavor::CurrentThread && !std::mem::replace(&mut end_of_turn, true) {
            step_back(context);
            return Poll::Pending;
        }
        end_of_turn = false;
        std::mem::swap(&mut *lock(&lane.inbox), &mut jobs);
        Shared::hand_over(&lane.threads, &lane, &mut jobs);
        Poll::Pending
    })
    .await;
}

/// Has the current task woken after those that are ready now. What tokio calls yielding; its future needn't be kept.
fn step_back(context: &mut Context<'_>) {
    let turn = pin!(tokio::task::yield_now());
    let _always_pending = turn.poll(context);
}

impl State {
    /// Throws cancelled jobs away, now and then: while all threads are held up, clients that ask and leave would make the
    /// queue grow by one each time. What they had to drop was dropped when they were cancelled.
    fn sift(&mut self) {
        if self.queue.len() > self.sift_at.max(SIFT_LEAST) {
            let before = self.queue.len();
            self.queue.retain(|(job, _)| !job.is_cancelled());
            // Else the watchdog would wait for them.
            self.taken += (before - self.queue.len()) as u64;
            self.sift_at = 2 * self.queue.len();
        }
    }
}

impl Shared {
    fn hand_over(this: &Arc<Self>, lane: &Arc<Lane>, jobs: &mut Vec<Job>) {
        let mut state = lock(&this.state);
        let wanted = if state.pace.is_slow() { jobs.len() } else { usize::from(state.active == 0) };
        state.handed += jobs.len() as u64;
        state.queue.extend(jobs.drain(..).map(|job| (job, Arc::clone(lane))));
        state.sift();
        let woken = Self::promote(this, &mut state, wanted);
        drop(state);
        woken.iter().for_each(Thread::unpark);
        if this.watchdog_rests.swap(false, Ordering::SeqCst)
            && let Some(watchdog) = this.watchdog.get()
        {
            watchdog.unpark();
        }
    }

    /// Sets so many more threads to work, as far as there may be more. Gives those that the caller is to wake, once it has
    /// let go of the lock that they will want.
    #[must_use]
    fn promote(this: &Arc<Self>, state: &mut State, wanted: usize) -> Vec<Thread> {
        let rested = state.idle.split_off(state.idle.len() - wanted.min(state.idle.len()));
        state.active += rested.len();
        for _ in rested.len()..wanted.min(rested.len() + this.limit - state.threads) {
            let shared = Arc::clone(this);
            let started = thread::Builder::new().name("rsgi-blocking".into()).spawn(move || work(&shared));
            if let Err(error) = started {
                tracing::error!(target: "rsgi", %error, threads = state.threads, "can't start a thread for blocking work");
                break;
            }
            state.threads += 1;
            state.active += 1;
            Self::start_watchdog(this);
        }
        rested
    }

    fn start_watchdog(this: &Arc<Self>) {
        if this.watchdog.get().is_some() {
            return;
        }
        let shared = Arc::clone(this);
        match thread::Builder::new().name("rsgi-watchdog".into()).spawn(move || watch(&shared)) {
            Ok(handle) => {
                this.watchdog.get_or_init(|| handle.thread().clone());
            }
            Err(error) => {
                tracing::error!(target: "rsgi", %error, "can't start the watchdog of blocking work");
            }
        }
    }

    fn ring_all(lanes: &[Weak<Lane>]) {
        for lane in lanes.iter().filter_map(Weak::upgrade) {
            lane.ring();
        }
    }
}

/// The life of a pool thread: take a job, run it, gather who waits for it; with nothing to do, wake them and rest.
fn work(shared: &Arc<Shared>) {
    let _entered = shared.runtime.enter();
    let me = thread::current();
    let mut rung = Instant::now();
    // When the last job was done, or this thread was woken.
    let mut begun = rung;
    let mut ended = None;
    loop {
        let mut state = lock(&shared.state);
        if let Some(took) = ended.take() {
            state.pace.end(took);
        }
        if let Some((job, lane)) = state.queue.pop_front() {
            state.taken += 1;
            drop(state);
            if let Some(waker) = job.run() {
                lock(&lane.finished).push(waker);
            }
            let now = Instant::now();
            ended = Some(now - std::mem::replace(&mut begun, now));
            if now.duration_since(rung) > GATHER {
                lane.ring();
                rung = now;
            }
            continue;
        }
        let closed = state.closed;
        state.active -= 1;
        if closed {
            state.threads -= 1;
        } else {
            state.idle.push(me.clone());
        }
        let lanes = Arc::clone(&state.lanes);
        drop(state);
        Shared::ring_all(&lanes);
        if closed {
            return;
        }
        rest(shared, me.id());
        rung = Instant::now();
        begun = rung;
    }
}

/// Sleeps until somebody has taken this thread out of the idle ones; a stray token doesn't count.
fn rest(shared: &Shared, me: ThreadId) {
    loop {
        thread::park();
        if !lock(&shared.state).idle.iter().any(|thread| thread.id() == me) {
            return;
        }
    }
}

/// What the watchdog saw when it last looked.
#[derive(Default)]
struct Seen {
    handed: u64,
    taken: u64,
    /// Looks in a row at which a job had waited for a whole tick, since one was last taken.
    stuck: u32,
    /// Looks in a row at which there was nothing to do.
    calm: u32,
}

impl Seen {
    /// Looks again; gives how many more threads are needed: one if a job has waited for a whole tick, twice as many each
    /// time nothing was taken at all. As nothing is while all threads are held up, that may be so for ever.
    fn look(&mut self, state: &State) -> usize {
        let waits = state.taken < self.handed;
        if state.taken != self.taken {
            self.stuck = 0;
        }
        let needed = 1_usize.checked_shl(self.stuck).unwrap_or(usize::MAX).min(state.queue.len());
        self.stuck = if waits { self.stuck.saturating_add(1) } else { 0 };
        self.calm = if state.handed == self.handed && state.active == 0 { self.calm + 1 } else { 0 };
        (self.handed, self.taken) = (state.handed, state.taken);
        if waits { needed } else { 0 }
    }
}

/// The watchdog: once a tick it sets more threads to work if jobs wait, and wakes those whose jobs a held-up thread
/// has left behind.
fn watch(shared: &Arc<Shared>) {
    let mut seen = Seen::default();
    loop {
        let mut state = lock(&shared.state);
        if state.closed {
            return;
        }
        let wanted = seen.look(&state);
        if wanted > 0 {
            state.pace.slow_down();
        }
        let woken = Shared::promote(shared, &mut state, wanted);
        let lanes = Arc::clone(&state.lanes);
        drop(state);
        woken.iter().for_each(Thread::unpark);
        Shared::ring_all(&lanes);
        if seen.calm < REST_AFTER {
            thread::park_timeout(TICK);
            continue;
        }
        seen.calm = 0;
        shared.watchdog_rests.store(true, Ordering::SeqCst);
        let state = lock(&shared.state);
        let missed = state.handed != seen.handed || state.closed;
        drop(state);
        if !missed {
            thread::park();
        }
        shared.watchdog_rests.store(false, Ordering::SeqCst);
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Lane").field("flavor", &self.flavor).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often the watchdog looks while there is work. A held-up thread delays others by at most two of these.
const TICK: Duration = Duration::from_millis(1);

/// How long finished jobs are gathered before those who wait for them are woken, if the work doesn't end before.
const GATHER: Duration = Duration::from_micros(100);

/// Ticks without work after which the watchdog sleeps without a timer.
const REST_AFTER: u32 = 50;

/// A queue that isn't longer than this isn't searched for cancelled jobs.
const SIFT_LEAST: usize = 1024;

#[cfg(test)]
mod tests;
