//! Apps with nothing wrong about them, of every kind of body: no finding, and the same answer with the lint and without.

use std::fs::File;
use std::io::Write as _;

use rsgi_core::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use rsgi_core::{
    App, Body, Capabilities, Environ, Error, Input, StartResponse, Started, app_fn, blocking, wait,
};
use rsgi_test::lint::{self, lint};

use crate::asking::{Answer, able, ask, none};

type Make = fn() -> Body;

const KINDS: [(&str, Make); 14] = [
    ("empty", Body::empty),
    ("bytes", || "content".into()),
    ("iterator", || Body::iter(["one ", "", "two"])),
    ("iterator with length", || Body::iter(["one ", "two"]).with_length(7)),
    ("reader", || Body::reader(&b"content"[..])),
    ("file", || Body::file(file()).unwrap()),
    ("file range", || Body::file_range(file(), 2, 3).unwrap()),
    ("mapped file", || Body::file(file()).unwrap().map(|piece: rsgi_core::bytes::Bytes| Ok(piece))),
    ("push", || Body::push(|writer| Ok(write!(writer, "content")?))),
    ("send", || Body::send(async |sender| sender.send("content").await)),
    ("http body", || Body::http(Input::from_bytes("content".into()))),
    ("duplex", || {
        Body::duplex(Input::from_bytes("content".into()), async |mut input, sender| {
            while let Some(piece) = input.piece().await {
                sender.send(piece?).await?;
            }
            Ok(())
        })
    }),
    ("trailers", || {
        let sum = HeaderName::from_static("x-sum");
        let value = HeaderValue::from_static("1");
        Body::iter(["content"]).with_trailers([sum.clone()], move || HeaderMap::from_iter([(sum, value)]))
    }),
    ("none declared", || Body::iter(std::iter::empty::<&str>())),
];

fn file() -> File {
    File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).unwrap()
}

fn answer_with(make: Make) -> impl Fn(Environ, StartResponse) -> Result<Started, Error> + Send + Sync {
    move |_, start_response| {
        let body = make();
        if body.length() == Some(0) {
            return Ok(start_response.status(StatusCode::OK).body(body));
        }
        Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body(body))
    }
}

fn environ(method: &Method, version: Version) -> Environ {
    let request = crate::asking::get("/a?b").method(method).version(version).header(header::TE, "trailers");
    Environ::on_server(request.body(Input::empty()).unwrap(), able(Capabilities::HTTP2))
}

fn each(mut test: impl FnMut(&str, Make, &Method, Version)) {
    for (name, make) in KINDS {
        for method in [Method::GET, Method::HEAD, Method::POST] {
            for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
                test(&format!("{name} {method} {version:?}"), make, &method, version);
            }
        }
    }
}

fn asked(app: &impl App, method: &Method, version: Version) -> Answer {
    ask(app, environ(method, version))
}

#[test]
fn a_good_app_has_no_finding_and_answers_the_same_under_the_lint() {
    // rule(155)
    each(|name, make, method, version| {
        let plain = asked(&blocking(answer_with(make)), method, version);
        let app = lint(blocking(answer_with(make)));
        assert_eq!(asked(&app, method, version), plain, "{name}");
        none(&app.findings());
        let app = lint(blocking(answer_with(make))).strict();
        assert_eq!(asked(&app, method, version), plain, "{name}, strict");
        none(&app.findings());
    });
}

#[test]
fn an_async_app_has_no_finding_either() {
    each(|name, make, method, version| {
        let app = lint(app_fn(move |environ, start_response| {
            let answer = answer_with(make)(environ, start_response);
            async move {
                yield_once().await;
                answer
            }
        }));
        let answer = asked(&app, method, version);
        assert!(answer.whole, "{name}");
        none(&app.findings());
    });
}

#[test]
fn middleware_that_changes_nothing_has_no_finding_between_two_lints() {
    each(|name, make, method, version| {
        let plain = asked(&blocking(answer_with(make)), method, version);
        let app = lint::around(blocking(answer_with(make)), |inner| {
            rsgi_core::Stack::new().then(rsgi_core::change_answer(|_| Ok(()))).app(inner)
        });
        assert_eq!(asked(&app, method, version), plain, "{name}");
        none(&app.findings());
    });
}

#[test]
fn an_accepted_upgrade_has_no_finding() {
    let request = crate::asking::get("/").header("connection", "upgrade").header("upgrade", "echo");
    let request = request.body(Input::from_bytes("ping".into())).unwrap();
    let app = lint(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let offer = environ.upgrade()?.ok_or("no offer")?;
        let stream = Body::duplex(environ.take_input(), async |mut input, sender| {
            while let Some(piece) = input.piece().await {
                sender.send(piece?).await?;
            }
            Ok(())
        });
        Ok(start_response.upgrade(offer, "echo")?.body(stream))
    }));
    let answer = ask(&app, Environ::on_server(request, able(Capabilities::UPGRADE)));
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::SWITCHING_PROTOCOLS, &b"ping"[..]));
    none(&app.findings());
}

#[test]
fn an_error_that_is_answered_has_no_finding() {
    let app = lint(app_fn(|_, start_response: StartResponse| async move {
        let refused = start_response.clone().start(StatusCode::OK, [("te", "x")]);
        assert!(refused.is_err());
        Ok(start_response.status(StatusCode::SERVICE_UNAVAILABLE).empty())
    }));
    ask(&app, environ(&Method::GET, Version::HTTP_11));
    none(&app.findings());
    wait(app.stop());
    none(&app.findings());
}

/// Says "not ready" once.
async fn yield_once() {
    let mut first = true;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut first, false) {
            context.waker().wake_by_ref();
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(())
    })
    .await;
}
