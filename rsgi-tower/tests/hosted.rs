//! Apps as services: inside a router of others on a server of ours, and on servers of others, axum's here.
#![expect(clippy::unwrap_used, reason = "a test stops where it can't go on")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;

use axum::Router;
use rsgi_core::http::{Request, StatusCode};
use rsgi_core::{
    App, Body, Delivery, Environ, Input, InputError, InputErrorKind, Mount, StartResponse, app_fn, blocking,
    thread_may_block, wait,
};
use rsgi_test::Client;
use rsgi_tower::{AppService, ServiceApp};
use tower::ServiceExt;

/// Serves a router by axum itself, and asks it.
fn by_axum<T>(router: Router, ask: impl FnOnce(SocketAddr) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let server = thread::spawn(move || {
        runtime.block_on(async {
            let serve = axum::serve(listener, router).with_graceful_shutdown(async { drop(ended.await) });
            serve.await.unwrap();
        });
    });
    let told = ask(address);
    end.send(()).unwrap();
    server.join().unwrap();
    told
}

fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).to_lowercase()
}

/// Reads its input by `Read`, and writes a body that blocks; tells its outcome.
fn shouting(outcomes: std::sync::mpsc::Sender<Delivery>) -> impl App {
    let outcomes = Mutex::new(outcomes);
    blocking(move |mut environ: Environ, start_response: StartResponse| {
        assert!(thread_may_block(), "on the host's own thread");
        let outcomes = outcomes.lock().unwrap().clone();
        environ.on_outcome(move |outcome| outcomes.send(outcome.delivery).unwrap());
        let mut text = String::new();
        environ.input_mut().read_to_string(&mut text)?;
        let words: Vec<String> = text.split_inclusive(' ').map(str::to_uppercase).collect();
        Ok(start_response.status(StatusCode::OK).body(Body::iter(words)))
    })
}

#[test]
fn a_blocking_app_is_served_whole_by_a_server_of_others() {
    let (sender, outcomes) = channel();
    let router = Router::new().fallback_service(AppService::new(shouting(sender)));
    let answer = by_axum(router, |address| {
        let request =
            "POST /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 9\r\n\r\nhear me o";
        exchange(address, request)
    });
    assert!(answer.starts_with("http/1.1 200 "), "{answer}");
    assert!(answer.contains("hear ") && answer.ends_with("0\r\n\r\n"), "{answer}");
    assert!(matches!(outcomes.recv().unwrap(), Delivery::Whole(_)));
}

#[test]
fn errors_heads_and_lengths_are_settled_for_a_server_of_others() {
    let app = app_fn(|environ: Environ, start_response: StartResponse| async move {
        match environ.path_info() {
            "/error" => Err("secret".into()),
            "/panic" => panic!("secret"),
            "/limit" => Err(InputError::new(InputErrorKind::Limit).into()),
            "/close" => Ok(start_response.status(StatusCode::OK).close().body("closing")),
            "/none" => Ok(start_response.status(StatusCode::NO_CONTENT).body("lost")),
            _ => Ok(start_response.status(StatusCode::OK).body("hello")),
        }
    });
    let router = Router::new().fallback_service(AppService::new(app));
    by_axum(router, |address| {
        let ask = |line: &str| {
            exchange(address, &format!("{line} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"))
        };
        for (line, status) in [("GET /error", "500"), ("GET /panic", "500"), ("GET /limit", "413")] {
            let answer = ask(line);
            assert!(answer.starts_with(&format!("http/1.1 {status} ")), "{answer}");
            assert!(!answer.contains("secret"), "{answer}");
        }
        let head = ask("HEAD /");
        assert!(head.contains("content-length: 5\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        assert!(ask("GET /none").ends_with("\r\n\r\n"));
        let kept = "GET /close HTTP/1.1\r\nhost: a\r\n\r\n";
        assert!(exchange(address, kept).contains("connection: close\r\n"), "at the app's wish");
    });
}

#[test]
fn the_outcome_of_what_a_host_drops_is_told() {
    let (sender, outcomes) = channel();
    let service = AppService::new(shouting(sender));
    let request = Request::new(Input::from_bytes("some words".into()));
    let response = wait(service.oneshot(request)).unwrap();
    drop(response);
    assert!(matches!(outcomes.recv().unwrap(), Delivery::Aborted(_)));
}

#[test]
fn inside_a_router_on_our_server_an_error_reaches_that_server() {
    let app = app_fn(|environ: Environ, start_response: StartResponse| async move {
        match environ.path_info() {
            "/limit" => Err(InputError::new(InputErrorKind::Limit).into()),
            "/error" => Err("broke".into()),
            path => {
                let told = format!("{} {path} {}", environ.script_name(), environ.target());
                Ok(start_response.status(StatusCode::OK).body(told))
            }
        }
    });
    let router = Router::new().nest_service("/deep", AppService::new(app));
    let client = Client::new(Mount::new().at("/shop", ServiceApp::new(router)));
    assert_eq!(client.get("/shop/deep/cart?x").answer().text(), "/shop/deep /cart /shop/deep/cart?x");
    assert_eq!(client.get("/shop/deep/limit").answer().status(), 413);
    let answer = client.get("/shop/deep/error").answer();
    assert_eq!(answer.status(), 500);
    let fault = answer.outcome().and_then(|outcome| outcome.fault);
    assert!(fault.is_some(), "the server knows that the app failed");
}

/// Not through a mount or router alone: the app gets its own environ back, slots and all.
#[test]
fn an_app_as_a_service_as_an_app_keeps_its_slots() {
    struct Slot(u32);
    let inner = app_fn(|environ: Environ, start_response: StartResponse| async move {
        let number = environ.get::<Slot>().map_or(0, |slot| slot.0);
        Ok(start_response.status(StatusCode::OK).body(number.to_string()))
    });
    let service = Arc::new(ServiceApp::new(AppService::new(inner)));
    let outer = app_fn(move |mut environ: Environ, start_response: StartResponse| {
        let service = Arc::clone(&service);
        environ.insert(Slot(7));
        async move { service.call(environ, start_response).await }
    });
    assert_eq!(Client::new(outer).get("/").answer().text(), "7");
}
