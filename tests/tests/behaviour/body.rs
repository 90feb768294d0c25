//! Bodies of answers: every kind, how each is framed, and when its pieces go out.
//!
//! Backpressure and drops are in `lifetime.rs`, bodies that break in `errors.rs`, trailers in `trailers.rs`.

use std::fs::File;
use std::io::{Cursor, Write as _};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::StatusCode;
use rsgi_core::{Body, Environ, Stack, StartResponse, app_fn, around};
use rsgi_tests::answer::{Answer, Framing};
use rsgi_tests::bytes::{get, noise};
use rsgi_tests::deadline::{Gate, events};
use rsgi_tests::probe::{MakeBody, app};
use rsgi_tests::{On, mount};

fn with_body(on: On, body: impl Fn() -> Body + Send + Sync + 'static) -> Answer {
    let server = on.serve(app(move |_, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::OK).body(body()))
    }));
    server.client().ask(get("/"))
}

/// A file of this content, without a name.
fn file(content: &[u8]) -> File {
    let path = std::env::temp_dir().join(format!("rsgi-{}-{:p}", std::process::id(), content));
    std::fs::write(&path, content).unwrap();
    let file = File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file
}

/// rule(89)
fn a_body_in_memory_gets_its_length(on: On) {
    let answer = with_body(on, || Body::from("hello"));
    assert_eq!((answer.framing, answer.text()), (Framing::Length(5), "hello"));
}

/// rule(90)
fn an_empty_body_gets_length_zero(on: On) {
    assert_eq!(with_body(on, Body::empty).framing, Framing::Length(0));
    assert_eq!(with_body(on, || Body::from("")).framing, Framing::Length(0));
}

/// rule(91)
fn an_unknown_length_is_chunked(on: On) {
    let answer = with_body(on, || Body::iter(["one ", "two ", "three"]));
    assert_eq!((answer.framing, answer.text()), (Framing::Chunked, "one two three"));
}

/// rule(91)
fn to_http_1_0_an_unknown_length_ends_with_the_connection(on: On) {
    let server = on.serve(app(|_, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::OK).body(Body::iter(["one ", "two"])))
    }));
    let answer = server.client().ask("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    assert_eq!((answer.framing, answer.text()), (Framing::Close, "one two"));
    assert_eq!(answer.field("transfer-encoding"), None);
}

/// rule(92)
fn a_declared_length_frames_a_stream(on: On) {
    let by_field = on.serve(app(|_, start_response: StartResponse| {
        let head = start_response.start(StatusCode::OK, [("content-length", "8")])?;
        Ok(head.body(Body::iter(["one ", "more"])))
    }));
    let answer = by_field.client().ask(get("/"));
    assert_eq!((answer.framing, answer.text()), (Framing::Length(8), "one more"));
    let by_body = with_body(on, || Body::iter(["one ", "more"]).with_length(8));
    assert_eq!((by_body.framing, by_body.text()), (Framing::Length(8), "one more"));
}

/// rule(96)
fn empty_pieces_end_nothing_and_send_no_chunk(on: On) {
    let answer = with_body(on, || Body::iter(["", "a", "", "", "b", ""]));
    assert_eq!(answer.text(), "ab");
    assert!(answer.chunks.iter().all(|size| *size > 0));
    assert_eq!(with_body(on, || Body::iter(["", ""])).text(), "");
}

/// rule(98)
fn bytes_are_never_altered(on: On) {
    let odd = "HTTP/1.1 500 No\r\ncontent-length: 9\r\n\r\n0\r\n\r\n\n\r\0\u{feff}";
    let answer = with_body(on, move || Body::from(odd));
    assert_eq!(answer.text(), odd);
    let answer = with_body(on, move || Body::iter([odd, odd]));
    assert_eq!(answer.text(), [odd, odd].concat());
}

/// rule(56, 98)
fn large_bodies_of_every_kind_arrive_whole(on: On) {
    let content = Bytes::from(noise(3 << 20));
    let pieces = |content: &Bytes| {
        let content = content.clone();
        (0..content.len()).step_by(10_007).map(move |at| content.slice(at..content.len().min(at + 10_007)))
    };
    let kinds: Vec<(&str, MakeBody)> = vec![
        ("bytes", {
            let content = content.clone();
            Box::new(move || Body::from(content.clone()))
        }),
        ("iterator", {
            let content = content.clone();
            Box::new(move || Body::iter(pieces(&content)))
        }),
        ("reader", {
            let content = content.clone();
            Box::new(move || Body::reader(Cursor::new(content.clone())))
        }),
        ("push", {
            let content = content.clone();
            Box::new(move || {
                let content = content.clone();
                Body::push(move |writer| {
                    for piece in content.chunks(7_001) {
                        writer.write_all(piece)?;
                    }
                    Ok(())
                })
            })
        }),
        ("sender", {
            let content = content.clone();
            Box::new(move || {
                let content = content.clone();
                Body::send(async move |sender| {
                    for piece in pieces(&content) {
                        sender.send(piece).await?;
                    }
                    Ok(())
                })
            })
        }),
        ("file", {
            let content = content.clone();
            Box::new(move || Body::file(file(&content)).unwrap())
        }),
    ];
    for (kind, body) in kinds {
        let answer = with_body(on, body);
        assert!(answer.body == content, "{kind}: {} bytes", answer.body.len());
    }
}

/// rule(101, 102)
fn a_file_sends_exactly_its_range(on: On) {
    let content = noise(300_000);
    for (offset, length) in [(0, 300_000), (0, 0), (1, 1), (100_003, 150_001), (299_999, 1), (300_000, 0)] {
        let whole = content.clone();
        let answer = with_body(on, move || Body::file_range(file(&whole), offset, length).unwrap());
        assert_eq!(answer.framing, Framing::Length(length));
        let (from, to) = (usize::try_from(offset).unwrap(), usize::try_from(offset + length).unwrap());
        assert!(answer.body == content[from..to], "{offset}, {length}");
    }
}

/// rule(103, 108): middleware sees every piece of a file, and passes on as many as it gets.
fn a_mapped_file_goes_through_the_mapper(on: On) {
    let content = b"lower case ".repeat(20_000);
    let expected = content.to_ascii_uppercase();
    let inner = app(move |_, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::OK).body(Body::file(file(&content))?))
    });
    let upper = around(|environ, start_response, next| async move {
        let started = next.call(environ, start_response).await?;
        Ok(started.map_body(|body| body.map(|piece: Bytes| Ok(Bytes::from(piece.to_ascii_uppercase())))))
    });
    let server = on.serve(Stack::new().then(upper).app(inner));
    let answer = server.client().ask(get("/"));
    assert!(answer.body == expected);
}

/// rule(97): PEP 3333's first way: a flushed piece is on its way before the app goes on.
fn after_flush_the_client_has_the_piece(on: On) {
    let (teller, asked) = events();
    let gate = Gate::new();
    let held = gate.clone();
    let server = on.serve(app(move |_, start_response: StartResponse| {
        let (held, teller) = (held.clone(), teller.clone());
        Ok(start_response.status(StatusCode::OK).body(Body::push(move |writer| {
            writer.write_all(b"first")?;
            writer.flush()?;
            teller.tell("flushed");
            held.wait();
            writer.write_all(b"second")?;
            Ok(())
        })))
    }));
    let mut client = server.client();
    client.send(get("/")).head();
    assert_eq!(asked.next("the flush"), "flushed");
    assert_eq!(client.bytes(10), b"5\r\nfirst\r\n".as_slice());
    gate.open();
    assert_eq!(client.bytes(16), b"6\r\nsecond\r\n0\r\n\r\n"[..16]);
}

/// rule(97): PEP 3333's second way: a piece is sent while the app makes the next.
fn a_piece_goes_out_while_the_app_makes_the_next(on: On) {
    let gates: Vec<Gate> = (0..4).map(|_| Gate::new()).collect();
    let held = gates.clone();
    let server = on.serve(app(move |_, start_response: StartResponse| {
        let held = held.clone();
        let pieces = (0..4).map(move |turn| {
            held[turn].wait();
            "ping\n"
        });
        Ok(start_response.status(StatusCode::OK).body(Body::iter(pieces)))
    }));
    let mut client = server.client();
    client.send(get("/"));
    for (turn, gate) in gates.iter().enumerate() {
        gate.open();
        if turn == 0 {
            client.head();
        }
        assert_eq!(client.bytes(10), b"5\r\nping\n\r\n", "piece {turn}");
    }
}

/// rule(97): the same of a push body that never flushes, and of an async one.
fn an_unflushed_piece_leaves_within_a_tick(on: On) {
    let gate = Gate::new();
    let held = gate.clone();
    let server = on.serve(app(move |environ: Environ, start_response: StartResponse| {
        let held = held.clone();
        let body = if environ.path_info() == "/push" {
            Body::push(move |writer| {
                writer.write_all(b"ping\n")?;
                held.wait();
                Ok(())
            })
        } else {
            Body::send(async move |sender| {
                sender.send("ping\n").await?;
                held.opened().await;
                Ok(())
            })
        };
        Ok(start_response.status(StatusCode::OK).body(body))
    }));
    let mut clients = Vec::new();
    for path in ["/push", "/send"] {
        let mut client = server.client();
        client.send(get(path)).head();
        assert_eq!(client.bytes(10), b"5\r\nping\n\r\n", "{path}");
        clients.push(client);
    }
    gate.open();
    for mut client in clients {
        assert_eq!(client.bytes(5), b"0\r\n\r\n");
    }
}

/// rule(100)
fn an_answer_may_start_before_the_request_ends(on: On) {
    let server = on.serve(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let body = Body::duplex(environ.take_input(), async |mut input, sender| {
            while let Some(piece) = input.piece().await {
                sender.send(piece?).await?;
            }
            Ok(())
        });
        Ok(start_response.status(StatusCode::OK).body(body))
    }));
    let mut client = server.client();
    client.send("POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n");
    assert_eq!(client.head().status, 200);
    for piece in ["a", "bc", "def"] {
        let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
        assert_eq!(client.send(&chunk).bytes(chunk.len()), chunk.as_bytes());
    }
    assert_eq!(client.send("0\r\n\r\n").bytes(5), b"0\r\n\r\n");
    assert_eq!(client.ask(get("/")).text(), "", "the connection goes on");
}

mount!(
    a_body_in_memory_gets_its_length,
    an_empty_body_gets_length_zero,
    an_unknown_length_is_chunked,
    to_http_1_0_an_unknown_length_ends_with_the_connection,
    a_declared_length_frames_a_stream,
    empty_pieces_end_nothing_and_send_no_chunk,
    bytes_are_never_altered,
    large_bodies_of_every_kind_arrive_whole,
    a_file_sends_exactly_its_range,
    a_mapped_file_goes_through_the_mapper,
    after_flush_the_client_has_the_piece,
    a_piece_goes_out_while_the_app_makes_the_next,
    an_unflushed_piece_leaves_within_a_tick,
    an_answer_may_start_before_the_request_ends,
);
