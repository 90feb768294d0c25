//! What a lint and the one inside a middleware share: settings, where findings go, and who runs just now.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use rsgi_core::RequestLine;

use super::checks::Check;
use super::finding::{Finding, Findings};

pub(super) type Sink = Arc<dyn Fn(&Finding) + Send + Sync>;

pub(super) struct Shared {
    pub(super) findings: Findings,
    sink: Mutex<Option<Sink>>,
    strict: AtomicBool,
    /// In nanoseconds.
    threshold: AtomicU64,
    /// The threads that run the app just now.
    running: Mutex<Vec<ThreadId>>,
    /// How often the inner app's `stop` has run to its end.
    pub(super) inner_stops: AtomicUsize,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            findings: Findings::default(),
            sink: Mutex::new(None),
            strict: AtomicBool::new(false),
            threshold: AtomicU64::new(nanos(THRESHOLD)),
            running: Mutex::default(),
            inner_stops: AtomicUsize::new(0),
        }
    }

    pub(super) fn set_sink(&self, sink: Sink) {
        *lock(&self.sink) = Some(sink);
    }

    pub(super) fn set_strict(&self) {
        self.strict.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_strict(&self) -> bool {
        self.strict.load(Ordering::Relaxed)
    }

    pub(super) fn set_threshold(&self, threshold: Duration) {
        self.threshold.store(nanos(threshold), Ordering::Relaxed);
    }

    pub(super) fn threshold(&self) -> Duration {
        Duration::from_nanos(self.threshold.load(Ordering::Relaxed))
    }

    /// Gives a finding to the list, the log and the user's sink.
    pub(super) fn report(&self, check: &'static Check, value: &str, request: Option<RequestLine>) -> Finding {
        let finding = Finding::new(check, value, request);
        tracing::error!(target: "rsgi::lint", clause = finding.clause(), check = check.name, "{finding}");
        self.findings.push(finding.clone());
        // Outside the lock: a sink may do what leads to the next finding.
        let sink = lock(&self.sink).clone();
        if let Some(sink) = sink {
            sink(&finding);
        }
        finding
    }

    /// Notes that this thread enters the app; tells whether another is in it.
    pub(super) fn enter(&self) -> bool {
        let this = std::thread::current().id();
        let mut running = lock(&self.running);
        let other = running.iter().any(|thread| *thread != this);
        running.push(this);
        other
    }

    pub(super) fn leave(&self) {
        let this = std::thread::current().id();
        let mut running = lock(&self.running);
        if let Some(place) = running.iter().position(|thread| *thread == this) {
            running.swap_remove(place);
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").field("findings", &self.findings).finish_non_exhaustive()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// How long one poll may take on a thread that others' requests wait for.
const THRESHOLD: Duration = Duration::from_millis(100);
