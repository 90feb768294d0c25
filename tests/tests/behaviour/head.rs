//! The head of an answer: what goes out as given, what the server adds, and what HEAD and certain statuses leave out.
//!
//! Bodies and their framing are in `body.rs`; what happens when an app breaks a rule is in `errors.rs`.

use rsgi_core::http::{Response, StatusCode};
use rsgi_core::server::ServerField;
use rsgi_core::{Body, Environ, Outcome, Phase, StartErrorKind, StartResponse};
use rsgi_tests::answer::{Answer, Framing};
use rsgi_tests::bytes::{get, request};
use rsgi_tests::deadline::{Gate, events};
use rsgi_tests::probe::{OnDrop, app, text, with_outcome};
use rsgi_tests::{On, mount};

fn head_of(on: On, body: fn() -> Body) -> (Answer, Answer, Vec<Outcome>) {
    let (app, outcomes) = with_outcome(move |_, start_response| {
        Ok(start_response.start(StatusCode::OK, [("x-a", "1"), ("content-type", "text/x")])?.body(body()))
    });
    let server = on.serve(app);
    let mut client = server.client();
    let head = client.ask(request("HEAD", "/", &[], b""));
    let got = client.ask(get("/"));
    (head, got, vec![outcomes.next("the outcome of HEAD"), outcomes.next("the outcome of GET")])
}

fn without_date(answer: &Answer) -> Vec<(String, Vec<u8>)> {
    let mut fields = answer.head.fields.clone();
    fields.retain(|(name, _)| name != "date");
    fields.sort();
    fields
}

/// rule(84, 86)
fn head_has_the_fields_of_get_and_no_body(on: On) {
    let bodies: [fn() -> Body; 3] =
        [|| Body::from("hello"), Body::empty, || Body::iter(["hel", "lo"]).with_length(5)];
    for body in bodies {
        let (head, got, outcomes) = head_of(on, body);
        assert_eq!(head.head.status, 200);
        if !got.body.is_empty() {
            assert_eq!(without_date(&head), without_date(&got));
            assert_eq!(head.field("content-length"), Some("5"));
        }
        assert!(head.body.is_empty());
        assert!(outcomes.iter().all(Outcome::is_whole), "{outcomes:?}");
        assert_eq!(outcomes[0].body_bytes, 0);
    }
}

/// rule(84): a length that nobody knows is not told for HEAD either.
fn head_of_a_stream_has_no_length(on: On) {
    let (head, got, _) = head_of(on, || Body::iter(["hel", "lo"]));
    assert_eq!((got.framing, got.text()), (Framing::Chunked, "hello"));
    assert_eq!(head.field("content-length"), None);
}

/// rule(85)
fn head_keeps_the_apps_length_and_invents_none(on: On) {
    let server = on.serve(app(|environ: Environ, start_response: StartResponse| {
        let head = start_response.status(StatusCode::OK);
        let head = match environ.query() {
            Some(length) => head.header("content-length", length.to_owned())?,
            None => head,
        };
        Ok(head.empty())
    }));
    let mut client = server.client();
    let told = client.ask(request("HEAD", "/?1234567", &[], b""));
    assert_eq!(told.field("content-length"), Some("1234567"));
    let untold = client.ask(request("HEAD", "/", &[], b""));
    assert_eq!(untold.field("content-length"), None);
    assert_eq!(client.ask(get("/")).field("content-length"), Some("0"), "GET's is known");
}

/// rule(86, 119)
fn heads_body_is_dropped_once_and_unread(on: On) {
    let (teller, drops) = events();
    let (app, outcomes) = with_outcome(move |_, start_response| {
        let on_drop = OnDrop::new("dropped", &teller);
        let pieces = (0..3).map(move |_| -> &'static str { panic!("HEAD's body is pulled: {on_drop:?}") });
        Ok(start_response.status(StatusCode::OK).body(Body::iter(pieces)))
    });
    let server = on.serve(app);
    let answer = server.client().ask(request("HEAD", "/", &[], b""));
    assert_eq!(answer.status(), 200);
    assert!(outcomes.next("the outcome").is_whole());
    assert_eq!(drops.next("the body's drop"), "dropped");
    server.stop();
    assert!(drops.try_next().is_none(), "dropped twice");
}

/// rule(82, 128)
fn statuses_without_content_have_none(on: On) {
    for code in [204, 304] {
        let server = on.serve(app(move |_, start_response| {
            Ok(start_response.status(StatusCode::from_u16(code)?).header("x-a", "1")?.body("not to be sent"))
        }));
        let mut client = server.client();
        for _ in 0..2 {
            let answer = client.ask(get("/"));
            assert_eq!((answer.status(), answer.field("x-a")), (code, Some("1")));
            assert_eq!(answer.field("transfer-encoding"), None);
            if code == 204 {
                assert_eq!(answer.field("content-length"), None);
            }
        }
    }
}

/// rule(82): RFC 9110 section 8.6: a 304 may say the length of the content it stands for.
fn a_304_keeps_the_apps_length(on: On) {
    let server = on.serve(app(|_, start_response| {
        Ok(start_response.status(StatusCode::NOT_MODIFIED).header("content-length", "77")?.empty())
    }));
    let mut client = server.client();
    for _ in 0..2 {
        assert_eq!(client.ask(get("/")).field("content-length"), Some("77"));
    }
}

/// rule(81)
fn a_204_loses_the_apps_length(on: On) {
    let server = on.serve(app(|_, start_response| {
        Ok(start_response.status(StatusCode::NO_CONTENT).header("content-length", "0")?.empty())
    }));
    let mut client = server.client();
    for _ in 0..2 {
        assert_eq!(client.ask(get("/")).field("content-length"), None);
    }
}

/// rule(83)
fn a_205_says_length_zero(on: On) {
    let server = on.serve(app(|_, start_response| {
        Ok(start_response.status(StatusCode::RESET_CONTENT).body("not to be sent"))
    }));
    let mut client = server.client();
    for _ in 0..2 {
        let answer = client.ask(get("/"));
        assert_eq!((answer.status(), answer.framing), (205, Framing::Length(0)));
    }
}

/// rule(69)
fn status_and_fields_go_out_as_given(on: On) {
    for (code, reason) in [(200, "OK"), (404, "Not Found"), (418, "I'm a teapot"), (299, ""), (599, "")] {
        let server = on.serve(app(move |_, start_response| {
            Ok(start_response.start(StatusCode::from_u16(code)?, [("X-Text", "a \"b\"; c=d")])?.body("x"))
        }));
        let answer = server.client().ask(get("/"));
        assert_eq!((answer.status(), answer.field("x-text")), (code, Some("a \"b\"; c=d")));
        // hyper writes a phrase of its own where HTTP has none; a client ignores it (RFC 9112 section 4).
        assert!(answer.head.reason == reason || reason.is_empty(), "{:?}", answer.head.reason);
        assert_eq!(answer.head.version, "HTTP/1.1");
    }
}

/// rule(69, 32)
fn bytes_beyond_ascii_go_out_as_given(on: On) {
    let server = on.serve(app(|_, start_response| {
        let value = rsgi_core::http::HeaderValue::from_bytes(b"\xe9\xff")?;
        Ok(start_response.status(StatusCode::OK).header("x-a", value)?.body("x"))
    }));
    let answer = server.client().ask(get("/"));
    assert!(answer.head.fields.contains(&("x-a".to_owned(), b"\xe9\xff".to_vec())));
}

/// rule(76)
fn repeated_fields_are_all_sent_in_order(on: On) {
    let server = on.serve(app(|_, start_response| {
        let fields = [("set-cookie", "b=1"), ("x-a", "2"), ("set-cookie", "a=2, c"), ("x-a", "1")];
        Ok(start_response.start(StatusCode::OK, fields)?.body("x"))
    }));
    let answer = server.client().ask(get("/"));
    assert_eq!(answer.head.all("set-cookie"), ["b=1", "a=2, c"]);
    assert_eq!(answer.head.all("x-a"), ["2", "1"]);
}

/// rule(78)
fn there_is_exactly_one_date(on: On) {
    let server = on.serve(app(|environ: Environ, start_response: StartResponse| {
        let head = start_response.status(StatusCode::OK);
        let own = "Sun, 06 Nov 1994 08:49:37 GMT";
        let head = if environ.path_info() == "/own" { head.header("date", own)? } else { head };
        Ok(head.body("x"))
    }));
    let mut client = server.client();
    let added = client.ask(get("/"));
    let date = added.field("date").expect("a date is added");
    assert!(date.len() == 29 && date.ends_with(" GMT"), "an IMF-fixdate: {date}");
    assert_eq!(client.ask(get("/own")).field("date"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
}

/// rule(79)
fn there_is_at_most_one_server_field_and_the_apps_wins(on: On) {
    let app = || {
        app(|environ: Environ, start_response: StartResponse| {
            let head = start_response.status(StatusCode::OK);
            let head = if environ.path_info() == "/own" { head.header("server", "app")? } else { head };
            Ok(head.body("x"))
        })
    };
    let silent = on.serve(app());
    assert_eq!(silent.client().ask(get("/")).field("server"), None);
    assert_eq!(silent.client().ask(get("/own")).field("server"), Some("app"));
    let named =
        on.serve_with(app(), |config| config.server_field(ServerField::Named("me/1".parse().unwrap())));
    assert_eq!(named.client().ask(get("/")).field("server"), Some("me/1"));
    assert_eq!(named.client().ask(get("/own")).field("server"), Some("app"));
}

/// rule(80): the head of an event stream doesn't wait for the first event.
fn the_head_goes_out_when_the_body_is_not_ready(on: On) {
    let gate = Gate::new();
    let held = gate.clone();
    let server = on.serve(app(move |_, start_response| {
        let held = held.clone();
        let body = Body::send(async move |sender| {
            held.opened().await;
            sender.send("event").await
        });
        Ok(start_response.status(StatusCode::OK).body(body))
    }));
    let mut client = server.client();
    let head = client.send(get("/")).head();
    assert_eq!((head.status, head.field("transfer-encoding")), (200, Some("chunked")));
    gate.open();
    assert_eq!(client.bytes(8), b"5\r\nevent".as_slice());
}

/// rule(80)
fn the_head_goes_out_at_once_when_the_app_asks(on: On) {
    let gate = Gate::new();
    let held = gate.clone();
    let server = on.serve(app(move |_, start_response| {
        let held = held.clone();
        let body = Body::push(move |writer| {
            held.wait();
            writer.write_bytes("late")?;
            Ok(())
        });
        Ok(start_response.status(StatusCode::OK).head_at_once().body(body))
    }));
    let mut client = server.client();
    assert_eq!(client.send(get("/")).head().status, 200);
    gate.open();
    assert_eq!(client.bytes(7), b"4\r\nlate".as_slice());
}

/// rule(70, 74, 75, 77, 106): the app gets the error while it runs, and what it answers instead goes out.
fn what_start_refuses_never_reaches_the_wire(on: On) {
    let server = on.serve(app(|_, start_response: StartResponse| {
        let kind = |name: &'static str, value: &'static str| {
            let refused = start_response.clone().status(StatusCode::OK).header(name, value);
            refused.map(|_| ()).map_err(|error| error.kind())
        };
        assert_eq!(kind("bad name", "v"), Err(StartErrorKind::InvalidName));
        assert_eq!(kind("status", "200"), Err(StartErrorKind::InvalidName));
        assert_eq!(kind("x-a", "a\r\nx-evil: 1"), Err(StartErrorKind::InvalidValue));
        assert_eq!(kind("x-a", "a\0"), Err(StartErrorKind::InvalidValue));
        assert_eq!(kind("content-length", "+5"), Err(StartErrorKind::InvalidLength));
        for name in ["connection", "keep-alive", "te", "transfer-encoding", "upgrade", "trailer"] {
            assert_eq!(kind(name, "x"), Err(StartErrorKind::HopByHop), "{name}");
        }
        let early = start_response.clone().start(StatusCode::CONTINUE, [("x-a", "1")]);
        assert_eq!(early.map(|_| ()).unwrap_err().kind(), StartErrorKind::InvalidStatus);
        Ok(start_response.status(StatusCode::OK).body("all refused"))
    }));
    let answer = server.client().ask(get("/"));
    assert_eq!((answer.status(), answer.text()), (200, "all refused"));
    assert_eq!(answer.field("x-evil"), None);
}

/// rule(70)
fn a_status_that_is_not_final_becomes_a_500(on: On) {
    for code in [103, 600, 999] {
        let server = on.serve(app(move |_, start_response: StartResponse| {
            Ok(start_response.status(StatusCode::from_u16(code)?).body("odd"))
        }));
        let mut client = server.client();
        assert_eq!(client.ask(get("/")).status(), 500, "{code}");
        assert_eq!(client.ask(get("/")).status(), 500, "and the connection lives");
    }
}

/// rule(72): until the app returns it may start again, and the first answer is dropped unsent, its body with it.
fn an_app_may_start_again(on: On) {
    let (teller, drops) = events();
    let server = on.serve(app(move |_, start_response: StartResponse| {
        let held = OnDrop::new("first", &teller);
        let pieces = std::iter::once("lost").inspect(move |_| assert!(format!("{held:?}").is_empty()));
        let first = start_response.clone().status(StatusCode::OK).header("x-first", "1")?;
        drop(first.body(Body::iter(pieces)));
        Ok(start_response.status(StatusCode::NOT_FOUND).body("second"))
    }));
    let answer = server.client().ask(get("/"));
    assert_eq!((answer.status(), answer.text(), answer.field("x-first")), (404, "second", None));
    assert_eq!(drops.next("the first body's drop"), "first");
}

/// rule(77, 125): what a framework says in `http`'s types is taken apart.
fn an_http_response_is_an_answer(on: On) {
    let server = on.serve(app(|_, start_response: StartResponse| {
        let response = Response::builder()
            .status(201)
            .header("x-a", "1")
            .header("connection", "close, x-hop")
            .header("keep-alive", "timeout=5")
            .header("transfer-encoding", "chunked")
            .body(Body::from("made"))?;
        Ok(start_response.respond(response)?)
    }));
    let mut client = server.client();
    let answer = client.ask(get("/"));
    assert_eq!((answer.status(), answer.text(), answer.field("x-a")), (201, "made", Some("1")));
    assert_eq!((answer.framing, answer.field("keep-alive")), (Framing::Length(4), None));
    assert!(answer.says_close());
    client.expect_closed();
}

/// rule(87)
fn a_2xx_to_connect_has_no_length(on: On) {
    let server = on.serve(text("tunnel"));
    let mut client = server.client();
    client.send("CONNECT far.test:443 HTTP/1.1\r\nhost: far.test:443\r\n\r\n");
    let head = client.head();
    assert_eq!(head.status, 200);
    assert_eq!((head.field("content-length"), head.field("transfer-encoding")), (None, None));
    assert_eq!(client.bytes(6), b"tunnel");
}

/// rule(121): an answer in memory that the system took is whole, and one of no content too.
fn a_whole_answer_is_told_as_whole(on: On) {
    let (app, outcomes) = with_outcome(|environ, start_response| {
        let status = if environ.path_info() == "/none" { StatusCode::NO_CONTENT } else { StatusCode::OK };
        Ok(start_response.status(status).body("hello"))
    });
    let server = on.serve(app);
    let mut client = server.client();
    client.ask(get("/"));
    let outcome = outcomes.next("the outcome");
    assert!(outcome.is_whole(), "{outcome:?}");
    assert_eq!((outcome.status, outcome.body_bytes), (Some(StatusCode::OK), 5));
    assert_eq!(outcome.phase, Phase::End);
    client.ask(get("/none"));
    let outcome = outcomes.next("the outcome");
    assert!(outcome.is_whole() && outcome.body_bytes == 0, "{outcome:?}");
}

mount!(
    head_has_the_fields_of_get_and_no_body,
    head_of_a_stream_has_no_length,
    head_keeps_the_apps_length_and_invents_none,
    heads_body_is_dropped_once_and_unread,
    statuses_without_content_have_none,
    a_304_keeps_the_apps_length,
    a_204_loses_the_apps_length,
    a_205_says_length_zero,
    status_and_fields_go_out_as_given,
    bytes_beyond_ascii_go_out_as_given,
    repeated_fields_are_all_sent_in_order,
    there_is_exactly_one_date,
    there_is_at_most_one_server_field_and_the_apps_wins,
    the_head_goes_out_when_the_body_is_not_ready,
    the_head_goes_out_at_once_when_the_app_asks,
    what_start_refuses_never_reaches_the_wire,
    a_status_that_is_not_final_becomes_a_500,
    an_app_may_start_again,
    an_http_response_is_an_answer,
    a_2xx_to_connect_has_no_length,
    a_whole_answer_is_told_as_whole,
);
