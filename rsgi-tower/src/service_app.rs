//! [`ServiceApp`]: a tower service as an app.
//!
//! The request's head and body are moved, and come back as they are if the service hands them to an app of ours
//! (`app_service.rs`). Upgrades are `upgrade/`'s; the answer's way back is `answer.rs`'s.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use rsgi_core::bytes::Buf;
use rsgi_core::http::{Request, Response};
use rsgi_core::http_body::Body;
use rsgi_core::{App, Environ, Error, Input, StartResponse, Started};
use thread_local::ThreadLocal;
use tower_service::Service;

use crate::answer::{Answered, answered};
use crate::change_request::{ChangeRequest, Unchanged};
use crate::known::prepared;
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
pub struct ServiceApp<S: Send, F = Unchanged> {
    services: Prototype<S>,
    change: F,
}

impl<S: Clone + Send + 'static> ServiceApp<S> {
    /// Makes an app of a service whose request body can be an [`Input`]: most are generic over it.
    ///
    /// An axum `Router` is given its state now, as `axum::serve` does it, if this crate's feature `axum` is on; without it,
    /// end the router by `.with_state(())`, or each request makes a route of the handler anew.
    pub fn new(service: S) -> Self {
        Self { services: Prototype::new(prepared(service)), change: Unchanged }
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
    pub fn with_request<G, B>(self, change: G) -> ServiceApp<S, G>
    where
        G: Fn(Request<Input>) -> Request<B> + Send + Sync + 'static,
    {
        ServiceApp { services: self.services, change }
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
    F: ChangeRequest<Body = B>,
    B: Send + 'static,
    R: Body + Send + 'static,
    R::Data: Buf,
    R::Error: Into<Error>,
{
    fn call(
        &self,
        environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        Calling { app: self, start_response, stage: Stage::Begun { environ: Some(environ), service: None } }
    }
}

pin_project! {
    /// The future of an app's call. By hand, since one of the compiler's has room for all that a call comes by, request and
    /// response among it, and is moved several times before it is polled (`rsgi-hyper-axum` of the benches).
    struct Calling<'a, S: Send, F, T> {
        app: &'a ServiceApp<S, F>,
        start_response: StartResponse,
        #[pin]
        stage: Stage<'a, S, T>,
    }
}

pin_project! {
    #[project = StageProjected]
    enum Stage<'a, S, T> {
        // `environ` until it is called; the clone once there is one.
        Begun { environ: Option<Environ>, service: Option<S> },
        Called { #[pin] started: Answered<T> },
        // Boxed, lest every request carries the room for it.
        Offered { started: Boxed<'a> },
    }
}

type Boxed<'a> = Pin<Box<dyn Future<Output = Result<Started, Error>> + Send + 'a>>;

impl<S, F, B, R> Future for Calling<'_, S, F, S::Future>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Error>,
    F: ChangeRequest<Body = B>,
    B: Send + 'static,
    R: Body + Send + 'static,
    R::Data: Buf,
    R::Error: Into<Error>,
{
    type Output = Result<Started, Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.stage.as_mut().project() {
                StageProjected::Begun { environ, service } => {
                    let ready = service.get_or_insert_with(|| this.app.services.of_this_thread());
                    ready!(ready.poll_ready(context)).map_err(Into::into)?;
                    let (Some(environ), Some(mut service)) = (environ.take(), service.take()) else {
                        return Poll::Pending;
                    };
                    let change = &this.app.change;
                    let start_response = this.start_response.clone();
                    this.stage.set(if upgrade::is_offered(&environ) {
                        Stage::Offered {
                            started: Box::pin(upgrade::call(service, change, environ, start_response)),
                        }
                    } else {
                        let response = service.call(change.change(environ.into_mounted_request()));
                        Stage::Called { started: answered(response, start_response) }
                    });
                }
                StageProjected::Called { started } => return started.poll(context),
                StageProjected::Offered { started } => return started.as_mut().poll(context),
            }
        }
    }
}

/// Calls a service that is ready, and makes an answer of its response.
pub(crate) async fn call<S, F, R>(
    mut service: S,
    change: &F,
    environ: Environ,
    start_response: StartResponse,
) -> Result<Started, Error>
where
    F: ChangeRequest,
    S: Service<Request<F::Body>, Response = Response<R>> + Send,
    S::Future: Send,
    S::Error: Into<Error>,
    R: Body + Send + 'static,
    R::Data: Buf,
    R::Error: Into<Error>,
{
    answered(service.call(change.change(environ.into_mounted_request())), start_response).await
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
