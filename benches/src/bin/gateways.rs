//! uWSGI beside rsgi-gateway, behind the same nginx: backend CPU a request, the ratio, requests a second.
//!
//! `cargo run --release -p rsgi-benches --bin gateways -- [--rounds N] [--seconds N] [--programs FOLDER]`. Needs what `benches/install`
//! installs. Fails if a ratio isn't met.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing the table is its purpose")]

use std::process::ExitCode;

fn main() -> ExitCode {
    match rsgi_benches::beside_uwsgi(std::env::args_os()) {
        Ok((table, met)) => {
            print!("{table}");
            if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("gateways: {error}");
            ExitCode::FAILURE
        }
    }
}
