//! What the pool's threads owe those who hand work over, and what the watchdog does while they are held up.

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

#[tokio::test]
async fn while_jobs_are_slow_each_gets_a_thread_at_once() {
    let threads = Threads::new(8);
    let lane = threads.lane();
    let gate = Arc::new(std::sync::Barrier::new(5));
    lock(&threads.0.state).pace.slow_down();
    let offload = Offload::Pool(Arc::clone(&lane) as Arc<dyn Pool>);
    let jobs: Vec<_> = (0..4)
        .map(|_| {
            let gate = Arc::clone(&gate);
            tokio::spawn(offload.run(move || gate.wait().is_leader()))
        })
        .collect();
    while lock(&threads.0.state).handed == 0 {
        tokio::task::yield_now().await;
    }
    // Handed over together. The watchdog, which has just been started, would add one by one, tick after tick.
    let started = lock(&threads.0.state).threads;
    assert!(started >= 4, "{started} threads");
    gate.wait();
    for job in jobs {
        job.await.expect("no panic");
    }
}
