//! An app that makes trouble when asked to, to see what the launcher does about it.
//!
//! Try it: `cargo run -p rsgi-serve --example trouble -- -w 2`, then `curl 127.0.0.1:8000/sleep/3000` and stop the server.
//! Each path answers with the worker's process id, if nothing else is said:
//! - `/sleep/N` after so many milliseconds,
//! - `/gate` after reading a byte of the FIFO that the variable GATE names,
//! - `/spin`, `/exit` and `/abort` never,
//! - `/log/TEXT` after logging the text,
//! - `/env/NAME` with a variable of the process,
//! - `/version`, `/folder` and `/arguments` with the program's file name, where it works, and how it was started,
//! - `/told/LENGTH/TEXT` with who says so (the process, the program's file name), the text, and so many letters,
//! - `/word` with the `word` of the section `[app]`,
//! - `/async/sleep/N` as `/sleep/N`, and `/async/spin` as `/spin`, but in a future,
//! - `/until-told` never, and ends when its token says that nobody waits,
//! - `/grow/MIB` after taking so much memory for ever, and `/orphan` after leaving a process behind,
//! - `/child` with how a child of its own ended that sleeps for a minute.
//!
//! What its factory does is in the section `[app]`: it fails, panics or aborts if the file is there that `fails_if`, `panics_if` or
//! `aborts_if` names, after it has read the FIFO `waits_for` to its end, and a byte of the FIFO `boots_behind`.
//! It fails or hangs, too, in a program whose file is called `...-fails` or `...-waits`; with `-later` behind, from the second time on,
//! which is the takeover of an upgrade.
//!
//! With the variable `TROUBLE_LATER` the factory is async. `TROUBLE_HOOKS` has every hook say its name and
//! process; one that it names panics.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::{Duration, Instant};

use rsgi_core::http::StatusCode;
use rsgi_core::{App, Environ, Error, StartResponse, Started, blocking};
use rsgi_serve::{Hooks, Launcher, Section, Worker};

fn create_app(section: &Section) -> Result<impl App + use<>, String> {
    play_by_name(version()).map_err(|error| error.to_string())?;
    if let Some(gate) = section.text("boots_behind") {
        say(&format!("booting behind the gate in {}", std::process::id()));
        pass(gate).map_err(|error| format!("{gate}: {error}"))?;
    }
    if let Some(fifo) = section.text("waits_for") {
        say("waiting");
        std::fs::read(fifo).map_err(|error| format!("{fifo}: {error}"))?;
    }
    let is_there = |key| section.text(key).filter(|path| Path::new(path).exists());
    if let Some(path) = is_there("panics_if") {
        panic!("{path} is there");
    }
    if is_there("aborts_if").is_some() {
        std::process::abort();
    }
    if let Some(path) = is_there("fails_if") {
        return Err(format!("{path} is there"));
    }
    let word = section.text("word").unwrap_or_default().to_owned();
    Ok(Troubles(blocking(move |environ, start_response| answer(&word, &environ, start_response))))
}

/// Some troubles of its own, and those of a blocking app.
struct Troubles<A>(A);

impl<A: App> App for Troubles<A> {
    async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        match environ.path_info().strip_prefix("/async/") {
            Some("spin") => spin(),
            Some(path) => {
                let millis = path.strip_prefix("sleep/").ok_or("what?")?;
                later(Duration::from_millis(millis.parse()?)).await;
            }
            None => return self.0.call(environ, start_response).await,
        }
        Ok(start_response.status(StatusCode::OK).body(std::process::id().to_string()))
    }
}

/// Waits without holding a thread of the server's.
async fn later(time: Duration) {
    let over = Arc::new(AtomicBool::new(false));
    let mut begun = false;
    std::future::poll_fn(|context| {
        if over.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        if !std::mem::replace(&mut begun, true) {
            let (over, waker) = (Arc::clone(&over), context.waker().clone());
            std::thread::spawn(move || {
                std::thread::sleep(time);
                over.store(true, Ordering::Release);
                waker.wake();
            });
        }
        Poll::Pending
    })
    .await;
}

fn spin() -> ! {
    say("spinning");
    loop {
        std::hint::spin_loop();
    }
}

/// Works until nobody waits for the answer any more.
fn until_told(environ: &Environ) -> Error {
    say("working");
    let client = environ.disconnect();
    loop {
        if let Some(cause) = client.cause() {
            say(&format!("told: {cause:?}"));
            return "told to end".into();
        }
        std::thread::yield_now();
    }
}

fn answer(word: &str, environ: &Environ, start_response: StartResponse) -> Result<Started, Error> {
    let mut said = std::process::id().to_string();
    let path = environ.path_info();
    match path.split_once('/').map_or((path, ""), |(_, rest)| rest.split_once('/').unwrap_or((rest, ""))) {
        ("sleep", millis) => {
            say("sleeping");
            std::thread::sleep(Duration::from_millis(millis.parse()?));
        }
        ("gate", _) => {
            say(&format!("waiting at the gate in {said}"));
            pass(&std::env::var("GATE")?)?;
        }
        ("log", text) => tracing::info!("{text}"),
        ("env", name) => said = std::env::var(name).unwrap_or_else(|_| "none".to_owned()),
        ("version", _) => version().clone_into(&mut said),
        ("folder", _) => said = std::env::current_dir()?.display().to_string(),
        ("arguments", _) => said = std::env::args().collect::<Vec<_>>().join(" "),
        ("told", told) => {
            let (length, text) = told.split_once('/').ok_or("what?")?;
            said = format!("{said} {} {text} {}", version(), "x".repeat(length.parse()?));
        }
        ("word", _) => word.clone_into(&mut said),
        ("spin", _) => spin(),
        ("until-told", _) => return Err(until_told(environ)),
        // Written to, or the system wouldn't give it.
        ("grow", size) => std::mem::forget(vec![1_u8; size.parse::<usize>()? << 20]),
        // The shell ends at once, and what it began goes on.
        ("orphan", _) => drop(Command::new("sh").args(["-c", "sleep 600 <&- >&- 2>&- &"]).status()?),
        ("exit", _) => std::process::exit(0),
        ("abort", _) => std::process::abort(),
        ("child", _) => {
            let mut child = Command::new("sleep").arg("60").spawn()?;
            say(&format!("the child is {}", child.id()));
            said = child.wait()?.to_string();
        }
        _ => {}
    }
    Ok(start_response.status(StatusCode::OK).body(said))
}

/// What the name of the program's file has its factory do.
fn play_by_name(name: &str) -> io::Result<()> {
    let (name, is_time) = match name.strip_suffix("-later") {
        Some(name) => {
            let mark = std::env::current_exe()?.with_extension("tried");
            let is_time = mark.exists();
            std::fs::write(mark, "")?;
            (name, is_time)
        }
        None => (name, true),
    };
    if is_time && name.ends_with("-fails") {
        return Err(io::Error::other(format!("{name} it is")));
    }
    while is_time && name.ends_with("-waits") {
        std::thread::park();
    }
    Ok(())
}

/// Waits for a byte.
fn pass(gate: &str) -> io::Result<()> {
    // Open for both, so that opening doesn't wait, nor does the end of another one that waits here let this one pass.
    OpenOptions::new().read(true).write(true).open(gate)?.read_exact(&mut [0])
}

/// Writes a line at once, so that those of several processes don't mix.
fn say(line: &str) {
    // Nobody reads it if that fails.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
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
        say(&format!("hook: {hook} in {}{of}", std::process::id()));
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

    fn before_fork(&self) {
        note("before_fork", "");
    }

    fn after_fork_in_parent(&self) {
        note("after_fork_in_parent", "");
    }

    fn after_fork_in_child(&self) {
        note("after_fork_in_child", "");
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
        say(&format!("hook: worker {} is interrupted", worker.slot));
        note("worker_int", &format!(" for {}", worker.slot));
    }

    fn worker_abort(&self, worker: &Worker) {
        say(&format!("hook: worker {} was silent", worker.slot));
    }

    fn worker_exit(&self, worker: &Worker) {
        let left = worker.until.map(|until| until.saturating_duration_since(Instant::now()));
        let most = left.is_some_and(|left| left <= Duration::from_secs(30));
        say(&format!("hook: its end is {}", if most { "known" } else { "unknown" }));
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
        say("hook: the end");
        note("on_exit", "");
    }
}

async fn create_later(section: &Section) -> Result<impl App + use<>, String> {
    create_app(section)
}

fn main() -> ExitCode {
    let launcher = match std::env::var_os("TROUBLE_LATER") {
        Some(_) => Launcher::new(create_later),
        None => Launcher::new(create_app),
    };
    launcher.hooks(Notes).name("trouble").run()
}
