//! CGI/1.1 (RFC 3875): one request a process, by environment, standard input and standard output.
//!
//! The web server starts the program for each request (Apache's `mod_cgid` and `mod_cgi`, lighttpd's `mod_cgi`, and many more);
//! [`run`] answers that one, and ends. Slow by nature, and at home wherever nothing may keep running.
//!
//! What differs from the servers: a broken answer ends where it broke, which the client sees only if its length was declared
//! and the web server passes that on (lighttpd 1.4.69 does; Apache 2.4.71 with `SetEnvIf Request_URI . ap_trust_cgilike_cl=1`,
//! without which it drops every script's `Content-Length`), and else by the exit status alone. Nothing here limits time, which
//! the web server does. Not here: scripts that speak HTTP themselves (non-parsed headers, RFC 3875 section 5).
//!
//! Apache answers 200 with a `Location` that begins with a slash by that page of its own, as RFC 3875 section 6.2.2 has it
//! for a script's redirect; lighttpd passes it on. An app that means a redirect answers 303, which both pass on.
//!
//! Invariant: nothing but the answer goes to the web server, whatever the app prints.
//! Next: `request.rs` of this folder, which is one request from end to end; `process.rs`, `input.rs`, `answer.rs`.

mod answer;
mod input;
mod process;
mod request;
#[cfg(feature = "tokio")]
mod tokio;

#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::sync::Arc;

use rsgi_core::server::{Config, ServeError};
use rsgi_core::{App, Capabilities};

use crate::settings::facts;
use process::Process;
use request::Call;

#[cfg(feature = "tokio")]
pub use self::tokio::run_on_tokio;

/// What the adapter calls itself.
const NAME: &str = "rsgi-cgi";

/// Answers the request that this process was started for, and gives the process's exit status: 1 for an answer that broke
/// off, else 0.
///
/// A blocking app runs right here, an async one is polled here; what it spawns needs a runtime of its own, as with
/// `run_on_tokio` (feature `tokio`). Of the settings, limits and trust mean something, and `timeouts.graceful`, which
/// bounds the app's `stop`. What the app prints goes to the web server's error log.
///
/// # Errors
///
/// The settings are wrong, or the app needs what CGI hasn't. Nothing is sent then, and the web server answers 500.
///
/// # Examples
///
/// ```no_run
/// use std::process::ExitCode;
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::server::{Config, ServeError};
/// use rsgi_core::{Environ, Error, StartResponse, Started, blocking};
///
/// fn ping(_: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body("pong"))
/// }
///
/// fn main() -> Result<ExitCode, ServeError> {
///     rsgi_gateway::cgi::run(&Config::new(), blocking(ping))
/// }
/// ```
pub fn run(config: &Config, app: impl App) -> Result<ExitCode, ServeError> {
    let server = facts(NAME, config, &app, CAPABILITIES)?;
    let process = Process::take()?;
    let call = Call::new(server, config.limits.clone(), process::errors());
    let app = Arc::new(app);
    let watch = |exchange: &Arc<_>| process::watch(&process.output, exchange);
    let ending = call.answer(&*app, std::env::vars_os(), std::io::stdin(), &mut &process.output, watch);
    process.close();
    process::stop(app, config.timeouts.graceful);
    Ok(ending.into())
}

/// Tells whether this process was started to answer a request by CGI: for programs that serve in several ways.
#[must_use]
pub fn is_called() -> bool {
    let says = |value: std::ffi::OsString| value.as_encoded_bytes().starts_with(b"CGI/");
    std::env::var_os("GATEWAY_INTERFACE").is_some_and(says) && std::env::var_os("REQUEST_METHOD").is_some()
}

/// The facts of TLS are told, as far as the web server sends them. Trailers, informational answers and upgrades have no
/// place in an answer, and a web server may send all of the content before it reads any of the answer.
const CAPABILITIES: Capabilities = Capabilities::TLS;
