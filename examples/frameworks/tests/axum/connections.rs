//! After `unix-domain-socket`, `serve-with-hyper`, `reverse-proxy` and `simple-router-wasm`: what is known of a connection.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rsgi_core::{App, Endpoint, Gateway, Input};
use rsgi_test::Client;
use rsgi_tower::{ServiceApp, connect_info};
use rustix::process::{getpid, getuid};

use crate::grounds::{each, each_by_unix_socket, local, serve, url};

/// A type of the application's own, as that example makes one of tokio's socket.
#[derive(Clone, Debug)]
struct UnixPeer {
    uid: u32,
    pid: Option<i32>,
}

fn unix_peer(mut request: axum::http::Request<Input>) -> axum::http::Request<Input> {
    let peer = request.extensions().get::<Gateway>().and_then(|gateway| match gateway.peer() {
        Endpoint::Unix { credentials: Some(credentials), .. } => {
            Some(UnixPeer { uid: credentials.uid, pid: credentials.pid })
        }
        _ => None,
    });
    if let Some(peer) = peer {
        request.extensions_mut().insert(ConnectInfo(peer));
    }
    request
}

#[test]
fn a_unix_sockets_peer_is_the_process_at_its_other_end() {
    let path = std::env::temp_dir().join(format!("rsgi-frameworks-{}", std::process::id()));
    let app = || {
        let peer = get(async |ConnectInfo(peer): ConnectInfo<UnixPeer>| {
            format!("{} {}", peer.uid, peer.pid.unwrap())
        });
        ServiceApp::new(Router::new().route("/", peer)).with_request(unix_peer)
    };
    each_by_unix_socket(&path, app, |client| {
        let expected = format!("{} {}", getuid().as_raw(), getpid().as_raw_nonzero());
        assert_eq!(client.get("/").answer().text(), expected);
    });
}

#[test]
fn a_tcp_peer_is_axums_socket_address() {
    let app = || {
        let peer = get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string());
        ServiceApp::new(Router::new().route("/", peer)).with_request(connect_info)
    };
    each(app, |client| assert_eq!(client.get("/").answer().text(), "127.0.0.1"));
}

type Outbound = hyper_util::client::legacy::Client<HttpConnector, Body>;

/// Passes every request on, its body as it comes, and the answer's back.
fn front(behind: &str) -> impl App {
    let client: Outbound = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
    let state = (client, behind.to_owned());
    let pass = async |State((client, behind)): State<(Outbound, String)>, mut request: Request| -> Response {
        let target = request.uri().path_and_query().unwrap().as_str().to_owned();
        *request.uri_mut() = format!("{behind}{target}").parse::<Uri>().unwrap();
        client
            .request(request)
            .await
            .map_or_else(|_| StatusCode::BAD_GATEWAY.into_response(), IntoResponse::into_response)
    };
    ServiceApp::new(Router::new().fallback(pass).with_state(state))
}

#[test]
fn a_reverse_proxy_streams_both_ways() {
    let echo = Router::new().route("/echo", post(async |body: Body| body));
    serve::<rsgi_hyper::Server>(local(), ServiceApp::new(echo), |running| {
        let behind = url::<rsgi_hyper::Server>(running);
        each(
            || front(&behind),
            |client| {
                let mut open = client.post("/echo").by_hand().open().unwrap();
                open.feed("one");
                assert_eq!(open.head().unwrap().status(), 200);
                assert_eq!(open.piece().unwrap().unwrap(), "one");
                open.feed("two");
                assert_eq!(open.piece().unwrap().unwrap(), "two");
                open.end_input();
                assert!(open.piece().is_none());
                assert_eq!(client.get("/nowhere").answer().status(), 404);
            },
        );
    });
}

#[test]
fn a_router_without_tokio_needs_none() {
    let app = ServiceApp::new(Router::new().route("/api/", get(async || "no runtime")));
    assert_eq!(Client::new(app).get("/api/").answer().text(), "no runtime");
}
