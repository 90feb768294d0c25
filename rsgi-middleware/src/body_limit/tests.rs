//! The limit at each way in which a body comes.

use std::io::Read;

use rsgi_core::http::StatusCode;
use rsgi_core::{
    App, Body, BoxApp, Capabilities, Environ, Error, Middleware, StartResponse, Started, app_fn, blocking,
};
use rsgi_test::{Client, Memory};

use super::BodyLimit;

/// Tells how many bytes it read.
fn counting() -> BoxApp {
    BoxApp::new(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let mut bytes = 0;
        while let Some(piece) = environ.input_mut().piece().await {
            bytes += piece?.len();
        }
        let trailers = environ.input_mut().trailers().map_or(0, rsgi_core::http::HeaderMap::len);
        Ok(start_response.status(StatusCode::OK).body(format!("{bytes} {trailers}")))
    }))
}

/// The same, where blocking is allowed.
fn counting_blocked() -> BoxApp {
    BoxApp::new(blocking(|mut environ: Environ, start_response: StartResponse| {
        let mut content = Vec::new();
        environ.input_mut().read_to_end(&mut content)?;
        let trailers = environ.input_mut().trailers().map_or(0, rsgi_core::http::HeaderMap::len);
        Ok(start_response.status(StatusCode::OK).body(format!("{} {trailers}", content.len())))
    }))
}

fn client(limit: u64, app: BoxApp) -> Client {
    Client::new(BodyLimit::bytes(limit).wrap(app))
}

#[test]
fn a_body_of_exactly_the_limit_passes_and_one_byte_more_is_413_however_it_comes() {
    for app in [counting, counting_blocked] {
        let client = client(5, app());
        assert_eq!(client.post("/").body("12345").answer().text(), "5 0");
        assert_eq!(client.post("/").pieces(["123", "45"]).answer().text(), "5 0");
        assert_eq!(client.post("/").body("123456").answer().status(), 413);
        assert_eq!(client.post("/").pieces(["123", "456"]).answer().status(), 413);
        assert_eq!(client.get("/").answer().text(), "0 0");
    }
}

#[test]
fn a_body_that_is_announced_too_long_is_not_asked_for() {
    let answer = client(5, counting()).post("/").expect_continue().body("123456").answer();
    assert_eq!((answer.status(), answer.informational().len()), (413, 0));
    let fitting = client(5, counting()).post("/").expect_continue().body("12345").answer();
    assert_eq!((fitting.status(), fitting.informational().len()), (200, 1));
}

#[test]
fn a_body_that_nobody_reads_is_let_be() {
    let app = app_fn(|_, start_response: StartResponse| async move {
        Ok(start_response.status(StatusCode::OK).body("unread"))
    });
    assert_eq!(client(1, BoxApp::new(app)).post("/").body("123456").answer().text(), "unread");
}

#[test]
fn the_limit_nearest_to_the_app_counts() {
    let larger_inside = BodyLimit::bytes(2).wrap(BodyLimit::bytes(6).wrap(counting()));
    assert_eq!(Client::new(larger_inside).post("/").body("123456").answer().status(), 200);
    let smaller_inside = BodyLimit::bytes(6).wrap(BodyLimit::bytes(2).wrap(counting()));
    assert_eq!(Client::new(smaller_inside).post("/").body("123").answer().status(), 413);
    let over_the_servers = Client::with(BodyLimit::bytes(6).wrap(counting()), Memory::new().body_limit(2));
    assert_eq!(over_the_servers.post("/").body("123456").answer().status(), 200);
}

// A server hands over body and upgraded stream as one: the offer must be no way round the limit.
#[test]
fn a_body_beside_the_offer_of_an_upgrade_is_counted_too() {
    for app in [counting, counting_blocked] {
        let client = client(5, app());
        let offering = || client.post("/").header("connection", "upgrade").header("upgrade", "echo");
        assert_eq!(offering().pieces(["123", "45"]).trailers(&[("x-sum", "9")]).answer().text(), "5 1");
        assert_eq!(offering().body("123456").answer().status(), 413);
        assert_eq!(offering().pieces(["123", "456"]).answer().status(), 413);
    }
}

#[test]
fn what_comes_behind_an_upgrade_has_no_limit() {
    async fn echo(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        let offer = environ.upgrade()?.ok_or("no offer")?;
        let mut before = 0;
        while before < 3 {
            before += environ.input_mut().piece().await.ok_or("no end before that")??.len();
        }
        let stream = Body::duplex(environ.take_input(), async |mut input, sender| {
            while let Some(piece) = input.piece().await {
                sender.send(piece?).await?;
            }
            Ok(())
        });
        Ok(start_response.upgrade(offer, "echo")?.body(stream))
    }
    let app = rsgi_core::requiring(Capabilities::UPGRADE, echo);
    let client = Client::new(BodyLimit::bytes(5).wrap(app));
    let offer = client.post("/").header("connection", "upgrade").header("upgrade", "echo");
    let mut open = offer.by_hand().open().unwrap();
    open.feed("abc");
    assert_eq!(open.head().unwrap().status(), 101);
    let mut tunnel = open.upgraded().expect("a stream");
    assert_eq!(tunnel.send("0123456789").exactly(10), "0123456789");
}

#[test]
fn the_default_is_two_mebibytes() {
    let client = Client::new(BodyLimit::default().wrap(counting()));
    assert_eq!(client.post("/").body(vec![0; 2 << 20]).answer().text(), "2097152 0");
    assert_eq!(client.post("/").body(vec![0; (2 << 20) + 1]).answer().status(), 413);
}

#[test]
fn needs_of_the_app_are_passed_on() {
    let app = BodyLimit::default().wrap(rsgi_core::requiring(Capabilities::TRAILERS, counting()));
    assert_eq!(app.requires(), Capabilities::TRAILERS);
}
