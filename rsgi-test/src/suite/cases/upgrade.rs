//! Taking over the byte stream: upgrade and CONNECT, and the refusal that is always possible.
//!
//! Above the wire a stream is taken over by whatever its protocol has for it: Upgrade on HTTP/1 and in memory, extended
//! CONNECT on HTTP/2, whose heads are looked at in `h2.rs`. How a stream is held back is in `backpressure.rs`.

use rsgi_core::http::StatusCode;
use rsgi_core::{
    Body, BoxApp, Capabilities, Environ, Error, Stack, StartErrorKind, StartResponse, Started, UpgradeKind,
    app_fn, around, blocking,
};

use crate::client::{Open, Request};
use crate::suite::apps::{plain, with_outcome};
use crate::suite::case::Case;
use crate::suite::talk::{Talk, Way};
use crate::wire::RawClient;
use crate::wire::bytes::noise;

const PLAIN: [(&str, &str); 1] = [("content-type", "text/plain")];
const UPGRADE: [(&str, &str); 2] = [("connection", "upgrade"), ("upgrade", "echo")];

pub(super) const CASES: &[Case] = &[
    Case::message(
        "an_upgraded_stream_goes_both_ways_until_each_side_ends",
        &[140, 145, 148],
        echoing,
        |talk| {
            let mut open = opened(talk);
            let mut tunnel = open.upgraded().expect("a stream");
            for piece in ["a", "GET / HTTP/1.1\r\n\r\n", "0\r\n\r\n"] {
                assert_eq!(tunnel.send(piece).exactly(piece.len()), piece);
            }
            assert_eq!(tunnel.end().exactly(3), "bye");
            assert!(tunnel.receive().is_none(), "the end of the stream");
        },
    )
    .needs(Capabilities::UPGRADE),
    Case::wire("an_upgrade_on_http_1_is_a_101", &[140, 145, 148], echoing, |talk| {
        let mut client = upgraded(talk);
        for piece in ["a", "GET / HTTP/1.1\r\n\r\n", "0\r\n\r\n"] {
            assert_eq!(client.send(piece).bytes(piece.len()), piece.as_bytes());
        }
        client.half_close();
        assert_eq!(client.bytes(3), b"bye");
        client.expect_closed();
    })
    .needs(Capabilities::UPGRADE),
    // What stands behind the head in the same packet belongs to the new protocol.
    Case::wire("bytes_behind_the_head_belong_to_the_stream", &[140], echoing, |talk| {
        let mut client = talk.raw();
        client.send([talk.raw_request("GET", "/", &UPGRADE, b""), b"early".to_vec()].concat());
        assert_eq!(client.head().status, 101);
        assert_eq!(client.bytes(5), b"early");
        assert_eq!(client.send("late").bytes(4), b"late");
    })
    .needs(Capabilities::UPGRADE),
    // Much data is not lost, and neither side waits for the other's end.
    Case::message("an_upgraded_stream_carries_much", &[145], echoing, |talk| {
        let mut open = opened(talk);
        let mut tunnel = open.upgraded().expect("a stream");
        for piece in noise(2 << 20).chunks(50_000) {
            assert!(tunnel.send(piece.to_vec()).exactly(piece.len()) == piece);
        }
        assert_eq!(tunnel.end().exactly(3), "bye");
    })
    .needs(Capabilities::UPGRADE),
    // A blocking app may take the stream over as well, as reader and writer.
    Case::wire(
        "a_blocking_app_may_take_the_stream_over",
        &[140, 68],
        || BoxApp::new(blocking(echo_blocked)),
        |talk| {
            let mut client = upgraded(talk);
            assert_eq!(client.send("ping").bytes(4), b"ping");
            client.half_close();
            assert_eq!(client.bytes(3), b"bye");
            client.expect_closed();
        },
    )
    .needs(Capabilities::UPGRADE),
    Case::message(
        "the_app_may_end_the_stream",
        &[145],
        || {
            BoxApp::new(with_outcome(|environ: Environ, start_response: StartResponse| {
                let upgrade = environ.upgrade()?.ok_or("no offer")?;
                Ok(start_response.upgrade(upgrade, "echo")?.body("hello and bye"))
            }))
        },
        |talk| {
            let mut open = opened(talk);
            let mut tunnel = open.upgraded().expect("a stream");
            assert_eq!(tunnel.exactly(13), "hello and bye");
            assert!(tunnel.receive().is_none(), "the end of the stream");
            let outcome = talk.outcome();
            assert!(outcome.is_whole(), "{outcome:?}");
        },
    )
    .needs(Capabilities::UPGRADE),
    Case::message(
        "an_upgrade_that_was_not_offered_is_refused_to_the_app",
        &[141, 143],
        || BoxApp::new(plain(other)),
        |talk| {
            for _ in 0..2 {
                let answer = offering(talk).open().unwrap().finish();
                assert_eq!((answer.status(), answer.text()), (200, "Err(Upgrade)"));
            }
        },
    )
    .needs(Capabilities::UPGRADE),
    // Behind a refusal the bytes that follow are requests again, or the connection is closed.
    Case::wire(
        "behind_a_refused_upgrade_the_connection_is_safe",
        &[143],
        || BoxApp::new(plain(path)),
        |talk| {
            let mut client = talk.raw();
            let requests = [talk.raw_request("GET", "/upgrade", &UPGRADE, b""), talk.raw_get("/next")];
            client.send(requests.concat());
            let answer = client.answer();
            assert_eq!((answer.status(), answer.text()), (200, "/upgrade"));
            if answer.says_close() {
                client.expect_end();
            } else {
                assert_eq!(client.answer().text(), "/next");
            }
        },
    ),
    Case::message(
        "a_refused_upgrade_is_an_answer_like_any",
        &[143],
        || BoxApp::new(plain(path)),
        |talk| {
            for _ in 0..2 {
                assert_eq!(offering(talk).open().unwrap().finish().text(), "/");
                assert_eq!(talk.get("/next").answer().text(), "/next");
            }
        },
    )
    .needs(Capabilities::UPGRADE),
    // A server without the capability says so to the app; with it, this one finds no offer in a plain request.
    Case::message("without_an_offer_there_is_no_upgrade", &[143, 147], echoing, |talk| {
        let answer = talk.get("/").answer();
        assert!(matches!(answer.text(), "no offer" | "upgrade"), "{}", answer.text());
    }),
    // What makes no offer.
    Case::wire("an_upgrade_needs_both_fields_and_http_1_1", &[140], echoing, |talk| {
        for fields in [&UPGRADE[1..], &UPGRADE[..1], &[]] {
            let answer = talk.raw().ask(talk.raw_request("GET", "/", fields, b""));
            assert_eq!(answer.text(), "no offer", "{fields:?}");
        }
        let (target, line) = (talk.at("/"), talk.line());
        let old = format!("GET {target} HTTP/1.0\r\nconnection: upgrade\r\nupgrade: echo\r\n{line}\r\n");
        assert_eq!(talk.raw().ask(old).text(), "no offer");
    })
    .needs(Capabilities::UPGRADE),
    // RFC 9110 section 7.8.
    Case::wire(
        "continue_comes_before_the_upgrade",
        &[142],
        || {
            BoxApp::new(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
                let whole = environ.input_mut().collect(100).await?;
                assert_eq!(whole, "hello");
                echo(environ, start_response)
            }))
        },
        |talk| {
            let mut client = talk.raw();
            let fields = [UPGRADE[0], UPGRADE[1], ("content-length", "5"), ("expect", "100-continue")];
            assert_eq!(client.send(talk.raw_request("POST", "/", &fields, b"")).head().status, 100);
            assert_eq!(client.send("hello").head().status, 101);
            assert_eq!(client.send("ping").bytes(4), b"ping");
        },
    )
    .needs(Capabilities::UPGRADE),
    // An upgrade works through middleware that knows nothing of it.
    Case::message(
        "an_upgrade_works_through_middleware",
        &[140],
        || {
            let pass = || {
                around(
                    |environ, start_response, next| async move { next.call(environ, start_response).await },
                )
            };
            BoxApp::new(Stack::new().then(pass()).then(pass()).app(plain(echo)))
        },
        |talk| {
            let mut open = opened(talk);
            assert_eq!(open.upgraded().expect("a stream").send("ping").exactly(4), "ping");
        },
    )
    .needs(Capabilities::UPGRADE),
    Case::wire(
        "connect_is_a_tunnel",
        &[87, 140],
        || {
            BoxApp::new(plain(|mut environ: Environ, start_response: StartResponse| {
                let upgrade = environ.upgrade()?.ok_or("no offer")?;
                assert_eq!(
                    (upgrade.kind(), environ.target().as_ref()),
                    (UpgradeKind::Connect, "far.test:443")
                );
                let body = Body::duplex(environ.take_input(), async |mut input, sender| {
                    while let Some(piece) = input.piece().await {
                        sender.send(piece?).await?;
                    }
                    Ok(())
                });
                Ok(start_response.upgrade(upgrade, "")?.body(body))
            }))
        },
        |talk| {
            let mut client = talk.raw();
            let line = talk.line();
            client.send(format!("CONNECT far.test:443 HTTP/1.1\r\nhost: far.test:443\r\n{line}\r\n"));
            let head = client.head();
            assert_eq!((head.status, head.field("upgrade")), (200, None));
            assert_eq!((head.field("content-length"), head.field("transfer-encoding")), (None, None));
            assert_eq!(client.send("ping").bytes(4), b"ping");
            client.half_close();
            client.expect_closed();
        },
    )
    .needs(Capabilities::UPGRADE)
    .at_the_root(),
    // A peer that goes away ends the app's side.
    Case::message(
        "a_client_that_vanishes_ends_an_upgraded_stream",
        &[115, 140],
        || BoxApp::new(with_outcome(echo)),
        |talk| {
            let mut open = opened(talk);
            assert_eq!(open.upgraded().expect("a stream").send("ping").exactly(4), "ping");
            open.vanish_by(rsgi_core::Cause::Reset);
            let outcome = talk.outcome();
            assert!(!outcome.is_whole(), "{outcome:?}");
        },
    )
    .needs(Capabilities::UPGRADE),
    Case::wire(
        "a_reset_ends_an_upgraded_stream",
        &[115, 140],
        || BoxApp::new(with_outcome(echo)),
        |talk| {
            let mut client = upgraded(talk);
            assert_eq!(client.send("ping").bytes(4), b"ping");
            client.reset();
            let outcome = talk.outcome();
            assert!(!outcome.is_whole(), "{outcome:?}");
        },
    )
    .needs(Capabilities::UPGRADE),
];

/// Asks for a stream above the wire, in the way of the protocol.
fn offering(talk: &Talk) -> Request<'_> {
    match talk.way() {
        Way::Http2 => talk.request("CONNECT", "/").protocol("echo").by_hand(),
        _ => UPGRADE.iter().fold(talk.get("/"), |request, (name, value)| request.header(name, value)),
    }
}

/// A stream that was taken over.
fn opened(talk: &Talk) -> Open {
    let mut open = offering(talk).open().unwrap();
    let answer = open.head().unwrap();
    assert_eq!(answer.status(), if talk.way() == Way::Http2 { 200 } else { 101 });
    open
}

/// A stream that was taken over on HTTP/1.
fn upgraded(talk: &Talk) -> RawClient {
    let mut client = talk.raw();
    let head = client.send(talk.raw_request("GET", "/", &UPGRADE, b"")).head();
    assert_eq!((head.status, head.field("upgrade"), head.field("x-a")), (101, Some("echo"), Some("1")));
    assert_eq!(head.field("connection").map(str::to_ascii_lowercase).as_deref(), Some("upgrade"));
    assert_eq!((head.field("content-length"), head.field("transfer-encoding")), (None, None));
    client
}

fn echoing() -> BoxApp {
    BoxApp::new(plain(echo))
}

/// Takes the stream over and sends back what comes; answers `no offer` without one, and what is missing where the server
/// can't.
fn echo(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let offer = match environ.upgrade() {
        Ok(offer) => offer,
        Err(error) => {
            let missing = error.missing().to_string();
            return Ok(start_response.start(StatusCode::OK, PLAIN)?.body(missing));
        }
    };
    let Some(upgrade) = offer else {
        return Ok(start_response.start(StatusCode::OK, PLAIN)?.body("no offer"));
    };
    let head = start_response.upgrade(upgrade, "echo")?.header("x-a", "1")?;
    Ok(head.body(Body::duplex(environ.take_input(), async |mut input, sender| {
        while let Some(piece) = input.piece().await {
            sender.send(piece?).await?;
        }
        sender.send("bye").await
    })))
}

/// The same by code that blocks.
fn echo_blocked(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let upgrade = environ.upgrade()?.ok_or("no offer")?;
    let mut input = environ.take_input();
    let body = Body::push(move |writer| {
        let mut buffer = [0; 100];
        loop {
            let read = std::io::Read::read(&mut input, &mut buffer)?;
            if read == 0 {
                writer.write_bytes("bye")?;
                return Ok(());
            }
            std::io::Write::write_all(writer, &buffer[..read])?;
            std::io::Write::flush(writer)?;
        }
    });
    Ok(start_response.upgrade(upgrade, "echo")?.header("x-a", "1")?.body(body))
}

/// Tries another protocol than the one on offer, and answers what `upgrade` says to that.
fn other(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let upgrade = environ.upgrade()?.ok_or("no offer")?;
    assert_eq!(upgrade.protocols(), ["echo"]);
    let tried: Result<(), StartErrorKind> =
        start_response.clone().upgrade(upgrade, "other").map(|_| ()).map_err(|error| error.kind());
    Ok(start_response.start(StatusCode::OK, PLAIN)?.body(format!("{tried:?}")))
}

fn path(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response.start(StatusCode::OK, PLAIN)?.body(environ.path_info().to_owned()))
}
