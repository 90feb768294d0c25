//! [`RequestId`]: a name for each request, by which its lines in logs and its answer are found.
//!
//! Made of the server's own numbers behind a prefix of the process, so it costs no source of randomness a request; an
//! incoming one counts only where it was said to, since anybody can send one. Not a secret: whoever has seen one can
//! guess the next.

mod prefix;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use rsgi_core::http::{HeaderName, HeaderValue};
use rsgi_core::{App, Capabilities, Environ, Error, Middleware, StartResponse, Started};
use tracing::Instrument;

use prefix::Prefix;

/// Names each request.
///
/// The app finds the name as [`CurrentRequestId`] in the environ, and in the request's field; the answer bears it; the
/// span `request` of the log, in which the app runs, has it as `request_id`. An answer that the server makes in place of
/// an error of the app's has no such field.
///
/// Outside an access log its lines have the name, too: as `%({x-request-id}i)s`, and as `request_id` of the JSON form.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{app_fn, Environ, Stack, StartResponse};
/// use rsgi_middleware::{CurrentRequestId, RequestId};
/// use rsgi_test::Client;
///
/// let app = app_fn(|environ: Environ, start_response: StartResponse| async move {
///     let id = environ.get::<CurrentRequestId>().map(ToString::to_string).unwrap_or_default();
///     Ok(start_response.status(StatusCode::OK).body(id))
/// });
/// let client = Client::new(Stack::new().then(RequestId::new()).app(app));
/// let answer = client.get("/").header("x-request-id", "forged").answer();
/// assert_eq!(answer.field("x-request-id"), Some(answer.text()));
/// assert_ne!(answer.text(), "forged");
/// ```
#[derive(Debug, Clone)]
pub struct RequestId {
    field: HeaderName,
    incoming: Incoming,
    answer: Answer,
    make: Make,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Incoming {
    Replaced,
    Kept,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Bears,
    Silent,
}

#[derive(Clone)]
enum Make {
    Numbers(Arc<Prefix>),
    Own(Arc<dyn Fn(&Environ) -> String + Send + Sync>),
}

/// The name of a request, as a value in its environ.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CurrentRequestId(HeaderValue);

impl CurrentRequestId {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // It was made of a string, or found valid.
        self.0.to_str().unwrap_or_default()
    }
}

impl fmt::Display for CurrentRequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl RequestId {
    /// Makes a name for each request, in `x-request-id`, and believes nobody's.
    #[must_use]
    pub fn new() -> Self {
        Self {
            field: HeaderName::from_static("x-request-id"),
            incoming: Incoming::Replaced,
            answer: Answer::Bears,
            make: Make::Numbers(Arc::default()),
        }
    }

    /// The field that bears the name, in request and answer. Default: `x-request-id`.
    #[must_use]
    pub fn field(mut self, name: HeaderName) -> Self {
        self.field = name;
        self
    }

    /// Keeps the name that a request comes with, if it is a valid one: one field of 1 to 128 letters, digits and `-_.~:/+=@`.
    /// Default: it is replaced. For a server that nobody but a proxy can reach which sets the field itself; else a client
    /// chooses how its requests stand in your logs.
    #[must_use]
    pub fn keep_incoming(mut self) -> Self {
        self.incoming = Incoming::Kept;
        self
    }

    /// Lets answers be without the field. Default: they bear it.
    #[must_use]
    pub fn silent(mut self) -> Self {
        self.answer = Answer::Silent;
        self
    }

    /// Makes names by `make`, from a crate for UUIDs say. Default: a prefix of the process and the server's numbers
    /// of connection and request. What can't be a field's value is replaced by the default.
    #[must_use]
    pub fn made_by(mut self, make: impl Fn(&Environ) -> String + Send + Sync + 'static) -> Self {
        self.make = Make::Own(Arc::new(make));
        self
    }

    fn name(&self, environ: &Environ) -> HeaderValue {
        if self.incoming == Incoming::Kept
            && let Some(incoming) = incoming(environ, &self.field)
        {
            return incoming;
        }
        let own = match &self.make {
            Make::Numbers(prefix) => return prefix.number(environ),
            Make::Own(make) => make(environ),
        };
        match HeaderValue::try_from(own) {
            Ok(value) if is_valid(&value) => value,
            _ => Prefix::default().number(environ),
        }
    }
}

/// The name that the request came with, if it is one.
fn incoming(environ: &Environ, field: &HeaderName) -> Option<HeaderValue> {
    let mut values = environ.headers().get_all(field).iter();
    match (values.next(), values.next()) {
        (Some(only), None) if is_valid(only) => Some(only.clone()),
        _ => None,
    }
}

/// Nothing that a line of a log, a URL or a shell would take for something else.
fn is_valid(value: &HeaderValue) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~:/+=@".contains(byte);
    (1..=MOST).contains(&value.len()) && value.as_bytes().iter().all(allowed)
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Make {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Numbers(_) => "Numbers",
            Self::Own(_) => "Own",
        })
    }
}

impl<A: App> Middleware<A> for RequestId {
    type App = RequestIdApp<A>;

    fn wrap(self, inner: A) -> RequestIdApp<A> {
        RequestIdApp { settings: self, inner }
    }
}

/// An app inside [`RequestId`].
#[derive(Debug, Clone)]
pub struct RequestIdApp<A> {
    settings: RequestId,
    inner: A,
}

impl<A: App> App for RequestIdApp<A> {
    fn call(
        &self,
        mut environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        let settings = &self.settings;
        let id = CurrentRequestId(settings.name(&environ));
        let span = tracing::info_span!(target: "rsgi", "request", request_id = id.as_str());
        let value = id.0.clone();
        environ.headers_mut().insert(settings.field.clone(), value.clone());
        environ.insert(id);
        // Called within the span as well: an app may do its work before its first poll.
        let answered = span.in_scope(|| self.inner.call(environ, start_response)).instrument(span);
        async move {
            let mut started = answered.await?;
            if settings.answer == Answer::Bears {
                started.fields_mut().insert(settings.field.clone(), value)?;
            }
            Ok(started)
        }
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}

/// The longest name, in bytes: 36 for a UUID, and room for those of tracing systems.
const MOST: usize = 128;
