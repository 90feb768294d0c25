//! A body is dropped exactly once, which is PEP 3333's `close()`: whatever the method, the status, the length, the road.

use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{StatusCode, header};
use rsgi_core::http_body::{self, Frame};
use rsgi_core::{Body, Environ, Error, StartResponse, app_fn, respond};

use crate::asking::{Count, Road, ask, ask_on, get, plain, poll, request};
use crate::watched::{Bomb, Guarded, Watched};

#[test]
fn the_body_is_dropped_exactly_once_whatever_happens() {
    // rule(86), rule(107), rule(119)
    type Make = fn(&Watched) -> Body;
    let bodies: [Make; 4] = [
        |watched| Body::iter(watched.guard(["one", "two"])),
        |watched| Body::http(Polled(watched.guard(["one", "two"]))),
        |watched| {
            let guard = watched.value();
            Body::push(move |writer| {
                let _held = &guard;
                Ok(writer.write_all(b"one")?)
            })
        },
        |watched| Body::iter(watched.guard(["one"])).map(Ok),
    ];
    for make in bodies {
        for (method, status, length) in [
            ("GET", 200, None),
            ("HEAD", 200, None),
            ("GET", 204, None),
            ("GET", 205, None),
            ("GET", 304, None),
            ("GET", 600, None),
            ("GET", 200, Some(1_u64)),
            ("GET", 200, Some(99)),
        ] {
            for road in [Road::Polled, Road::Driven] {
                let watched = Watched::default();
                let status = StatusCode::from_u16(status).unwrap();
                let of_app = watched.clone();
                let app = app_fn(move |_, start_response: StartResponse| {
                    let mut head = start_response.status(status);
                    if let Some(length) = length {
                        head = head.header(header::CONTENT_LENGTH, length).unwrap();
                    }
                    let started = head.body(make(&of_app));
                    async move { Ok(started) }
                });
                ask_on(&app, Environ::on_server(request(method, "/"), plain()), road);
                assert_eq!(watched.drops(), 1, "{method} {status} {length:?} {road:?}");
            }
        }
    }
}

/// An async stream that says nothing of its length.
struct Polled(Guarded);

impl http_body::Body for Polled {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Error>>> {
        let piece = self.0.next();
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece.into()))))
    }
}

#[test]
fn an_answer_dropped_for_another_is_dropped_at_once() {
    // rule(72)
    let watched = Watched::default();
    let of_app = watched.clone();
    let app = app_fn(move |_, start_response: StartResponse| {
        let first = start_response.clone().status(StatusCode::OK).body(Body::iter(of_app.guard(["lost"])));
        drop(first);
        async move { Ok(start_response.status(StatusCode::NOT_FOUND).body("second")) }
    });
    let answer = ask(&app, get());
    assert_eq!((answer.status.as_u16(), answer.text(), watched.drops()), (404, "second", 1));
}

#[test]
fn the_body_of_a_client_that_leaves_is_dropped_where_it_was() {
    // rule(116), rule(119)
    let watched = Watched::default();
    let of_app = watched.clone();
    let app = app_fn(move |_, start_response: StartResponse| {
        let started = start_response.status(StatusCode::OK).body(Body::iter(of_app.guard(["one", "two"])));
        async move { Ok(started) }
    });
    let mut outgoing = rsgi_core::wait(respond(&app, Environ::on_server(get(), plain()))).into_body();
    let (_, waker) = Count::new();
    assert_eq!(poll(&mut outgoing, &waker), Poll::Ready(Some(Ok("one".into()))));
    assert_eq!(watched.drops(), 0);
    drop(outgoing);
    assert_eq!(watched.drops(), 1);
}

#[test]
fn a_cancelled_request_drops_what_the_app_holds() {
    // rule(115)
    let watched = Watched::default();
    let of_app = watched.clone();
    let app = app_fn(move |_, _| {
        let held = of_app.value();
        async move {
            std::future::pending::<()>().await;
            drop(held);
            Err("not reached".into())
        }
    });
    let (_, waker) = Count::new();
    let mut answer = Box::pin(respond(&app, Environ::on_server(get(), plain())));
    assert!(answer.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(watched.drops(), 0);
    drop(answer);
    assert_eq!(watched.drops(), 1);
}

#[test]
fn a_panic_in_a_bodys_drop_goes_no_further() {
    // rule(112)
    let bodies: [fn() -> Body; 3] = [
        || Body::iter(std::iter::once("one").chain(BombIter(Bomb))),
        || {
            Body::send(async |sender| {
                let _bomb = Bomb;
                sender.send("one").await?;
                std::future::pending().await
            })
        },
        || Body::http(Polled(Guarded::exploding())),
    ];
    for body in bodies {
        for (method, status) in [("GET", 200), ("HEAD", 200), ("GET", 204)] {
            let status = StatusCode::from_u16(status).unwrap();
            let app = app_fn(move |_, start_response: StartResponse| async move {
                Ok(start_response.status(status).body(body().with_length(3)))
            });
            let environ = Environ::on_server(request(method, "/"), plain());
            let mut outgoing = rsgi_core::wait(respond(&app, environ)).into_body();
            let (_, waker) = Count::new();
            let _first = poll(&mut outgoing, &waker);
            drop(outgoing);
        }
    }
}

/// Gives nothing, and panics when it is dropped.
struct BombIter(Bomb);

impl Iterator for BombIter {
    type Item = &'static str;

    fn next(&mut self) -> Option<&'static str> {
        None
    }
}
