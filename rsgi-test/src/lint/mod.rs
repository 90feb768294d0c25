//! The lint: an app around an app that watches both sides of the contract at run time.
//!
//! [`lint()`] looks at what the server gives (the environ, the input, the call itself, the outcome) and at what the app
//! gives (the head, the body, its trailers, its errors). [`around()`] looks at a middleware from outside and from inside.
//! Whatever the types rule out already isn't looked at; `docs/lint.md` places every rule of the lints of WSGI, Rack,
//! PSGI and Ring. A [`Finding`] names the clause of `SPEC.md`, the value at fault and what to do; [`checks`] lists all.
//!
//! A finding goes to [`Findings`], to the log (target `rsgi::lint`, level error) and to a sink of the user's. Nothing of
//! an answer changes unless the lint is [`strict`](Lint::strict), but that a file goes out as pieces and never by the
//! system. The lint sees what passes through it: what a middleware outside it does to an answer is the server's to it.
//!
//! # Examples
//!
//! ```
//! use rsgi_core::http::{Request, StatusCode};
//! use rsgi_core::{Environ, app_fn, respond, wait};
//! use rsgi_test::lint::lint;
//!
//! let app = lint(app_fn(|_, start_response| async move { Ok(start_response.status(StatusCode::OK).body("hello")) }));
//! let findings = app.findings();
//! let request = Request::get("/").header("host", "localhost").body(())?;
//! let answer = wait(respond(&app, Environ::for_test(request)));
//! assert_eq!(answer.status(), StatusCode::OK);
//!
//! let [finding] = &findings.take()[..] else { panic!("one finding") };
//! assert_eq!(finding.clause(), "A10");
//! assert_eq!(
//!     finding.to_string(),
//!     "clause A10 (rule 81): content without a Content-Type: 5 bytes; \
//!      say what it is, `application/octet-stream` if nothing else (GET / HTTP/1.1)"
//! );
//! # Ok::<(), rsgi_core::Error>(())
//! ```

mod app;
mod body;
pub mod checks;
mod environ;
mod finding;
mod head;
mod input;
mod record;
mod settings;
mod stopwatch;

use rsgi_core::App;

pub use app::Lint;
pub use checks::Check;
pub use finding::{Finding, Findings};

/// Watches `app` and the server that will call it.
pub fn lint<A: App>(app: A) -> Lint<A> {
    Lint::new(app)
}

/// Watches a middleware from both sides: `wrap` puts it around the inner app, which it gets as a lint, and what that sees
/// is compared with what the lint outside sees. Settings of the lint that is returned hold for both, and both share
/// their findings.
///
/// # Examples
///
/// A middleware that waits for all of a body:
///
/// ```
/// use rsgi_core::bytes::Bytes;
/// use rsgi_core::http::{Request, StatusCode};
/// use rsgi_core::{Body, Change, Environ, Error, Stack, app_fn, around, respond, wait};
/// use rsgi_test::lint;
///
/// struct Collect(Vec<u8>);
///
/// impl Change for Collect {
///     fn piece(&mut self, piece: Bytes) -> Result<Bytes, Error> {
///         self.0.extend_from_slice(&piece);
///         Ok(Bytes::new())
///     }
///
///     fn finish(&mut self) -> Result<Bytes, Error> {
///         Ok(std::mem::take(&mut self.0).into())
///     }
/// }
///
/// let app = app_fn(|_, start_response| async move {
///     let head = start_response.start(StatusCode::OK, [("content-type", "text/plain")])?;
///     Ok(head.body(Body::send(async |sender| {
///         sender.send("one ").await?;
///         sender.send("two").await
///     })))
/// });
/// let app = lint::around(app, |app| {
///     let collecting = around(|environ, start_response, next| async move {
///         let started = next.call(environ, start_response).await?;
///         Ok(started.map_body(|body| body.map(Collect(Vec::new()))))
///     });
///     Stack::new().then(collecting).app(app)
/// });
/// let request = Request::get("/").header("host", "localhost").body(())?;
/// let mut answer = wait(respond(&app, Environ::for_test(request)));
/// # use std::{future::poll_fn, pin::Pin};
/// # use rsgi_core::http_body::Body as _;
/// while let Some(frame) = wait(poll_fn(|context| Pin::new(answer.body_mut()).poll_frame(context))) {
///     assert_eq!(frame?.data_ref().map(|data| data.len()), Some(7));
/// }
/// assert_eq!(app.findings().take()[0].clause(), "M3");
/// # Ok::<(), Error>(())
/// ```
pub fn around<A: App, B: App>(app: A, wrap: impl FnOnce(Lint<A>) -> B) -> Lint<B> {
    app::around(app, wrap)
}
