//! [`blocking`]: a plain function as an app, run where blocking is allowed.
//!
//! On a blocking server its future is ready at the first poll, at no cost; on an async one the call goes through
//! the server's offload (law 2). The bodies such apps return keep their own kind: see `body`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::offload::{Offload, Offloaded};
use crate::{App, Environ, Error, StartResponse, Started};

/// Makes an app of a function or closure that may block.
///
/// # Examples
///
/// PEP 3333's `simple_app`:
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{blocking, Environ, Error, StartResponse, Started};
///
/// fn simple_app(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body("Hello world!\n"))
/// }
///
/// let app = blocking(simple_app);
/// # fn is_app(_: impl rsgi_core::App) {}
/// # is_app(app);
/// ```
pub fn blocking<F>(function: F) -> Blocking<F>
where
    F: Fn(Environ, StartResponse) -> Result<Started, Error> + Send + Sync + 'static,
{
    Blocking(Arc::new(function))
}

/// The app that [`blocking`] makes.
pub struct Blocking<F>(Arc<F>);

impl<F> Clone for Blocking<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F> std::fmt::Debug for Blocking<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Blocking(..)")
    }
}

impl<F> App for Blocking<F>
where
    F: Fn(Environ, StartResponse) -> Result<Started, Error> + Send + Sync + 'static,
{
    fn call(
        &self,
        environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        if let Offload::Inline = environ.server().offload {
            return BlockingCall::Ready(Some((self.0)(environ, start_response)));
        }
        let offload = environ.server().offload.clone();
        let function = Arc::clone(&self.0);
        BlockingCall::Offloaded(offload.run(move || function(environ, start_response)))
    }
}

enum BlockingCall<W: Send + 'static> {
    Ready(Option<Result<Started, Error>>),
    Offloaded(Offloaded<Result<Started, Error>, W>),
}

// `Offloaded` is `Unpin`, and so is an answer.
impl<W: Send> Unpin for BlockingCall<W> {}

impl<W> Future for BlockingCall<W>
where
    W: FnOnce() -> Result<Started, Error> + Send + 'static,
{
    type Output = Result<Started, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Ready(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            Self::Offloaded(offloaded) => Pin::new(offloaded).poll(context),
        }
    }
}
