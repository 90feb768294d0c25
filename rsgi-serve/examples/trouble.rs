//! An app that makes trouble when asked to, to see what the launcher does about it.
//!
//! Try it: `cargo run -p rsgi-serve --example trouble -- -w 2`, then `curl 127.0.0.1:8000/sleep/3000` and stop the server;
//! or `/spin` with `--timeout 2`, `/exit`, `/abort`. Its factory fails if the file that `fails_if` in the section `[app]`
//! names is there. `/told/LENGTH/TEXT` answers who says so (the process, the program's file name), the text, and so many letters.

use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::{App, Environ, Error, StartResponse, Started, blocking};
use rsgi_serve::{Hooks, Launcher, Section, Worker};

fn create_app(section: &Section) -> Result<impl App + use<>, String> {
    match section.text("fails_if") {
        Some(path) if std::path::Path::new(path).exists() => Err(format!("{path} is there")),
        _ => Ok(blocking(answer)),
    }
}

fn answer(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    if let Some(told) = environ.path_info().strip_prefix("/told/") {
        let (length, text) = told.split_once('/').ok_or("what?")?;
        let (pid, fill) = (std::process::id(), "x".repeat(length.parse()?));
        let body = format!("{pid} {} {text} {fill}", version());
        return Ok(start_response.status(StatusCode::OK).body(body));
    }
    match environ.path_info().split_once("/sleep/") {
        Some((_, millis)) => {
            eprintln!("sleeping");
            std::thread::sleep(Duration::from_millis(millis.parse()?));
        }
        None => match environ.path_info() {
            "/spin" => {
                eprintln!("spinning");
                loop {
                    std::hint::spin_loop();
                }
            }
            "/exit" => std::process::exit(0),
            "/abort" => std::process::abort(),
            _ => {}
        },
    }
    Ok(start_response.status(StatusCode::OK).body(std::process::id().to_string()))
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

impl Hooks for Notes {
    fn worker_abort(&self, worker: &Worker) {
        eprintln!("hook: worker {} was silent", worker.slot);
    }

    fn on_exit(&self) {
        eprintln!("hook: the end");
    }
}

fn main() -> ExitCode {
    Launcher::new(create_app).hooks(Notes).name("trouble").run()
}
