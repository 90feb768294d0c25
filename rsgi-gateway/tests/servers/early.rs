//! Answers that are given before all of the content came, on FastCGI connections that end with them.
//!
//! The story: Apache was still sending when the answer was there, 413 at once. The connection was closed without waiting, as all
//! that had come was read; Apache's next write met a reset, and its client got a 503 instead of the answer.

use std::io::Write as _;
use std::sync::mpsc::channel;

use rsgi_core::http::StatusCode;
use rsgi_core::{Environ, StartResponse, blocking};

use crate::served::{Host, Served, next, told};
use crate::wire::{Client, End, FastCgi, Request, begin, params, record, stdin};

/// Content in many writes, so that one of them would meet a reset, and its end; no more than a server throws away
/// (`discard_bytes`).
fn sends_the_rest(client: &Client<FastCgi>) {
    let mut socket = client.socket();
    for _ in 0..24 {
        socket.write_all(&stdin(1, &[b'x'; 8_000], 8_000)).expect("the server takes what nobody wants");
    }
    socket.write_all(&record(5, 1, b"")).expect("the server takes the end");
    assert!(socket.take_error().unwrap().is_none());
}

/// Begins a request whose content follows, on a connection that isn't kept.
fn begins(client: &mut Client<FastCgi>) {
    client.send(&begin(1, false)).send(&params(1, &Request::post("/", 192_000).variables));
}

fn what_still_comes_after_an_answer_meets_no_reset<H: Host>() {
    let served = Served::<H, FastCgi>::new(blocking(|_: Environ, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::PAYLOAD_TOO_LARGE).body("too large"))
    }));
    for sent_before in [0, 1_000] {
        let mut client = served.connect();
        begins(&mut client);
        client.send(&stdin(1, &vec![b'x'; sent_before], 1_000));
        assert_eq!(client.closed(), End::Closed);
        assert!(client.is_whole());
        assert_eq!(client.answer().status, 413);
        sends_the_rest(&client);
    }
    served.end();
}

fn an_answer_that_is_not_read_before_all_was_sent_is_not_lost<H: Host>() {
    let (telling, outcomes) = channel();
    let served =
        Served::<H, FastCgi>::new(blocking(move |environ: Environ, start_response: StartResponse| {
            told(&environ, &telling);
            Ok(start_response.status(StatusCode::PAYLOAD_TOO_LARGE).body("too large"))
        }));
    let mut client = served.connect();
    begins(&mut client);
    assert!(next(&outcomes).1.is_whole());
    sends_the_rest(&client);
    assert_eq!(client.answer().status, 413);
    assert_eq!(client.closed(), End::Closed);
    served.end();
}

/// Nobody but the codec knows of such a request.
fn what_still_comes_of_a_role_that_is_refused_meets_no_reset<H: Host>() {
    let served = Served::<H, FastCgi>::new(blocking(|_: Environ, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::OK).body("never"))
    }));
    let mut client = served.connect();
    client.send(&record(1, 1, &[0, 3, 0, 0, 0, 0, 0, 0]));
    assert_eq!(client.closed(), End::Closed);
    assert_eq!(client.streams[&1].end, Some((0, 3)));
    client.send(&params(1, &Request::get("/").variables));
    sends_the_rest(&client);
    served.end();
}

/// And where nothing is missing nobody waits: the connection is over with its answer.
fn a_connection_whose_content_came_whole_ends_at_once<H: Host>() {
    let served = Served::<H, FastCgi>::new(blocking(|_: Environ, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::OK).body("whole"))
    }));
    let mut client = served.connect();
    begins(&mut client);
    client.send(&record(5, 1, b""));
    assert_eq!(client.answer().text(), "whole");
    // The client's half is still open.
    served.until(|load| load.connections == 0);
    served.end();
}

on_both!(
    what_still_comes_after_an_answer_meets_no_reset,
    an_answer_that_is_not_read_before_all_was_sent_is_not_lost,
    what_still_comes_of_a_role_that_is_refused_meets_no_reset,
    a_connection_whose_content_came_whole_ends_at_once,
);
