//! The interpreter of this process: started once, and attached to by each thread that calls Python.
//!
//! Invariant: it is never finalized, as threads of the server may call it until the process ends.

use std::env;
use std::ffi::{CString, OsStr};
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use pyo3::Python;

use crate::sys;

/// The interpreter couldn't be started.
#[derive(Debug)]
pub struct StartError {
    program: PathBuf,
    reason: String,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { program, reason } = self;
        write!(
            f,
            "Python doesn't start as {}: {reason}; see PYTHONHOME, PYTHONPATH and VIRTUAL_ENV",
            program.display()
        )
    }
}

impl std::error::Error for StartError {}

/// Starts the interpreter, once a process; again it does nothing.
///
/// It is the one this crate was built with, and looks for modules as the Python of `$VIRTUAL_ENV` does, or else of the virtual
/// environment that this program lies in, or else the `python3` along `$PATH`. It handles no signals.
///
/// # Errors
///
/// The interpreter says no, mostly because it doesn't find its standard library.
pub fn start() -> Result<(), StartError> {
    static STARTING: Mutex<()> = Mutex::new(());
    let _once = STARTING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if sys::is_initialized() {
        return Ok(());
    }
    let program = program();
    let arguments: Vec<_> =
        env::args_os().filter_map(|argument| CString::new(argument.as_bytes()).ok()).collect();
    sys::initialize(&program, &arguments).map_err(|reason| StartError { program, reason })
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

/// The program whose modules are looked for.
fn program() -> PathBuf {
    if let Some(environment) = env::var_os("VIRTUAL_ENV") {
        return Path::new(&environment).join("bin/python3");
    }
    if let Ok(own) = env::current_exe()
        && own.ancestors().nth(2).is_some_and(|folder| folder.join("pyvenv.cfg").is_file())
    {
        return own;
    }
    let along = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&along).map(|folder| folder.join("python3")).find(|file| file.is_file());
    found.unwrap_or_else(|| PathBuf::from(OsStr::new("python3")))
}
