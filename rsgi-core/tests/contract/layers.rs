//! What stands between a server and an app in types of others: an answer as an `http::Response` and back, a body that is
//! pulled, an input that a wrapper polls.

use std::pin::Pin;
use std::task::{Context, Poll};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderMap, HeaderName, Method, Request, StatusCode, Version};
use rsgi_core::http_body::{Body as _, Frame};
use rsgi_core::{
    Body, Capabilities, Environ, Error, Framing, Input, InputError, InputLength, InputSource, Offload,
    Pulled, StartResponse, Started, UpgradeKind, app_fn, may_block, wait,
};

use crate::asking::{Road, able, ask, ask_on, get};
use crate::pool::Threads;

/// All frames of a body.
fn frames(body: Pulled) -> Vec<Result<Frame<Bytes>, Error>> {
    let mut body = Box::pin(body);
    let mut frames = Vec::new();
    while let Some(frame) = wait(std::future::poll_fn(|context| body.as_mut().poll_frame(context))) {
        frames.push(frame);
    }
    frames
}

fn text(frames: &[Result<Frame<Bytes>, Error>]) -> String {
    let data = frames.iter().filter_map(|frame| frame.as_ref().ok().and_then(Frame::data_ref));
    String::from_utf8(data.flat_map(|data| data.to_vec()).collect()).unwrap()
}

fn there_and_back(started: Started) -> Result<Started, Error> {
    Ok(StartResponse::new().respond(started.into_response())?)
}

#[test]
fn an_answer_is_the_same_after_it_was_a_response() {
    let app = app_fn(|_, start_response: StartResponse| async move {
        let head =
            start_response.start(StatusCode::CREATED, [("set-cookie", "a=1"), ("set-cookie", "b=2")])?;
        let started = there_and_back(head.close().body("hello"))?;
        Ok(started)
    });
    let answer = ask(&app, get());
    assert_eq!((answer.status.as_u16(), answer.text(), answer.close), (201, "hello", true));
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    assert_eq!(answer.framing, Framing::Length(5));
}

#[test]
fn an_announced_trailer_is_announced_once() {
    const SUM: HeaderName = HeaderName::from_static("x-sum");
    let body = Body::iter(["a"]).with_trailers([SUM], || HeaderMap::from_iter([(SUM, 1.into())]));
    let started = StartResponse::new().status(StatusCode::OK).body(body);
    let response = started.into_response();
    assert_eq!(response.headers()["trailer"], "x-sum");
    let started = StartResponse::new().respond(response).unwrap();
    assert_eq!(started.body().announced_trailers(), [SUM]);
    assert!(started.body().blocks(), "of the same kind");
}

#[test]
fn an_accepted_stream_stays_accepted_unless_the_status_changes() {
    for changed in [false, true] {
        for extended in [false, true] {
            let app = app_fn(move |environ: Environ, start_response: StartResponse| async move {
                let offer = environ.upgrade()?.ok_or("no offer")?;
                let mut response = start_response.upgrade(offer, "echo")?.body("stream").into_response();
                if changed {
                    *response.status_mut() = StatusCode::FORBIDDEN;
                }
                Ok(StartResponse::new().respond(response)?)
            });
            let mut request = Request::builder().header("connection", "upgrade").header("upgrade", "echo");
            if extended {
                request = Request::builder().method(Method::CONNECT).version(Version::HTTP_2).uri("h:1");
            }
            let request = request.body(Input::empty()).unwrap();
            let environ = Environ::on_server(request, able(Capabilities::UPGRADE));
            let answer = ask_on(&app, environ, Road::Polled);
            let expected = if changed {
                Framing::Length(6)
            } else if extended {
                Framing::Upgraded(UpgradeKind::Connect)
            } else {
                Framing::Upgraded(UpgradeKind::Http1)
            };
            assert_eq!(answer.framing, expected, "changed {changed}, extended {extended}");
        }
    }
}

#[test]
fn a_body_that_nobody_pulled_is_what_it_was() {
    let body = Body::reader(&b"hello"[..]).with_length(5).pulled(&Offload::Inline);
    assert_eq!(body.size_hint().exact(), Some(5));
    let body = body.into_body();
    assert!(body.blocks() && body.length() == Some(5));
    assert!(Body::empty().pulled(&Offload::Inline).is_end_stream());
}

#[test]
fn a_body_that_was_begun_goes_on_where_it_was() {
    let mut pulled = Body::iter(["one ", "two"]).with_length(7).pulled(&Offload::Inline);
    let first = may_block(|| wait(std::future::poll_fn(|context| Pin::new(&mut pulled).poll_frame(context))));
    assert_eq!(first.unwrap().unwrap().into_data().unwrap(), "one ");
    assert_eq!(pulled.size_hint().exact(), Some(3));
    let rest = pulled.into_body();
    assert_eq!(rest.length(), Some(3));
    assert_eq!(text(&frames(rest.pulled(&Offload::Inline))), "two");
}

#[test]
fn every_kind_is_pulled_with_its_trailers_and_errors() {
    const SUM: HeaderName = HeaderName::from_static("x-sum");
    let threads = Threads::new(1);
    for offload in [Offload::Inline, threads.offload()] {
        let kinds = [
            Body::from("ab"),
            Body::iter(["a", "b"]),
            Body::reader(&b"ab"[..]),
            Body::push(|writer| Ok(std::io::Write::write_all(writer, b"ab")?)),
            Body::send(|sender| async move { sender.send("ab").await }),
        ];
        for body in kinds {
            assert_eq!(text(&frames(body.pulled(&offload))), "ab");
        }
        let trailing = Body::iter(["a"]).with_trailers([SUM], || HeaderMap::from_iter([(SUM, 1.into())]));
        let pulled = frames(trailing.pulled(&offload));
        assert_eq!(pulled.last().unwrap().as_ref().unwrap().trailers_ref().unwrap()["x-sum"], "1");
        let broken = frames(Body::iter([Ok("a"), Err("broke")]).pulled(&offload));
        assert_eq!(text(&broken), "a");
        assert_eq!(broken.last().unwrap().as_ref().unwrap_err().to_string(), "broke");
    }
}

/// Passes on what an input gives, by polling it.
struct Passing(Input);

impl InputSource for Passing {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }
}

/// Gives its content to who waits, and never wakes who polls: a blocking server while it runs the app.
struct OnlyWaits(Option<&'static str>);

impl InputSource for OnlyWaits {
    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        panic!("polled by a reader that may block")
    }

    fn wait_frame(mut self: Pin<&mut Self>) -> Option<Result<Frame<Bytes>, InputError>> {
        self.0.take().map(|text| Ok(Frame::data(text.into())))
    }
}

#[test]
fn a_reader_waits_through_wrappers_that_only_poll() {
    let unknown = InputLength::Unknown;
    let inner = Input::new(OnlyWaits(Some("hello")), unknown, None);
    let once = Input::new(Passing(inner), unknown, None);
    let mut twice = Input::new(Passing(once), unknown, None);
    let text = may_block(|| twice.read_whole(100)).unwrap();
    assert_eq!(text, "hello");
}
