//! The same test in memory and against live servers: one function, four clients.
//!
//! What a framework author writes once holds on every server; what differs (outcomes and time, which only memory has) isn't
//! asked here. The client's own behaviour is tested in `rsgi-test/tests/client/`.
#![expect(clippy::unwrap_used, reason = "a case stops where it can't go on")]

use rsgi_core::bytes::Bytes;
use rsgi_core::http::header::{HeaderMap, HeaderName, HeaderValue};
use rsgi_core::http::{StatusCode, Version};
use rsgi_core::server::Config;
use rsgi_core::{Adapter, App, Body, Endpoint, Environ, Error, Running, StartResponse, Started, blocking};
use rsgi_test::wire::bytes::noise;
use rsgi_test::{Client, ClientErrorKind, Fixture, Framing};

/// A small application with something of everything.
async fn app(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let path = environ.path_info().to_owned();
    match path.as_str() {
        "/echo" => {
            let bytes = environ.input_mut().collect(u64::MAX).await?;
            let sum = environ.input_mut().trailers().and_then(|trailers| trailers.get("x-sum").cloned());
            let head = start_response.status(StatusCode::OK);
            let head = if let Some(sum) = sum { head.header("x-sum", sum)? } else { head };
            Ok(head.header("x-request", environ.request_id().1.to_string())?.body(bytes))
        }
        "/duplex" => Ok(start_response.status(StatusCode::OK).body(duplex(&mut environ))),
        "/upgrade" => {
            let upgrade = environ.upgrade()?.ok_or("no offer")?;
            Ok(start_response.upgrade(upgrade, "echo")?.body(duplex(&mut environ)))
        }
        "/upgrade/read" => {
            let content = environ.input_mut().collect(u64::MAX).await?;
            let upgrade = environ.upgrade()?.ok_or("no offer")?;
            let body = Body::duplex(environ.take_input(), async |mut input, sender| {
                sender.send(content).await?;
                while let Some(piece) = input.piece().await {
                    sender.send(piece?).await?;
                }
                Ok(())
            });
            Ok(start_response.upgrade(upgrade, "echo")?.body(body))
        }
        "/trailers" => {
            let name = HeaderName::from_static("x-sum");
            let trailers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_static("7"))]);
            let body = Body::send(async move |sender| {
                sender.send("seven").await?;
                sender.trailers(trailers);
                Ok(())
            });
            Ok(start_response.status(StatusCode::OK).body(body.announce_trailers([name])))
        }
        "/hints" => {
            environ.informational()?.send(StatusCode::EARLY_HINTS, [("link", "</a.css>")])?;
            Ok(start_response.status(StatusCode::OK).body("hinted"))
        }
        "/broken" => {
            let body = Body::send(async |sender| {
                sender.send("some").await?;
                sender.flush().await?;
                Err("no more".into())
            });
            Ok(start_response.status(StatusCode::OK).body(body))
        }
        "/login" => {
            let head = start_response.start(StatusCode::SEE_OTHER, [("location", "/who")])?;
            Ok(head.header("set-cookie", "user=ada; Path=/")?.empty())
        }
        "/who" => {
            let cookie = environ.header("cookie").unwrap_or("nobody").to_owned();
            Ok(start_response.status(StatusCode::OK).body(cookie))
        }
        "*" => Ok(start_response.status(StatusCode::OK).body(path)),
        "/unread" => Ok(start_response.status(StatusCode::OK).body("not read")),
        "/close" => Ok(start_response.status(StatusCode::OK).close().body("bye")),
        "/nothing" => Ok(start_response.status(StatusCode::NO_CONTENT).empty()),
        _ => Err("no such page".into()),
    }
}

fn duplex(environ: &mut Environ) -> Body {
    Body::duplex(environ.take_input(), async |mut input, sender| {
        while let Some(piece) = input.piece().await {
            sender.send(piece?).await?;
        }
        Ok(())
    })
}

/// Runs a case with a client of each kind.
fn everywhere(app: impl App + Clone, case: fn(Client)) {
    case(Client::new(app.clone()));
    served::<rsgi_std::Server>(app.clone(), case);
    served::<rsgi_hyper::Server>(app, case);
}

/// Runs a case over HTTP/2, against rsgi-hyper, which alone speaks it.
fn over_http2(app: impl App + Clone, case: fn(Client)) {
    let config = Config::new().bind("127.0.0.1:0").unwrap().threads(2);
    let running = rsgi_hyper::Server::start(config, app).unwrap();
    case(Client::live_http2(&address(&running)).unwrap());
    running.shutdown();
    running.wait().unwrap();
}

fn served<A: Adapter>(app: impl App, case: fn(Client)) {
    let config = Config::new().bind("127.0.0.1:0").unwrap().threads(2);
    let running = A::start(config, app).unwrap();
    case(Client::live(&address(&running)).unwrap());
    running.shutdown();
    running.wait().unwrap();
}

fn address(running: &impl Running) -> String {
    match &running.addresses()[0] {
        Endpoint::Tcp(address) => format!("http://{address}"),
        other => panic!("{other}"),
    }
}

#[test]
fn content_comes_back_however_it_is_sent_and_the_connection_is_kept() {
    everywhere(app, |client| {
        let echoed = client.post("/echo").body("whole").answer();
        assert_eq!((echoed.text(), echoed.framing(), echoed.is_whole()), ("whole", Framing::Length(5), true));
        let chunked = client.post("/echo").pieces(["in ", "", "pieces"]).trailers(&[("x-sum", "6")]).answer();
        assert_eq!((chunked.text(), chunked.field("x-sum")), ("in pieces", Some("6")));
        let number = |answer: &rsgi_test::Answer| answer.field("x-request").unwrap().parse::<u64>().unwrap();
        assert_eq!(number(&chunked), number(&echoed) + 1);
        let large = Bytes::from(noise(3 << 20));
        assert_eq!(client.post("/duplex").body(large.clone()).answer().body(), &large);
    });
}

#[test]
fn a_blocking_app_answers_the_same() {
    fn shout(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        let mut text = String::new();
        std::io::Read::read_to_string(environ.input_mut(), &mut text)?;
        Ok(start_response.status(StatusCode::OK).body(Body::iter([text.to_uppercase()])))
    }
    everywhere(std::sync::Arc::new(blocking(shout)), |client| {
        let answer = client.post("/").body("quiet").answer();
        assert_eq!((answer.text(), answer.framing()), ("QUIET", Framing::Chunked));
    });
}

#[test]
fn a_stream_is_fed_and_read_step_by_step() {
    everywhere(app, |client| {
        let mut open = client.post("/duplex").by_hand().open().unwrap();
        assert_eq!(open.head().unwrap().status(), 200);
        open.feed("one");
        assert_eq!(open.piece().unwrap().unwrap(), "one");
        open.feed("two").end_input();
        assert_eq!(open.finish().text(), "onetwo");
    });
}

#[test]
fn an_upgraded_stream_goes_both_ways() {
    everywhere(app, |client| {
        let request = client.get("/upgrade").header("connection", "upgrade").header("upgrade", "echo");
        let mut open = request.open().unwrap();
        assert_eq!(open.head().unwrap().status(), 101);
        let mut tunnel = open.upgraded().unwrap();
        assert_eq!(tunnel.send("ping").exactly(4), "ping");
        tunnel.end();
        assert!(tunnel.receive().is_none());
    });
}

/// A client can't change the protocol in the middle of a message (RFC 9110 section 7.8): what is content goes out as content,
/// and its end with it.
#[test]
fn an_upgraded_stream_behind_content_by_hand_goes_both_ways() {
    everywhere(app, |client| {
        let request = client.post("/upgrade/read").header("connection", "upgrade").header("upgrade", "echo");
        let mut open = request.by_hand().open().unwrap();
        open.feed("con").feed("tent").end_input();
        assert_eq!(open.head().unwrap().status(), 101);
        let mut tunnel = open.upgraded().unwrap();
        assert_eq!(tunnel.send("ping").exactly(11), "contentping");
        tunnel.end();
        assert!(tunnel.receive().is_none());
    });
}

/// What the app leaves of the content is none of the stream's bytes (SPEC S70), and taking the stream ends it.
#[test]
fn content_by_hand_that_is_left_unread_ends_where_the_stream_is_taken() {
    everywhere(app, |client| {
        for ends_content in [true, false] {
            let request = client.post("/upgrade").header("connection", "upgrade").header("upgrade", "echo");
            let mut open = request.by_hand().open().unwrap();
            open.feed("content");
            if ends_content {
                open.end_input();
            }
            assert_eq!(open.head().unwrap().status(), 101);
            let mut tunnel = open.upgraded().unwrap();
            assert_eq!(tunnel.send("ping").exactly(4), "ping");
            tunnel.end();
            assert!(tunnel.receive().is_none());
        }
    });
}

#[test]
fn what_surrounds_an_answer_comes_too() {
    everywhere(app, |client| {
        let answer = client.get("/trailers").header("te", "trailers").header("connection", "te").answer();
        assert_eq!(answer.trailers().unwrap()["x-sum"], "7");
        let hinted = client.get("/hints").answer();
        assert_eq!((hinted.text(), hinted.informational()[0].status.as_u16()), ("hinted", 103));
        let continued = client.post("/echo").expect_continue().body("x").answer();
        assert_eq!((continued.text(), continued.informational()[0].status.as_u16()), ("x", 100));
        let unread = client.post("/unread").expect_continue().body("x").answer();
        assert_eq!((unread.text(), unread.informational().len()), ("not read", 0));
    });
}

#[test]
fn statuses_and_methods_without_content_have_none() {
    everywhere(app, |client| {
        assert_eq!(client.head("/who").answer().field("content-length"), Some("6"));
        let nothing = client.get("/nothing").answer();
        assert_eq!((nothing.status(), nothing.framing(), nothing.text()), (204, Framing::None, ""));
        let closing = client.get("/close").answer();
        assert_eq!((closing.text(), closing.field("connection")), ("bye", Some("close")));
        assert_eq!(client.get("/missing").answer().status(), 500);
        let old = client.get("/who").version(Version::HTTP_10).answer();
        assert_eq!(old.text(), "nobody");
    });
}

#[test]
fn a_broken_answer_is_an_error_that_holds_what_came() {
    everywhere(app, |client| {
        let error = client.get("/broken").send().unwrap_err();
        assert_eq!(error.kind(), ClientErrorKind::Broken);
        assert_eq!(error.came().unwrap().text(), "some");
        assert_eq!(client.get("/who").answer().status(), 200);
    });
}

#[test]
fn redirects_and_cookies_work_across_requests() {
    everywhere(app, |client| {
        let client = client.follow_redirects(2).keep_cookies();
        let answer = client.post("/login").form(&[("name", "ada")]).answer();
        assert_eq!((answer.text(), answer.history().len()), ("user=ada", 1));
        assert_eq!(client.get("/who").answer().text(), "user=ada");
    });
}

#[test]
fn what_a_live_server_cannot_be_made_to_do_is_told() {
    served::<rsgi_std::Server>(app, |client| {
        let late = client.get("/who").deadline(std::time::Duration::from_secs(1)).send();
        assert_eq!(late.unwrap_err().kind(), ClientErrorKind::Unsupported);
        let other = client.get("/who").version(Version::HTTP_2).send();
        assert_eq!(other.unwrap_err().kind(), ClientErrorKind::Unsupported);
        assert!(client.get("/who").answer().outcome().is_none());
    });
}

#[test]
fn nobody_there_and_no_address_are_told() {
    assert_eq!(Client::live("ftp://x").unwrap_err().kind(), ClientErrorKind::Connect);
    let nobody = Client::live("unix:/no/such/socket").unwrap();
    assert_eq!(nobody.get("/").send().unwrap_err().kind(), ClientErrorKind::Connect);
}

#[test]
fn the_same_calls_go_over_http2() {
    over_http2(app, |client| {
        let echoed = client.post("/echo").body("whole").trailers(&[("x-sum", "6")]).answer();
        assert_eq!((echoed.text(), echoed.field("x-sum")), ("whole", Some("6")));
        assert_eq!((echoed.version(), echoed.framing()), (Version::HTTP_2, Framing::Length(5)));
        let large = Bytes::from(noise(3 << 20));
        assert_eq!(client.post("/duplex").body(large.clone()).answer().body(), &large);
        let answer = client.get("/trailers").answer();
        assert_eq!(
            (answer.trailers().unwrap()["x-sum"].as_bytes(), answer.framing()),
            (&b"7"[..], Framing::Stream)
        );
        assert_eq!(client.head("/who").answer().framing(), Framing::None);
        assert_eq!(client.options("*").answer().text(), "*");
        let continued = client.post("/echo").expect_continue().body("x").answer();
        assert_eq!(continued.text(), "x");
        let mut open = client.post("/duplex").by_hand().open().unwrap();
        assert_eq!(open.head().unwrap().status(), 200);
        assert_eq!(open.feed("one").piece().unwrap().unwrap(), "one");
        assert_eq!(open.feed("two").end_input().piece().unwrap().unwrap(), "two");
        assert!(open.finish().is_whole());
        assert_eq!(client.get("/broken").send().unwrap_err().came().unwrap().text(), "some");
    });
}

#[test]
fn a_stream_that_was_given_up_leaves_the_connection_of_http2_alone() {
    over_http2(app, |client| {
        let mut open = client.post("/duplex").by_hand().open().unwrap();
        assert_eq!(open.head().unwrap().status(), 200);
        open.vanish();
        assert_eq!(open.piece().unwrap().unwrap_err().kind(), ClientErrorKind::Vanished);
        assert_eq!(client.post("/echo").body("still there").answer().field("x-request"), Some("2"));
    });
}

#[test]
fn an_extended_connect_goes_both_ways() {
    over_http2(app, |client| {
        let mut open = client.request("CONNECT", "/upgrade").protocol("echo").open().unwrap();
        assert_eq!(
            (open.head().unwrap().status(), open.so_far().unwrap().framing()),
            (200, Framing::Upgraded)
        );
        let mut tunnel = open.upgraded().unwrap();
        assert_eq!(tunnel.send("ping").exactly(4), "ping");
        tunnel.end();
        assert!(tunnel.receive().is_none());
    });
}

#[test]
fn a_recorded_request_is_asked_again_of_any_server() {
    static FIXTURE: std::sync::OnceLock<Fixture> = std::sync::OnceLock::new();
    let text = "POST /echo HTTP/1.1\nhost: example.com\ntransfer-encoding: chunked\n\ncaf\\xe9\n";
    FIXTURE.get_or_init(|| text.parse().unwrap());
    let case = |client: Client| {
        let answer = client.replay(FIXTURE.get().unwrap()).answer();
        assert_eq!(answer.body(), &Bytes::from_static(b"caf\xe9"));
    };
    everywhere(app, case);
    over_http2(app, case);
}
