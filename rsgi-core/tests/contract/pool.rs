//! An async server's offload in small: threads that run jobs, and a reactor thread that must never block.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{JoinHandle, ThreadId};

use rsgi_core::http::Request;
use rsgi_core::{Environ, Input, Job, Offload, Pool, Server};

use crate::asking::plain;

#[derive(Default)]
struct Shared {
    jobs: Mutex<(VecDeque<Job>, bool)>,
    more: Condvar,
    running: AtomicUsize,
    ran: AtomicUsize,
}

impl Pool for Shared {
    fn submit(&self, job: Job) {
        self.jobs.lock().unwrap().0.push_back(job);
        self.more.notify_one();
    }
}

/// Threads for blocking work, joined when dropped.
pub(crate) struct Threads {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Threads {
    pub(crate) fn new(count: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let threads = (0..count)
            .map(|_| {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.serve())
            })
            .collect();
        Self { shared, threads }
    }

    /// Threads that nobody is: jobs run when the test says so.
    pub(crate) fn none() -> Self {
        Self::new(0)
    }

    pub(crate) fn offload(&self) -> Offload {
        Offload::Pool(Arc::clone(&self.shared) as Arc<dyn Pool>)
    }

    /// An async server with these threads.
    pub(crate) fn server(&self) -> Server {
        let mut server = plain();
        server.offload = self.offload();
        server
    }

    pub(crate) fn environ(&self, request: Request<Input>) -> Environ {
        Environ::on_server(request, self.server())
    }

    pub(crate) fn ids(&self) -> Vec<ThreadId> {
        self.threads.iter().map(|thread| thread.thread().id()).collect()
    }

    /// How many jobs run just now.
    pub(crate) fn running(&self) -> usize {
        self.shared.running.load(Ordering::SeqCst)
    }

    /// How many jobs have run to their end.
    pub(crate) fn ran(&self) -> usize {
        self.shared.ran.load(Ordering::SeqCst)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.shared.jobs.lock().unwrap().0.len()
    }

    /// Takes the next job that waits.
    pub(crate) fn next(&self) -> Option<Job> {
        self.shared.jobs.lock().unwrap().0.pop_front()
    }

    /// Waits until the threads have brought about what `done` asks for; gives way to them in between.
    #[expect(clippy::unused_self, reason = "it reads as what is waited for")]
    pub(crate) fn until(&self, mut done: impl FnMut() -> bool) {
        while !done() {
            std::thread::yield_now();
        }
    }
}

impl Shared {
    fn serve(&self) {
        loop {
            let mut jobs = self.jobs.lock().unwrap();
            let job = loop {
                if let Some(job) = jobs.0.pop_front() {
                    // Under the lock, so that a job always counts as one of the two: waiting or running.
                    self.running.fetch_add(1, Ordering::SeqCst);
                    break job;
                }
                if jobs.1 {
                    return;
                }
                jobs = self.more.wait(jobs).unwrap();
            };
            drop(jobs);
            let waker = job.run();
            self.running.fetch_sub(1, Ordering::SeqCst);
            self.ran.fetch_add(1, Ordering::SeqCst);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shared.jobs.lock().unwrap().1 = true;
        self.shared.more.notify_all();
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "a pool thread panicked");
        }
    }
}
