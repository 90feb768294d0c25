//! [`Compression`]: answers in a coding that the client accepts (RFC 9110 section 12.5.3).
//!
//! Content in memory is coded in one go and keeps an exact length; a stream is coded piece by piece and stays one, of the
//! kind it was. Read next: `answer.rs` (which answers, and their fields), `encoder.rs` (the codings), `polled.rs` (streams that
//! mustn't hold up their reactor).
//!
//! Invariant: an answer is coded as a whole or not at all: head and body always agree.

mod answer;
mod encoder;
mod kinds;
mod polled;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use rsgi_core::http::Method;
use rsgi_core::{App, Capabilities, Environ, Error, Middleware, StartResponse, Started};

use crate::Coding;
use crate::coding::Wish;

/// Codes answers by `zstd`, `br` or `gzip`, whichever the client prefers.
///
/// # What it leaves alone
///
/// Answers that are coded already or a part (206); 204, 205 and 304; upgrades; `Cache-Control: no-transform`
/// (RFC 9111 section 5.2.2.6); content below the threshold; types that don't shrink. A client that refuses
/// `identity` gets even a small answer coded; where nothing it accepts is offered, the answer goes as it is, which RFC
/// 9110 section 12.4.1 allows and a 406 would only lose.
///
/// # What it changes
///
/// `Content-Encoding` and `Vary` are added; a strong `ETag` becomes weak, as the coding changes the bytes (RFC 9110 section
/// 8.8.3.3), so a client can't resume a coded answer; `Accept-Ranges` and digests of the plain bytes are removed.
/// `If-None-Match` goes on to work, since it compares weakly.
///
/// # Streams
///
/// Each piece is flushed, so an event stream's client can decode it at once. Where the server is async, content and pieces of
/// 32 KiB or more are coded on its threads for what blocks, one at a time, so that they hold up no reactor; smaller ones where
/// the body is polled, as handing them over costs more. An open stream holds about a
/// MiB for its window and tables with `br`, less with the others. A body that blocks stays one; a file is read and not sent by the system any more.
///
/// Where a secret and what an attacker says stand in one answer, its length can give the secret away (BREACH): mask it
/// anew for each answer.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{app_fn, Stack};
/// use rsgi_middleware::Compression;
/// use rsgi_test::Client;
///
/// let app = app_fn(|_, start_response| async move {
///     let head = start_response.start(StatusCode::OK, [("content-type", "text/plain")])?;
///     Ok(head.body("the same again and again, ".repeat(100)))
/// });
/// let client = Client::new(Stack::new().then(Compression::new()).app(app));
///
/// let answer = client.get("/").header("accept-encoding", "gzip, br;q=0.5").answer();
/// assert_eq!(answer.field("content-encoding"), Some("gzip"));
/// assert_eq!(answer.field("vary"), Some("accept-encoding"));
/// assert!(answer.body().len() < 200);
/// assert_eq!(client.get("/").answer().body().len(), 2600);
/// ```
#[derive(Clone)]
pub struct Compression {
    codings: Vec<Coding>,
    effort: Effort,
    threshold: u64,
    kinds: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

/// How hard to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Effort {
    /// As fast as can be: level 1 of each coding.
    Fast,
    /// What answers that are made for each request want: `br` 4, `gzip` 6, `zstd` 3.
    #[default]
    Balanced,
    /// Small, for some five times the time: `br` 9, `gzip` 9, `zstd` 15. For answers that a cache keeps.
    Small,
}

impl Effort {
    fn of<T>(self, fast: T, balanced: T, small: T) -> T {
        match self {
            Self::Fast => fast,
            Self::Balanced => balanced,
            Self::Small => small,
        }
    }
}

impl Compression {
    /// Makes it with its defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            codings: vec![Coding::Zstd, Coding::Brotli, Coding::Gzip],
            effort: Effort::default(),
            threshold: 1024,
            kinds: Arc::new(kinds::shrinks),
        }
    }

    /// Offers these codings alone, the first where the client has no preference. Default: `zstd`, `br`, `gzip`.
    #[must_use]
    pub fn codings(mut self, codings: impl IntoIterator<Item = Coding>) -> Self {
        self.codings = codings.into_iter().collect();
        self
    }

    /// Sets how hard to try. Default: [`Effort::Balanced`].
    #[must_use]
    pub fn effort(mut self, effort: Effort) -> Self {
        self.effort = effort;
        self
    }

    /// Leaves content alone that is known to be shorter, in bytes: what fits a packet gains nothing. Default: 1024.
    #[must_use]
    pub fn threshold(mut self, bytes: u64) -> Self {
        self.threshold = bytes;
        self
    }

    /// Codes what this says yes to, by the type of the content: in lower case, without parameters, empty if there is
    /// none. Default: text in its forms (`text/*`, JSON, XML, scripts, SVG, WebAssembly, plain fonts); not pictures, films and
    /// archives, which are compressed already, nor what has no type.
    #[must_use]
    pub fn kinds(mut self, shrinks: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.kinds = Arc::new(shrinks);
        self
    }
}

/// Content in memory, or a piece, from this size on is coded where blocking is allowed: it takes more than a reactor can spare.
const OFFLOADED: usize = 32 * 1024;

impl Default for Compression {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Compression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { codings, effort, threshold, kinds: _ } = self;
        let mut debug = formatter.debug_struct("Compression");
        debug.field("codings", codings).field("effort", effort).field("threshold", threshold);
        debug.finish_non_exhaustive()
    }
}

impl<A: App> Middleware<A> for Compression {
    type App = CompressionApp<A>;

    fn wrap(self, inner: A) -> Self::App {
        CompressionApp { settings: self, inner }
    }
}

/// An app inside [`Compression`].
#[derive(Debug, Clone)]
pub struct CompressionApp<A> {
    settings: Compression,
    inner: A,
}

impl<A: App> App for CompressionApp<A> {
    async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        // A 2xx to CONNECT is a stream of somebody else's bytes.
        if environ.method() == Method::CONNECT {
            return self.inner.call(environ, start_response).await;
        }
        let wish = Wish::read(environ.headers());
        let best = wish.best_of(&self.settings.codings);
        let wanted = answer::Wanted {
            best,
            refuses_identity: wish.refuses_identity(),
            is_head: environ.method() == Method::HEAD,
        };
        let offload = best.map(|_| environ.offload().clone());
        let started = self.inner.call(environ, start_response).await?;
        answer::answer(&self.settings, &wanted, offload, started).await
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}
