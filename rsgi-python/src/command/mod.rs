//! The program `rsgi-python`: `gunicorn`, with the servers and the master of rsgi-serve.
//!
//! Each worker starts an interpreter of its own and imports the application there, so nothing of Python's is shared; with
//! `--preload-app` both happen in the master, and its forks are told to Python (`hooks.rs`). At a worker's end Python ends as it does
//! by itself (`ending.rs`).

mod ending;
mod hooks;

use std::ffi::CStr;
use std::process::ExitCode;
use std::time::Instant;

use pyo3::prelude::*;
use rsgi_core::{App, Error};
use rsgi_serve::{Argument, Launcher, Section};

use crate::load::{Folders, Target};
use crate::{WsgiApp, interpreter};

/// Does what the command line asks for, and returns the program's exit code. Call it first of all in `main`: the master must have
/// one thread.
///
/// # Examples
///
/// A program of another name, which is `rsgi-python` otherwise:
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     rsgi_python::command::run()
/// }
/// ```
#[must_use]
pub fn run() -> ExitCode {
    let code = Launcher::new(create_app)
        .hooks(hooks::Python)
        .name("rsgi-python")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Serves a WSGI application of Python's")
        .setting("workers", "1")
        .setting("threads", "1")
        .setting("reload_command", "")
        .setting("reload_endings", "py,toml,html,css,sql,jinja,jinja2,j2,mako,po")
        // A form that comes slowly holds no thread: there are few.
        .setting("request_buffer", "65536")
        .argument(
            Argument::positional(WSGI_APP, "The application: module:attribute, or module:factory()")
                .required(),
        )
        .argument(Argument::flags(
            PYTHONPATH,
            "Folders that modules are looked for in first; may be repeated",
        ))
        .run();
    // A worker doesn't come here; a master that made the app does, and whoever serves alone.
    ending::end(Instant::now() + ending::PATIENCE);
    code
}

fn create_app(section: &Section) -> Result<impl App + use<>, Error> {
    let target: Target = section.text(WSGI_APP).unwrap_or_default().parse()?;
    let folders = section.texts(PYTHONPATH).into_iter().fold(Folders::working(), Folders::and);
    interpreter::start()?;
    interpreter::attach(prepare)?;
    let loaded = target.load(&folders);
    // A process that doesn't serve, as `check`, has no other end.
    interpreter::attach(hooks::flush);
    Ok(WsgiApp::new(loaded?))
}

/// What the application finds prepared.
fn prepare(py: Python<'_>) -> PyResult<()> {
    // Its first import says which thread is the main one.
    py.import("threading")?;
    PyModule::from_code(py, CHILDREN, c"rsgi/children.py", c"rsgi.children")?;
    tell_of_crashes(py);
    Ok(())
}

/// Has the tracebacks of all threads written to standard error when this process crashes, or when the master aborts it for its
/// silence: by a handler of signals that needs nothing of an interpreter that hangs.
fn tell_of_crashes(py: Python<'_>) {
    let enabled = py.import("faulthandler").and_then(|module| module.call_method0("enable"));
    if let Err(error) = enabled {
        // There is no standard error.
        tracing::debug!(target: "rsgi", "faulthandler: {error}");
    }
}

/// What is done in processes that the application forks.
const CHILDREN: &CStr = source(concat!(include_str!("children.py"), "\0"));

/// A source as Python takes it.
const fn source(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(source) => source,
        Err(_) => panic!("a source has one zero byte, at its end"),
    }
}

/// The application's name.
const WSGI_APP: &str = "wsgi_app";
/// Further folders of modules.
const PYTHONPATH: &str = "pythonpath";
