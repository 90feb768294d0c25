//! After `websockets`, `websockets-http2`, `chat`, `testing-websockets` and `http-proxy`: streams that are taken over.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use axum::body::Body;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Router, http};
use futures_util::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use rsgi_core::{App, Input};
use rsgi_test::Client;
use rsgi_tower::ServiceApp;
use tokio::net::TcpStream;
use tokio::sync::broadcast;
use tower::ServiceExt;

use crate::grounds::{each, over_http2};

/// A room: what one member says, all members hear.
fn room() -> impl App {
    let room = any(
        async |upgrade: WebSocketUpgrade, version: Version, State(room): State<broadcast::Sender<String>>| {
            upgrade.on_upgrade(async move |socket| {
                let (mut sender, mut receiver) = socket.split();
                let mut heard = room.subscribe();
                sender.send(Message::text(format!("{version:?}"))).await.unwrap();
                let hear = tokio::spawn(async move {
                    while let Ok(text) = heard.recv().await {
                        if sender.send(Message::text(text)).await.is_err() {
                            break;
                        }
                    }
                });
                while let Some(Ok(Message::Text(text))) = receiver.next().await {
                    let _nobody = room.send(text.to_string());
                }
                hear.abort();
            })
        },
    );
    ServiceApp::new(Router::new().route("/ws", room).with_state(broadcast::channel::<String>(16).0))
}

#[test]
fn members_of_a_room_hear_each_other() {
    each(room, |client| {
        let offer = || {
            client
                .get("/ws")
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
                .open()
                .unwrap()
        };
        let mut ada = offer();
        assert_eq!(ada.head().unwrap().status(), 101);
        let mut ada = ada.upgraded().unwrap();
        assert_eq!(ada.exactly(10), b"\x81\x08HTTP/1.1".as_slice());
        let mut bob = offer();
        assert_eq!(bob.head().unwrap().status(), 101);
        let mut bob = bob.upgraded().unwrap();
        assert_eq!(bob.exactly(10), b"\x81\x08HTTP/1.1".as_slice());
        ada.send(text("hi"));
        assert_eq!(bob.exactly(4), b"\x81\x02hi".as_slice());
        assert_eq!(ada.exactly(4), b"\x81\x02hi".as_slice());
    });
}

#[test]
fn over_http2_a_websocket_comes_by_extended_connect() {
    over_http2(room(), |client| {
        let request = client.request("CONNECT", "/ws").protocol("websocket");
        let mut open = request.header("sec-websocket-version", "13").open().unwrap();
        assert_eq!(open.head().unwrap().status(), 200);
        let mut tunnel = open.upgraded().unwrap();
        assert_eq!(tunnel.exactly(10), b"\x81\x08HTTP/2.0".as_slice());
        tunnel.send(text("hi"));
        assert_eq!(tunnel.exactly(4), b"\x81\x02hi".as_slice());
    });
}

/// `CONNECT` opens a tunnel to the host it names; all else is the router's.
fn proxy() -> impl App {
    let router = Router::new().route("/", get(async || "no tunnel"));
    let service = tower::service_fn(move |request: http::Request<Input>| {
        let router = router.clone();
        async move {
            let request = request.map(Body::new);
            if request.method() == Method::CONNECT {
                return Ok(connect(request));
            }
            router.oneshot(request).await
        }
    });
    ServiceApp::new(service)
}

fn connect(request: Request) -> Response {
    let Some(host) = request.uri().authority().map(ToString::to_string) else {
        return (StatusCode::BAD_REQUEST, "CONNECT must name a host").into_response();
    };
    tokio::spawn(async move {
        let mut client = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
        let mut server = TcpStream::connect(host).await.unwrap();
        tokio::io::copy_bidirectional(&mut client, &mut server).await.unwrap();
    });
    Response::new(Body::empty())
}

#[test]
fn a_proxy_tunnels_to_the_host_of_a_connect() {
    let ask = |client: &Client| {
        assert_eq!(client.get("/").answer().text(), "no tunnel");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = String::new();
            stream.read_to_string(&mut heard).unwrap();
            stream.write_all(heard.to_uppercase().as_bytes()).unwrap();
        });
        let mut open = client.request("CONNECT", &host).open().unwrap();
        assert_eq!(open.head().unwrap().status(), 200);
        let mut tunnel = open.upgraded().unwrap();
        // Each direction ends by itself.
        tunnel.send("quiet").end();
        assert_eq!(tunnel.exactly(5), b"QUIET".as_slice());
        assert!(tunnel.receive().is_none());
        server.join().unwrap();
    };
    each(proxy, ask);
    over_http2(proxy(), ask);
}

/// A client's frame, masked by zeros (RFC 6455 section 5.3).
fn text(text: &str) -> Vec<u8> {
    [&[0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0], text.as_bytes()].concat()
}
