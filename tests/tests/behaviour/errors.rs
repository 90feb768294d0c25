//! Errors and panics of apps and bodies, before the head and behind it, and lengths that aren't true.
//!
//! Before the head: a 500 that leaks nothing. Behind it: what was produced is sent, then the break is visible.

use rsgi_core::http::StatusCode;
use rsgi_core::{App, Body, Delivery, Environ, Fault, Outcome, StartResponse, app_fn, blocking};
use rsgi_tests::answer::Broken;
use rsgi_tests::bytes::{get, request};
use rsgi_tests::deadline::events;
use rsgi_tests::probe::{OnDrop, app, tell_outcome, with_outcome};
use rsgi_tests::{On, log, mount};

/// Asks for something that must become a 500, twice on one connection, then for `/fine`.
fn fails_and_lives_on(on: On, failing: impl App, secret: &str) {
    log::catch();
    let server = on.serve(failing);
    let mut client = server.client();
    for _ in 0..2 {
        let answer = client.ask(get("/"));
        assert_eq!(answer.status(), 500);
        assert!(!answer.text().contains(secret), "leaked: {}", answer.text());
    }
    assert_eq!(client.ask(get("/fine")).text(), "fine");
    log::line_with(&[secret]);
}

/// rule(110, 113)
fn an_error_before_the_head_is_a_500_and_the_connection_lives(on: On) {
    let failing = app(|environ: Environ, start_response: StartResponse| match environ.path_info() {
        "/fine" => Ok(start_response.status(StatusCode::OK).body("fine")),
        _ => Err("secret of an error".into()),
    });
    fails_and_lives_on(on, failing, "secret of an error");
}

/// rule(111, 113)
fn a_panic_of_async_code_is_a_500_and_the_server_lives(on: On) {
    let failing = app_fn(|environ: Environ, start_response: StartResponse| async move {
        assert!(environ.path_info() == "/fine", "secret of an async panic");
        Ok(start_response.status(StatusCode::OK).body("fine"))
    });
    fails_and_lives_on(on, failing, "secret of an async panic");
}

/// rule(111, 113)
fn a_panic_of_blocking_code_is_a_500_and_the_server_lives(on: On) {
    let failing = blocking(|environ: Environ, start_response: StartResponse| {
        assert!(environ.path_info() == "/fine", "secret of a blocking panic");
        Ok(start_response.status(StatusCode::OK).body("fine"))
    });
    fails_and_lives_on(on, failing, "secret of a blocking panic");
}

/// rule(111): a panic in making the future, before there is one to poll.
fn a_panic_of_the_call_itself_is_a_500(on: On) {
    let failing = app(|environ: Environ, start_response: StartResponse| {
        assert!(environ.path_info() == "/fine", "secret of a panicking call");
        Ok(start_response.status(StatusCode::OK).body("fine"))
    });
    fails_and_lives_on(on, failing, "secret of a panicking call");
}

/// rule(110, 121)
fn a_failed_app_is_told_as_such(on: On) {
    let (app, outcomes) = with_outcome(|_, _| Err("none".into()));
    let server = on.serve(app);
    assert_eq!(server.client().ask(get("/")).status(), 500);
    let outcome = outcomes.next("the outcome");
    assert_eq!((outcome.fault, outcome.is_whole()), (Some(Fault::Error), false));
    assert_eq!(outcome.status, Some(StatusCode::INTERNAL_SERVER_ERROR));
    assert!(matches!(outcome.delivery, Delivery::Whole(_)), "the 500 itself was sent: {outcome:?}");
}

/// Asks for a body that breaks, and checks that its drop and its outcome are told once.
fn breaks(on: On, body: impl Fn(OnDrop) -> Body + Send + Sync + 'static) -> (Broken, Outcome) {
    let (teller, drops) = events();
    let (app, outcomes) = with_outcome(move |environ: Environ, start_response| {
        if environ.path_info() == "/fine" {
            return Ok(start_response.status(StatusCode::OK).body("fine"));
        }
        let head = start_response.start(StatusCode::OK, [("x-a", "1")])?;
        Ok(head.body(body(OnDrop::new("body", &teller))))
    });
    let server = on.serve(app);
    let broken = server.client().send(get("/")).broken_answer();
    let outcome = outcomes.next("the outcome");
    assert_eq!(drops.next("the body's drop"), "body");
    assert_eq!(server.client().ask(get("/fine")).text(), "fine", "the server lives");
    assert!(outcomes.next("the outcome of /fine").is_whole());
    server.stop();
    assert!(drops.try_next().is_none(), "dropped twice");
    (broken, outcome)
}

fn shows_its_head_and_what_was_produced(on: On, body: impl Fn(OnDrop) -> Body + Send + Sync + 'static) {
    let (broken, outcome) = breaks(on, body);
    let head = broken.head.expect("the head is on the wire");
    assert_eq!((head.status, head.field("x-a")), (200, Some("1")));
    assert_eq!(String::from_utf8_lossy(&broken.body), "one two ");
    assert!(matches!(outcome.fault, Some(Fault::BodyError | Fault::BodyPanic)), "{outcome:?}");
    assert_eq!(outcome.delivery, Delivery::Failed);
}

/// rule(112, 107, 119)
fn an_error_of_an_iterator_is_visible_behind_its_pieces(on: On) {
    shows_its_head_and_what_was_produced(on, |held| {
        let pieces: [Result<&'static str, &'static str>; 3] = [Ok("one "), Ok("two "), Err("no three")];
        Body::iter(pieces.into_iter().inspect(move |_| assert!(!format!("{held:?}").is_empty())))
    });
}

/// rule(112, 107, 119)
fn a_panic_of_an_iterator_is_visible_behind_its_pieces(on: On) {
    shows_its_head_and_what_was_produced(on, |held| {
        let mut pieces = ["one ", "two "].into_iter();
        Body::iter(std::iter::from_fn(move || {
            Some(pieces.next().unwrap_or_else(|| panic!("no three {held:?}")))
        }))
    });
}

/// rule(112, 107, 119)
fn an_error_of_a_push_body_is_visible_behind_its_pieces(on: On) {
    shows_its_head_and_what_was_produced(on, |held| {
        Body::push(move |writer| {
            writer.write_bytes("one ")?;
            writer.write_bytes("two ")?;
            Err(format!("no three {held:?}").into())
        })
    });
}

/// rule(112, 107, 119)
fn an_error_of_an_async_body_is_visible_behind_its_pieces(on: On) {
    shows_its_head_and_what_was_produced(on, |held| {
        Body::send(async move |sender| {
            sender.send("one ").await?;
            sender.send("two ").await?;
            Err(format!("no three {held:?}").into())
        })
    });
}

/// rule(112, 107, 119)
fn a_panic_of_an_async_body_is_visible_behind_its_pieces(on: On) {
    shows_its_head_and_what_was_produced(on, |held| {
        Body::send(async move |sender| {
            sender.send("one ").await?;
            sender.send("two ").await?;
            panic!("no three {held:?}")
        })
    });
}

/// rule(112): over hyper nothing at all would go out, if the error weren't held back for a turn.
fn an_error_right_behind_a_ready_head_leaves_the_head_on_the_wire(on: On) {
    let (broken, _) = breaks(on, |held| {
        Body::iter(
            [Err::<&'static str, String>(format!("at once {held:?}"))]
                .into_iter()
                .inspect(move |_| assert!(!format!("{held:?}").is_empty())),
        )
    });
    assert_eq!(broken.head.expect("the head is on the wire").status, 200);
    let (broken, _) = breaks(on, |held| Body::send(async move |_| Err(format!("at once {held:?}").into())));
    assert_eq!(broken.head.expect("the head is on the wire").status, 200);
}

/// rule(112): nothing of the server's own follows an answer that has begun.
fn nothing_is_appended_to_a_broken_answer(on: On) {
    let server = on.serve(app(|_, start_response: StartResponse| {
        let pieces: [Result<&'static str, &'static str>; 2] = [Ok("one"), Err("no two")];
        Ok(start_response.status(StatusCode::OK).body(Body::iter(pieces)))
    }));
    let mut client = server.client();
    client.send(get("/")).head();
    let (rest, _) = client.rest();
    assert_eq!(String::from_utf8_lossy(&rest), "3\r\none\r\n");
}

/// rule(91, 112): where the end of the connection is the end of the content, only a reset shows a break.
fn a_break_is_visible_to_http_1_0_too(on: On) {
    let server = on.serve(app(|_, start_response: StartResponse| {
        let pieces: [Result<&'static str, &'static str>; 2] = [Ok("one"), Err("no two")];
        Ok(start_response.status(StatusCode::OK).body(Body::iter(pieces)))
    }));
    let broken = server.client().send("GET / HTTP/1.0\r\n\r\n").broken_answer();
    assert!(matches!(broken.cause, rsgi_tests::answer::Break::Reset), "{broken}");
}

/// rule(93)
fn surplus_bytes_are_not_sent_and_close_the_connection(on: On) {
    let (app, outcomes) = with_outcome(|_, start_response| {
        let head = start_response.start(StatusCode::OK, [("content-length", "5")])?;
        Ok(head.body(Body::iter(["abc", "defgh", "ij"])))
    });
    let server = on.serve(app);
    let mut client = server.client();
    assert_eq!(client.ask(get("/")).text(), "abcde");
    client.expect_end();
    let outcome = outcomes.next("the outcome");
    assert_eq!((outcome.fault, outcome.body_bytes), (Some(Fault::Surplus), 5));
    assert!(!outcome.is_whole());
}

/// rule(94)
fn missing_bytes_break_the_answer_visibly(on: On) {
    let (broken, outcome) = breaks(on, |held| {
        let pieces = ["abc", "de"].into_iter().inspect(move |_| assert!(!format!("{held:?}").is_empty()));
        Body::iter(pieces).with_length(9)
    });
    assert_eq!(broken.head.expect("a head").field("content-length"), Some("9"));
    assert_eq!(broken.body, b"abcde");
    assert_eq!((outcome.fault, outcome.delivery), (Some(Fault::Missing), Delivery::Failed));
}

/// rule(95)
fn a_length_that_contradicts_the_body_is_refused_unsent(on: On) {
    for length in ["4", "6", "0"] {
        let (app, outcomes) = with_outcome(move |_, start_response| {
            Ok(start_response.start(StatusCode::OK, [("content-length", length)])?.body("hello"))
        });
        let server = on.serve(app);
        let mut client = server.client();
        for _ in 0..2 {
            assert_eq!(client.ask(get("/")).status(), 500);
            assert_eq!(outcomes.next("the outcome").fault, Some(Fault::Refused));
        }
    }
}

/// rule(104)
fn a_file_cut_since_it_was_opened_breaks_visibly(on: On) {
    let path = std::env::temp_dir().join(format!("rsgi-cut-{on:?}-{}", std::process::id()));
    std::fs::write(&path, vec![b'x'; 1 << 20]).unwrap();
    let cut = path.clone();
    let server = on.serve(app(move |_, start_response: StartResponse| {
        let file = std::fs::OpenOptions::new().read(true).write(true).open(&cut)?;
        let body = Body::file(file.try_clone()?)?;
        file.set_len(1000)?;
        Ok(start_response.status(StatusCode::OK).body(body))
    }));
    let broken = server.client().send(get("/")).broken_answer();
    assert_eq!(broken.head.expect("a head").field("content-length"), Some("1048576"));
    assert_eq!(broken.body.len(), 1000);
    std::fs::remove_file(path).unwrap();
}

/// rule(120)
fn outcome_callbacks_run_in_reverse_order_and_all_of_them(on: On) {
    let (teller, told) = events();
    let server = on.serve(app(move |environ: Environ, start_response: StartResponse| {
        for number in 0..4 {
            let teller = teller.clone();
            environ.on_outcome(move |outcome| {
                teller.tell((number, outcome.is_whole()));
                assert!(number != 2, "one callback panics");
            });
        }
        Ok(start_response.status(StatusCode::OK).body("x"))
    }));
    server.client().ask(get("/"));
    let order: Vec<_> = (0..4).map(|_| told.next("a callback")).collect();
    assert_eq!(order, [(3, true), (2, true), (1, true), (0, true)]);
}

/// rule(119, 121): the outcome survives a panic of the app.
fn the_outcome_of_a_panic_is_told(on: On) {
    let (teller, outcomes) = events();
    let server = on.serve(blocking(move |environ: Environ, _: StartResponse| {
        tell_outcome(&environ, &teller);
        panic!("after registering")
    }));
    assert_eq!(server.client().ask(request("POST", "/", &[("content-length", "0")], b"")).status(), 500);
    assert_eq!(outcomes.next("the outcome").fault, Some(Fault::Panic));
}

/// rule(114): a future that ends without an answer is an error, and one that never ends is the client's to leave.
fn a_server_survives_many_failures_at_once(on: On) {
    let server = on.serve(app_fn(|environ: Environ, start_response: StartResponse| async move {
        match environ.path_info() {
            "/panic" => panic!("one of many"),
            "/error" => Err("one of many".into()),
            _ => Ok(start_response.status(StatusCode::OK).body("fine")),
        }
    }));
    let mut clients: Vec<_> = (0..24).map(|_| server.client()).collect();
    for _ in 0..4 {
        for (index, client) in clients.iter_mut().enumerate() {
            client.send(get(["/panic", "/error", "/fine"][index % 3]));
        }
        for (index, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.answer().status(), [500, 500, 200][index % 3]);
        }
    }
}

mount!(
    an_error_before_the_head_is_a_500_and_the_connection_lives,
    a_panic_of_async_code_is_a_500_and_the_server_lives,
    a_panic_of_blocking_code_is_a_500_and_the_server_lives,
    a_panic_of_the_call_itself_is_a_500,
    a_failed_app_is_told_as_such,
    an_error_right_behind_a_ready_head_leaves_the_head_on_the_wire,
    nothing_is_appended_to_a_broken_answer,
    a_length_that_contradicts_the_body_is_refused_unsent,
    a_file_cut_since_it_was_opened_breaks_visibly,
    outcome_callbacks_run_in_reverse_order_and_all_of_them,
    the_outcome_of_a_panic_is_told,
    a_server_survives_many_failures_at_once,
    a_panic_of_an_iterator_is_visible_behind_its_pieces,
    an_error_of_an_iterator_is_visible_behind_its_pieces,
    an_error_of_an_async_body_is_visible_behind_its_pieces,
    an_error_of_a_push_body_is_visible_behind_its_pieces,
    missing_bytes_break_the_answer_visibly,
    a_panic_of_an_async_body_is_visible_behind_its_pieces,
    a_break_is_visible_to_http_1_0_too,
    surplus_bytes_are_not_sent_and_close_the_connection,
);
