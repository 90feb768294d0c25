//! An app that makes trouble when asked to, to see what the launcher does about it.
//!
//! Try it: `cargo run -p rsgi-serve --example trouble -- -w 2`, then `curl 127.0.0.1:8000/sleep/3000` and stop the server;
//! or `/spin` with `--timeout 2`, `/exit`, `/abort`; `/env/NAME` answers a variable of the process, and
//! `/told/LENGTH/TEXT` who says so (the process, the program's file name), the text, and so many letters.
//!
//! What its factory does is in the section `[app]`: it fails, panics or aborts if the file is there that `fails_if`, `panics_if` or
//! `aborts_if` names, after it has read the FIFO `waits_for` to its end.
//!
//! The variable `TROUBLE_HOOKS` has every hook say its name and process; one that it names panics.

use std::path::Path;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::{App, Environ, Error, StartResponse, Started, blocking};
use rsgi_serve::{Hooks, Launcher, Section, Worker};

fn create_app(section: &Section) -> Result<impl App + use<>, String> {
    if let Some(fifo) = section.text("waits_for") {
        eprintln!("waiting");
        std::fs::read(fifo).map_err(|error| format!("{fifo}: {error}"))?;
    }
    let is_there = |key| section.text(key).filter(|path| Path::new(path).exists());
    if let Some(path) = is_there("panics_if") {
        panic!("{path} is there");
    }
    if is_there("aborts_if").is_some() {
        std::process::abort();
    }
    is_there("fails_if").map_or_else(|| Ok(blocking(answer)), |path| Err(format!("{path} is there")))
}

fn answer(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let mut said = std::process::id().to_string();
    let path = environ.path_info();
    if let Some(millis) = path.strip_prefix("/sleep/") {
        eprintln!("sleeping");
        std::thread::sleep(Duration::from_millis(millis.parse()?));
    } else if let Some(name) = path.strip_prefix("/env/") {
        said = std::env::var(name).unwrap_or_else(|_| "none".to_owned());
    } else if let Some(told) = path.strip_prefix("/told/") {
        let (length, text) = told.split_once('/').ok_or("what?")?;
        said = format!("{said} {} {text} {}", version(), "x".repeat(length.parse()?));
    } else {
        match path {
            "/spin" => {
                eprintln!("spinning");
                loop {
                    std::hint::spin_loop();
                }
            }
            "/exit" => std::process::exit(0),
            "/abort" => std::process::abort(),
            _ => {}
        }
    }
    Ok(start_response.status(StatusCode::OK).body(said))
}

/// What this program's file is called, as it runs: a test gives each version a name.
fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let file = std::env::current_exe().ok();
        let name = file.as_deref().and_then(|file| file.file_name()).unwrap_or_default();
        name.to_string_lossy().replace(' ', "-")
    })
}

struct Notes;

/// Says which hook was called, if that is wanted, or panics.
fn note(hook: &str, of: &str) {
    if let Some(panicking) = std::env::var_os("TROUBLE_HOOKS") {
        eprintln!("hook: {hook} in {}{of}", std::process::id());
        assert!(panicking != *hook, "no luck in {hook}");
    }
}

impl Hooks for Notes {
    fn on_starting(&self) {
        note("on_starting", "");
    }

    fn on_reload(&self) {
        note("on_reload", "");
    }

    fn when_ready(&self) {
        note("when_ready", "");
    }

    fn pre_fork(&self, worker: &Worker) {
        note("pre_fork", &format!(" for {}", worker.slot));
    }

    fn post_fork(&self, worker: &Worker) {
        note("post_fork", &format!(" for {}", worker.slot));
    }

    fn post_worker_init(&self, worker: &Worker) {
        note("post_worker_init", &format!(" for {}", worker.slot));
    }

    fn worker_int(&self, worker: &Worker) {
        note("worker_int", &format!(" for {}", worker.slot));
    }

    fn worker_abort(&self, worker: &Worker) {
        eprintln!("hook: worker {} was silent", worker.slot);
    }

    fn worker_exit(&self, worker: &Worker) {
        note("worker_exit", &format!(" for {}", worker.slot));
    }

    fn child_exit(&self, worker: &Worker) {
        note("child_exit", &format!(" for {}", worker.slot));
    }

    fn workers_changed(&self, from: usize, to: usize) {
        note("workers_changed", &format!(" from {from} to {to}"));
    }

    fn pre_exec(&self) {
        note("pre_exec", "");
    }

    fn on_exit(&self) {
        eprintln!("hook: the end");
        note("on_exit", "");
    }
}

fn main() -> ExitCode {
    Launcher::new(create_app).hooks(Notes).name("trouble").run()
}
