//! The program `rsgi-python`: `gunicorn`, with the servers and the master of rsgi-serve.
//!
//! Each worker starts an interpreter of its own and imports the application there, so nothing of Python's is shared; with
//! `--preload-app` both happen in the master, and its forks are told to Python.

use std::process::ExitCode;

use rsgi_core::{App, Error};
use rsgi_serve::{Argument, Launcher, Section};

use crate::load::{Folders, Target};
use crate::{WsgiApp, interpreter};

/// Does what the command line asks for, and returns the program's exit code. Call it first of all in `main`: the master must have
/// one thread.
#[must_use]
pub fn run() -> ExitCode {
    Launcher::new(create_app)
        .name("rsgi-python")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Serves a WSGI application of Python's")
        .setting("workers", "1")
        .setting("threads", "1")
        .argument(
            Argument::positional(WSGI_APP, "The application: module:attribute, or module:factory()")
                .required(),
        )
        .argument(Argument::flags(
            PYTHONPATH,
            "Folders that modules are looked for in first; may be repeated",
        ))
        .run()
}

fn create_app(section: &Section) -> Result<impl App + use<>, Error> {
    let target: Target = section.text(WSGI_APP).unwrap_or_default().parse()?;
    let folders = section.texts(PYTHONPATH).into_iter().fold(Folders::working(), Folders::and);
    interpreter::start()?;
    Ok(WsgiApp::new(target.load(&folders)?))
}

/// The application's name.
const WSGI_APP: &str = "wsgi_app";
/// Further folders of modules.
const PYTHONPATH: &str = "pythonpath";
