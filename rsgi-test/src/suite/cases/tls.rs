//! TLS at a listener: its facts in the environ, and the same behaviour over it as in the clear.
//!
//! Run where the server says that it has TLS.

use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::{App, Body, Capabilities, Cause, Delivery, Environ, StartResponse, app_fn};

use crate::suite::apps::{plain, target, watching};
use crate::suite::case::Case;
use crate::suite::folder::Folder;
use crate::suite::ground::{Ground, Server};
use crate::suite::noting::noting;
use crate::suite::seen::Octets;
use crate::wire::bytes::{get, noise, post, request};
use crate::wire::deadline::events;
use crate::wire::frames::{flag, headers, kind, preface, read_until, request as http2};
use crate::wire::tls::{Hello, OLDER, USUAL, certificates, connect};

pub(super) const CASES: &[Case] = &[
    Case::hosted("the_facts_of_tls_are_told", &[17, 26], the_facts_of_tls_are_told).needs(Capabilities::TLS),
    Case::hosted(
        "the_clients_certificate_is_told_and_required",
        &[26],
        the_clients_certificate_is_told_and_required,
    )
    .needs(Capabilities::TLS),
    Case::hosted("bodies_of_every_kind_arrive_whole", &[46, 56, 98, 101], bodies_of_every_kind_arrive_whole)
        .needs(Capabilities::TLS),
    Case::hosted(
        "pipelined_requests_in_one_record_are_answered",
        &[126],
        pipelined_requests_in_one_record_are_answered,
    )
    .needs(Capabilities::TLS),
    Case::hosted("a_client_that_leaves_is_seen", &[115], a_client_that_leaves_is_seen)
        .needs(Capabilities::TLS),
    Case::hosted("an_upgrade_works_over_tls", &[140], an_upgrade_works_over_tls).needs(Capabilities::TLS),
    Case::hosted("a_client_without_tls_is_let_go", &[130], a_client_without_tls_is_let_go)
        .needs(Capabilities::TLS),
    Case::hosted(
        "an_idle_connection_is_closed_by_the_graceful_end",
        &[131],
        an_idle_connection_is_closed_by_the_graceful_end,
    )
    .needs(Capabilities::TLS),
    Case::hosted("alpn_chooses_the_protocol", &[16, 26], alpn_chooses_the_protocol).needs(Capabilities::TLS),
];

fn serve(ground: &Ground, app: impl App) -> Server {
    ground.serve_with(app, |config| config.tls(certificates().server()))
}

fn the_facts_of_tls_are_told(ground: &Ground) {
    let (app, seen) = noting(watching());
    let server = serve(ground, app);
    for (hello, expected) in [(USUAL, "TLSv1.3"), (OLDER, "TLSv1.2")] {
        let mut client = connect(server.address(), &hello);
        assert_eq!(client.ask(get("/a")).status(), 200);
        let seen = seen.seen();
        let tls = seen.tls.clone().unwrap();
        assert_eq!((tls.version.as_str(), tls.sni.as_deref()), (expected, Some("localhost")));
        assert!(tls.alpn.as_ref().is_some_and(|alpn| *alpn == b"http/1.1"));
        assert!(tls.cipher.starts_with("TLS_") && tls.client_certificates.is_empty(), "{tls:?}");
        assert_eq!((seen.scheme.as_str(), seen.url.as_str()), ("https", "https://test/a"));
        assert_eq!(seen.var("HTTPS"), Some("on"));
    }
}

fn the_clients_certificate_is_told_and_required(ground: &Ground) {
    let (app, seen) = noting(watching());
    let server = ground.serve_with(app, |config| {
        config.tls(certificates().server().with_client_authorities(certificates().authority()))
    });
    let mut client = connect(server.address(), &Hello { certificate: true, ..USUAL });
    assert_eq!(client.ask(get("/")).status(), 200);
    let shown = seen.seen().tls.unwrap().client_certificates;
    assert_eq!(shown, [Octets::from(certificates().client().as_ref())]);
    let mut without = connect(server.address(), &USUAL);
    let _refused_here_or_later = without.try_send(get("/"));
    assert!(without.try_answer("GET").is_err(), "no certificate, no answer");
    seen.unseen();
}

/// What is read and written in records of TLS is the same.
fn bodies_of_every_kind_arrive_whole(ground: &Ground) {
    let folder = Folder::new();
    let path = folder.file("content");
    let content = noise(1 << 20);
    std::fs::write(&path, &content).unwrap();
    let (file, whole) = (path.clone(), content.clone());
    let server = serve(
        ground,
        app_fn(move |mut environ: Environ, start_response: StartResponse| {
            let (file, whole) = (file.clone(), whole.clone());
            async move {
                let body = match environ.path_info() {
                    "/file" => Body::file(std::fs::File::open(file)?)?,
                    "/iter" => Body::iter(whole.chunks(9_999).map(<[u8]>::to_vec).collect::<Vec<_>>()),
                    "/echo" => Body::from(environ.input_mut().collect(u64::MAX).await?),
                    _ => Body::from(whole),
                };
                Ok(start_response.status(StatusCode::OK).body(body))
            }
        }),
    );
    let mut client = connect(server.address(), &USUAL);
    for target in ["/bytes", "/iter", "/file"] {
        assert!(client.ask(get(target)).body == content, "{target}");
    }
    assert!(client.ask(post("/echo", &content)).body == content);
    std::fs::remove_file(path).unwrap();
}

fn pipelined_requests_in_one_record_are_answered(ground: &Ground) {
    let server = serve(ground, target());
    let mut client = connect(server.address(), &USUAL);
    client.send([get("/1"), get("/2"), get("/3")].concat());
    for target in ["/1", "/2", "/3"] {
        assert_eq!(client.answer().text(), target);
    }
}

fn a_client_that_leaves_is_seen(ground: &Ground) {
    let (teller, steps) = events();
    let (outcome_teller, outcomes) = events();
    let server = serve(
        ground,
        app_fn(move |environ: Environ, _: StartResponse| {
            let (teller, outcome_teller) = (teller.clone(), outcome_teller.clone());
            async move {
                environ.on_outcome(move |outcome| outcome_teller.tell(outcome.clone()));
                let _held = teller.on_drop("dropped");
                teller.tell("running");
                std::future::pending().await
            }
        }),
    );
    let mut client = connect(server.address(), &USUAL);
    client.send(get("/"));
    assert_eq!(steps.next("the app"), "running");
    drop(client);
    assert_eq!(steps.next("the drop of the app's future"), "dropped");
    let delivery = outcomes.next("the outcome").delivery;
    assert!(matches!(delivery, Delivery::Aborted(Cause::Closed | Cause::Reset)), "{delivery:?}");
}

fn an_upgrade_works_over_tls(ground: &Ground) {
    let server = serve(
        ground,
        plain(|mut environ: Environ, start_response: StartResponse| {
            let upgrade = environ.upgrade()?.ok_or("no offer")?;
            let body = Body::duplex(environ.take_input(), async |mut input, sender| {
                while let Some(piece) = input.piece().await {
                    sender.send(piece?).await?;
                }
                Ok(())
            });
            Ok(start_response.upgrade(upgrade, "echo")?.body(body))
        }),
    );
    let mut client = connect(server.address(), &USUAL);
    client.send(request("GET", "/", &[("connection", "upgrade"), ("upgrade", "echo")], b"early"));
    assert_eq!(client.head().status, 101);
    assert_eq!(client.bytes(5), b"early");
    assert_eq!(client.send("late").bytes(4), b"late");
}

/// Who doesn't shake hands is let go, and disturbs nobody.
fn a_client_without_tls_is_let_go(ground: &Ground) {
    let soon = Some(Duration::from_millis(250));
    let server = ground.serve_with(target(), |config| {
        config.tls(certificates().server()).timeouts(|timeouts| timeouts.handshake = soon)
    });
    let mut silent = server.client();
    let mut plain = server.client();
    plain.send(get("/"));
    let mut good = connect(server.address(), &USUAL);
    assert_eq!(good.ask(get("/good")).text(), "/good");
    let (rest, _) = plain.rest();
    assert!(!rest.starts_with(b"HTTP/"), "an alert of TLS, or nothing");
    silent.rest();
}

fn an_idle_connection_is_closed_by_the_graceful_end(ground: &Ground) {
    let server = serve(ground, target());
    let mut client = connect(server.address(), &USUAL);
    assert_eq!(client.ask(get("/a")).text(), "/a");
    server.stop();
    client.expect_closed();
}

/// ALPN chooses the protocol among those that the server speaks.
fn alpn_chooses_the_protocol(ground: &Ground) {
    let (app, seen) = noting(watching());
    let server = serve(ground, app);
    let mut client = connect(server.address(), &Hello { protocols: &["h2", "http/1.1"], ..USUAL });
    if !ground.capabilities().contains(Capabilities::HTTP2) {
        assert_eq!(client.ask(get("/a")).status(), 200);
        assert_eq!(seen.seen().version, "HTTP/1.1");
        return;
    }
    let mut fields = http2("GET", "/a");
    fields[1].1 = "https";
    client.send([preface(), headers(1, flag::END_STREAM, &fields)].concat());
    read_until(&mut client, |frame| frame.stream == 1 && frame.kind == kind::HEADERS);
    let seen = seen.seen();
    assert_eq!((seen.version.as_str(), seen.scheme.as_str()), ("HTTP/2.0", "https"));
    assert_eq!(seen.tls.unwrap().alpn.as_deref(), Some(b"h2".as_slice()));
}
