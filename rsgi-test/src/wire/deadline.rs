//! Waiting without sleeping: events from an app, gates that hold one, and a bound on everything.
//!
//! A test waits for a thing to happen, never for time to pass; what doesn't happen within [`PATIENCE`] fails it with
//! the name of what was awaited. Gates open for blocking and for async code alike.

use std::cell::Cell;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up: generous, as machines that run tests are busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

static PATIENCE_MILLIS: AtomicU64 = AtomicU64::new(20_000);

thread_local! {
    /// What is said for this thread alone.
    static HURRIED: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// How long anything may take in this process: [`PATIENCE`], unless it was changed.
pub fn patience() -> Duration {
    if let Some(time) = HURRIED.get() {
        return time;
    }
    Duration::from_millis(PATIENCE_MILLIS.load(Ordering::Relaxed))
}

/// Changes how long anything may take in this process, for who expects to wait in vain.
pub fn set_patience(time: Duration) {
    PATIENCE_MILLIS.store(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// Runs `work` with another [`patience`] on this thread.
pub fn hurried<T>(time: Duration, work: impl FnOnce() -> T) -> T {
    let before = HURRIED.replace(Some(time));
    let result = work();
    HURRIED.set(before);
    result
}

/// Things that an app tells its test.
#[derive(Debug)]
pub struct Events<T>(mpsc::Receiver<T>);

/// The app's side of [`Events`].
#[derive(Debug)]
pub struct Teller<T>(mpsc::Sender<T>);

impl<T> Clone for Teller<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Makes both sides.
pub fn events<T>() -> (Teller<T>, Events<T>) {
    let (sender, receiver) = mpsc::channel();
    (Teller(sender), Events(receiver))
}

impl<T> Teller<T> {
    /// Tells one thing; a test that has ended doesn't mind.
    pub fn tell(&self, event: T) {
        let _nobody_listens = self.0.send(event);
    }

    /// Tells this when the result is dropped: put into a body or a future, it shows that that was released.
    pub fn on_drop(&self, event: T) -> TellOnDrop<T> {
        TellOnDrop { teller: self.clone(), event: Some(event) }
    }
}

/// Tells when it is dropped.
#[derive(Debug)]
pub struct TellOnDrop<T> {
    teller: Teller<T>,
    event: Option<T>,
}

impl<T> Drop for TellOnDrop<T> {
    fn drop(&mut self) {
        self.event.take().into_iter().for_each(|event| self.teller.tell(event));
    }
}

impl<T: std::fmt::Debug> Events<T> {
    /// Waits for the next thing told.
    pub fn next(&self, what: &str) -> T {
        match self.0.recv_timeout(patience()) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => panic!("still waiting for: {what}"),
            Err(RecvTimeoutError::Disconnected) => panic!("never to come: {what}"),
        }
    }

    /// What was told already.
    pub fn try_next(&self) -> Option<T> {
        self.0.try_recv().ok()
    }

    /// Waits so long for a thing that is not expected to come; the way to spend time in which nothing happens.
    pub fn within(&self, time: Duration) -> Option<T> {
        self.0.recv_timeout(time).ok()
    }

    /// Waits until every teller is gone and gives what was told; the way to see that nothing came twice.
    pub fn to_the_end(self, what: &str) -> Vec<T> {
        let mut all = Vec::new();
        let end = Instant::now() + patience();
        loop {
            match self.0.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(event) => all.push(event),
                Err(RecvTimeoutError::Disconnected) => return all,
                Err(RecvTimeoutError::Timeout) => panic!("not over: {what}, after {all:?}"),
            }
        }
    }
}

#[derive(Default)]
struct GateState {
    open: bool,
    wakers: Vec<Waker>,
}

/// A gate at which an app waits until its test opens it.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<GateState>, Condvar)>);

impl std::fmt::Debug for Gate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Gate(..)")
    }
}

impl Gate {
    /// Makes a closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens it for good.
    pub fn open(&self) {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.open = true;
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.0.1.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Waits on this thread.
    pub fn wait(&self) {
        let state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.1.wait_timeout_while(state, patience(), |state| !state.open);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(state.open, "nobody opens the gate");
    }

    /// Waits as a future.
    pub fn opened(&self) -> impl Future<Output = ()> + Send + use<> {
        let gate = self.clone();
        std::future::poll_fn(move |context| {
            let mut state = gate.0.0.lock().unwrap_or_else(PoisonError::into_inner);
            if state.open {
                return Poll::Ready(());
            }
            state.wakers.push(context.waker().clone());
            Poll::Pending
        })
    }
}

/// Is pending once.
pub fn pause() -> impl Future<Output = ()> + Send {
    let mut paused = false;
    std::future::poll_fn(move |context| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// Runs `work` on a thread of its own and fails loudly if it doesn't end in time.
pub fn within<T: Send + 'static>(time: Duration, what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (teller, done) = mpsc::channel();
    let worker = thread::spawn(move || teller.send(work()).is_ok());
    match done.recv_timeout(time) {
        Ok(value) => value,
        Err(RecvTimeoutError::Timeout) => panic!("not done within {time:?}: {what}"),
        Err(RecvTimeoutError::Disconnected) => match worker.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(_) => panic!("no result: {what}"),
        },
    }
}

/// Waits until a condition holds, asking it again and again; for what has no event, such as a counter of the system's.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + patience();
    while !holds() {
        assert!(Instant::now() < end, "never true: {what}");
        thread::park_timeout(Duration::from_millis(2));
    }
}

/// Waits until a number has stopped changing for a moment, and gives it; for work that is to be held back.
pub fn settled(what: &str, mut number: impl FnMut() -> usize) -> usize {
    let (mut last, mut since) = (number(), Instant::now());
    until(what, || {
        let now = number();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        last > 0 && since.elapsed() > Duration::from_millis(400)
    });
    last
}
