//! Breaks A21: a client's offer to upgrade may be missing, so an application has an answer without one.

use rsgi_core::{Body, Environ, Error, StartResponse, Started};

async fn app(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let upgrade = environ.upgrade()?;
    Ok(start_response.upgrade(upgrade, "echo")?.body(Body::empty()))
}

fn main() {}
