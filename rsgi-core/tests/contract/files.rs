//! File bodies: ranges, the system's way of sending them, and none round a middleware.

use std::sync::{Arc, Mutex};

use rsgi_core::http::StatusCode;
use rsgi_core::{
    AcceptedBy, Body, Delivery, Environ, Fault, Framing, OutgoingErrorKind, StartResponse, app_fn, respond,
    wait,
};

use crate::asking::{Road, Taken, ask_on, get, plain, told};
use crate::bodies::{answer, outgoing};
use crate::pool::Threads;
use crate::watched::file;

#[test]
fn a_mapped_file_offers_no_fast_path() {
    // rule(103)
    assert!(outgoing(Body::file(file(b"abc")).unwrap()).file().is_some());
    assert!(outgoing(Body::file(file(b"abc")).unwrap().map(Ok)).file().is_none());
}

#[test]
fn a_file_gives_exactly_its_range() {
    // rule(101), rule(102)
    let content: Vec<u8> = (0..200_000_u32).map(|number| (number % 251) as u8).collect();
    for (offset, length) in [(0, 200_000), (1, 199_999), (70_000, 100_000), (5, 0)] {
        let range = Body::file_range(file(&content), offset as u64, length as u64).unwrap();
        let mut sink = Taken::default();
        let mut outgoing = outgoing(range);
        assert_eq!(outgoing.framing(), Framing::Length(length as u64));
        outgoing.write_to(&mut sink).unwrap();
        assert_eq!(sink.body, content[offset..offset + length]);
    }
    for (offset, length) in [(0, 4), (4, 0), (2, 2), (u64::MAX, 1)] {
        let range = Body::file_range(file(b"abc"), offset, length);
        assert_eq!(range.is_ok(), (offset, length) == (4, 0), "{offset} {length}");
    }
    assert!(Body::file(std::fs::File::open(std::env::temp_dir()).unwrap()).is_err(), "a folder has no bytes");
}

#[test]
fn a_file_that_is_read_ahead_of_the_client_gives_exactly_its_range() {
    // rule(101), rule(102)
    let content: Vec<u8> = (0..2_000_000_u32).map(|number| (number % 251) as u8).collect();
    let threads = Threads::new(1);
    for (offset, length) in [(0, 2_000_000), (7, 1_500_001), (5, 0)] {
        let ranged =
            Mutex::new(Some(Body::file_range(file(&content), offset as u64, length as u64).unwrap()));
        let app = app_fn(move |_, start_response: StartResponse| {
            let body = ranged.lock().unwrap().take().unwrap();
            async move { Ok(start_response.status(StatusCode::OK).body(body)) }
        });
        let answer = ask_on(&app, threads.environ(get()), Road::Polled);
        assert_eq!(answer.error, None);
        assert!(answer.body == content[offset..offset + length], "{offset} {length}");
    }
}

#[test]
fn what_the_system_sent_of_a_file_counts_and_the_rest_is_copied() {
    // rule(101)
    let app = app_fn(|_, start_response: StartResponse| async move {
        Ok(start_response.status(StatusCode::OK).body(Body::file_range(file(b"abcdef"), 1, 5)?))
    });
    let environ = Environ::on_server(get(), plain());
    let told = told(&environ);
    let exchange = Arc::clone(environ.exchange());
    let mut outgoing = wait(respond(&app, environ)).into_body();
    assert_eq!(outgoing.file().map(|file| (file.offset(), file.left())), Some((1, 5)));
    outgoing.file_sent(2);
    assert_eq!(outgoing.file().map(|file| (file.offset(), file.left())), Some((3, 3)));
    let mut sink = Taken::default();
    outgoing.write_to(&mut sink).unwrap();
    exchange.tell(Delivery::Whole(AcceptedBy::System));
    assert_eq!((&sink.body[..], told.lock().unwrap().as_ref().unwrap().body_bytes), (&b"def"[..], 5));
}

#[test]
fn a_file_that_was_cut_since_breaks_the_answer_visibly() {
    // rule(104)
    let answer = answer(|| {
        let file = file(b"abcdef");
        let body = Body::file(file.try_clone().unwrap()).unwrap();
        file.set_len(3).unwrap();
        body
    });
    assert_eq!((answer.text(), answer.error), ("abc", Some(OutgoingErrorKind::App(Fault::Missing))));
}
