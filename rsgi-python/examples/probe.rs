//! The probe of the conformance suite as a Python module: what `rsgi-conform` asks behind a WSGI server.
//!
//! Try it as `ping.rs`, with `probe` for `ping`, then:
//! `cargo run -p rsgi-test --bin rsgi-conform -- --url http://127.0.0.1:8000`. With the path of a folder in `RSGI_PROBE_NOTES` the probe
//! keeps its notes there, for hosts that answer in several processes.
#![forbid(unsafe_code)]

use std::io;
use std::sync::Arc;

use rsgi_core::App;
use rsgi_test::suite::{Probe, Store};

fn create_app() -> io::Result<impl App> {
    let store = std::env::var_os("RSGI_PROBE_NOTES").map(Store::folder).transpose()?;
    Ok(Probe::with_store(Arc::new(store.unwrap_or_default())))
}

rsgi_python::wsgi_module!(probe, create_app);
