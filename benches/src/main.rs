//! `cargo run --release -p rsgi-benches`: measures our servers beside others, and reports.
//!
//! Everything is in the library, from `command.rs` on. See `--help`, and the README of this folder.
#![forbid(unsafe_code)]
#![allow(clippy::print_stderr, reason = "a fault is said on stderr")]

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Err(error) = rsgi_benches::follow(std::env::args_os()) {
        eprintln!("rsgi-benches: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
