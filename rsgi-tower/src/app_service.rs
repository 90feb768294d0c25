//! [`AppService`]: an app as a tower service, for layers around it and for routers and servers of others.
//!
//! Where the request came from an environ, the app gets that environ back, and its body goes on as it was unless a
//! layer pulls it (`layer.rs`, `answer.rs`). Where it came from elsewhere, the app is served in full, by core's `respond`
//! (`hosted.rs`).

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use rsgi_core::bytes::Buf;
use rsgi_core::http::{Extensions, Request, Response, StatusCode};
use rsgi_core::http_body::Body;
use rsgi_core::{App, Environ, Error, Gateway, Pulled, Server, StartResponse};
use tower_service::Service;

use crate::hosted::{Host, Hosted};
use crate::request_body::into_input;
use crate::threads::offload;
use crate::upgrade;

/// An app as a tower service: for axum's `fallback_service`, for hyper, for any router or server that takes one.
///
/// # Contract
///
/// It never fails. On one of our servers, inside a [`ServiceApp`](crate::ServiceApp), an error of the app reaches the
/// server as if nothing were in between. On another's the app is served here: an error is logged and becomes a 500, HEAD
/// and the statuses without content have none, and the outcome is told when the body has been taken or dropped.
/// Upgrades, informational answers and trailers are `NotSupported` there; what blocks runs on threads of its own, never
/// on the host's.
///
/// The app's `stop` is for whoever owns the app to call: a service has no such moment.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::{Request, StatusCode};
/// use rsgi_core::{Input, app_fn};
/// use rsgi_tower::AppService;
/// use tower::ServiceExt;
///
/// let app = app_fn(|_, start_response| async move { Ok(start_response.status(StatusCode::OK).body("hello")) });
/// let response = AppService::new(app).oneshot(Request::new(Input::empty()));
/// let response = rsgi_core::wait(response).unwrap_or_else(|never| match never {});
/// assert_eq!(response.status(), StatusCode::OK);
/// ```
#[derive(Debug)]
pub struct AppService<A> {
    app: Arc<A>,
    host: Host,
}

impl<A: App> AppService<A> {
    /// Makes a service of an app; an `Arc` of one is an app, too.
    pub fn new(app: A) -> Self {
        Self { app: Arc::new(app), host: Host::new() }
    }

    /// Describes the server of others that calls it: its name and concurrency, whom it trusts. Default: many threads,
    /// no capability, nobody trusted, and blocking work on threads of this crate.
    #[must_use]
    pub fn on_server(mut self, server: Server) -> Self {
        self.host = Host::of(server);
        self
    }
}

impl<A> Clone for AppService<A> {
    fn clone(&self) -> Self {
        Self { app: Arc::clone(&self.app), host: self.host.clone() }
    }
}

impl<A, B> Service<Request<B>> for AppService<A>
where
    A: App,
    B: Body + Send + 'static,
    B::Data: Buf,
    B::Error: Into<Error>,
{
    type Response = Response<Hosted>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let app = Arc::clone(&self.app);
        if request.extensions().get::<Gateway>().is_none() {
            return Box::pin(self.host.clone().serve(app, request.map(into_input)));
        }
        let answered = called(app, request);
        Box::pin(async move {
            Ok(match answered.await {
                Ok(response) => response.map(Hosted::of),
                Err(error) => Failed::response(error),
            })
        })
    }
}

/// An app as the service inside a layer: its errors are the layer's to see, and then the server's.
#[derive(Debug)]
pub struct Inner<A>(pub(crate) Arc<A>);

impl<A> Clone for Inner<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A, B> Service<Request<B>> for Inner<A>
where
    A: App,
    B: Body + Send + 'static,
    B::Data: Buf,
    B::Error: Into<Error>,
{
    type Response = Response<Pulled>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(called(Arc::clone(&self.0), request))
    }
}

/// Calls an app with the environ that the request came from.
fn called<A: App, B>(
    app: Arc<A>,
    request: Request<B>,
) -> impl Future<Output = Result<Response<Pulled>, Error>> + Send + 'static
where
    B: Body + Send + 'static,
    B::Data: Buf,
    B::Error: Into<Error>,
{
    let environ = Environ::from_request(request.map(into_input));
    let offload = offload(environ.offload());
    let is_offered = upgrade::is_offered(&environ);
    async move {
        let started = app.call(environ, StartResponse::new()).await?;
        let mut response = started.into_response().map(|body| body.pulled(&offload));
        if is_offered {
            response.extensions_mut().insert(ByApp);
        }
        Ok(response)
    }
}

/// Says of the response to an offered stream that it is an app's, which takes or refuses that without hyper.
#[derive(Clone, Copy)]
pub(crate) struct ByApp;

/// An app's error on its way through a router that knows of none, to the server that logs and answers it.
#[derive(Clone)]
pub(crate) struct Failed(Arc<Mutex<Option<Error>>>);

impl Failed {
    fn response(error: Error) -> Response<Hosted> {
        let mut response = Response::new(Hosted::default());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response.extensions_mut().insert(Self(Arc::new(Mutex::new(Some(error)))));
        response
    }

    /// The error that a response carries.
    pub(crate) fn taken(extensions: &mut Extensions) -> Option<Error> {
        let failed = extensions.remove::<Self>()?;
        failed.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
