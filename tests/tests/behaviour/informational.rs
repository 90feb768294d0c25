//! Informational responses that an app sends before its answer: 103, and 100 on demand.
//!
//! The automatic 100 is in `expect.rs`.

use rsgi_core::http::StatusCode;
use rsgi_core::{Body, Environ, StartErrorKind, StartResponse, Told, app_fn, blocking};
use rsgi_tests::bytes::get;
use rsgi_tests::deadline::{Gate, events};
use rsgi_tests::probe::app;
use rsgi_tests::{On, mount};

const HINT: [(&str, &str); 1] = [("link", "</a.css>; rel=preload")];

/// rule(136)
fn hints_come_before_the_answer_and_while_the_app_runs(on: On) {
    let gate = Gate::new();
    let held = gate.clone();
    let (teller, told) = events();
    let server = on.serve(app_fn(move |environ: Environ, start_response: StartResponse| {
        let (held, teller) = (held.clone(), teller.clone());
        async move {
            let informational = environ.informational()?;
            for number in ["1", "2"] {
                teller.tell(informational.send(StatusCode::EARLY_HINTS, [HINT[0], ("x-n", number)])?);
            }
            held.opened().await;
            teller.tell(informational.send(StatusCode::PROCESSING, HINT)?);
            Ok(start_response.start(StatusCode::OK, HINT)?.body("done"))
        }
    }));
    let mut client = server.client();
    client.send(get("/"));
    for number in ["1", "2"] {
        let head = client.head();
        assert_eq!(
            (head.status, head.field("x-n"), head.field("link")),
            (103, Some(number), Some(HINT[0].1))
        );
        assert_eq!((head.field("content-length"), head.field("date")), (None, None));
        assert_eq!(told.next("what became of it"), Told::Sent);
    }
    gate.open();
    let answer = client.answer();
    assert_eq!(answer.informational.iter().map(|head| head.status).collect::<Vec<_>>(), [102]);
    assert_eq!((answer.status(), answer.text()), (200, "done"));
    assert_eq!(client.send(get("/")).answer().informational.len(), 3, "and on a kept connection");
}

/// rule(136): a blocking app sends them too.
fn a_blocking_app_sends_hints(on: On) {
    let server = on.serve(blocking(|environ: Environ, start_response: StartResponse| {
        let told = environ.informational()?.send(StatusCode::EARLY_HINTS, HINT)?;
        Ok(start_response.status(StatusCode::OK).body(format!("{told:?}")))
    }));
    let answer = server.client().ask(get("/"));
    assert_eq!((answer.informational.len(), answer.text()), (1, "Sent"));
}

/// rule(136)
fn no_hint_follows_the_head(on: On) {
    let (teller, told) = events();
    let server = on.serve(app(move |environ: Environ, start_response: StartResponse| {
        let (informational, teller) = (environ.informational()?, teller.clone());
        let pieces = ["a", "b"].into_iter().inspect(move |_| {
            teller.tell(informational.send(StatusCode::EARLY_HINTS, HINT).unwrap());
        });
        Ok(start_response.status(StatusCode::OK).body(Body::iter(pieces)))
    }));
    let answer = server.client().ask(get("/"));
    assert_eq!((answer.informational.len(), answer.text()), (0, "ab"));
    assert_eq!([told.next("the first"), told.next("the second")], [Told::TooLate, Told::TooLate]);
}

/// rule(137)
fn http_1_0_gets_none_and_the_app_is_told(on: On) {
    let server = on.serve(app(|environ: Environ, start_response: StartResponse| {
        let told = environ.informational()?.send(StatusCode::EARLY_HINTS, HINT)?;
        Ok(start_response.status(StatusCode::OK).body(format!("{told:?}")))
    }));
    let answer = server.client().ask("GET / HTTP/1.0\r\n\r\n");
    assert_eq!((answer.informational.len(), answer.text()), (0, "IgnoredByVersion"));
}

/// rule(138)
fn what_may_not_be_in_a_hint_is_refused(on: On) {
    let server = on.serve(app(|environ: Environ, start_response: StartResponse| {
        let informational = environ.informational()?;
        let kind = |status: u16, name: &'static str, value: &'static str| {
            let status = StatusCode::from_u16(status).unwrap();
            informational.send(status, [(name, value)]).unwrap_err().kind()
        };
        assert_eq!(kind(200, "x-a", "1"), StartErrorKind::InvalidStatus);
        assert_eq!(kind(101, "x-a", "1"), StartErrorKind::InvalidStatus);
        assert_eq!(kind(103, "content-length", "1"), StartErrorKind::InvalidName);
        assert_eq!(kind(103, "connection", "close"), StartErrorKind::HopByHop);
        assert_eq!(kind(103, "x-a", "1\r\nx-b: 2"), StartErrorKind::InvalidValue);
        Ok(start_response.status(StatusCode::OK).body("refused"))
    }));
    let answer = server.client().ask(get("/"));
    assert_eq!((answer.informational.len(), answer.text()), (0, "refused"));
}

/// rule(139)
fn a_client_that_left_does_not_hurt(on: On) {
    let gate = Gate::new();
    let held = gate.clone();
    let (teller, steps) = events();
    let server = on.serve(blocking(move |environ: Environ, start_response: StartResponse| {
        if environ.path_info() == "/" {
            teller.tell("inside");
            held.wait();
            for _ in 0..100 {
                let _whatever = environ.informational()?.send(StatusCode::EARLY_HINTS, HINT)?;
            }
            teller.tell("sent");
        }
        Ok(start_response.status(StatusCode::OK).body("fine"))
    }));
    let mut client = server.client();
    client.send(get("/"));
    assert_eq!(steps.next("the app"), "inside");
    client.reset();
    gate.open();
    assert_eq!(steps.next("the hints"), "sent");
    assert_eq!(server.client().ask(get("/fine")).text(), "fine");
}

/// rule(126, 136): hints of a pipelined request stand behind the answer before it.
fn hints_keep_their_place_in_a_pipeline(on: On) {
    let server = on.serve(app(|environ: Environ, start_response: StartResponse| {
        let target = environ.target().into_owned();
        environ.informational()?.send(StatusCode::EARLY_HINTS, [("x-for", target.clone())])?;
        Ok(start_response.status(StatusCode::OK).body(target))
    }));
    let mut client = server.client();
    client.send([get("/1"), get("/2"), get("/3")].concat());
    for target in ["/1", "/2", "/3"] {
        let answer = client.answer();
        assert_eq!(answer.text(), target);
        assert_eq!(
            answer.informational.iter().filter_map(|head| head.field("x-for")).collect::<Vec<_>>(),
            [target]
        );
    }
}

mount!(
    hints_come_before_the_answer_and_while_the_app_runs,
    a_blocking_app_sends_hints,
    no_hint_follows_the_head,
    http_1_0_gets_none_and_the_app_is_told,
    what_may_not_be_in_a_hint_is_refused,
    a_client_that_left_does_not_hurt,
    hints_keep_their_place_in_a_pipeline,
);
