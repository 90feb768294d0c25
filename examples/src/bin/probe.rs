//! The probe of the conformance suite, hosted by either server: what `rsgi-conform` asks.
//!
//! Try it: `cargo run -p rsgi-examples --features probe --bin probe`, then in another terminal
//! `cargo run -p rsgi-test --bin rsgi-conform -- --url http://127.0.0.1:8000`. With the path of a folder in
//! `RSGI_PROBE_NOTES` the probe keeps its notes there, for servers that answer in several processes.

use std::process::ExitCode;
use std::sync::Arc;

use rsgi_test::suite::{Probe, Store};

fn main() -> ExitCode {
    let store = match std::env::var_os("RSGI_PROBE_NOTES").map(Store::folder).transpose() {
        Ok(store) => store.unwrap_or_default(),
        Err(error) => {
            eprintln!("RSGI_PROBE_NOTES names no folder that can be made: {error}");
            return ExitCode::FAILURE;
        }
    };
    rsgi_examples::launch(Probe::with_store(Arc::new(store)))
}
