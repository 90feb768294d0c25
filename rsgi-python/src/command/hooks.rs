//! [`Python`]: what the interpreter hears of the lives of master and workers.
//!
//! In a worker it is started behind the fork. With `--preload-app` the master has it, and every fork is told to it, as Python's own
//! `os.fork` does: locks are left free in the child, `random` is seeded anew, and what `os.register_at_fork` was given runs.

use std::time::Instant;

use pyo3::prelude::*;
use rsgi_serve::{Hooks, Worker};

use super::ending;
use crate::{interpreter, sys};

/// The launcher's hooks.
pub(super) struct Python;

impl Hooks for Python {
    fn before_fork(&self) {
        if !sys::is_initialized() {
            return;
        }
        interpreter::attach(|py| {
            flush(py);
            // What is there now is never garbage: the collector of a worker doesn't touch its pages, so they stay shared.
            let _ = py.import("gc").and_then(|gc| gc.call_method0("freeze"));
        });
        sys::fork::before();
    }

    fn after_fork_in_parent(&self) {
        if sys::is_initialized() {
            sys::fork::after_in_parent();
        }
    }

    fn after_fork_in_child(&self) {
        if sys::is_initialized() {
            sys::fork::after_in_child();
        }
    }

    fn worker_exit(&self, worker: &Worker) {
        ending::end(worker.until.unwrap_or_else(|| Instant::now() + ending::PATIENCE));
    }
}

/// Sends what Python's own streams still hold. Failing that, there is nobody to tell.
pub(super) fn flush(py: pyo3::Python<'_>) {
    for name in ["stdout", "stderr"] {
        let _ = py.import("sys").and_then(|sys| sys.getattr(name)?.call_method0("flush"));
    }
}
