//! After `key-value-store`, `todos`, `compression` and `cors`: layers of tower around a router.

use std::collections::HashMap;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::error_handling::HandleErrorLayer;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{BoxError, Router};
use rsgi_core::App;
use rsgi_tower::ServiceApp;
use tokio::sync::Semaphore;
use tower::ServiceBuilder;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::trace::TraceLayer;

use crate::grounds::each;

type Store = Arc<Mutex<HashMap<String, Bytes>>>;

/// What overload and slowness become.
async fn refused(error: BoxError) -> (StatusCode, String) {
    if error.is::<tower::timeout::error::Elapsed>() {
        return (StatusCode::REQUEST_TIMEOUT, "too slow".to_owned());
    }
    if error.is::<tower::load_shed::error::Overloaded>() {
        return (StatusCode::SERVICE_UNAVAILABLE, "overloaded".to_owned());
    }
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

async fn take(State(store): State<Store>, Path(key): Path<String>) -> Result<Bytes, StatusCode> {
    store.lock().unwrap().get(&key).cloned().ok_or(StatusCode::NOT_FOUND)
}

async fn put(State(store): State<Store>, Path(key): Path<String>, value: Bytes) {
    store.lock().unwrap().insert(key, value);
}

/// A store of values by name, for one request at a time. `/held` says that it is there and waits to be let go, `/never`
/// waits for ever.
fn store(entered: Sender<()>, gate: Arc<Semaphore>, time: Duration) -> impl App {
    let held = move || {
        entered.send(()).unwrap();
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await.unwrap().forget();
            "at last"
        }
    };
    let limit = (DefaultBodyLimit::disable(), RequestBodyLimitLayer::new(16));
    let layers = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(refused))
        .load_shed()
        .layer(GlobalConcurrencyLimitLayer::new(1))
        .timeout(time)
        .layer(TraceLayer::new_for_http());
    let router = Router::new()
        .route("/store/{key}", get(take).put(put).layer(limit))
        .route("/held", get(held))
        .route("/never", get(std::future::pending::<()>));
    ServiceApp::new(router.layer(layers).with_state(Store::default()))
}

#[test]
fn values_are_stored_up_to_the_limit_of_a_layer() {
    each(
        || store(channel().0, Arc::new(Semaphore::new(0)), LONG),
        |client| {
            assert_eq!(client.get("/store/a").answer().status(), 404);
            assert_eq!(client.put("/store/a").body("one").answer().status(), 200);
            assert_eq!(client.get("/store/a").answer().text(), "one");
            assert_eq!(client.put("/store/a").body("0123456789abcdefg").answer().status(), 413);
            // Without a length the limit is met on the way.
            assert_eq!(client.put("/store/a").pieces(["0123456789", "abcdefg"]).answer().status(), 413);
        },
    );
}

#[test]
fn a_service_that_is_full_sheds_what_comes() {
    let gate = Arc::new(Semaphore::new(0));
    let (entered, is_there) = channel();
    each(
        || store(entered.clone(), Arc::clone(&gate), LONG),
        |client| {
            let held = client.get("/held").open().unwrap();
            is_there.recv().unwrap();
            let shed = client.get("/store/a").answer();
            assert_eq!((shed.status(), shed.text()), (503, "overloaded"));
            gate.add_permits(1);
            assert_eq!(held.finish().text(), "at last");
            assert_eq!(client.get("/store/a").answer().status(), 404);
        },
    );
}

#[test]
fn a_handler_that_is_too_slow_is_given_up() {
    let app = || store(channel().0, Arc::new(Semaphore::new(0)), Duration::from_millis(5));
    each(app, |client| {
        let answer = client.get("/never").answer();
        assert_eq!((answer.status(), answer.text()), (408, "too slow"));
    });
}

#[test]
fn answers_are_compressed_and_origins_allowed() {
    let text = get(async || "0123456789".repeat(1000));
    let router = Router::new().route("/", text).layer(CompressionLayer::new()).layer(CorsLayer::permissive());
    each(
        || ServiceApp::new(router.clone()),
        |client| {
            let answer =
                client.get("/").header("accept-encoding", "gzip").header("origin", "http://a").answer();
            assert_eq!(answer.field("content-encoding"), Some("gzip"));
            assert_eq!(answer.field("access-control-allow-origin"), Some("*"));
            assert!(answer.body().starts_with(b"\x1f\x8b") && answer.body().len() < 1000);
            let asked = client
                .options("/")
                .header("origin", "http://a")
                .header("access-control-request-method", "GET");
            assert_eq!(asked.answer().field("access-control-allow-methods"), Some("*"));
        },
    );
}

/// More than any test takes.
const LONG: Duration = Duration::from_mins(1);
