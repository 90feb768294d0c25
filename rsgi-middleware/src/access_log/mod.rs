//! [`AccessLog`]: one line an answer, made of its outcome, whatever became of it.
//!
//! The outermost middleware: it sees the request before anything changes it, and each answer, also after an error, a
//! panic or a client that went away. What no app is asked about, a request that the server refuses as malformed, isn't
//! its; the server's log has that.
//!
//! Read `format.rs` (what a line is), `atoms.rs` (its values), `sheet.rs` (how a line comes about cheaply), `lines.rs`
//! (where it goes).

mod answer;
mod atoms;
mod format;
mod json;
mod lines;
mod sheet;
mod user;
mod words;

#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use rsgi_core::{App, Capabilities, Environ, Error, Middleware, Outcome, StartResponse, Started};

use answer::Answer;
pub use format::{AccessFormat, AccessFormatError};
pub use lines::Lines;
use lines::{Traced, Writing};
use sheet::Sheet;

/// Writes a line for each answer, after its outcome is known.
///
/// Atoms and forms are Gunicorn's: see [`AccessFormat`]. A line costs no allocation once a thread has written some, and
/// nothing that a client sends can end a line or forge another. The client is whom the trust policy names.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{app_fn, Stack};
/// use rsgi_middleware::{AccessFormat, AccessLog};
/// use rsgi_test::Client;
///
/// let app = app_fn(|_, start_response| async move { Ok(start_response.status(StatusCode::OK).body("hello")) });
/// let (reader, writer) = std::io::pipe()?;
/// let log = AccessLog::to(writer).format(AccessFormat::parse("%(m)s %(U)s %(s)s %(B)s")?);
/// let client = Client::new(Stack::new().then(log).app(app));
/// client.get("/cart").answer();
/// drop(client);
/// assert_eq!(std::io::read_to_string(reader)?, "GET /cart 200 5\n");
/// # Ok::<(), rsgi_core::Error>(())
/// ```
#[derive(Clone)]
pub struct AccessLog(Arc<Shared>);

/// One reference for each request.
struct Shared {
    format: AccessFormat,
    lines: Arc<dyn Lines>,
}

impl AccessLog {
    /// Writes to the log of the program, as events of `tracing` with the target `rsgi::access`, level INFO, whose message
    /// is the line.
    #[must_use]
    pub fn traced() -> Self {
        Self::through(Traced)
    }

    /// Writes each line by one call of `writer`, such as standard output or a file opened to append. Where it blocks, it
    /// holds up the server's thread: what may be slow goes [`through`](Self::through) a queue.
    #[must_use]
    pub fn to(writer: impl io::Write + Send + 'static) -> Self {
        Self::through(Writing::new(writer))
    }

    /// Gives the lines to whatever takes them.
    #[must_use]
    pub fn through(lines: impl Lines) -> Self {
        Self(Arc::new(Shared { format: AccessFormat::default(), lines: Arc::new(lines) }))
    }

    /// The form of the lines. Default: the combined form. Atoms that nobody knows are dashes; they are named by
    /// [`AccessFormat::unknown`].
    #[must_use]
    pub fn format(self, format: AccessFormat) -> Self {
        Self(Arc::new(Shared { format, lines: Arc::clone(&self.0.lines) }))
    }

    /// Begins the line of a request. Gives where the fields of the answer are to be noted, if the format has any.
    #[inline]
    fn begin(&self, environ: &Environ) -> Option<Arc<Answer>> {
        let shared = Arc::clone(&self.0);
        let sheet = Sheet::begin(&shared.format, environ, shared.lines.room());
        let answer = (!shared.format.answer.is_empty()).then(Arc::<Answer>::default);
        let noted = answer.clone();
        environ.on_outcome(move |outcome| shared.told(sheet, outcome, noted.as_deref()));
        answer
    }
}

impl Shared {
    fn told(&self, sheet: Sheet, outcome: &Outcome, answer: Option<&Answer>) {
        self.lines.put(&|line| sheet.finish(line, &self.format, outcome, answer));
        sheet.end();
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AccessLog").field("format", &self.0.format).finish_non_exhaustive()
    }
}

impl<A: App> Middleware<A> for AccessLog {
    type App = AccessLogApp<A>;

    fn wrap(self, inner: A) -> AccessLogApp<A> {
        AccessLogApp { log: self, inner }
    }
}

/// An app whose answers are logged.
#[derive(Debug, Clone)]
pub struct AccessLogApp<A> {
    log: AccessLog,
    inner: A,
}

impl<A: App> App for AccessLogApp<A> {
    #[inline]
    fn call(
        &self,
        environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        let answer = self.log.begin(&environ);
        Logged { inner: self.inner.call(environ, start_response), log: &self.log, answer }
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}

pin_project! {
    struct Logged<'a, Fut> {
        #[pin]
        inner: Fut,
        log: &'a AccessLog,
        answer: Option<Arc<Answer>>,
    }
}

impl<Fut> Future for Logged<'_, Fut>
where
    Fut: Future<Output = Result<Started, Error>>,
{
    type Output = Result<Started, Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(answer) = this.answer else { return this.inner.poll(context) };
        let answered = ready!(this.inner.poll(context));
        if let Ok(started) = &answered {
            answer.see(&this.log.0.format.answer, started);
        }
        Poll::Ready(answered)
    }
}
