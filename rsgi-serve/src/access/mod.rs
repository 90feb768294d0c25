//! The access log: one line an answer, made of its outcome, whatever became of it.
//!
//! A middleware, the outermost: it sees the request before anything changes it, and each answer, also after an error, a
//! panic or a client that went away. What no app is asked about, a request that the server refuses as malformed, isn't
//! its; the log has that.
//!
//! Read `format.rs` (what a line is), `atoms.rs` (its values), `sheet.rs` (how a line comes about cheaply).

mod answer;
mod atoms;
mod format;
mod json;
mod sheet;
mod user;
mod words;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use rsgi_core::{App, Capabilities, Environ, Error, Middleware, Outcome, StartResponse, Started};

use crate::log::level::Level;
use crate::log::output::Output;
use crate::log::sink::{Sink, Written};
use crate::log::{OpenError, Owner};
use answer::Answer;
pub(crate) use format::Format;
use sheet::Sheet;

/// An access log that is open; a handle that can be cloned.
#[derive(Clone, Debug)]
pub(crate) struct Access(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    format: Format,
    sink: Arc<Sink>,
}

impl Access {
    /// Opens it, and warns of atoms that nobody knows.
    ///
    /// # Errors
    ///
    /// The output can't be opened.
    pub(crate) fn open(format: Format, output: &Output, owner: Option<Owner>) -> Result<Self, OpenError> {
        let sink = Arc::new(Sink::open(output, "access", owner)?);
        for name in format.unknown() {
            tracing::warn!(target: "rsgi", atom = name, "access_log_format has an unknown atom: a dash is written");
        }
        Ok(Self(Arc::new(Shared { format, sink })))
    }

    /// Its output, to be reopened with the others.
    pub(crate) fn sink(&self) -> Arc<Sink> {
        Arc::clone(&self.0.sink)
    }

    /// Begins the line of a request. Gives where the fields of the answer are to be noted, if the format has any.
    #[inline]
    fn begin(&self, environ: &Environ) -> Option<Arc<Answer>> {
        let shared = Arc::clone(&self.0);
        let room = shared.sink.room().saturating_sub(RESERVE);
        let sheet = Sheet::begin(&shared.format, environ, room);
        let answer = (!shared.format.answer.is_empty()).then(Arc::<Answer>::default);
        let noted = answer.clone();
        environ.on_outcome(move |outcome| shared.told(sheet, outcome, noted.as_deref()));
        answer
    }
}

impl Shared {
    fn told(&self, sheet: Sheet, outcome: &Outcome, answer: Option<&Answer>) {
        let written = self.sink.put(Level::Info, |line, _room| {
            sheet.finish(line, &self.format, outcome, answer);
        });
        sheet.end();
        match written {
            Written::Well | Written::Lost => {}
            Written::Broken(error) => {
                tracing::error!(target: "rsgi", %error, "the access log can't be written; lost lines are counted");
            }
            Written::Mended(loss) => {
                tracing::warn!(target: "rsgi", "the access log is written again: {loss}");
            }
        }
    }
}

impl<A: App> Middleware<A> for Access {
    type App = AccessApp<A>;

    fn wrap(self, inner: A) -> AccessApp<A> {
        AccessApp { access: self, inner }
    }
}

/// An app whose answers are logged.
#[derive(Debug)]
pub(crate) struct AccessApp<A> {
    access: Access,
    inner: A,
}

impl<A: App> App for AccessApp<A> {
    #[inline]
    fn call(
        &self,
        environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        let answer = self.access.begin(&environ);
        Logged { inner: self.inner.call(environ, start_response), access: &self.access, answer }
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
        access: &'a Access,
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
            answer.see(&this.access.0.format.answer, started);
        }
        Poll::Ready(answered)
    }
}

/// Bytes that are left for what a syslog puts before a line, and for the outcome's part of it.
const RESERVE: usize = 768;
