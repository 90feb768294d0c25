//! Errors and panics behind the head, and lengths that aren't true: what was produced is sent, then the break shows.
//!
//! Nothing that a server adds then could be told from the app's own bytes, so it adds nothing. What fails before the
//! head is in `errors.rs`.

use std::fs::OpenOptions;

use rsgi_core::http::StatusCode;
use rsgi_core::{Body, BoxApp, Environ, Error, StartResponse, Started};

use crate::suite::apps::{TEXT, plain, with_outcome};
use crate::suite::case::Case;
use crate::suite::folder::Folder;
use crate::suite::notes::{Notes, OnDrop, Told};
use crate::suite::talk::Talk;
use crate::wire::answer::Break;
use crate::{Answer, ClientErrorKind};

pub(super) const CASES: &[Case] = &[
    Case::message(
        "an_error_of_an_iterator_is_visible_behind_its_pieces",
        &[112, 107, 119],
        || BoxApp::new(with_outcome(broken_body)),
        |talk| shows_its_head_and_what_was_produced(talk, "/iterator/error", "BodyError"),
    ),
    Case::message(
        "a_panic_of_an_iterator_is_visible_behind_its_pieces",
        &[112, 107, 119],
        || BoxApp::new(with_outcome(broken_body)),
        |talk| shows_its_head_and_what_was_produced(talk, "/iterator/panic", "BodyPanic"),
    ),
    Case::message(
        "an_error_of_a_push_body_is_visible_behind_its_pieces",
        &[112, 107, 119],
        || BoxApp::new(with_outcome(broken_body)),
        |talk| shows_its_head_and_what_was_produced(talk, "/push/error", "BodyError"),
    ),
    Case::message(
        "a_panic_of_a_push_body_is_visible_behind_its_pieces",
        &[112, 107, 119],
        || BoxApp::new(with_outcome(broken_body)),
        |talk| shows_its_head_and_what_was_produced(talk, "/push/panic", "BodyPanic"),
    ),
    Case::message(
        "an_error_of_an_async_body_is_visible_behind_its_pieces",
        &[112, 107, 119],
        || BoxApp::new(with_outcome(broken_body)),
        |talk| shows_its_head_and_what_was_produced(talk, "/async/error", "BodyError"),
    ),
    Case::message(
        "a_panic_of_an_async_body_is_visible_behind_its_pieces",
        &[112, 107, 119],
        || BoxApp::new(with_outcome(broken_body)),
        |talk| shows_its_head_and_what_was_produced(talk, "/async/panic", "BodyPanic"),
    ),
    // Over hyper nothing at all would go out, if the error weren't held back for a turn.
    Case::message(
        "an_error_right_behind_a_ready_head_leaves_the_head_on_the_wire",
        &[112],
        || BoxApp::new(with_outcome(broken_body)),
        |talk| {
            for target in ["/iterator/at-once", "/push/at-once", "/async/at-once"] {
                let (came, outcome) = breaks(talk, target);
                assert_eq!((came.status(), came.field("x-a")), (200, Some("1")), "{target}");
                assert_eq!((came.body().len(), outcome.fault.as_deref()), (0, Some("BodyError")));
            }
        },
    ),
    // Nothing of the server's own follows an answer that has begun.
    Case::wire(
        "nothing_is_appended_to_a_broken_answer",
        &[112],
        || BoxApp::new(plain(one_and_no_two)),
        |talk| {
            let mut client = talk.raw();
            client.send(talk.raw_get("/")).head();
            let (rest, _) = client.rest();
            assert_eq!(String::from_utf8_lossy(&rest), "3\r\none\r\n");
        },
    ),
    // Where the end of the connection is the end of the content, only a reset shows a break.
    Case::wire(
        "a_break_is_visible_to_http_1_0_too",
        &[91, 112],
        || BoxApp::new(plain(one_and_no_two)),
        |talk| {
            let head = format!("GET {} HTTP/1.0\r\n{}\r\n", talk.at("/"), talk.line());
            let broken = talk.raw().send(head).broken_answer();
            assert!(matches!(broken.cause, Break::Reset), "{broken}");
        },
    )
    .on_tcp(),
    Case::wire(
        "surplus_bytes_are_not_sent_and_close_the_connection",
        &[93],
        || BoxApp::new(plain(surplus)),
        |talk| {
            let mut client = talk.raw();
            assert_eq!(client.ask(talk.raw_get("/")).text(), "abcde");
            client.expect_end();
        },
    )
    .breaks(&["A11"]),
    // One request each, as the server closes behind it: whoever sends another at once may meet the end.
    Case::message(
        "surplus_bytes_of_an_iterator_are_cut_and_told",
        &[93, 121],
        || BoxApp::new(with_outcome(surplus)),
        |talk| is_cut_and_told(talk, "/iterator"),
    )
    .breaks(&["A11"]),
    Case::message(
        "surplus_bytes_of_a_push_body_are_cut_and_told",
        &[93, 121],
        || BoxApp::new(with_outcome(surplus)),
        |talk| is_cut_and_told(talk, "/push"),
    )
    .breaks(&["A11"]),
    Case::message(
        "surplus_bytes_of_an_async_body_are_cut_and_told",
        &[93, 121],
        || BoxApp::new(with_outcome(surplus)),
        |talk| is_cut_and_told(talk, "/async"),
    )
    .breaks(&["A11"]),
    Case::message(
        "missing_bytes_break_the_answer_visibly",
        &[94, 107],
        || BoxApp::new(with_outcome(broken_body)),
        |talk| {
            for target in ["/iterator/short", "/push/short", "/async/short"] {
                let (came, outcome) = breaks(talk, target);
                assert_eq!((came.field("content-length"), came.text()), (Some("9"), "one two "));
                assert_eq!((outcome.fault.as_deref(), &*outcome.delivery), (Some("Missing"), "Failed"));
            }
        },
    )
    .breaks(&["A11"]),
    Case::message(
        "a_length_that_contradicts_the_body_is_refused_unsent",
        &[95],
        || {
            BoxApp::new(with_outcome(|environ, start_response| {
                let length = environ.query().unwrap_or_default().to_owned();
                let head = start_response.start(StatusCode::OK, TEXT)?.header("content-length", length)?;
                Ok(head.body("hello"))
            }))
        },
        |talk| {
            for length in ["4", "6", "0"] {
                for _ in 0..2 {
                    assert_eq!(talk.get(&format!("/?{length}")).answer().status(), 500);
                    assert_eq!(talk.outcome().fault.as_deref(), Some("Refused"));
                }
            }
            assert_eq!(talk.get("/?5").answer().text(), "hello");
        },
    )
    .breaks(&["A11"]),
    Case::message(
        "a_file_cut_since_it_was_opened_breaks_visibly",
        &[104, 94],
        || {
            BoxApp::new(plain(|_, start_response| {
                let folder = Folder::new();
                let path = folder.file("cut");
                std::fs::write(&path, vec![b'x'; 1 << 20])?;
                let file = OpenOptions::new().read(true).write(true).open(path)?;
                let body = Body::file(file.try_clone()?)?;
                file.set_len(1000)?;
                Ok(start_response.start(StatusCode::OK, TEXT)?.body(body))
            }))
        },
        |talk| {
            let came = broken(talk, "/");
            assert_eq!(came.field("content-length"), Some("1048576"));
            assert_eq!(came.body().len(), 1000);
        },
    )
    .breaks(&["A11"]),
];

/// A body that gives two pieces and then breaks, in the way that the path says.
fn broken_body(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let path = environ.path_info().trim_start_matches('/');
    let Some((kind, way)) = path.split_once('/') else {
        return Ok(start_response.start(StatusCode::OK, TEXT)?.body("fine"));
    };
    let (held, way) = (Notes::of(&environ).on_drop("body"), way.to_owned());
    let pieces: &[&str] = if way == "at-once" { &[] } else { &["one ", "two "] };
    let body = match kind {
        "iterator" => {
            let mut pieces = pieces.iter().copied();
            Body::iter(std::iter::from_fn(move || match pieces.next() {
                Some(piece) => Some(Ok(piece)),
                None => end(&way, &held).err().map(Err),
            }))
        }
        "push" => Body::push(move |writer| {
            for piece in pieces {
                writer.write_bytes(*piece)?;
            }
            end(&way, &held)
        }),
        _ => Body::send(async move |sender| {
            for piece in pieces {
                sender.send(*piece).await?;
            }
            end(&way, &held)
        }),
    };
    let body = if path.ends_with("short") { body.with_length(9) } else { body };
    Ok(start_response.start(StatusCode::OK, TEXT)?.header("x-a", "1")?.body(body))
}

/// How such a body ends.
fn end(way: &str, held: &OnDrop) -> Result<(), Error> {
    match way {
        "short" => Ok(()),
        "panic" => panic!("no three, with {held:?}"),
        _ => Err(format!("no three, with {held:?}").into()),
    }
}

fn one_and_no_two(_: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let pieces: [Result<&'static str, &'static str>; 2] = [Ok("one"), Err("no two")];
    Ok(start_response.start(StatusCode::OK, TEXT)?.body(Body::iter(pieces)))
}

/// Gives ten bytes of five.
fn surplus(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    const PIECES: [&str; 3] = ["abc", "defgh", "ij"];
    let body = match environ.path_info() {
        // What the server says of the surplus is for it to say: the body just ends.
        "/push" => Body::push(|writer| {
            let _refused = PIECES.into_iter().try_for_each(|piece| writer.write_bytes(piece));
            Ok(())
        }),
        "/async" => Body::send(async |sender| {
            for piece in PIECES {
                if sender.send(piece).await.is_err() {
                    break;
                }
            }
            Ok(())
        }),
        _ => Body::iter(PIECES),
    };
    Ok(start_response.start(StatusCode::OK, TEXT)?.header("content-length", "5")?.body(body))
}

/// Asks for more than the length: a client of HTTP/2 may be told by a reset behind the bytes, but gets no other bytes.
fn is_cut_and_told(talk: &Talk, target: &str) {
    let text = match talk.get(target).send() {
        Ok(answer) => answer.text().to_owned(),
        Err(error) => error.came().unwrap_or_else(|| panic!("{error}")).text().to_owned(),
    };
    assert_eq!(text, "abcde");
    let outcome = talk.outcome();
    assert_eq!((outcome.fault.as_deref(), outcome.body_bytes), (Some("Surplus"), 5));
    assert!(!outcome.is_whole());
}

/// Asks for an answer that must break behind its head, and gives what came.
fn broken(talk: &Talk, target: &str) -> Answer {
    let error = talk.get(target).send().expect_err("a broken answer");
    assert_eq!(error.kind(), ClientErrorKind::Broken, "{error}");
    error.came().unwrap_or_else(|| panic!("the head is on the wire: {error}")).clone()
}

/// Asks for a body that breaks, and checks that its drop and its outcome are told once.
fn breaks(talk: &Talk, target: &str) -> (Answer, Told) {
    let came = broken(talk, target);
    let outcome = talk.outcome();
    talk.happened("body");
    assert_eq!(talk.get("/fine").answer().text(), "fine", "the server lives");
    assert!(talk.outcome().is_whole());
    talk.nothing("body");
    (came, outcome)
}

fn shows_its_head_and_what_was_produced(talk: &Talk, target: &str, fault: &str) {
    let (came, outcome) = breaks(talk, target);
    assert_eq!((came.status(), came.field("x-a"), came.text()), (200, Some("1"), "one two "));
    assert_eq!((outcome.fault.as_deref(), &*outcome.delivery), (Some(fault), "Failed"), "{outcome:?}");
    assert_eq!(outcome.phase, "Body");
}
