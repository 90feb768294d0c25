//! [`BodyLimit`]: how many bytes of a request's body the app inside it may be made to read.
//!
//! Nothing is counted here: the limit is set on the input, which counts anyway, and gives the typed error that becomes
//! 413. So a body that nobody reads is let be, and one that is announced too long is refused at the first read, before
//! a `100 Continue` asks for it. What comes behind an upgrade is no body, and has no limit.

#[cfg(test)]
mod tests;

use std::future::Future;

use rsgi_core::{App, Capabilities, Environ, Error, Middleware, StartResponse, Started};

/// Limits the body of each request, in place of the server's own limit.
///
/// The limit nearest to the app counts, as [`Input::set_limit`](rsgi_core::Input::set_limit) says: a larger one inside a smaller lets a mounted app
/// take uploads that the rest of the site refuses. An app that gives the input's error back unhandled has it answered
/// with 413 (RFC 9110 section 15.5.14).
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{app_fn, Mount, Middleware, Stack};
/// use rsgi_middleware::BodyLimit;
/// use rsgi_test::Client;
///
/// let count = || app_fn(|mut environ, start_response| async move {
///     let mut bytes = 0;
///     while let Some(piece) = environ.input_mut().piece().await {
///         bytes += piece?.len();
///     }
///     Ok(start_response.status(StatusCode::OK).body(bytes.to_string()))
/// });
/// let site = Mount::new().at("/", count()).at("/upload", BodyLimit::bytes(100).wrap(count()));
/// let client = Client::new(Stack::new().then(BodyLimit::bytes(5)).app(site));
///
/// assert_eq!(client.post("/").body("12345").answer().text(), "5");
/// assert_eq!(client.post("/").body("123456").answer().status(), 413);
/// assert_eq!(client.post("/upload").body("123456").answer().text(), "6");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit {
    bytes: u64,
}

impl BodyLimit {
    /// At most so many bytes.
    #[must_use]
    pub const fn bytes(bytes: u64) -> Self {
        Self { bytes }
    }
}

/// 2 MiB: forms and JSON fit, and what an app keeps of it in memory stays small.
impl Default for BodyLimit {
    fn default() -> Self {
        Self::bytes(2 << 20)
    }
}

impl<A: App> Middleware<A> for BodyLimit {
    type App = BodyLimitApp<A>;

    fn wrap(self, inner: A) -> BodyLimitApp<A> {
        BodyLimitApp { limit: self, inner }
    }
}

/// An app inside a [`BodyLimit`].
#[derive(Debug, Clone, Copy)]
pub struct BodyLimitApp<A> {
    limit: BodyLimit,
    inner: A,
}

impl<A: App> App for BodyLimitApp<A> {
    #[inline]
    fn call(
        &self,
        mut environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        environ.input_mut().set_limit(self.limit.bytes);
        self.inner.call(environ, start_response)
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}
