//! The probe of the conformance suite as a Python module: what `rsgi-conform` asks behind a WSGI server.
//!
//! Try it as `ping.rs`, with `probe` for `ping`, then:
//! `cargo run -p rsgi-test --bin rsgi-conform -- --url http://127.0.0.1:8000`. With the path of a folder in `RSGI_PROBE_NOTES` the probe
//! keeps its notes there, for hosts that answer in several processes.
#![forbid(unsafe_code)]

use std::io;
use std::sync::Arc;

use rsgi_core::{App, Environ, Error, StartResponse, Started};
use rsgi_test::suite::{Probe, Store};

fn create_app() -> io::Result<impl App> {
    let store = std::env::var_os("RSGI_PROBE_NOTES").map(Store::folder).transpose()?;
    Ok(Stopping(Probe::with_store(Arc::new(store.unwrap_or_default()))))
}

/// Says that it was stopped, where the host's log has it.
struct Stopping(Probe);

impl App for Stopping {
    async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        self.0.call(environ, start_response).await
    }

    async fn stop(&self) {
        self.0.stop().await;
        eprintln!("the probe is stopped");
    }
}

rsgi_python::wsgi_module!(probe, create_app);
