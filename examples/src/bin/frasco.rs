//! The talk's Flask app, in Rust: a factory, a blueprint, `/ping` -> `pong`.
//!
//! Try it: `cargo run -p rsgi-examples --features frasco --bin frasco -- -w 5`, then `curl http://127.0.0.1:8000/ping`; on the other
//! server: `--server hyper`; behind a web server: `--protocol fastcgi` or `--protocol uwsgi`; `-- routes` shows its
//! rules.

use std::process::ExitCode;

use frasco::{App, Blueprint, BuildError, Commands};
use rsgi_serve::Launcher;

async fn ping() -> &'static str {
    "pong"
}

fn ping_bp() -> Blueprint {
    Blueprint::new("ping").get("/ping", ping)
}

fn create_app() -> Result<App, BuildError> {
    App::builder("app").register(ping_bp()).build()
}

fn main() -> ExitCode {
    Launcher::new(create_app).commands(Commands::of(create_app)).run()
}
