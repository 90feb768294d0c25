//! The threads on which blocking work runs, off the reactor: one does the work, the others stand by.
//!
//! A thread woken for each job costs more than most jobs do. So jobs are handed over once a turn of the reactor
//! ([`Lane`]), one thread takes them one after the other, and the tasks that wait for them are woken together, on
//! their own reactor. Another thread is woken only when a job has waited for a whole tick; the watchdog that sees
//! to it sleeps without a timer while there is nothing to do.
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
        state.handed += jobs.len() as u64;
        state.queue.extend(jobs.drain(..).map(|job| (job, Arc::clone(lane))));
        state.sift();
        if state.active == 0 {
            Self::promote(this, &mut state);
        }
        drop(state);
        if this.watchdog_rests.swap(false, Ordering::SeqCst)
            && let Some(watchdog) = this.watchdog.get()
        {
            watchdog.unpark();
        }
    }

    /// Sets one more thread to work, if there may be one more.
    fn promote(this: &Arc<Self>, state: &mut State) {
        if let Some(thread) = state.idle.pop() {
            state.active += 1;
            thread.unpark();
        } else if state.threads < this.limit {
            let shared = Arc::clone(this);
            let started = thread::Builder::new().name("rsgi-blocking".into()).spawn(move || work(&shared));
            if let Err(error) = started {
                tracing::error!(target: "rsgi", %error, threads = state.threads, "can't start a thread for blocking work");
                return;
            }
            state.threads += 1;
            state.active += 1;
            Self::start_watchdog(this);
        }
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
    loop {
        let mut state = lock(&shared.state);
        if let Some((job, lane)) = state.queue.pop_front() {
            state.taken += 1;
            drop(state);
            if let Some(waker) = job.run() {
                lock(&lane.finished).push(waker);
            }
            let now = Instant::now();
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
        for _ in 0..seen.look(&state) {
            Shared::promote(shared, &mut state);
        }
        let lanes = Arc::clone(&state.lanes);
        drop(state);
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
mod tests {
    use std::future::{Future, poll_fn};
    use std::sync::mpsc;

    use rsgi_core::Offload;

    use super::*;

    #[tokio::test]
    async fn cancelled_jobs_do_not_pile_up_behind_a_thread_that_is_held_up() {
        let threads = Threads::new(1);
        let lane = threads.lane();
        let offload = Offload::Pool(Arc::clone(&lane) as Arc<dyn Pool>);
        let (open, gate) = mpsc::channel::<()>();
        let (inside, began) = tokio::sync::oneshot::channel();
        let held = tokio::spawn(offload.run(move || (inside.send(()).is_ok(), gate.recv().is_ok())));
        began.await.expect("the one thread is held up");
        for _ in 0..10 * SIFT_LEAST {
            let mut cancelled = Box::pin(offload.run(|| ()));
            poll_fn(|context| Poll::Ready(cancelled.as_mut().poll(context).is_pending())).await;
            drop(cancelled);
            tokio::task::yield_now().await;
        }
        let (queued, left, handed) = {
            let state = lock(&threads.0.state);
            (state.queue.len(), state.handed - state.taken, state.handed)
        };
        assert!(queued <= SIFT_LEAST + 1, "{queued} jobs are queued");
        assert_eq!(left, queued as u64, "the watchdog waits for none that was thrown away");
        assert!(handed > 9 * SIFT_LEAST as u64, "they were handed over");
        open.send(()).expect("somebody waits");
        assert_eq!(held.await.expect("no panic"), (true, true));
        assert_eq!(offload.run(|| 6 * 7).await, 42);
    }

    #[tokio::test]
    async fn the_watchdog_stays_at_work_while_nothing_is_taken() {
        let threads = Threads::new(1);
        let lane = threads.lane();
        let (jobs, mut seen) = (3, Seen::default());
        let mut state = State { handed: jobs, ..State::default() };
        for _ in 0..jobs {
            state.queue.push_back((idle_job(), Arc::clone(&lane)));
        }
        let needed: Vec<usize> = (0..1000).map(|_| seen.look(&state)).collect();
        assert_eq!(needed[..4], [0, 1, 2, 3], "twice as many each time, but no more than jobs");
        assert!(needed[3..].iter().all(|needed| *needed == 3));
        (state.taken, state.queue) = (1, state.queue.split_off(1));
        assert_eq!((seen.look(&state), seen.look(&state)), (1, 2), "one again, once one was taken");
        (state.taken, state.queue) = (3, VecDeque::new());
        assert_eq!(seen.look(&state), 0);
    }

    /// A job of nothing.
    fn idle_job() -> Job {
        struct Keep(Mutex<Option<Job>>);
        impl Pool for Keep {
            fn submit(&self, job: Job) {
                *lock(&self.0) = Some(job);
            }
        }
        let keep = Arc::new(Keep(Mutex::new(None)));
        let mut run = Offload::Pool(Arc::clone(&keep) as Arc<dyn Pool>).run(|| ());
        assert!(std::pin::Pin::new(&mut run).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        lock(&keep.0).take().expect("it was submitted")
    }

    #[tokio::test]
    async fn after_all_threads_were_held_up_for_long_one_alone_delays_nobody() {
        let threads = Threads::new(2);
        let lane = threads.lane();
        let offload = Offload::Pool(Arc::clone(&lane) as Arc<dyn Pool>);
        let (open_first, first_gate) = mpsc::channel::<()>();
        let (open_second, second_gate) = mpsc::channel::<()>();
        let first = tokio::spawn(offload.run(move || first_gate.recv().is_ok()));
        let second = tokio::spawn(offload.run(move || second_gate.recv().is_ok()));
        let mut third = tokio::spawn(offload.run(|| 6 * 7));
        // More ticks than a number has bits: doubled each time, it would have come to its end.
        let waited = tokio::time::timeout(300 * TICK, &mut third).await;
        assert!(waited.is_err(), "both threads are held up");
        open_first.send(()).expect("somebody waits");
        assert!(first.await.expect("no panic"));
        assert_eq!(third.await.expect("no panic"), 42);
        while lock(&threads.0.state).idle.is_empty() {
            tokio::task::yield_now().await;
        }
        // The other thread is at work, so only the watchdog wakes this one.
        let fourth = tokio::time::timeout(Duration::from_secs(20), offload.run(|| 6 * 7)).await;
        assert_eq!(fourth, Ok(42), "no thread took it");
        open_second.send(()).expect("somebody waits");
        assert!(second.await.expect("no panic"));
    }
}
