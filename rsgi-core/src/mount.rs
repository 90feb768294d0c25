//! Several apps under one roof, each at a prefix: the dispatcher that shifts `SCRIPT_NAME` and `PATH_INFO`.
//!
//! The longest matching prefix wins. Prefixes are compared segment by segment after decoding (see `path.rs`), and
//! the request's target stays what it was.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::StatusCode;

use crate::path::is_prefix;
use crate::{App, BoxApp, Capabilities, Environ, Error, StartResponse, Started};

/// Dispatches to the app mounted at the longest prefix of the path info.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{app_fn, Mount};
///
/// let shop = app_fn(|_, start_response| async move { Ok(start_response.status(StatusCode::OK).body("shop")) });
/// let blog = app_fn(|_, start_response| async move { Ok(start_response.status(StatusCode::OK).body("blog")) });
/// let site = Mount::new().at("/shop", shop).at("/", blog);
/// # let _ = site;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Mount {
    /// Longest prefix first, so that the first match is the one.
    mounts: Vec<(String, BoxApp)>,
}

impl Mount {
    /// Makes a dispatcher with nothing mounted: it answers 404.
    pub fn new() -> Self {
        Self::default()
    }

    /// Mounts an app at a prefix, `/` or empty for the root. A prefix mounted before is replaced.
    ///
    /// # Panics
    ///
    /// If the prefix doesn't begin with a slash or holds an empty segment: a mistake in the program, found at boot.
    #[must_use]
    pub fn at(mut self, prefix: &str, app: impl App) -> Self {
        assert!(
            is_prefix(prefix),
            "mount prefix {prefix:?} must be empty or begin with '/' and have no empty segment"
        );
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix).to_owned();
        self.mounts.retain(|(known, _)| *known != prefix);
        let segments = |prefix: &str| prefix.matches('/').count();
        let place = self.mounts.partition_point(|(known, _)| segments(known) >= segments(&prefix));
        self.mounts.insert(place, (prefix, BoxApp::new(app)));
        self
    }
}

impl App for Mount {
    /// Decides at the call and not at the first poll, so that the mounted app's future is the answer's and isn't wrapped
    /// in another that would have to carry the environ (benches, `rsgi-hyper-mount`).
    #[inline]
    fn call(
        &self,
        mut environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        for (prefix, app) in &self.mounts {
            if environ.mount(prefix) {
                return Dispatched::Mounted(app.call(environ, start_response));
            }
        }
        Dispatched::Nowhere(start_response)
    }

    fn requires(&self) -> Capabilities {
        self.mounts.iter().fold(Capabilities::NONE, |needs, (_, app)| needs | app.requires())
    }

    async fn stop(&self) {
        for (_, app) in &self.mounts {
            app.stop().await;
        }
    }
}

/// The future of a [`Mount`].
enum Dispatched<F> {
    Mounted(F),
    Nowhere(StartResponse),
}

impl<F: Future<Output = Result<Started, Error>> + Unpin> Future for Dispatched<F> {
    type Output = Result<Started, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Mounted(answer) => Pin::new(answer).poll(context),
            Self::Nowhere(start_response) => Poll::Ready(not_found(start_response.clone())),
        }
    }
}

#[cold]
fn not_found(start_response: StartResponse) -> Result<Started, Error> {
    let head = start_response.start(StatusCode::NOT_FOUND, [("content-type", "text/plain")])?;
    Ok(head.body("404 Not Found\n"))
}
