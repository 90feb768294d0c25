//! The head of an answer: what goes out as given, what the server adds, and what HEAD and certain statuses leave out.
//!
//! Bodies and their framing are in `body.rs`; what happens when an app breaks a rule is in `errors.rs`.

use rsgi_core::http::{HeaderValue, Response, StatusCode};
use rsgi_core::server::ServerField;
use rsgi_core::{Body, BoxApp, Environ, StartErrorKind, StartResponse, app_fn};

use crate::suite::apps::{plain, text, with_outcome};
use crate::suite::case::Case;
use crate::suite::notes::Notes;
use crate::suite::talk::Way;
use crate::wire::answer::Framing;
use crate::wire::bytes::get;

pub(super) const CASES: &[Case] = &[
    Case::message(
        "head_has_the_fields_of_get_and_no_body",
        &[84, 86],
        || {
            BoxApp::new(with_outcome(|environ, start_response| {
                let body = match environ.path_info() {
                    "/bytes" => Body::from("hello"),
                    "/iterator" => Body::iter(["hel", "lo"]).with_length(5),
                    _ => Body::empty(),
                };
                let fields = [("x-a", "1"), ("content-type", "text/x")];
                Ok(start_response.start(StatusCode::OK, fields)?.body(body))
            }))
        },
        |talk| {
            for target in ["/bytes", "/iterator", "/empty"] {
                let head = talk.head(target).answer();
                let got = talk.get(target).answer();
                assert_eq!((head.status(), head.body().len()), (200, 0));
                for name in ["x-a", "content-type"] {
                    assert_eq!(head.all(name), got.all(name), "{name} for {target}");
                }
                if !got.body().is_empty() {
                    assert_eq!((head.field("content-length"), got.text()), (Some("5"), "hello"));
                    assert_eq!(got.field("content-length"), Some("5"));
                }
                let (of_head, of_get) = (talk.outcome(), talk.outcome());
                assert!(of_head.is_whole() && of_get.is_whole(), "{of_head:?}, {of_get:?}");
                assert_eq!(of_head.body_bytes, 0);
            }
        },
    ),
    // A length that nobody knows is not told for HEAD either.
    Case::message(
        "head_of_a_stream_has_no_length",
        &[84],
        || BoxApp::new(plain(|_, start| Ok(start.status(StatusCode::OK).body(Body::iter(["hel", "lo"]))))),
        |talk| {
            let (head, got) = (talk.head("/").answer(), talk.get("/").answer());
            assert_eq!((got.text(), got.field("content-length")), ("hello", None));
            assert_eq!(head.field("content-length"), None);
        },
    ),
    Case::message(
        "head_keeps_the_apps_length_and_invents_none",
        &[85],
        || {
            BoxApp::new(plain(|environ: Environ, start_response: StartResponse| {
                let head = start_response.status(StatusCode::OK);
                let head = match environ.query() {
                    Some(length) => head.header("content-length", length.to_owned())?,
                    None => head,
                };
                Ok(head.empty())
            }))
        },
        |talk| {
            assert_eq!(talk.head("/?1234567").answer().field("content-length"), Some("1234567"));
            assert_eq!(talk.head("/").answer().field("content-length"), None);
            // HTTP/2 may tell it by the end of the stream alone.
            let got = talk.get("/").answer();
            let told = got.field("content-length");
            assert!(
                told == Some("0") || (told.is_none() && talk.way() == Way::Http2),
                "GET's is known: {told:?}"
            );
        },
    ),
    Case::message(
        "heads_body_is_dropped_once_and_unread",
        &[86, 119],
        || {
            BoxApp::new(with_outcome(|environ, start_response| {
                let on_drop = Notes::of(&environ).on_drop("dropped");
                let pieces = (0..3).map(move |_| -> &'static str { panic!("pulled: {on_drop:?}") });
                Ok(start_response.status(StatusCode::OK).body(Body::iter(pieces)))
            }))
        },
        |talk| {
            assert_eq!(talk.head("/").answer().status(), 200);
            assert!(talk.outcome().is_whole());
            talk.happened("dropped");
            talk.nothing("dropped");
        },
    ),
    // On one connection, so that a body that was sent all the same would show as the next answer.
    Case::wire(
        "statuses_without_content_have_none",
        &[82, 128],
        || BoxApp::new(plain(status_of_the_path)),
        |talk| {
            for code in [204, 304] {
                let mut client = talk.raw();
                for _ in 0..2 {
                    let answer = client.ask(talk.raw_get(&format!("/{code}")));
                    assert_eq!((answer.status(), answer.field("x-a")), (code, Some("1")));
                    assert_eq!(answer.field("transfer-encoding"), None);
                    assert!(code != 204 || answer.field("content-length").is_none());
                }
            }
        },
    )
    .breaks(&["S20"]),
    Case::message(
        "no_way_carries_content_for_statuses_without_it",
        &[82],
        || BoxApp::new(plain(status_of_the_path)),
        |talk| {
            for code in [204, 304] {
                let answer = talk.get(&format!("/{code}")).answer();
                assert_eq!((answer.status(), answer.body().len()), (code, 0));
                assert_eq!(answer.field("x-a"), Some("1"));
            }
        },
    )
    .breaks(&["S20"]),
    // RFC 9110 section 8.6: a 304 may say the length of the content it stands for.
    Case::message(
        "a_304_keeps_the_apps_length",
        &[82],
        || {
            BoxApp::new(plain(|_, start_response| {
                Ok(start_response.status(StatusCode::NOT_MODIFIED).header("content-length", "77")?.empty())
            }))
        },
        |talk| {
            for _ in 0..2 {
                assert_eq!(talk.get("/").answer().field("content-length"), Some("77"));
            }
        },
    ),
    Case::message(
        "a_204_loses_the_apps_length",
        &[81],
        || {
            BoxApp::new(plain(|_, start_response| {
                Ok(start_response.status(StatusCode::NO_CONTENT).header("content-length", "0")?.empty())
            }))
        },
        |talk| {
            for _ in 0..2 {
                assert_eq!(talk.get("/").answer().field("content-length"), None);
            }
        },
    )
    .breaks(&["A10"]),
    Case::wire(
        "a_205_says_length_zero",
        &[83],
        || BoxApp::new(plain(status_of_the_path)),
        |talk| {
            let mut client = talk.raw();
            for _ in 0..2 {
                let answer = client.ask(talk.raw_get("/205"));
                assert_eq!((answer.status(), answer.framing), (205, Framing::Length(0)));
            }
        },
    )
    .breaks(&["S21"]),
    // A server may write a phrase of its own where HTTP has none; a client ignores it (RFC 9112 section 4).
    Case::wire(
        "the_status_line_is_http_1_1_with_the_apps_status",
        &[69],
        || BoxApp::new(plain(status_of_the_path)),
        |talk| {
            let phrases = [(200, "OK"), (404, "Not Found"), (418, "I'm a teapot"), (299, ""), (599, "")];
            for (code, reason) in phrases {
                let head = talk.raw().ask(talk.raw_get(&format!("/{code}"))).head;
                assert_eq!((head.version.as_str(), head.status), ("HTTP/1.1", code));
                assert!(head.reason == reason || reason.is_empty(), "{:?}", head.reason);
            }
        },
    ),
    Case::message(
        "status_and_fields_go_out_as_given",
        &[69],
        || {
            BoxApp::new(plain(|environ, start_response| {
                let fields = [("X-Text", "a \"b\"; c=d")];
                Ok(start_response.start(status(&environ)?, fields)?.body("x"))
            }))
        },
        |talk| {
            for code in [200, 404, 418, 299, 599] {
                let answer = talk.get(&format!("/{code}")).answer();
                assert_eq!((answer.status(), answer.field("x-text")), (code, Some("a \"b\"; c=d")));
            }
        },
    ),
    Case::message(
        "bytes_beyond_ascii_go_out_as_given",
        &[69, 32],
        || {
            BoxApp::new(plain(|_, start_response| {
                let value = HeaderValue::from_bytes(b"\xe9\xff")?;
                Ok(start_response.status(StatusCode::OK).header("x-a", value)?.body("x"))
            }))
        },
        |talk| {
            let answer = talk.get("/").answer();
            assert_eq!(answer.headers()["x-a"].as_bytes(), b"\xe9\xff");
        },
    ),
    Case::message(
        "repeated_fields_are_all_sent_in_order",
        &[76],
        || {
            BoxApp::new(plain(|_, start_response| {
                let fields = [("set-cookie", "b=1"), ("x-a", "2"), ("set-cookie", "a=2, c"), ("x-a", "1")];
                Ok(start_response.start(StatusCode::OK, fields)?.body("x"))
            }))
        },
        |talk| {
            let answer = talk.get("/").answer();
            assert_eq!(answer.all("set-cookie"), ["b=1", "a=2, c"]);
            assert_eq!(answer.all("x-a"), ["2", "1"]);
        },
    ),
    Case::message(
        "there_is_exactly_one_date",
        &[78],
        || {
            BoxApp::new(plain(|environ: Environ, start_response: StartResponse| {
                let head = start_response.status(StatusCode::OK);
                let own = "Sun, 06 Nov 1994 08:49:37 GMT";
                let head = if environ.path_info() == "/own" { head.header("date", own)? } else { head };
                Ok(head.body("x"))
            }))
        },
        |talk| {
            let added = talk.get("/").answer();
            let [date] = added.all("date")[..] else { panic!("dates: {:?}", added.all("date")) };
            assert!(date.len() == 29 && date.ends_with(" GMT"), "an IMF-fixdate: {date}");
            assert_eq!(talk.get("/own").answer().all("date"), ["Sun, 06 Nov 1994 08:49:37 GMT"]);
        },
    ),
    Case::hosted("there_is_at_most_one_server_field_and_the_apps_wins", &[79], |ground| {
        let app = || {
            plain(|environ: Environ, start_response: StartResponse| {
                let head = start_response.status(StatusCode::OK);
                let head = if environ.path_info() == "/own" { head.header("server", "app")? } else { head };
                Ok(head.body("x"))
            })
        };
        let silent = ground.serve(app());
        assert_eq!(silent.client().ask(get("/")).field("server"), None);
        assert_eq!(silent.client().ask(get("/own")).field("server"), Some("app"));
        let field = ServerField::Named("me/1".parse().unwrap());
        let named = ground.serve_with(app(), |config| config.server_field(field));
        assert_eq!(named.client().ask(get("/")).field("server"), Some("me/1"));
        assert_eq!(named.client().ask(get("/own")).field("server"), Some("app"));
    }),
    // The head of an event stream doesn't wait for the first event.
    Case::wire(
        "the_head_goes_out_when_the_body_is_not_ready",
        &[80],
        || {
            BoxApp::new(plain(|environ, start_response| {
                let gate = Notes::of(&environ).gate("event");
                let body = Body::send(async move |sender| {
                    gate.opened().await;
                    sender.send("event").await
                });
                Ok(start_response.status(StatusCode::OK).body(body))
            }))
        },
        |talk| {
            let mut client = talk.raw();
            let head = client.send(talk.raw_get("/")).head();
            assert_eq!((head.status, head.field("transfer-encoding")), (200, Some("chunked")));
            talk.open("event");
            assert_eq!(client.bytes(8), b"5\r\nevent".as_slice());
        },
    )
    .parallel(),
    Case::wire(
        "the_head_goes_out_at_once_when_the_app_asks",
        &[80],
        || {
            BoxApp::new(plain(|environ, start_response| {
                let gate = Notes::of(&environ).gate("late");
                let body = Body::push(move |writer| {
                    gate.wait();
                    writer.write_bytes("late")?;
                    Ok(())
                });
                Ok(start_response.status(StatusCode::OK).head_at_once().body(body))
            }))
        },
        |talk| {
            let mut client = talk.raw();
            assert_eq!(client.send(talk.raw_get("/")).head().status, 200);
            talk.open("late");
            assert_eq!(client.bytes(7), b"4\r\nlate".as_slice());
        },
    )
    .parallel(),
    // The app gets the error while it runs, and what it answers instead goes out.
    Case::message(
        "what_start_refuses_never_reaches_the_wire",
        &[70, 74, 75, 77, 106],
        || {
            BoxApp::new(plain(|_, start_response| {
                let text = refusals(&start_response);
                Ok(start_response.status(StatusCode::OK).body(text))
            }))
        },
        |talk| {
            let answer = talk.get("/").answer();
            assert_eq!((answer.status(), answer.text()), (200, "all refused"));
            assert_eq!((answer.field("x-evil"), answer.field("status")), (None, None));
        },
    ),
    Case::message(
        "a_status_that_is_not_final_becomes_a_500",
        &[70],
        || BoxApp::new(plain(status_of_the_path)),
        |talk| {
            for code in [103, 600, 999] {
                for _ in 0..2 {
                    assert_eq!(talk.get(&format!("/{code}")).answer().status(), 500, "{code}");
                }
            }
        },
    )
    .breaks(&["A6"]),
    // Until the app returns it may start again, and the first answer is dropped unsent, its body with it.
    Case::message(
        "an_app_may_start_again",
        &[72],
        || {
            BoxApp::new(plain(|environ, start_response: StartResponse| {
                let held = Notes::of(&environ).on_drop("first");
                let pieces =
                    std::iter::once("lost").inspect(move |_| assert!(format!("{held:?}").is_empty()));
                let first = start_response.clone().status(StatusCode::OK).header("x-first", "1")?;
                drop(first.body(Body::iter(pieces)));
                Ok(start_response.status(StatusCode::NOT_FOUND).body("second"))
            }))
        },
        |talk| {
            let answer = talk.get("/").answer();
            assert_eq!((answer.status(), answer.text(), answer.field("x-first")), (404, "second", None));
            talk.happened("first");
        },
    ),
    // What a framework says in `http`'s types is taken apart.
    Case::wire(
        "an_http_response_is_an_answer",
        &[77, 125],
        || {
            BoxApp::new(app_fn(|_, start_response: StartResponse| async move {
                let response = Response::builder()
                    .status(201)
                    .header("x-a", "1")
                    .header("connection", "close, x-hop")
                    .header("keep-alive", "timeout=5")
                    .header("transfer-encoding", "chunked")
                    .body(Body::from("made"))?;
                Ok(start_response.respond(response)?)
            }))
        },
        |talk| {
            let mut client = talk.raw();
            let answer = client.ask(talk.raw_get("/"));
            assert_eq!((answer.status(), answer.text(), answer.field("x-a")), (201, "made", Some("1")));
            assert_eq!((answer.framing, answer.field("keep-alive")), (Framing::Length(4), None));
            assert!(answer.says_close());
            client.expect_closed();
        },
    ),
    Case::wire(
        "a_2xx_to_connect_has_no_length",
        &[87],
        || BoxApp::new(text("tunnel")),
        |talk| {
            let mut client = talk.raw();
            client
                .send(format!("CONNECT far.test:443 HTTP/1.1\r\nhost: far.test:443\r\n{}\r\n", talk.line()));
            let head = client.head();
            assert_eq!(head.status, 200);
            assert_eq!((head.field("content-length"), head.field("transfer-encoding")), (None, None));
            assert_eq!(client.bytes(6), b"tunnel");
        },
    )
    .at_the_root(),
    // An answer in memory that the system took is whole, and one of no content too.
    Case::message(
        "a_whole_answer_is_told_as_whole",
        &[121],
        || BoxApp::new(with_outcome(status_of_the_path)),
        |talk| {
            talk.get("/200").answer();
            let outcome = talk.outcome();
            assert!(outcome.is_whole(), "{outcome:?}");
            assert_eq!((outcome.status, outcome.body_bytes), (Some(200), 14));
            assert_eq!(outcome.phase, "End");
            talk.get("/204").answer();
            let outcome = talk.outcome();
            assert!(outcome.is_whole() && outcome.body_bytes == 0, "{outcome:?}");
        },
    )
    .breaks(&["S20"]),
];

/// The status that the path names.
fn status(environ: &Environ) -> Result<StatusCode, rsgi_core::Error> {
    Ok(environ.path_info().trim_start_matches('/').parse()?)
}

/// Answers with the status that the path names, a field and a body.
fn status_of_the_path(
    environ: Environ,
    start_response: StartResponse,
) -> Result<rsgi_core::Started, rsgi_core::Error> {
    Ok(start_response.status(status(&environ)?).header("x-a", "1")?.body("not to be sent"))
}

/// Tries all that `start` refuses; says what it let pass.
fn refusals(start_response: &StartResponse) -> String {
    let kind = |name: &'static str, value: &'static str| {
        let refused = start_response.clone().status(StatusCode::OK).header(name, value);
        refused.map(|_| ()).map_err(|error| error.kind())
    };
    let mut tries = vec![
        ("bad name", "v", StartErrorKind::InvalidName),
        ("status", "200", StartErrorKind::InvalidName),
        ("x-a", "a\r\nx-evil: 1", StartErrorKind::InvalidValue),
        ("x-a", "a\0", StartErrorKind::InvalidValue),
        ("content-length", "+5", StartErrorKind::InvalidLength),
    ];
    for name in ["connection", "keep-alive", "te", "transfer-encoding", "upgrade", "trailer"] {
        tries.push((name, "x", StartErrorKind::HopByHop));
    }
    if let Some((name, value, _)) =
        tries.iter().find(|(name, value, wanted)| kind(name, value) != Err(*wanted))
    {
        return format!("{name}: {value:?} gives {:?}", kind(name, value));
    }
    let early = start_response.clone().start(StatusCode::CONTINUE, [("x-a", "1")]);
    match early.map(|_| ()) {
        Err(error) if error.kind() == StartErrorKind::InvalidStatus => "all refused".to_owned(),
        other => format!("100 gives {other:?}"),
    }
}
