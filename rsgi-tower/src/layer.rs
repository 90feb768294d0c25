//! [`layer()`]: tower's layers as middleware, around an app.
//!
//! What the layer doesn't touch goes through as it was: the environ, the input, a file that the system sends, a body
//! that blocks. What it wraps, it pulls.

use std::future::{Future, poll_fn};
use std::sync::Arc;

use rsgi_core::bytes::Buf;
use rsgi_core::http::{Request, Response};
use rsgi_core::http_body::Body;
use rsgi_core::{App, Capabilities, Environ, Error, Input, Middleware, StartResponse, Started};
use tower_layer::Layer;
use tower_service::Service;

use crate::answer::answered;
use crate::app_service::Inner;
use crate::service_app::Prototype;

/// Makes a middleware of a layer of tower or tower-http.
///
/// An error of the layer's own, as tower's `Timeout` gives one, is the app's error to the server: a 500. Layers that
/// answer instead, as tower-http's do, choose their status.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{Stack, app_fn};
/// use rsgi_test::Client;
/// use rsgi_tower::layer;
/// use tower_http::cors::CorsLayer;
///
/// let app = app_fn(|_, start_response| async move { Ok(start_response.status(StatusCode::OK).body("hello")) });
/// let app = Stack::new().then(layer(CorsLayer::permissive())).app(app);
/// assert_eq!(Client::new(app).get("/").answer().field("access-control-allow-origin"), Some("*"));
/// ```
pub fn layer<L>(layer: L) -> Layered<L> {
    Layered(layer)
}

/// The middleware of [`layer()`].
#[derive(Debug, Clone, Copy)]
pub struct Layered<L>(L);

impl<A, L, R> Middleware<A> for Layered<L>
where
    A: App,
    L: Layer<Inner<A>>,
    L::Service: Service<Request<Input>, Response = Response<R>> + Clone + Send + 'static,
    <L::Service as Service<Request<Input>>>::Future: Send,
    <L::Service as Service<Request<Input>>>::Error: Into<Error>,
    R: Body + Send + 'static,
    R::Data: Buf,
    R::Error: Into<Error>,
{
    type App = LayeredApp<L::Service, A>;

    fn wrap(self, inner: A) -> Self::App {
        let inner = Arc::new(inner);
        LayeredApp { services: Prototype::new(self.0.layer(Inner(Arc::clone(&inner)))), inner }
    }
}

/// An app inside a [`layer()`].
pub struct LayeredApp<S: Send, A> {
    services: Prototype<S>,
    inner: Arc<A>,
}

impl<S: Send, A> std::fmt::Debug for LayeredApp<S, A> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LayeredApp").finish_non_exhaustive()
    }
}

impl<S, A, R> App for LayeredApp<S, A>
where
    A: App,
    S: Service<Request<Input>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Error>,
    R: Body + Send + 'static,
    R::Data: Buf,
    R::Error: Into<Error>,
{
    async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        let mut service = self.services.of_this_thread();
        poll_fn(|context| service.poll_ready(context)).await.map_err(Into::into)?;
        answered(service.call(environ.into_request()), start_response).await
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}
