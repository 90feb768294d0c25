//! Two applications under two prefixes: each sees its own part of the path and can build links to itself.
//!
//! Try it: `cargo run -p rsgi-examples --bin mount`, then `curl http://127.0.0.1:8000/shop/cart/7` and
//! `curl http://127.0.0.1:8000/blog/2026/hello`. An escape doesn't slip past: `/%73hop/cart` is the shop's too.

use std::process::ExitCode;

use rsgi_core::http::StatusCode;
use rsgi_core::{App, Environ, Error, Mount, StartResponse, Started, blocking};

/// Blocking, and a router of its own: it takes the path apart segment by segment.
fn shop(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let home = environ.script_name().to_owned();
    let text = match environ.shift_path_info().as_deref() {
        Some("cart") => format!("cart {}; the shop is at {home}/\n", environ.path_info()),
        Some("") | None => format!("welcome to the shop at {home}/\n"),
        Some(_) => return Ok(start_response.status(StatusCode::NOT_FOUND).body("no such shelf\n")),
    };
    Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body(text))
}

/// Async: whoever mounts them needs not know.
async fn blog(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let text = format!("post {} of the blog at {}\n", environ.path_info(), environ.script_name());
    Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body(text))
}

fn create_app() -> impl App {
    Mount::new().at("/shop", blocking(shop)).at("/blog", blog)
}

fn main() -> ExitCode {
    rsgi_examples::launch(create_app())
}
