//! [`connect_info`]: what axum's `ConnectInfo` looks for. Only with the feature `axum`.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use rsgi_core::http::Request;
use rsgi_core::{Endpoint, Gateway, Input};

/// Gives axum's `ConnectInfo` the peer of the connection: as a `SocketAddr` where it is TCP, and as an
/// [`Endpoint`] always, which a unix socket is, too.
///
/// For [`ServiceApp::with_request`](crate::ServiceApp::with_request). Not by itself, as each extension costs an
/// allocation a request.
///
/// # Examples
///
/// ```
/// use axum::Router;
/// use axum::extract::ConnectInfo;
/// use axum::routing::get;
/// use rsgi_core::Endpoint;
/// use rsgi_tower::{ServiceApp, connect_info};
/// use rsgi_test::Client;
///
/// let router = Router::new().route("/", get(async |ConnectInfo(peer): ConnectInfo<Endpoint>| peer.to_string()));
/// let app = ServiceApp::new(router).with_request(connect_info);
/// assert_eq!(Client::new(app).get("/").answer().status(), 200);
/// ```
#[must_use]
pub fn connect_info(mut request: Request<Input>) -> Request<Input> {
    let peer = request.extensions().get::<Gateway>().map(|gateway| gateway.peer().clone());
    if let Some(peer) = peer {
        if let Endpoint::Tcp(address) = peer {
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>(address));
        }
        request.extensions_mut().insert(ConnectInfo(peer));
    }
    request
}
