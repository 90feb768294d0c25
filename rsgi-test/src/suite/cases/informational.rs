//! Informational responses that an app sends before its answer: 103, and any other but 101.
//!
//! Whether a request has them may depend on its protocol: where they are missing the app gets `NotSupported`, and the
//! cases above the wire accept that. On HTTP/1 they are there if the server advertises them. The automatic 100 is in
//! `expect.rs`.

use rsgi_core::http::StatusCode;
use rsgi_core::{
    Body, BoxApp, Capabilities, Environ, Error, Informational, StartErrorKind, StartResponse, Started,
    app_fn, blocking,
};

use crate::suite::apps::plain;
use crate::suite::case::Case;
use crate::suite::notes::Notes;

const PLAIN: [(&str, &str); 1] = [("content-type", "text/plain")];
const HINT: [(&str, &str); 1] = [("link", "</a.css>; rel=preload")];

pub(super) const CASES: &[Case] = &[
    Case::wire("hints_come_before_the_answer_and_while_the_app_runs", &[136, 148], hinting, |talk| {
        let mut client = talk.raw();
        client.send(talk.raw_get("/"));
        for number in ["1", "2"] {
            let head = client.head();
            assert_eq!(
                (head.status, head.field("x-n"), head.field("link")),
                (103, Some(number), Some(HINT[0].1))
            );
            assert_eq!((head.field("content-length"), head.field("date")), (None, None));
            assert_eq!(talk.note::<String>("told"), "Sent");
        }
        talk.open("answer");
        let answer = client.answer();
        assert_eq!(answer.informational.iter().map(|head| head.status).collect::<Vec<_>>(), [102]);
        assert_eq!((answer.status(), answer.text()), (200, "done"));
        assert_eq!(client.ask(talk.raw_get("/")).informational.len(), 3, "and on a kept connection");
    })
    .needs(Capabilities::INFORMATIONAL)
    .parallel(),
    // Where the server has them not, or not on this protocol, the app is told by a typed error.
    Case::message("a_hint_is_sent_or_not_supported", &[136, 147], hinted, a_hint_or_none),
    Case::message(
        "a_blocking_app_sends_hints",
        &[136],
        || {
            BoxApp::new(blocking(|environ: Environ, start_response: StartResponse| {
                hint(&environ, start_response)
            }))
        },
        a_hint_or_none,
    ),
    Case::message(
        "no_hint_follows_the_head",
        &[136],
        || {
            BoxApp::new(plain(|environ: Environ, start_response: StartResponse| {
                let (informational, notes) = (environ.informational().ok(), Notes::of(&environ));
                let pieces = ["a", "b"].into_iter().inspect(move |_| {
                    let told = informational.as_ref().map(|it| it.send(StatusCode::EARLY_HINTS, HINT));
                    notes.tell("told", &told.map(|told| format!("{told:?}")));
                });
                Ok(start_response.start(StatusCode::OK, PLAIN)?.body(Body::iter(pieces)))
            }))
        },
        |talk| {
            let answer = talk.get("/").answer();
            assert_eq!((answer.informational().len(), answer.text()), (0, "ab"));
            for _ in 0..2 {
                let told = talk.note::<Option<String>>("told");
                assert!(told.as_deref().is_none_or(|told| told == "Ok(TooLate)"), "{told:?}");
            }
        },
    ),
    Case::wire("http_1_0_gets_none_and_the_app_is_told", &[137], hinted, |talk| {
        let answer = talk.raw().ask(format!("GET {} HTTP/1.0\r\n{}\r\n", talk.at("/"), talk.line()));
        assert_eq!((answer.informational.len(), answer.text()), (0, "IgnoredByVersion"));
    })
    .needs(Capabilities::INFORMATIONAL),
    Case::message(
        "what_may_not_be_in_a_hint_is_refused",
        &[138],
        || {
            BoxApp::new(plain(|environ: Environ, start_response: StartResponse| {
                let found = environ.informational().map_or("not supported".to_owned(), |it| refusals(&it));
                Ok(start_response.start(StatusCode::OK, PLAIN)?.body(found))
            }))
        },
        |talk| {
            let answer = talk.get("/").answer();
            assert_eq!(answer.informational().len(), 0);
            assert!(matches!(answer.text(), "all refused" | "not supported"), "{}", answer.text());
        },
    ),
    Case::wire("bytes_of_a_hint_can_not_be_forged", &[138], forging, |talk| {
        let answer = talk.raw().ask(talk.raw_get("/"));
        assert_eq!((answer.informational.len(), answer.text()), (0, "all refused"));
    })
    .needs(Capabilities::INFORMATIONAL),
    Case::wire(
        "a_client_that_left_does_not_hurt",
        &[139],
        || {
            BoxApp::new(blocking(|environ: Environ, start_response: StartResponse| {
                if environ.path_info() == "/" {
                    let notes = Notes::of(&environ);
                    notes.tell("inside", &());
                    notes.gate("left").wait();
                    for _ in 0..100 {
                        let _whatever = environ.informational()?.send(StatusCode::EARLY_HINTS, HINT)?;
                    }
                    notes.tell("sent", &());
                }
                Ok(start_response.start(StatusCode::OK, PLAIN)?.body("fine"))
            }))
        },
        |talk| {
            let mut client = talk.raw();
            client.send(talk.raw_get("/"));
            talk.happened("inside");
            client.reset();
            talk.open("left");
            talk.happened("sent");
            assert_eq!(talk.raw().ask(talk.raw_get("/fine")).text(), "fine");
        },
    )
    .needs(Capabilities::INFORMATIONAL)
    .parallel(),
    // Hints of a pipelined request stand behind the answer before it.
    Case::wire(
        "hints_keep_their_place_in_a_pipeline",
        &[126, 136],
        || {
            BoxApp::new(plain(|environ: Environ, start_response: StartResponse| {
                let path = environ.path_info().to_owned();
                environ.informational()?.send(StatusCode::EARLY_HINTS, [("x-for", path.clone())])?;
                Ok(start_response.start(StatusCode::OK, PLAIN)?.body(path))
            }))
        },
        |talk| {
            let mut client = talk.raw();
            client.send(["/1", "/2", "/3"].map(|path| talk.raw_get(path)).concat());
            for path in ["/1", "/2", "/3"] {
                let answer = client.answer();
                assert_eq!(answer.text(), path);
                let hints: Vec<_> =
                    answer.informational.iter().filter_map(|head| head.field("x-for")).collect();
                assert_eq!(hints, [path]);
            }
        },
    )
    .needs(Capabilities::INFORMATIONAL),
];

/// Sends two hints, waits, sends another informational answer, and answers.
fn hinting() -> BoxApp {
    BoxApp::new(app_fn(|environ: Environ, start_response: StartResponse| async move {
        let notes = Notes::of(&environ);
        let informational = environ.informational()?;
        for number in ["1", "2"] {
            let told = informational.send(StatusCode::EARLY_HINTS, [HINT[0], ("x-n", number)])?;
            notes.tell("told", &format!("{told:?}"));
        }
        notes.gate("answer").opened().await;
        informational.send(StatusCode::PROCESSING, HINT)?;
        Ok(start_response.start(StatusCode::OK, PLAIN)?.body("done"))
    }))
}

fn hinted() -> BoxApp {
    BoxApp::new(plain(|environ, start_response| hint(&environ, start_response)))
}

/// Sends a hint and answers what became of it, or what the server lacks.
fn hint(environ: &Environ, start_response: StartResponse) -> Result<Started, Error> {
    let told = match environ.informational() {
        Ok(informational) => format!("{:?}", informational.send(StatusCode::EARLY_HINTS, HINT)?),
        Err(error) => error.missing().to_string(),
    };
    Ok(start_response.start(StatusCode::OK, PLAIN)?.body(told))
}

fn a_hint_or_none(talk: &mut crate::suite::talk::Talk) {
    for _ in 0..2 {
        let answer = talk.get("/").answer();
        match answer.text() {
            "Sent" => {
                let [hint] = answer.informational() else { panic!("{:?}", answer.informational()) };
                assert_eq!(
                    (hint.status.as_u16(), hint.headers["link"].as_bytes()),
                    (103, HINT[0].1.as_bytes())
                );
            }
            missing => assert_eq!((missing, answer.informational().len()), ("informational", 0)),
        }
    }
}

fn forging() -> BoxApp {
    BoxApp::new(plain(|environ: Environ, start_response: StartResponse| {
        let found = refusals(&environ.informational()?);
        Ok(start_response.start(StatusCode::OK, PLAIN)?.body(found))
    }))
}

/// Tries all that a hint may not be; says what it let pass.
fn refusals(informational: &Informational) -> String {
    let tries = [
        (200, "x-a", "1", StartErrorKind::InvalidStatus),
        (101, "x-a", "1", StartErrorKind::InvalidStatus),
        (103, "content-length", "1", StartErrorKind::InvalidName),
        (103, "bad name", "1", StartErrorKind::InvalidName),
        (103, "connection", "close", StartErrorKind::HopByHop),
        (103, "x-a", "1\r\nx-b: 2", StartErrorKind::InvalidValue),
    ];
    for (status, name, value, wanted) in tries {
        let Ok(code) = StatusCode::from_u16(status) else { return format!("{status} is no status") };
        let result = informational.send(code, [(name, value)]).map_err(|error| error.kind());
        if result != Err(wanted) {
            return format!("{status}, {name}: {value:?} gives {result:?}");
        }
    }
    "all refused".to_owned()
}
