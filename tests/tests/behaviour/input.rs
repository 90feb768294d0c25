//! Request bodies: that they end by themselves, arrive whole, and fail by a kind when they don't.
//!
//! Which framing is refused is in `framing.rs`, `Expect` in `expect.rs`, the limits in `limits.rs`.

use rsgi_core::http::StatusCode;
use rsgi_core::server::{Config, HalfClose};
use rsgi_core::{Body, Environ, InputErrorKind, InputLength, StartResponse, app_fn, blocking};
use rsgi_tests::bytes::{chunked_head, chunks, get, noise, post, request};
use rsgi_tests::deadline::{Events, events};
use rsgi_tests::probe::{Seen, app, watching, watching_blocked};
use rsgi_tests::{On, Server, mount};

/// A server of each flavour: the cases of rule 68 compare what an async app and a blocking one read.
fn both(on: On) -> [(Server, Events<Seen>); 2] {
    let (asynchronous, seen) = watching();
    let (blocking, seen_blocked) = watching_blocked();
    [(on.serve(asynchronous), seen), (on.serve(blocking), seen_blocked)]
}

/// rule(45)
fn without_a_body_the_input_ends_at_once(on: On) {
    for (server, seen) in both(on) {
        let mut client = server.client();
        for bytes in [get("/"), request("POST", "/", &[], b""), request("DELETE", "/", &[], b"")] {
            assert_eq!(client.ask(bytes).status(), 200);
            let seen = seen.next("the request");
            assert_eq!((seen.text(), seen.input_length), ("", InputLength::None));
        }
        assert_eq!(client.ask(post("/", b"")).status(), 200);
        assert_eq!(seen.next("the request").text(), "");
    }
}

/// rule(46, 68)
fn a_body_with_a_length_ends_at_it(on: On) {
    for (server, seen) in both(on) {
        assert_eq!(server.client().ask(post("/", b"hello")).status(), 200);
        let seen = seen.next("the request");
        assert_eq!((seen.text(), seen.input_length), ("hello", InputLength::Known(5)));
    }
}

/// rule(47, 68)
fn a_chunked_body_is_read_to_its_end(on: On) {
    for (server, seen) in both(on) {
        let bytes = [chunked_head("/"), chunks(&[b"hel", b"lo, ", b"world"])].concat();
        assert_eq!(server.client().ask(bytes).status(), 200);
        let seen = seen.next("the request");
        assert_eq!((seen.text(), seen.input_length), ("hello, world", InputLength::Unknown));
    }
}

/// rule(45): the end is told again and again.
fn reading_past_the_end_gives_the_end(on: On) {
    let server = on.serve(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let input = environ.input_mut();
        let whole = input.collect(100).await?;
        for _ in 0..3 {
            assert!(input.piece().await.is_none());
        }
        Ok(start_response.status(StatusCode::OK).body(whole))
    }));
    let mut client = server.client();
    assert_eq!(client.ask(post("/", b"abc")).text(), "abc");
    assert_eq!(client.ask([chunked_head("/"), chunks(&[b"abc"])].concat()).text(), "abc");
}

/// rule(48)
fn a_request_may_be_cut_at_every_position(on: On) {
    let (server, seen) = {
        let (app, seen) = watching();
        (on.serve(app), seen)
    };
    let extension = b"3;a=\"b\"\r\nabc\r\n2\r\nde\r\n0\r\nx-t: 1\r\n\r\n";
    let whole = [chunked_head("/cut"), extension.to_vec()].concat();
    let mut client = server.client();
    for at in 1..whole.len() {
        client.send(&whole[..at]).send(&whole[at..]);
        assert_eq!(client.answer().status(), 200, "cut at {at}");
        let seen = seen.next("the request");
        assert_eq!((seen.target.as_str(), seen.text()), ("/cut", "abcde"), "cut at {at}");
    }
    for byte in &whole {
        client.send([*byte]);
    }
    assert_eq!(client.answer().status(), 200);
    assert_eq!(seen.next("the request").text(), "abcde");
}

/// rule(49)
fn many_tiny_chunks_are_one_body(on: On) {
    let content = noise(5000);
    let bytes: Vec<&[u8]> = content.chunks(1).collect();
    for (server, seen) in both(on) {
        assert_eq!(server.client().ask([chunked_head("/"), chunks(&bytes)].concat()).status(), 200);
        assert!(seen.next("the request").body.unwrap() == content);
    }
}

/// rule(49)
fn chunk_extensions_are_ignored(on: On) {
    let (server, seen) = {
        let (app, seen) = watching();
        (on.serve(app), seen)
    };
    let content = "3;name=value;other=\"quoted\"\r\nabc\r\n0;last\r\n\r\n";
    assert_eq!(server.client().ask([chunked_head("/"), content.into()].concat()).status(), 200);
    assert_eq!(seen.next("the request").text(), "abc");
}

/// rule(56)
fn large_bodies_arrive_whole(on: On) {
    for size in [96_000, 10 << 20] {
        let content = noise(size);
        for (server, seen) in both(on) {
            let mut client = server.client();
            assert_eq!(client.ask(post("/", &content)).status(), 200);
            assert!(seen.next("the request").body.unwrap() == content, "{size} with a length");
            let pieces: Vec<&[u8]> = content.chunks(10_007).collect();
            assert_eq!(client.ask([chunked_head("/"), chunks(&pieces)].concat()).status(), 200);
            assert!(seen.next("the request").body.unwrap() == content, "{size} in chunks");
        }
    }
}

/// rule(50, 51, 52): a body that stops early is an error, with a length and in chunks, and never its end. (Without
/// `half_close` the client counts as gone, and an async app is dropped before it could tell.)
fn a_body_that_stops_early_is_truncated_or_gone(on: On) {
    let starts = [
        request("POST", "/", &[("content-length", "10")], b"abc"),
        [chunked_head("/"), b"5\r\nabc".to_vec()].concat(),
        [chunked_head("/"), b"3\r\nabc\r\n".to_vec()].concat(),
        [chunked_head("/"), b"3\r\nabc\r\n0\r\n".to_vec()].concat(),
    ];
    let half_close = |config: Config| config.half_close(HalfClose::Answered);
    let ((asynchronous, seen), (blocking, seen_blocked)) = (watching(), watching_blocked());
    let servers = [
        (on.serve_with(asynchronous, half_close), seen),
        (on.serve_with(blocking, half_close), seen_blocked),
    ];
    for (server, seen) in servers {
        for start in &starts {
            let mut client = server.client();
            client.send(start).half_close();
            let kind = seen.next("the request").body.unwrap_err();
            let text = String::from_utf8_lossy(start);
            assert!(
                matches!(kind, InputErrorKind::Truncated | InputErrorKind::Disconnected),
                "{kind:?} for {text:?}"
            );
            client.rest();
        }
    }
}

/// rule(60, 61, 52): whatever an app leaves of a body, the next request is parsed where it begins.
fn a_body_left_unread_does_not_disturb_the_next_request(on: On) {
    let server = on.serve(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        if environ.path_info() == "/part" {
            let _some = environ.input_mut().piece().await.transpose()?;
        }
        let target = environ.target().into_owned();
        Ok(start_response.status(StatusCode::OK).body(target))
    }));
    let body = noise(40_000);
    let pieces: Vec<&[u8]> = body.chunks(999).collect();
    for path in ["/none", "/part"] {
        for request in [post(path, &body), [chunked_head(path), chunks(&pieces)].concat()] {
            let mut client = server.client();
            let answer = client.ask(request);
            assert_eq!((answer.status(), answer.text()), (200, path));
            if answer.says_close() {
                client.expect_closed();
            } else {
                assert_eq!(client.ask(get("/next")).text(), "/next", "behind {path}");
            }
        }
    }
}

/// rule(52, 60): the same with the next request in the same packet, where nothing can be told apart by time.
fn a_small_unread_body_and_a_pipelined_request(on: On) {
    let server = on.serve(app(|environ: Environ, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::OK).body(environ.target().into_owned()))
    }));
    let small = b"GET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n";
    for first in [post("/a", small), [chunked_head("/a"), chunks(&[small])].concat()] {
        let mut client = server.client();
        client.send([first, get("/b")].concat());
        let answer = client.answer();
        assert_eq!(answer.text(), "/a");
        if answer.says_close() {
            client.expect_end();
        } else {
            assert_eq!(client.answer().text(), "/b");
        }
    }
}

/// rule(59, 129): an answer isn't lost in a reset because its client was still sending.
fn an_answer_reaches_a_client_that_is_still_sending(on: On) {
    let server = on.serve(app(|_, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::PAYLOAD_TOO_LARGE).body("enough"))
    }));
    let mut client = server.client();
    let size = 200_000;
    client.send(request("POST", "/", &[("content-length", &size.to_string())], b""));
    client.send(noise(size / 2));
    let answer = client.answer();
    assert_eq!((answer.status(), answer.text()), (413, "enough"));
    if answer.says_close() {
        client.half_close();
        client.expect_closed();
    } else {
        client.send(noise(size / 2));
        assert_eq!(client.ask(get("/")).status(), 413);
    }
}

/// rule(68): on a thread that must not block, `read` is an error and no hang; on one that may, it reads.
fn reading_where_blocking_is_forbidden_is_a_typed_error(on: On) {
    let (teller, results) = events();
    let server = on.serve(app_fn(move |mut environ: Environ, start_response: StartResponse| {
        let teller = teller.clone();
        async move {
            let mut buffer = [0; 8];
            let read = std::io::Read::read(environ.input_mut(), &mut buffer);
            let read =
                read.map_err(|error| rsgi_core::InputError::find(&error).map(rsgi_core::InputError::kind));
            teller.tell(read);
            let rest = environ.input_mut().collect(100).await?;
            Ok(start_response.status(StatusCode::OK).body(rest))
        }
    }));
    let answer = server.client().ask(post("/", b"abc"));
    match results.next("the read") {
        Ok(read) => {
            assert_eq!((on.is_std(), read), (true, 3), "its threads may block");
            assert_eq!(answer.text(), "");
        }
        Err(kind) => {
            assert_eq!((on.is_std(), kind), (false, Some(InputErrorKind::WouldBlock)));
            assert_eq!(answer.text(), "abc", "nothing was lost by it");
        }
    }
}

/// rule(68): an app may move its input into its body's iterator and read there.
fn a_blocking_body_may_read_the_input(on: On) {
    let server = on.serve(blocking(|mut environ: Environ, start_response: StartResponse| {
        let body = Body::reader(environ.take_input());
        Ok(start_response.status(StatusCode::OK).body(body))
    }));
    let content = noise(300_000);
    assert!(server.client().ask(post("/", &content)).body == content);
    let pieces: Vec<&[u8]> = content.chunks(70_000).collect();
    assert!(server.client().ask([chunked_head("/"), chunks(&pieces)].concat()).body == content);
}

mount!(
    without_a_body_the_input_ends_at_once,
    a_body_with_a_length_ends_at_it,
    a_chunked_body_is_read_to_its_end,
    reading_past_the_end_gives_the_end,
    a_request_may_be_cut_at_every_position,
    many_tiny_chunks_are_one_body,
    chunk_extensions_are_ignored,
    large_bodies_arrive_whole,
    a_body_that_stops_early_is_truncated_or_gone,
    a_small_unread_body_and_a_pipelined_request,
    an_answer_reaches_a_client_that_is_still_sending,
    reading_where_blocking_is_forbidden_is_a_typed_error,
    a_blocking_body_may_read_the_input,
    a_body_left_unread_does_not_disturb_the_next_request,
);
