//! Any endpoint of poem as an app: poem's request is made of http's, with the peer, the scheme and the stream to take over.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::Bytes;
use hyper::http::{Request, Response, uri};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Body, Endpoint as _, EndpointExt, IntoEndpoint, RequestParts};
use rsgi_core::{App, Endpoint, Gateway, Input, Scheme};
use rsgi_tower::ServiceApp;

/// Makes an app of an endpoint.
pub(crate) fn app(endpoint: impl IntoEndpoint<Endpoint: 'static>) -> impl App {
    let endpoint = Arc::new(endpoint.into_endpoint().map_to_response());
    ServiceApp::new(tower::service_fn(move |request: Request<Input>| {
        let endpoint = Arc::clone(&endpoint);
        async move {
            let response = endpoint.get_response(into_poem(request)).await;
            Ok::<Response<BoxBody<Bytes, io::Error>>, Infallible>(response.into())
        }
    }))
}

fn into_poem(request: Request<Input>) -> poem::Request {
    let (head, input) = request.into_parts();
    let gateway = head.extensions.get::<Gateway>();
    let remote = match gateway.map(Gateway::peer) {
        Some(Endpoint::Tcp(address)) => Addr::SocketAddr(*address),
        _ => Addr::Custom("unix", "".into()),
    };
    let scheme = match gateway.map(Gateway::scheme) {
        Some(Scheme::Https) => uri::Scheme::HTTPS,
        _ => uri::Scheme::HTTP,
    };
    // Takes hyper's `OnUpgrade` out of the extensions.
    let parts = RequestParts::from((head, LocalAddr::default(), RemoteAddr(remote), scheme));
    poem::Request::from_parts(parts, Body::from(input.map_err(io::Error::other).boxed()))
}
