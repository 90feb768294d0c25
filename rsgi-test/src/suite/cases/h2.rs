//! HTTP/2: whole requests and answers, where they say something that HTTP/1 has no words for.
//!
//! All cases above the wire run over HTTP/2 too and aren't said again here. How streams live beside each other is in
//! `h2_streams.rs`, what breaks the protocol in `h2_wire.rs`, `h2_floods.rs` and `h2_windows.rs`.

use ::h2::ext::Protocol;
use rsgi_core::http::{HeaderMap, HeaderName, Response, StatusCode};
use rsgi_core::{Body, BoxApp, Capabilities, Environ, Error, StartResponse, Started, app_fn};

use crate::suite::apps::{TEXT, plain, watching, with_outcome};
use crate::suite::case::Case;
use crate::suite::notes::Notes;
use crate::suite::seen::Seen;
use crate::wire::http2::piece;

pub(super) const CASES: &[Case] = &[
    // One server, asked the same on both protocols: whole environs are compared.
    Case::frames("the_environ_is_that_of_http_1_but_for_the_version", &[16, 154], watching, |talk| {
        let fields =
            [("x-a", "1"), ("x-b", "2"), ("x-a", "3"), ("content-length", "5"), ("cookie", "a=1; b=2")];
        let mut client = talk.http2();
        for (method, target) in [("POST", "/a%20b//c?q=1"), ("PURGE", "/%2541/%ff"), ("PUT", "/?")] {
            assert_eq!(talk.raw().ask(talk.raw_request(method, target, &fields, b"hello")).text(), "seen");
            let one = talk.seen();
            assert_eq!(client.ask(talk.http2_request(method, target, &fields), b"hello").text(), "seen");
            let two = talk.seen();
            assert_eq!((one.version.as_str(), two.version.as_str()), ("HTTP/1.1", "HTTP/2.0"));
            assert_eq!(two.var("SERVER_PROTOCOL"), Some("HTTP/2.0"));
            assert_eq!(alike(one), alike(two));
        }
    }),
    // RFC 9113 section 8.2.3.
    Case::frames("cookie_crumbs_are_joined", &[31], watching, |talk| {
        let fields = [("cookie", "a=1"), ("x-a", "1"), ("cookie", "b=2"), ("cookie", "c=3")];
        talk.http2().ask(talk.http2_request("GET", "/", &fields), b"");
        assert_eq!(talk.seen().all("cookie"), ["a=1; b=2; c=3"]);
    }),
    // One connection, and no DATA where there is no content. What hyper leaves to its adapter on HTTP/2.
    Case::frames(
        "head_and_statuses_without_content_have_none",
        &[82, 83, 84, 85],
        || BoxApp::new(with_outcome(status_of_the_query)),
        |talk| {
            let mut client = talk.http2();
            for target in ["/", "/stream"] {
                let got = client.ask(talk.http2_request("GET", target, &[]), b"");
                assert_eq!((got.text(), got.field("content-length")), ("hello", Some("5")), "{target}");
                let head = client.ask(talk.http2_request("HEAD", target, &[]), b"");
                assert_eq!((head.status, head.text()), (200, ""), "{target}");
                assert_eq!(head.field("content-length"), Some("5"), "{target}");
                for status in [204, 304, 205] {
                    let request = talk.http2_request("GET", &format!("{target}?{status}"), &[]);
                    let answer = client.ask(request, b"");
                    assert_eq!((answer.status, answer.text()), (status, ""), "{target}");
                    let length = (status == 205).then_some("0");
                    assert_eq!(answer.field("content-length"), length, "{target} {status}");
                }
                for _ in 0..5 {
                    assert!(talk.outcome().is_whole());
                }
            }
        },
    )
    .breaks(&["S20", "S21"]),
    Case::frames(
        "no_connection_field_is_sent",
        &[78, 152],
        || {
            BoxApp::new(plain(|_, start_response: StartResponse| {
                let response = Response::builder()
                    .header("content-type", "text/plain")
                    .header("connection", "close")
                    .header("keep-alive", "timeout=5")
                    .header("transfer-encoding", "chunked")
                    .body(Body::iter(["a", "b"]))?;
                Ok(start_response.respond(response)?)
            }))
        },
        |talk| {
            let answer = talk.http2().ask(talk.http2_request("GET", "/", &[]), b"");
            assert_eq!(answer.text(), "ab");
            for name in ["connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-connection"] {
                assert_eq!(answer.field(name), None, "{name}");
            }
            assert!(answer.field("date").is_some());
        },
    ),
    // In one stream, the answer's behind the request's. They need no chunks, so nothing announces or asks for them.
    Case::frames(
        "trailers_go_both_ways",
        &[66, 105, 106],
        || BoxApp::new(app_fn(echo_with_trailers)),
        |talk| {
            let mut client = talk.http2();
            for fields in [&[("te", "trailers")][..], &[]] {
                let (answer, mut stream) = client.send(talk.http2_request("POST", "/", fields), false);
                stream.send_data("hello".into(), false).unwrap();
                let trailers = [("x-up", "1"), ("content-length", "9")];
                let trailers =
                    trailers.map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
                stream.send_trailers(HeaderMap::from_iter(trailers)).unwrap();
                let answer = client.answer(answer);
                assert_eq!(answer.text(), "hello");
                let up = talk.note::<Vec<(String, String)>>("trailers");
                assert_eq!(up, [("x-up".to_owned(), "1".to_owned())], "and none that is forbidden");
                // Who said nothing of trailers may get none (RFC 9110 section 6.5.1), and the app is told.
                let told = talk.outcome().trailers;
                match answer.trailers {
                    Some(down) => {
                        assert_eq!((down["x-sum"].as_bytes(), told.as_str()), (b"42".as_slice(), "Sent"));
                    }
                    None => assert_eq!((fields.len(), told.as_str()), (0, "NotSent")),
                }
            }
        },
    )
    .needs(Capabilities::TRAILERS),
    // RFC 8441: told by a setting, asked by a pseudo-field, answered by a 2xx.
    Case::frames(
        "extended_connect_is_an_upgrade",
        &[144, 145],
        || BoxApp::new(plain(echo)),
        |talk| {
            let mut client = talk.http2();
            assert_eq!(client.ask(talk.http2_request("GET", "/", &[]), b"").text(), "no offer");
            assert!(client.allows_extended_connect(), "SETTINGS_ENABLE_CONNECT_PROTOCOL");
            let mut connect = talk.http2_request("CONNECT", "/chat", &[]);
            connect.extensions_mut().insert(Protocol::from_static("echo"));
            let (answer, mut outbound) = client.send(connect, false);
            let response = client.wait(answer).unwrap();
            assert_eq!(
                talk.note::<(String, Vec<String>)>("offer"),
                ("ExtendedConnect".into(), vec!["echo".into()])
            );
            assert_eq!(response.status(), 200);
            for name in ["content-length", "upgrade", "connection", "sec-websocket-accept"] {
                assert!(!response.headers().contains_key(name), "{name}");
            }
            let mut inbound = response.into_body();
            for text in ["ping", "pong"] {
                outbound.send_data(text.into(), false).unwrap();
                assert_eq!(client.wait(piece(&mut inbound)).unwrap().unwrap(), text);
            }
            outbound.send_data("".into(), true).unwrap();
            assert_eq!(client.wait(piece(&mut inbound)).unwrap().unwrap(), "bye");
            assert!(client.wait(piece(&mut inbound)).is_none());
        },
    )
    .needs(Capabilities::UPGRADE),
    // The value says who took the bytes: on a protocol of many streams that is the protocol's layer.
    Case::frames(
        "a_whole_answer_was_accepted_by_the_protocol",
        &[121],
        || {
            BoxApp::new(with_outcome(|_, start_response| {
                Ok(start_response.start(StatusCode::OK, TEXT)?.body("hello"))
            }))
        },
        |talk| {
            talk.http2().ask(talk.http2_request("GET", "/", &[]), b"");
            let outcome = talk.outcome();
            assert_eq!((outcome.delivery.as_str(), outcome.body_bytes), ("Whole(Protocol)", 5));
        },
    ),
];

/// What an app saw, without what tells any two connections apart and what is another protocol's.
fn alike(mut seen: Seen) -> Seen {
    seen.version.clear();
    seen.request_id = (0, 0);
    seen.peer.port = None;
    seen.peer.text.clear();
    // `:authority` stands in for it; between fields of different names there is no order.
    seen.headers.retain(|(name, _)| name != "host");
    seen.headers.sort_by(|one, other| one.0.cmp(&other.0));
    for name in ["SERVER_PROTOCOL", "REMOTE_PORT"] {
        // A unix socket has no port.
        let is_there = seen.vars.remove(name).is_some();
        assert!(is_there || (name == "REMOTE_PORT" && seen.peer.unix), "{name}");
    }
    seen
}

/// Answers with the status that the query names.
fn status_of_the_query(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let body = if environ.path_info() == "/stream" {
        Body::iter(["hel", "lo"]).with_length(5)
    } else {
        Body::from("hello")
    };
    Ok(match environ.query() {
        Some(status) => start_response.status(status.parse()?).body(body),
        None => start_response.start(StatusCode::OK, TEXT)?.body(body),
    })
}

/// Answers with what it was sent and a trailer; tells the trailers that it got, and the outcome.
async fn echo_with_trailers(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    const SUM: HeaderName = HeaderName::from_static("x-sum");
    let notes = Notes::of(&environ);
    notes.tell_outcome(&environ);
    let whole = environ.input_mut().collect(100).await?;
    let trailers = environ.input_mut().trailers().ok_or("no trailers")?;
    let text = |(name, value): (&HeaderName, &rsgi_core::http::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    notes.tell("trailers", &trailers.iter().map(text).collect::<Vec<_>>());
    let sum = || HeaderMap::from_iter([(SUM, 42.into())]);
    Ok(start_response.start(StatusCode::OK, TEXT)?.body(Body::iter([whole]).with_trailers([SUM], sum)))
}

/// Takes the stream over and sends back what comes; tells what was offered.
fn echo(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let notes = Notes::of(&environ);
    let Some(upgrade) = environ.upgrade()? else {
        return Ok(start_response.start(StatusCode::OK, TEXT)?.body("no offer"));
    };
    notes.tell("offer", &(format!("{:?}", upgrade.kind()), upgrade.protocols()));
    let body = Body::duplex(environ.take_input(), async |mut input, sender| {
        while let Some(piece) = input.piece().await {
            sender.send(piece?).await?;
        }
        sender.send("bye").await
    });
    Ok(start_response.upgrade(upgrade, "echo")?.body(body))
}
