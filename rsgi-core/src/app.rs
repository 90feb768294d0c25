//! The contract itself: [`App`], and the ways to be one.
//!
//! This is PEP 3333's "application object". A server calls it through [`respond`](crate::respond())
//! and never directly, so that every adapter follows the same rules. Nothing here knows a server, a
//! runtime or a socket. Read next: `start_response.rs` for the second argument, `environ` for the first.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::{Capabilities, Environ, Error, StartResponse, Started};

/// A web application: called once a request with its environ and `start_response`.
///
/// # Contract
///
/// - **Who calls it**: a server, through [`respond`](crate::respond()), once for each request; from many threads
///   at once if the server says [`multithread`](crate::Server::multithread).
/// - **On which thread**: wherever the server polls. The future must not block its thread; an app that blocks is
///   wrapped in [`blocking`](crate::blocking()), which runs it where blocking is allowed.
/// - **Dropping**: the server drops the future when the client has gone. A blocking app can't be dropped: it polls
///   [`Environ::disconnect`].
/// - **Errors**: an `Err` or a panic becomes a 500 whose text never reaches the client (a 413, 408 or 400 where
///   an [`InputError`](crate::InputError) is found along `source()`); the server lives on.
///
/// PEP 3333, "The Application/Framework Side".
///
/// The trap: an `async fn` that blocks holds up everybody whose requests its thread polls.
///
/// ```no_run
/// # use rsgi_core::{blocking, Environ, Error, StartResponse, Started};
/// # use rsgi_core::http::StatusCode;
/// // Wrong: an async server answers nobody else meanwhile.
/// async fn slow(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     let report = std::fs::read("report.csv")?;
///     Ok(start_response.status(StatusCode::OK).body(report))
/// }
///
/// // Right: a plain function, wrapped by `blocking`.
/// fn report(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     let report = std::fs::read("report.csv")?;
///     Ok(start_response.status(StatusCode::OK).body(report))
/// }
/// let app = blocking(report);
/// # let _ = (app, slow);
/// ```
///
/// # Examples
///
/// A plain async function is an app:
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{App, Environ, Error, StartResponse, Started};
///
/// async fn simple_app(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body("Hello world!\n"))
/// }
///
/// fn is_app(_: impl App) {}
/// is_app(simple_app);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an RSGI app",
    label = "not an app",
    note = "an app is an `async fn(Environ, StartResponse) -> Result<Started, Error>`, a blocking `fn` of the same shape wrapped in `blocking(...)`, a closure wrapped in `app_fn(...)`, or a type that implements `App`"
)]
pub trait App: Send + Sync + 'static {
    /// Answers one request.
    ///
    /// # Errors
    ///
    /// Whatever the app can't handle itself: the server answers 500 and logs it.
    fn call(
        &self,
        environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send;

    /// What this app needs of its server: checked before the first request is accepted.
    ///
    /// Default: nothing. Middleware returns the union of its own needs and those of all it holds.
    fn requires(&self) -> Capabilities {
        Capabilities::NONE
    }

    /// Ends the app: called once a worker after its last answer, bounded by the graceful timeout.
    ///
    /// Default: does nothing. Middleware passes it on to all it holds. (There is no `start`: that is the factory.)
    fn stop(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

impl<F, Fut> App for F
where
    F: Fn(Environ, StartResponse) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Started, Error>> + Send,
{
    #[inline(always)]
    fn call(
        &self,
        environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        self(environ, start_response)
    }
}

impl<T: App> App for Arc<T> {
    #[inline(always)]
    fn call(
        &self,
        environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        T::call(self, environ, start_response)
    }

    fn requires(&self) -> Capabilities {
        T::requires(self)
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        T::stop(self)
    }
}

/// Makes an app of a closure, letting the closure's argument types be inferred.
///
/// State is an `Arc` cloned inside the closure: a capturing *async closure* is not `Fn` and doesn't fit.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::app_fn;
///
/// let greeting = Arc::new(String::from("hi"));
/// let app = app_fn(move |_environ, start_response| {
///     let greeting = Arc::clone(&greeting);
///     async move { Ok(start_response.start(StatusCode::OK, [("x-app", "1")])?.body(greeting.to_string())) }
/// });
/// # let _ = app;
/// ```
pub fn app_fn<F, Fut>(function: F) -> F
where
    F: Fn(Environ, StartResponse) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Started, Error>> + Send,
{
    function
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

trait ErasedApp: Send + Sync + 'static {
    fn call(&self, environ: Environ, start_response: StartResponse) -> Boxed<'_, Result<Started, Error>>;
    fn requires(&self) -> Capabilities;
    fn stop(&self) -> Boxed<'_, ()>;
}

impl<A: App> ErasedApp for A {
    fn call(&self, environ: Environ, start_response: StartResponse) -> Boxed<'_, Result<Started, Error>> {
        Box::pin(App::call(self, environ, start_response))
    }

    fn requires(&self) -> Capabilities {
        App::requires(self)
    }

    fn stop(&self) -> Boxed<'_, ()> {
        Box::pin(App::stop(self))
    }
}

/// An app whose type has been erased, for choosing one at run time; costs one allocation a request.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{app_fn, blocking, BoxApp};
///
/// let quiet = std::env::args().count() > 1;
/// let app = if quiet {
///     BoxApp::new(app_fn(|_, start_response| async move { Ok(start_response.status(StatusCode::NO_CONTENT).empty()) }))
/// } else {
///     BoxApp::new(blocking(|_, start_response| Ok(start_response.status(StatusCode::OK).body("hello"))))
/// };
/// # let _ = app;
/// ```
#[derive(Clone)]
pub struct BoxApp(Arc<dyn ErasedApp>);

impl BoxApp {
    /// Erases the type of `app`.
    pub fn new(app: impl App) -> Self {
        Self(Arc::new(app))
    }
}

impl std::fmt::Debug for BoxApp {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BoxApp").field("requires", &self.0.requires()).finish_non_exhaustive()
    }
}

impl App for BoxApp {
    fn call(
        &self,
        environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        self.0.call(environ, start_response)
    }

    fn requires(&self) -> Capabilities {
        self.0.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.0.stop()
    }
}
