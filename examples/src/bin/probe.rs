//! The probe of the conformance suite, hosted by either server: what `rsgi-conform` asks.
//!
//! Try it: `cargo run -p rsgi-examples --features probe --bin probe`, then in another terminal
//! `cargo run -p rsgi-test --bin rsgi-conform -- --url http://127.0.0.1:8000`.

use std::process::ExitCode;

use rsgi_test::suite::Probe;

fn main() -> ExitCode {
    rsgi_examples::launch(Probe::new())
}
