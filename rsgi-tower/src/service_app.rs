//! [`ServiceApp`]: a tower service as an app.
//!
//! The request's head and body are moved, and come back as they are if the service hands them to an app of ours
//! (`app_service.rs`). Upgrades are `upgrade/`'s; the answer's way back is `answer.rs`'s.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, ready};

use rsgi_core::bytes::Buf;
use rsgi_core::http::{Request, Response};
use rsgi_core::http_body::Body;
use rsgi_core::{App, Environ, Error, Input, StartResponse, Started};
use thread_local::ThreadLocal;
use tower_service::Service;

use crate::answer::answer;
use crate::upgrade;

/// A tower service as an app, on any server.
///
/// # Contract
///
/// The service is cloned for each request, and `poll_ready` is awaited on the very clone that is called (`Service`'s
/// own contract). A service that is not `Sync` is none the less an app: each thread has a clone to itself. Its error
/// becomes the app's: a 500, or the status of an [`InputError`](rsgi_core::InputError) along its sources.
///
/// Where the app is mounted, the request's path is the rest of it; [`Gateway`](rsgi_core::Gateway), among the
/// request's extensions, has the mount, the target as it was, and what the connection knows.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::{Request, Response};
/// use rsgi_core::{Gateway, Input};
/// use rsgi_test::Client;
/// use rsgi_tower::ServiceApp;
///
/// let service = tower::service_fn(|request: Request<Input>| async move {
///     let mount = request.extensions().get::<Gateway>().map(Gateway::script_name).unwrap_or_default();
///     Ok::<_, std::convert::Infallible>(Response::new(format!("{mount} {}", request.uri().path())))
/// });
/// let app = rsgi_core::Mount::new().at("/shop", ServiceApp::new(service));
/// assert_eq!(Client::new(app).get("/shop/cart").answer().text(), "/shop /cart");
/// ```
pub struct ServiceApp<S: Send, F = fn(Request<Input>) -> Request<Input>> {
    services: Prototype<S>,
    make: F,
}

impl<S: Clone + Send> ServiceApp<S> {
    /// Makes an app of a service whose request body can be an [`Input`]: most are generic over it.
    pub fn new(service: S) -> Self {
        Self { services: Prototype::new(service), make: |request| request }
    }
}

impl<S: Clone + Send, F> ServiceApp<S, F> {
    /// Changes each request before the service gets it: to another type of body, or by extensions that the service
    /// looks for. Default: the request as it is, with an [`Input`] for its body.
    ///
    /// # Examples
    ///
    /// ```
    /// use rsgi_core::http::{Request, Response};
    /// use rsgi_core::{Gateway, Input};
    /// use rsgi_tower::ServiceApp;
    ///
    /// /// What the service looks for.
    /// #[derive(Clone)]
    /// struct Peer(String);
    ///
    /// let service = tower::service_fn(|request: Request<Input>| async move {
    ///     let peer = request.extensions().get::<Peer>().map(|peer| peer.0.clone());
    ///     Ok::<_, std::convert::Infallible>(Response::new(peer.unwrap_or_default()))
    /// });
    /// let app = ServiceApp::new(service).with_request(|mut request: Request<Input>| {
    ///     if let Some(peer) = request.extensions().get::<Gateway>().map(|gateway| gateway.peer().to_string()) {
    ///         request.extensions_mut().insert(Peer(peer));
    ///     }
    ///     request
    /// });
    /// # fn is_app(_: impl rsgi_core::App) {}
    /// # is_app(app);
    /// ```
    pub fn with_request<G, B>(self, make: G) -> ServiceApp<S, G>
    where
        G: Fn(Request<Input>) -> Request<B> + Send + Sync + 'static,
    {
        ServiceApp { services: self.services, make }
    }
}

impl<S: Send, F> std::fmt::Debug for ServiceApp<S, F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ServiceApp").finish_non_exhaustive()
    }
}

impl<S, F, B, R> App for ServiceApp<S, F>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Error>,
    F: Fn(Request<Input>) -> Request<B> + Send + Sync + 'static,
    B: Send + 'static,
    R: Body + Send + 'static,
    R::Data: Buf,
    R::Error: Into<Error>,
{
    async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        let mut service = self.services.of_this_thread();
        poll_fn(|context| service.poll_ready(context)).await.map_err(Into::into)?;
        if upgrade::is_offered(&environ) {
            // Boxed, lest every request carries the room for it.
            return Box::pin(upgrade::call(service, &self.make, environ, start_response)).await;
        }
        let request = (self.make)(environ.into_mounted_request());
        answered(service.call(request), start_response).await
    }
}

/// Awaits a service's response, and makes the answer of it in the poll in which it comes: moved once, not from future to
/// future (`rsgi-hyper-axum` of the benches).
pub(crate) async fn answered<R, E>(
    response: impl Future<Output = Result<Response<R>, E>> + Send,
    start_response: StartResponse,
) -> Result<Started, Error>
where
    R: Body + Send + 'static,
    R::Data: Buf,
    R::Error: Into<Error>,
    E: Into<Error>,
{
    let mut response = pin!(response);
    poll_fn(|context| {
        let response = ready!(response.as_mut().poll(context)).map_err(Into::into)?;
        Poll::Ready(answer(response, start_response.clone(), context))
    })
    .await
}

/// Calls a service that is ready, and makes an answer of its response.
pub(crate) async fn call<S, F, B, R>(
    mut service: S,
    make: &F,
    environ: Environ,
    start_response: StartResponse,
) -> Result<Started, Error>
where
    S: Service<Request<B>, Response = Response<R>> + Send,
    S::Future: Send,
    S::Error: Into<Error>,
    F: Fn(Request<Input>) -> Request<B> + Sync,
    B: Send,
    R: Body + Send + 'static,
    R::Data: Buf,
    R::Error: Into<Error>,
{
    let request = make(environ.into_mounted_request());
    answered(service.call(request), start_response).await
}

/// A service to clone from, on every thread without waiting for another.
pub(crate) struct Prototype<S: Send> {
    first: Mutex<S>,
    each: ThreadLocal<S>,
}

impl<S: Clone + Send> Prototype<S> {
    pub(crate) fn new(service: S) -> Self {
        Self { first: Mutex::new(service), each: ThreadLocal::new() }
    }

    pub(crate) fn of_this_thread(&self) -> S {
        self.each.get_or(|| self.first.lock().unwrap_or_else(PoisonError::into_inner).clone()).clone()
    }
}
