//! Server-sent events from an async app with tokio's timers, on either server. The stream ends itself when the
//! server goes down, so that nobody has to wait for it; a client that leaves drops it.
//!
//! Try it: `cargo run -p rsgi-examples --features stream --bin stream`, then `curl -N http://127.0.0.1:8000/`; press
//! Ctrl-C where the server runs and see the last event.

use std::process::ExitCode;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::{App, Body, Capabilities, Environ, Error, StartResponse, Started};
use tokio::time::timeout;

struct Clock;

impl App for Clock {
    async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        let drain = environ.drain();
        let fields = [("content-type", "text/event-stream"), ("cache-control", "no-store")];
        let body = Body::send(async move |sender| {
            let mut second = 0;
            // Waits for the end of the server, a second at a time. Meanwhile no thread waits: the body is parked.
            while timeout(Duration::from_secs(1), drain.begun()).await.is_err() {
                second += 1;
                sender.send(format!("id: {second}\ndata: {second} s\n\n")).await?;
            }
            // A browser connects again by itself; it is told to take its time.
            sender.send("event: bye\nretry: 5000\ndata: the server goes down\n\n").await
        });
        Ok(start_response.start(StatusCode::OK, fields)?.body(body))
    }

    /// Known at boot: a server without tokio's timers refuses to start this app, rather than fail at each request.
    fn requires(&self) -> Capabilities {
        Capabilities::TOKIO
    }
}

fn main() -> ExitCode {
    rsgi_examples::launch(Clock)
}
