//! Taking over the byte stream: upgrade and CONNECT on HTTP/1, and the refusal that is always possible.
//!
//! Extended CONNECT is in `h2.rs`.

use rsgi_core::http::StatusCode;
use rsgi_core::{
    Body, Environ, Error, Stack, StartErrorKind, StartResponse, Started, UpgradeKind, app_fn, around,
    blocking,
};
use rsgi_tests::bytes::{get, noise, request};
use rsgi_tests::deadline::events;
use rsgi_tests::probe::{app, with_outcome};
use rsgi_tests::{Client, On, Server, mount};

const UPGRADE: [(&str, &str); 2] = [("connection", "upgrade"), ("upgrade", "echo")];

/// Takes the stream over and sends back what comes; answers `no offer` without one.
fn echo(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let Some(upgrade) = environ.upgrade()? else {
        return Ok(start_response.status(StatusCode::OK).body("no offer"));
    };
    let head = start_response.upgrade(upgrade, "echo")?.header("x-a", "1")?;
    Ok(head.body(Body::duplex(environ.take_input(), async |mut input, sender| {
        while let Some(piece) = input.piece().await {
            sender.send(piece?).await?;
        }
        sender.send("bye").await
    })))
}

fn upgraded(server: &Server) -> Client {
    let mut client = server.client();
    let head = client.send(request("GET", "/", &UPGRADE, b"")).head();
    assert_eq!((head.status, head.field("upgrade"), head.field("x-a")), (101, Some("echo"), Some("1")));
    assert_eq!(head.field("connection").map(str::to_ascii_lowercase).as_deref(), Some("upgrade"));
    assert_eq!((head.field("content-length"), head.field("transfer-encoding")), (None, None));
    client
}

/// rule(140, 145)
fn an_upgraded_stream_goes_both_ways_until_each_side_ends(on: On) {
    let server = on.serve(app(echo));
    let mut client = upgraded(&server);
    for piece in ["a", "GET / HTTP/1.1\r\n\r\n", "0\r\n\r\n"] {
        assert_eq!(client.send(piece).bytes(piece.len()), piece.as_bytes());
    }
    client.half_close();
    assert_eq!(client.bytes(3), b"bye");
    client.expect_closed();
}

/// rule(140): what stands behind the head in the same packet belongs to the new protocol.
fn bytes_behind_the_head_belong_to_the_stream(on: On) {
    let server = on.serve(app(echo));
    let mut client = server.client();
    client.send([request("GET", "/", &UPGRADE, b""), b"early".to_vec()].concat());
    assert_eq!(client.head().status, 101);
    assert_eq!(client.bytes(5), b"early");
    assert_eq!(client.send("late").bytes(4), b"late");
}

/// rule(145): much data, both ways at once, is held back and not lost.
fn an_upgraded_stream_carries_much(on: On) {
    let server = on.serve(app(echo));
    let mut client = upgraded(&server);
    let content = noise(4 << 20);
    for piece in content.chunks(100_000) {
        client.send(piece);
        assert!(client.bytes(piece.len()) == piece);
    }
    client.half_close();
    assert_eq!(client.bytes(3), b"bye");
}

/// rule(140, 68): a blocking app may take the stream over as well, as reader and writer.
fn a_blocking_app_may_take_the_stream_over(on: On) {
    let server = on.serve(blocking(|mut environ: Environ, start_response: StartResponse| {
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
    }));
    let mut client = upgraded(&server);
    assert_eq!(client.send("ping").bytes(4), b"ping");
    client.half_close();
    assert_eq!(client.bytes(3), b"bye");
    client.expect_closed();
}

/// rule(145): the app may end first; then the stream ends.
fn the_app_may_end_the_stream(on: On) {
    let (app, outcomes) = with_outcome(|environ: Environ, start_response: StartResponse| {
        let upgrade = environ.upgrade()?.ok_or("no offer")?;
        Ok(start_response.upgrade(upgrade, "echo")?.header("x-a", "1")?.body("hello and bye"))
    });
    let server = on.serve(app);
    let mut client = upgraded(&server);
    let (rest, _) = client.rest();
    assert_eq!(rest, b"hello and bye");
    assert!(outcomes.next("the outcome").is_whole());
}

/// rule(141)
fn an_upgrade_that_was_not_offered_is_refused_to_the_app(on: On) {
    let (teller, kinds) = events();
    let server = on.serve(app(move |environ: Environ, start_response: StartResponse| {
        let upgrade = environ.upgrade()?.ok_or("no offer")?;
        assert_eq!((upgrade.kind(), upgrade.protocols()), (UpgradeKind::Http1, &["echo".to_owned()][..]));
        teller
            .tell(start_response.clone().upgrade(upgrade, "other").map(|_| ()).map_err(|error| error.kind()));
        Ok(start_response.status(StatusCode::OK).body("refused"))
    }));
    let answer = server.client().ask(request("GET", "/", &UPGRADE, b""));
    assert_eq!((answer.status(), answer.text()), (200, "refused"));
    assert_eq!(kinds.next("the error"), Err(StartErrorKind::Upgrade));
}

/// rule(143): behind a refusal the bytes that follow are requests again, or the connection is closed.
fn behind_a_refused_upgrade_the_connection_is_safe(on: On) {
    let server = on.serve(app(|environ: Environ, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::OK).body(environ.target().into_owned()))
    }));
    let mut client = server.client();
    client.send([request("GET", "/upgrade", &UPGRADE, b""), get("/next")].concat());
    let answer = client.answer();
    assert_eq!((answer.status(), answer.text()), (200, "/upgrade"));
    if answer.says_close() {
        client.expect_end();
    } else {
        assert_eq!(client.answer().text(), "/next");
    }
}

/// rule(140): what makes no offer.
fn an_upgrade_needs_both_fields_and_http_1_1(on: On) {
    let server = on.serve(app(echo));
    for fields in [vec![("upgrade", "echo")], vec![("connection", "upgrade")], vec![]] {
        assert_eq!(server.client().ask(request("GET", "/", &fields, b"")).text(), "no offer", "{fields:?}");
    }
    let old = "GET / HTTP/1.0\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    assert_eq!(server.client().ask(old).text(), "no offer");
}

/// rule(142): RFC 9110 section 7.8.
fn continue_comes_before_the_upgrade(on: On) {
    let server = on.serve(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let whole = environ.input_mut().collect(100).await?;
        assert_eq!(whole, "hello");
        echo(environ, start_response)
    }));
    let mut client = server.client();
    let fields = [UPGRADE[0], UPGRADE[1], ("content-length", "5"), ("expect", "100-continue")];
    assert_eq!(client.send(request("POST", "/", &fields, b"")).head().status, 100);
    assert_eq!(client.send("hello").head().status, 101);
    assert_eq!(client.send("ping").bytes(4), b"ping");
}

/// rule(140): an upgrade works through middleware that knows nothing of it.
fn an_upgrade_works_through_middleware(on: On) {
    let pass =
        || around(|environ, start_response, next| async move { next.call(environ, start_response).await });
    let server = on.serve(Stack::new().then(pass()).then(pass()).app(app(echo)));
    assert_eq!(upgraded(&server).send("ping").bytes(4), b"ping");
}

/// rule(87, 140)
fn connect_is_a_tunnel(on: On) {
    let server = on.serve(app(|mut environ: Environ, start_response: StartResponse| {
        let upgrade = environ.upgrade()?.ok_or("no offer")?;
        assert_eq!((upgrade.kind(), environ.target().as_ref()), (UpgradeKind::Connect, "far.test:443"));
        let body = Body::duplex(environ.take_input(), async |mut input, sender| {
            while let Some(piece) = input.piece().await {
                sender.send(piece?).await?;
            }
            Ok(())
        });
        Ok(start_response.upgrade(upgrade, "")?.body(body))
    }));
    let mut client = server.client();
    let head = client.send("CONNECT far.test:443 HTTP/1.1\r\nhost: far.test:443\r\n\r\n").head();
    assert_eq!((head.status, head.field("upgrade")), (200, None));
    assert_eq!(client.send("ping").bytes(4), b"ping");
    client.half_close();
    client.expect_closed();
}

/// rule(115): a peer that resets an upgraded stream ends the app's side.
fn a_reset_ends_an_upgraded_stream(on: On) {
    let (app, outcomes) = with_outcome(echo);
    let server = on.serve(app);
    let mut client = upgraded(&server);
    assert_eq!(client.send("ping").bytes(4), b"ping");
    client.reset();
    assert!(!outcomes.next("the outcome").is_whole());
}

mount!(
    an_upgraded_stream_goes_both_ways_until_each_side_ends,
    bytes_behind_the_head_belong_to_the_stream,
    an_upgraded_stream_carries_much,
    a_blocking_app_may_take_the_stream_over,
    the_app_may_end_the_stream,
    an_upgrade_that_was_not_offered_is_refused_to_the_app,
    behind_a_refused_upgrade_the_connection_is_safe,
    an_upgrade_needs_both_fields_and_http_1_1,
    continue_comes_before_the_upgrade,
    an_upgrade_works_through_middleware,
    connect_is_a_tunnel,
    a_reset_ends_an_upgraded_stream,
);
