//! [`Threads`]: where blocking work runs, off the reactors: at most so many of the runtime's blocking threads.
//!
//! The threads are tokio's, which starts them when they are needed and ends them when they aren't; only the bound is ours,
//! as what an app gives to `spawn_blocking` itself must not wait behind what waits for it.
//!
//! Invariant: as long as jobs wait, as many threads as may be are at them. Next: core's `offload.rs`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rsgi_core::{Job, Pool};
use tokio::runtime::Handle;

/// The threads of one server.
#[derive(Debug)]
pub(super) struct Threads {
    runtime: Handle,
    limit: usize,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    active: usize,
    /// The length at which it is searched for cancelled jobs again.
    sift_at: usize,
}

impl Threads {
    /// At most `limit` threads of a runtime, which must allow for more.
    pub(super) fn new(runtime: Handle, limit: usize) -> Arc<Self> {
        Arc::new(Self { runtime, limit: limit.max(1), queue: Mutex::default() })
    }

    /// How many jobs wait for a thread.
    pub(super) fn waiting(&self) -> usize {
        self.queue().jobs.len()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does: one job after the other, until none is left.
    fn work(&self) {
        loop {
            let mut queue = self.queue();
            let Some(job) = queue.jobs.pop_front() else {
                queue.active -= 1;
                return;
            };
            drop(queue);
            if let Some(waiting) = job.run() {
                waiting.wake();
            }
        }
    }
}

/// The pool as core sees it.
pub(super) struct Workers(pub(super) Arc<Threads>);

impl Pool for Workers {
    fn submit(&self, job: Job) {
        let mut queue = self.0.queue();
        queue.jobs.push_back(job);
        queue.sift();
        if queue.active < self.0.limit {
            queue.active += 1;
            drop(queue);
            let threads = Arc::clone(&self.0);
            drop(self.0.runtime.spawn_blocking(move || threads.work()));
        }
    }
}

impl Queue {
    /// Throws cancelled jobs away, now and then: while all threads are held up, clients that ask and leave would make the
    /// queue grow by one each time. What they had to drop was dropped when they were cancelled.
    fn sift(&mut self) {
        if self.jobs.len() > self.sift_at.max(SIFT_LEAST) {
            self.jobs.retain(|job| !job.is_cancelled());
            self.sift_at = 2 * self.jobs.len();
        }
    }
}

/// A queue that isn't longer than this isn't searched for cancelled jobs.
const SIFT_LEAST: usize = 1024;

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use rsgi_core::Offload;

    use super::*;

    #[tokio::test]
    async fn so_many_jobs_run_at_once_and_no_more() {
        const LIMIT: usize = 3;
        let offload = Offload::Pool(Arc::new(Workers(Threads::new(Handle::current(), LIMIT))));
        let (together, running) = (Arc::new(Barrier::new(LIMIT)), Arc::new(AtomicUsize::new(0)));
        let jobs: Vec<_> = (0..LIMIT * 4)
            .map(|_| {
                let (together, running) = (Arc::clone(&together), Arc::clone(&running));
                tokio::spawn(offload.run(move || {
                    let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                    together.wait();
                    running.fetch_sub(1, Ordering::SeqCst);
                    now
                }))
            })
            .collect();
        for job in jobs {
            assert!(job.await.unwrap() <= LIMIT);
        }
    }

    #[tokio::test]
    async fn cancelled_jobs_do_not_pile_up_while_all_threads_are_held_up() {
        let threads = Threads::new(Handle::current(), 1);
        let offload = Offload::Pool(Arc::new(Workers(Arc::clone(&threads))));
        let (release, released) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        let held = tokio::spawn(offload.run(move || {
            begun.send(()).unwrap();
            released.recv_timeout(Duration::from_secs(30)).unwrap();
        }));
        tokio::task::yield_now().await;
        begins.recv_timeout(Duration::from_secs(30)).unwrap();
        for _ in 0..10 * SIFT_LEAST {
            let mut job = Box::pin(offload.run(|| ()));
            assert!(
                std::future::poll_fn(|context| std::task::Poll::Ready(job.as_mut().poll(context)))
                    .await
                    .is_pending()
            );
        }
        assert!(threads.waiting() <= SIFT_LEAST, "{}", threads.waiting());
        release.send(()).unwrap();
        held.await.unwrap();
    }
}
