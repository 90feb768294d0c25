//! After `stream-to-file`, `print-request-response`, `consume-body-in-extractor-or-middleware`, `static-file-server`,
//! `sse` and `handle-head-request`: how requests' and answers' bodies are handled.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::{StreamExt, TryStreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use rsgi_tower::ServiceApp;
use tokio_util::io::StreamReader;
use tower_http::services::ServeDir;

use crate::grounds::each;

/// A folder of this test's, which the caller removes.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("rsgi-frameworks-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_body_goes_to_a_file_as_it_comes() {
    let folder = folder("upload");
    let save = async |State(folder): State<PathBuf>, Path(name): Path<String>, request: Request| {
        let stream = TryStreamExt::map_err(request.into_body().into_data_stream(), std::io::Error::other);
        let mut file = tokio::fs::File::create(folder.join(name)).await.unwrap();
        tokio::io::copy(&mut StreamReader::new(stream), &mut file).await.unwrap().to_string()
    };
    let app = || ServiceApp::new(Router::new().route("/file/{name}", post(save)).with_state(folder.clone()));
    each(app, |client| {
        let answer = client.post("/file/a").pieces(vec!["0123456789"; 1000]).answer();
        assert_eq!((answer.status(), answer.text()), (200, "10000"));
        assert_eq!(std::fs::read(folder.join("a")).unwrap(), "0123456789".repeat(1000).as_bytes());
    });
    std::fs::remove_dir_all(folder).unwrap();
}

/// Reads all of a request, and of its answer, and puts either back.
async fn buffered(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let Ok(content) = body.collect().await else { return StatusCode::BAD_REQUEST.into_response() };
    let content = content.to_bytes();
    let response = next.run(Request::from_parts(head, Body::from(content.clone()))).await;
    let (mut head, body) = response.into_parts();
    let answered = body.collect().await.unwrap().to_bytes();
    head.headers.insert("x-lengths", format!("{} {}", content.len(), answered.len()).parse().unwrap());
    Response::from_parts(head, Body::from(answered))
}

/// An extractor that has the body after that middleware had it.
struct Shouted(Bytes);

impl<S: Send + Sync> FromRequest<S> for Shouted {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let content = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        Ok(Self(content.to_ascii_uppercase().into()))
    }
}

#[test]
fn a_middleware_reads_bodies_and_puts_them_back() {
    let router =
        Router::new().route("/", post(async |Shouted(content): Shouted| content)).layer(from_fn(buffered));
    each(
        || ServiceApp::new(router.clone()),
        |client| {
            let answer = client.post("/").pieces(["one ", "two"]).answer();
            assert_eq!((answer.text(), answer.field("x-lengths")), ("ONE TWO", Some("7 7")));
        },
    );
}

#[test]
fn a_folder_is_served_with_ranges_conditions_and_a_fallback() {
    let folder = folder("static");
    std::fs::write(folder.join("index.html"), "<h1>hello</h1>").unwrap();
    std::fs::write(folder.join("long"), "0123456789".repeat(100_000)).unwrap();
    let router = Router::new().route("/api", get(async || "api")).fallback_service(ServeDir::new(&folder));
    each(
        || ServiceApp::new(router.clone()),
        |client| {
            assert_eq!(client.get("/api").answer().text(), "api");
            let index = client.get("/").answer();
            assert_eq!((index.text(), index.field("content-type")), ("<h1>hello</h1>", Some("text/html")));
            let fresh =
                client.get("/").header("if-modified-since", index.field("last-modified").unwrap()).answer();
            assert_eq!(fresh.status(), 304);
            let part = client.get("/long").header("range", "bytes=500000-500009").answer();
            assert_eq!((part.status(), part.text()), (206, "0123456789"));
            assert_eq!(client.get("/long").answer().body().len(), 1_000_000);
            let head = client.head("/long").answer();
            assert_eq!((head.field("content-length"), head.body().len()), (Some("1000000"), 0));
            assert_eq!(client.get("/../secret").answer().status(), 404);
        },
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_event_stream_that_is_silent_is_kept_alive_by_comments() {
    let events = async || {
        let events =
            stream::iter([Ok::<_, Infallible>(Event::default().data("one"))]).chain(stream::pending());
        Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_millis(5)).text("still here"))
    };
    each(
        || ServiceApp::new(Router::new().route("/", get(events))),
        |client| {
            let mut open = client.get("/").open().unwrap();
            assert_eq!(open.head().unwrap().field("content-type"), Some("text/event-stream"));
            let mut came = String::new();
            while !came.ends_with(": still here\n\n") {
                came.push_str(std::str::from_utf8(&open.piece().unwrap().unwrap()).unwrap());
            }
            assert!(came.starts_with("data: one\n\n"), "{came}");
        },
    );
}

#[test]
fn a_handler_sees_that_a_request_is_head() {
    let handler = async |method: Method| {
        if method == Method::HEAD {
            return ([("x-from", "head")]).into_response();
        }
        ([("x-from", "get")], "content").into_response()
    };
    each(
        || ServiceApp::new(Router::new().route("/", get(handler))),
        |client| {
            let answer = client.head("/").answer();
            assert_eq!(
                (answer.status(), answer.field("x-from"), answer.body().len()),
                (200, Some("head"), 0)
            );
            assert_eq!(client.get("/").answer().text(), "content");
        },
    );
}

#[test]
fn trailers_that_the_head_announces_go_out_over_http1_too() {
    let handler = async || {
        let frames = [Ok::<_, Infallible>(Frame::data(Bytes::from("content"))), Ok(Frame::trailers(sum()))];
        ([("trailer", "x-sum")], Body::new(StreamBody::new(stream::iter(frames))))
    };
    each(
        || ServiceApp::new(Router::new().route("/", get(handler))),
        |client| {
            let answer = client.get("/").header("te", "trailers").header("connection", "te").answer();
            assert_eq!((answer.text(), answer.trailers()), ("content", Some(&sum())));
            // Who doesn't take them gets none.
            assert_eq!(client.get("/").answer().trailers(), None);
        },
    );
}

fn sum() -> HeaderMap {
    HeaderMap::from_iter([(HeaderName::from_static("x-sum"), HeaderValue::from_static("7"))])
}
