//! Any service of salvo as an app: its handler is made anew for each request, with the peer and the scheme.
//!
//! `Service::hyper_handler` is public but not in salvo's documentation: what its own server calls for each connection.

use http_body_util::BodyExt;
use hyper::http::{Request, uri};
use hyper::service::Service as _;
use rsgi_core::{App, Endpoint, Gateway, Input, Scheme};
use rsgi_tower::ServiceApp;
use salvo::Service;
use salvo::conn::{ConnCtrl, SocketAddr};
use salvo::http::ReqBody;

/// Makes an app of a service or a router.
pub(crate) fn app(service: impl Into<Service>) -> impl App {
    let service = std::sync::Arc::new(service.into());
    ServiceApp::new(tower::service_fn(move |request: Request<Input>| {
        let gateway = request.extensions().get::<Gateway>();
        let remote = match gateway.map(Gateway::peer) {
            Some(Endpoint::Tcp(address)) => (*address).into(),
            _ => SocketAddr::Unknown,
        };
        let scheme = match gateway.map(Gateway::scheme) {
            Some(Scheme::Https) => uri::Scheme::HTTPS,
            _ => uri::Scheme::HTTP,
        };
        // The clocks are our server's: salvo gets no limits in time.
        let handler = service.hyper_handler(SocketAddr::Unknown, remote, scheme, None, ConnCtrl::new(), None);
        handler.call(request.map(into_body))
    }))
}

fn into_body(input: Input) -> ReqBody {
    ReqBody::Boxed { inner: Box::pin(input.map_err(Into::into)), fuse_config: None }
}
