//! Tests of what variables come to.
//!
//! Next: `seen.rs`, which has real web servers' variables, and `rules.rs`.

mod rules;
mod seen;

use std::sync::Arc;
use std::time::Instant;

use rsgi_core::server::Limits;
use rsgi_core::{Endpoint, Environ, Exchange, Input, Server};

use super::{Refusal, Request};

/// Reads variables under the default limits.
fn request_of<N: AsRef<[u8]>, V: AsRef<[u8]>>(
    variables: impl IntoIterator<Item = (N, V)>,
) -> Result<Request, Refusal> {
    Request::read(variables.into_iter().collect(), &Limits::default())
}

/// The same, as an app sees it, on a unix socket between web server and app.
fn environ_of<N: AsRef<[u8]>, V: AsRef<[u8]>>(
    variables: impl IntoIterator<Item = (N, V)>,
) -> Result<Environ, Refusal> {
    let mut request = request_of(variables)?;
    let server = Arc::new(Server::new("test", "0"));
    let (peer, local) = (Endpoint::unix(None, None), Arc::new(Endpoint::unix(None, None)));
    let connection = request.connection(&server, 7, &peer, &local, Instant::now());
    Ok(request.environ(Input::empty(), Exchange::new(Arc::new(connection))))
}
