//! Gunicorn beside the launcher, with as many worker processes each: requests a second and server CPU a request.
//!
//! `cargo run --release -p rsgi-benches --bin workers -- [-w WORKERS] [--rounds N] [--seconds N]`. Needs what `benches/install` installs.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing the table is its purpose")]

use std::process::ExitCode;

fn main() -> ExitCode {
    match rsgi_benches::beside_gunicorn(std::env::args_os()) {
        Ok(table) => {
            print!("{table}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("workers: {error}");
            ExitCode::FAILURE
        }
    }
}
