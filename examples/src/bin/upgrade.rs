//! The connection's byte stream taken over after an HTTP upgrade: whatever the client sends comes back. Who offers no
//! upgrade to `echo` is told what to ask for (426). No thread waits while the client is silent.
//!
//! Try it: `cargo run -p rsgi-examples --bin upgrade`, then in bash:
//! `exec 3<>/dev/tcp/127.0.0.1/8000; printf 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n' >&3;`
//! `cat <&3 & echo hello >&3`, and without an offer: `curl -i http://127.0.0.1:8000/`.

use std::process::ExitCode;

use rsgi_core::http::StatusCode;
use rsgi_core::{App, Body, Capabilities, Environ, Error, StartResponse, Started};

struct Echo;

impl App for Echo {
    async fn call(&self, mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        let Some(offer) = environ.upgrade()?.filter(|offer| offer.offers("echo")) else {
            let head = start_response.status(StatusCode::UPGRADE_REQUIRED).offer_upgrade("echo")?;
            return Ok(head.body("this address speaks the protocol `echo`\n"));
        };
        let drain = environ.drain();
        // From here on the input is what the client sends, and the body is what it gets.
        let body = Body::duplex(environ.take_input(), async move |mut input, sender| {
            while let Some(Some(piece)) = drain.unless_begun(input.piece()).await {
                sender.send(piece?).await?;
            }
            Ok(())
        });
        Ok(start_response.upgrade(offer, "echo")?.body(body))
    }

    /// Known at boot: a server that can't hand over its streams doesn't start this app.
    fn requires(&self) -> Capabilities {
        Capabilities::UPGRADE
    }
}

fn main() -> ExitCode {
    rsgi_examples::launch(Echo)
}
