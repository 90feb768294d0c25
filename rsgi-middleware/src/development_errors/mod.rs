//! [`DevelopmentErrors`]: what went wrong, shown to who asked, while a program is written.
//!
//! An app's error or panic before its head becomes a page with the causes and the request. Never for an input's own error,
//! which is the client's (413, 408, 400), and never behind the head, where a truncation must stay visible (S23). The error
//! is logged and the fault recorded as without it (M10): only the text of the answer is another.
//!
//! Read `page.rs` for what is shown, `accept.rs` for in which form.

mod accept;
mod catching;
mod page;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;

use rsgi_core::http::{HeaderValue, StatusCode, header};
use rsgi_core::{
    App, Capabilities, Endpoint, Environ, Error, Exchange, Fault, InputError, Middleware, StartResponse,
    Started,
};

use accept::Form;
use catching::{Ended, catching};
use page::Page;

/// Answers for an app that fails by what failed: its error with its causes, or what a panic said, and the request.
///
/// As HTML, JSON or text, by the request's `Accept`. Nothing turns this on by itself, and it shows what is a secret in
/// production: paths, queries, fields. So it is shown to clients of this machine alone, by default; anybody else gets the
/// server's plain 500. The values of fields that bear credentials are left out all the same.
///
/// The place of a panic isn't known here: the panic hook prints it.
///
/// # Examples
///
/// ```
/// use rsgi_core::{app_fn, Error, Stack, Started};
/// use rsgi_middleware::DevelopmentErrors;
/// use rsgi_test::Client;
///
/// let app = app_fn(|_, _| async { Err::<Started, Error>("no <database>".into()) });
/// let client = Client::new(Stack::new().then(DevelopmentErrors::new()).app(app));
/// let page = client.get("/cart").header("accept", "text/html").answer();
/// assert_eq!(page.status(), 500);
/// assert!(page.text().contains("no &lt;database&gt;") && page.text().contains("GET /cart"));
/// assert!(client.get("/cart").answer().text().contains("no <database>"), "as text for a tool");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct DevelopmentErrors {
    shown: Shown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    ToThisMachine,
    ToEveryone,
}

impl DevelopmentErrors {
    /// Shows errors to clients of this machine: a peer on the loopback interface or a unix socket, without a field that a
    /// proxy adds, as a proxy of this machine has clients elsewhere.
    #[must_use]
    pub const fn new() -> Self {
        Self { shown: Shown::ToThisMachine }
    }

    /// Shows errors to whoever asks: for a container or a machine of the network that nobody else can reach. Default: to
    /// clients of this machine.
    #[must_use]
    pub const fn danger_to_everyone(mut self) -> Self {
        self.shown = Shown::ToEveryone;
        self
    }

    fn shows(self, environ: &Environ) -> bool {
        self.shown == Shown::ToEveryone || is_of_this_machine(environ)
    }
}

fn is_of_this_machine(environ: &Environ) -> bool {
    let near = match environ.peer() {
        Endpoint::Tcp(address) => address.ip().to_canonical().is_loopback(),
        Endpoint::Unix { .. } => true,
        _ => false,
    };
    near && !FORWARDED.iter().any(|name| environ.headers().contains_key(*name))
}

impl Default for DevelopmentErrors {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: App> Middleware<A> for DevelopmentErrors {
    type App = DevelopmentErrorsApp<A>;

    fn wrap(self, inner: A) -> DevelopmentErrorsApp<A> {
        DevelopmentErrorsApp { settings: self, inner }
    }
}

/// An app inside [`DevelopmentErrors`].
#[derive(Debug, Clone, Copy)]
pub struct DevelopmentErrorsApp<A> {
    settings: DevelopmentErrors,
    inner: A,
}

impl<A: App> App for DevelopmentErrorsApp<A> {
    async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        if !self.settings.shows(&environ) {
            return self.inner.call(environ, start_response).await;
        }
        let exchange = Arc::clone(environ.exchange());
        let (page, form) = (Page::of(&environ), accept::form(environ.headers()));
        let again = start_response.clone();
        match catching(|| self.inner.call(environ, start_response)).await {
            Ended::Answered(started) => Ok(started),
            Ended::Failed(error) if is_the_clients(&*error) => Err(error),
            Ended::Failed(error) => {
                let causes = causes(&*error);
                log(&exchange, Fault::Error, &causes.join(": "));
                answer(again, form, &page.failed("The app returned an error", causes))
            }
            Ended::Panicked(text) => {
                log(&exchange, Fault::Panic, &text);
                answer(again, form, &page.failed("The app panicked", vec![text]))
            }
        }
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}

/// Whether the error is one of the input that the server answers by a status of its own.
fn is_the_clients(error: &(dyn std::error::Error + 'static)) -> bool {
    InputError::find(error).is_some_and(|input| !input.kind().status().is_server_error())
}

/// The texts of an error and its sources.
fn causes(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect()
}

/// Does what the server does where it answers by itself.
fn log(exchange: &Exchange, fault: Fault, error: &str) {
    let (connection, request) = (exchange.connection().id, exchange.number());
    if fault == Fault::Panic {
        tracing::error!(target: "rsgi", connection, request, panic = error, "app panicked: answered 500, with its text");
    } else {
        tracing::error!(target: "rsgi", connection, request, error, "app failed: answered 500, with its text");
    }
    exchange.fault(fault);
}

fn answer(start_response: StartResponse, form: Form, page: &page::Failed<'_>) -> Result<Started, Error> {
    let (kind, text) = match form {
        Form::Html => ("text/html; charset=utf-8", page.html()),
        Form::Json => ("application/json", page.json()),
        Form::Text => ("text/plain; charset=utf-8", page.text()),
    };
    let head = start_response
        .status(StatusCode::INTERNAL_SERVER_ERROR)
        .header(header::CONTENT_TYPE, HeaderValue::from_static(kind))?
        .header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))?
        .header(header::VARY, HeaderValue::from_static("accept"))?
        // Should something slip through the escaping, it runs nothing and fetches nothing.
        .header(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))?
        .header(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))?;
    Ok(head.body(text))
}

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// What proxies add.
const FORWARDED: &[&str] =
    &["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];
