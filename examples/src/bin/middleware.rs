//! Two middlewares round one app: one times what is inside it, one changes the head of what comes out.
//!
//! Try it: `cargo run -p rsgi-examples --bin middleware`, then `curl -i http://127.0.0.1:8000/`.

use std::process::ExitCode;
use std::time::Instant;

use rsgi_core::http::{StatusCode, header};
use rsgi_core::{
    App, Body, Environ, Error, Next, Stack, StartResponse, Started, around, blocking, change_answer,
};

/// Tells the browser how long the app took (W3C Server Timing). Nothing is sent before it returns, so it can.
async fn timed(environ: Environ, start_response: StartResponse, next: Next) -> Result<Started, Error> {
    let begun = Instant::now();
    let mut started = next.call(environ, start_response).await?;
    let milliseconds = begun.elapsed().as_secs_f64() * 1000.0;
    started.fields_mut().append("server-timing", format!("app;dur={milliseconds:.3}"))?;
    Ok(started)
}

/// Keeps browsers from guessing another type, unless the app has said something itself.
fn no_sniffing(started: &mut Started) -> Result<(), Error> {
    if !started.headers().contains_key(header::X_CONTENT_TYPE_OPTIONS) {
        started.fields_mut().insert(header::X_CONTENT_TYPE_OPTIONS, "nosniff")?;
    }
    Ok(())
}

fn table(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let squares = (1..=10).map(|number: u32| format!("{number} squared is {}\n", number * number));
    Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body(Body::iter(squares)))
}

/// Reads from the outside in, as a request meets them.
fn create_app() -> impl App {
    Stack::new().then(around(timed)).then(change_answer(no_sniffing)).app(blocking(table))
}

fn main() -> ExitCode {
    rsgi_examples::launch(create_app())
}
