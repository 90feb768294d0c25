//! [`Cascade`]: one app after another, until one knows what was asked for (Rack's `Cascade`).
//!
//! The environ is lent to each app but the last (`Environ::lend`), so its slots and its input are handed on and not
//! copied. An app that began to read the input, or keeps the environ, has taken the request on: its answer stands.

use rsgi_core::http::StatusCode;
use rsgi_core::{App, BoxApp, Capabilities, Environ, Error, Middleware, StartResponse, Started};

/// Asks apps in their order; the first answer that isn't a 404 or 405 is the answer, else that of the last.
///
/// An app sees the request as the first one did: method, target, mount point and fields are restored. What it put into
/// the environ's slots stays there. An app that takes the request apart, as one of another framework's types does
/// (`Environ::into_request`), has taken it on: put it last. An error or a panic is not passed over.
///
/// As a middleware it puts the app it wraps behind its own.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{app_fn, Mount, Stack};
/// use rsgi_middleware::Cascade;
/// use rsgi_test::Client;
///
/// let named = |name: &'static str| app_fn(move |_, start_response| async move {
///     Ok(start_response.status(StatusCode::OK).body(name))
/// });
/// let new = Mount::new().at("/cart", named("the new cart"));
/// let old = named("the old shop");
/// let client = Client::new(Stack::new().then(Cascade::new().then(new)).app(old));
///
/// assert_eq!(client.get("/cart").answer().text(), "the new cart");
/// assert_eq!(client.get("/about").answer().text(), "the old shop");
/// ```
#[derive(Debug, Clone)]
pub struct Cascade {
    apps: Vec<BoxApp>,
    passed: Vec<StatusCode>,
}

impl Cascade {
    /// Without apps: it answers 404.
    #[must_use]
    pub fn new() -> Self {
        Self { apps: Vec::new(), passed: vec![StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED] }
    }

    /// Adds an app, behind those before it.
    #[must_use]
    pub fn then(mut self, app: impl App) -> Self {
        self.apps.push(BoxApp::new(app));
        self
    }

    /// The statuses after which the next app is asked. Default: 404 and 405. Others, such as 403, let an app decline by
    /// them.
    #[must_use]
    pub fn pass_on(mut self, statuses: impl IntoIterator<Item = StatusCode>) -> Self {
        self.passed = statuses.into_iter().collect();
        self
    }

    /// Asks an app that isn't the last.
    async fn ask(
        &self,
        app: &BoxApp,
        environ: Environ,
        start_response: StartResponse,
    ) -> Result<Asked, Error> {
        let (method, headers) = (environ.method().clone(), environ.headers().clone());
        let length = environ.input_length();
        let (lent, loan) = environ.lend();
        let started = app.call(lent, start_response).await?;
        if !self.passed.contains(&started.status()) {
            return Ok(Asked::Answered(started));
        }
        let Some(mut environ) = loan.take() else { return Ok(Asked::Answered(started)) };
        if environ.input_length() != length || environ.input_mut().is_begun() {
            return Ok(Asked::Answered(started));
        }
        if started.body().blocks() {
            // Its drop may block as well.
            let offload = environ.offload().clone();
            offload.run(move || drop(started)).await;
        } else {
            drop(started);
        }
        environ.set_method(method);
        *environ.headers_mut() = headers;
        Ok(Asked::Declined(environ))
    }
}

enum Asked {
    Answered(Started),
    Declined(Environ),
}

impl Default for Cascade {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: App> Middleware<A> for Cascade {
    type App = Self;

    fn wrap(self, inner: A) -> Self {
        self.then(inner)
    }
}

impl App for Cascade {
    async fn call(&self, mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        let Some((last, before)) = self.apps.split_last() else {
            let head = start_response.start(StatusCode::NOT_FOUND, [("content-type", "text/plain")])?;
            return Ok(head.body("404 Not Found\n"));
        };
        for app in before {
            match self.ask(app, environ, start_response.clone()).await? {
                Asked::Answered(started) => return Ok(started),
                Asked::Declined(again) => environ = again,
            }
        }
        last.call(environ, start_response).await
    }

    fn requires(&self) -> Capabilities {
        self.apps.iter().fold(Capabilities::NONE, |needs, app| needs | app.requires())
    }

    async fn stop(&self) {
        for app in &self.apps {
            app.stop().await;
        }
    }
}

#[cfg(test)]
mod tests;
