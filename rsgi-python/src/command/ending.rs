//! The end of Python in a process: threads are waited for, `atexit` runs, the standard streams are flushed. As `python` itself
//! does it at its end, but within a time.
//!
//! Each step has a thread of its own, which is left behind when the time is over. The interpreter isn't finalized: threads that are
//! left may still be in it.

use std::ffi::CStr;
use std::sync::Once;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use super::hooks::flush;
use super::source;
use crate::host::spelled;
use crate::{interpreter, sys};

/// How long the end may take in a process that nobody gave a time: the default of `graceful_timeout`.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Ends Python in this process, once, before `until`.
pub(super) fn end(until: Instant) {
    static ENDED: Once = Once::new();
    if sys::is_initialized() {
        ENDED.call_once(|| by_steps(until));
    }
}

fn by_steps(until: Instant) {
    let left = until.saturating_duration_since(Instant::now());
    // What is left behind the threads is quick, but for what somebody registered.
    let patience = left.mul_f32(FOR_THREADS);
    if !within(patience, wait_for_threads) {
        let (say, said) = mpsc::channel();
        // A thread that never gives the lock back is not waited for here, either.
        within(left.mul_f32(FOR_NAMES), move |py| say.send(running(py)).map_err(|_| none()));
        let names = said.try_recv().unwrap_or_default();
        tracing::warn!(target: "rsgi", "threads of Python still run after {patience:.1?}, and end with this worker: {names}");
    }
    if !within(left.mul_f32(FOR_HANDLERS), run_handlers) {
        tracing::warn!(target: "rsgi", "what atexit was given takes too long, and is cut off");
    }
}

/// Does something on a thread of its own; tells whether it was over in time.
fn within(time: Duration, work: impl FnOnce(Python<'_>) -> PyResult<()> + Send + 'static) -> bool {
    let (say, said) = mpsc::channel::<()>();
    let run = move || {
        let _over = say;
        interpreter::attach(|py| {
            if let Err(error) = work(py) {
                tracing::error!(target: "rsgi", "at the end of Python: {}", spelled(py, &error));
            }
        });
    };
    match thread::Builder::new().name("rsgi-python-end".to_owned()).spawn(run) {
        Ok(_) => said.recv_timeout(time) == Err(RecvTimeoutError::Disconnected),
        Err(error) => {
            tracing::error!(target: "rsgi", "no thread for the end of Python: {error}");
            true
        }
    }
}

/// Waits for threads that aren't daemons, those of executors included.
fn wait_for_threads(py: Python<'_>) -> PyResult<()> {
    ours(py)?.call_method0("wait").map(drop)
}

fn run_handlers(py: Python<'_>) -> PyResult<()> {
    let ran = py.import("atexit").and_then(|atexit| atexit.call_method0("_run_exitfuncs"));
    flush(py);
    ran.map(drop)
}

/// The names of the threads that are waited for.
fn running(py: Python<'_>) -> String {
    let names = ours(py).and_then(|ours| ours.call_method0("names")?.extract());
    names.unwrap_or_else(|error| spelled(py, &error))
}

fn ours(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    PyModule::from_code(py, SOURCE, c"rsgi/ending.py", c"rsgi.ending")
}

fn none() -> PyErr {
    pyo3::exceptions::PyRuntimeError::new_err("nobody waits any more")
}

/// What waits for threads.
const SOURCE: &CStr = source(concat!(include_str!("ending.py"), "\0"));

/// Of the time that is left, the most for each step; together less than all of it.
const FOR_THREADS: f32 = 0.7;
const FOR_NAMES: f32 = 0.05;
const FOR_HANDLERS: f32 = 0.2;
