//! The interpreter of this process: started once, and attached to by each thread that calls Python.
//!
//! Invariant: it is never finalized, as threads of the server may call it until the process ends.

use std::env;
use std::ffi::CString;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Mutex;

use pyo3::Python;

use crate::place::{Misplaced, Surroundings};
use crate::sys;

/// The interpreter couldn't be started.
#[derive(Debug)]
pub struct StartError(Reason);

#[derive(Debug)]
enum Reason {
    /// The environment points at none that it could be.
    Misplaced(Misplaced),
    /// It says no itself.
    Refused { program: PathBuf, said: String },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Misplaced(misplaced) => misplaced.fmt(f),
            Reason::Refused { program, said } => write!(
                f,
                "Python doesn't start as {}: {said}; see PYTHONHOME, PYTHONPATH and VIRTUAL_ENV",
                program.display()
            ),
        }
    }
}

impl std::error::Error for StartError {}

/// Starts the interpreter, once a process; again it does nothing.
///
/// It is the one this crate was built with, and looks for modules as the Python of the virtual environment does that this program
/// lies in, or else of `$VIRTUAL_ENV`, or else the one beside this program or along `$PATH`. It handles no signals.
///
/// # Errors
///
/// The environment is of another version of Python, `$PYTHONHOME` is none, or the interpreter itself says no.
pub fn start() -> Result<(), StartError> {
    static STARTING: Mutex<()> = Mutex::new(());
    let _once = STARTING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if sys::is_initialized() {
        return Ok(());
    }
    let surroundings = Surroundings::of_process(sys::version());
    let program = surroundings.program().map_err(|misplaced| StartError(Reason::Misplaced(misplaced)))?;
    let arguments: Vec<_> =
        env::args_os().filter_map(|argument| CString::new(argument.as_bytes()).ok()).collect();
    sys::initialize(&program, &arguments).map_err(|said| StartError(Reason::Refused { program, said }))
}

/// Runs `work` as a thread that the interpreter knows, holding its lock. The thread's state is kept until the thread ends, so
/// that a call costs no more than the lock.
///
/// # Panics
///
/// There is no interpreter: see [`start`].
pub fn attach<T>(work: impl FnOnce(Python<'_>) -> T) -> T {
    sys::attach(work)
}
