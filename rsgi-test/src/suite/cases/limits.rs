//! The named limits of heads and bodies: what passes them, and what is told then.
//!
//! The clocks are in `limits_of_time.rs`, those of connections and queues in `limits_of_load.rs`, the write buffer in
//! `backpressure.rs`, HTTP/2's own limits in `h2_*.rs`.

use rsgi_core::http::StatusCode;
use rsgi_core::server::Limits;
use rsgi_core::{BoxApp, Environ, StartResponse, app_fn};

use super::limits_of_time::SOON;
use crate::suite::apps::{TEXT, text, watching};
use crate::suite::case::Case;
use crate::suite::ground::{Ground, Server};
use crate::suite::noting::{Noted, noting};
use crate::wire::bytes::{chunked_head, chunks, get, noise, post, request};

pub(super) const CASES: &[Case] = &[
    Case::hosted("a_target_over_the_limit_is_414", &[39], |ground| {
        let (server, noted) = limited(ground, |limits| limits.target_bytes = 100);
        let fits = format!("/{}", "t".repeat(99));
        assert_eq!(server.client().ask(get(&fits)).status(), 200);
        assert_eq!(noted.seen().target, fits);
        refused(&server, &get(&format!("{fits}t")), 414);
        noted.unseen();
    }),
    Case::hosted("too_many_fields_are_431", &[39], |ground| {
        let (server, noted) = limited(ground, |limits| limits.header_count = 10);
        let fields = |count: usize| vec![("x-a", "1"); count];
        assert_eq!(server.client().ask(request("GET", "/", &fields(9), b"")).status(), 200);
        assert_eq!(noted.seen().headers.len(), 10);
        refused(&server, &request("GET", "/", &fields(10), b""), 431);
        noted.unseen();
    }),
    Case::hosted("a_field_over_the_limit_is_431", &[39], |ground| {
        let (server, noted) = limited(ground, |limits| limits.header_bytes = 1000);
        assert_eq!(server.client().ask(request("GET", "/", &[("x-a", &"v".repeat(990))], b"")).status(), 200);
        noted.seen();
        refused(&server, &request("GET", "/", &[("x-a", &"v".repeat(1001))], b""), 431);
        noted.unseen();
    }),
    Case::hosted("a_head_over_the_limit_is_431", &[39], |ground| {
        let (server, noted) = limited(ground, |limits| {
            limits.head_bytes = 8192;
            limits.target_bytes = 1000;
            limits.header_bytes = 8192;
        });
        let value = "v".repeat(1000);
        let fields = |count: usize| vec![("x-a", value.as_str()); count];
        assert_eq!(server.client().ask(request("GET", "/", &fields(7), b"")).status(), 200);
        noted.seen();
        refused(&server, &request("GET", "/", &fields(9), b""), 431);
        let endless = request("GET", "/", &fields(2000), b"");
        refused(&server, &endless[..endless.len() - 2], 431);
        noted.unseen();
    }),
    // An announced length may be refused without the app; what turns out too long while it is read may not.
    Case::hosted("a_body_over_the_limit_is_a_typed_error_and_413", &[57], |ground| {
        let (server, noted) = limited(ground, |limits| limits.body_bytes = Some(1000));
        let (fits, over) = (noise(1000), noise(1001));
        let mut client = server.client();
        assert_eq!(client.ask(post("/", &fits)).status(), 200);
        assert_eq!(
            client.ask([chunked_head("/"), chunks(&[&fits[..500], &fits[500..]])].concat()).status(),
            200
        );
        for _ in 0..2 {
            assert!(noted.seen().body.unwrap() == fits);
        }
        refused(&server, &[chunked_head("/"), chunks(&[&over[..500], &over[500..]])].concat(), 413);
        assert_eq!(noted.seen().body, Err("Limit".to_owned()));
        refused(&server, &post("/", &over), 413);
    }),
    // What comes behind an upgrade has no limit; what comes before it is a body as any other.
    Case::hosted("the_offer_of_an_upgrade_is_no_way_round_the_limit", &[57], |ground| {
        let (server, noted) = limited(ground, |limits| limits.body_bytes = Some(1000));
        let (fits, over) = (noise(1000), noise(1001));
        let offering = |content: &[u8]| {
            let chunked = [chunked_head("/"), chunks(&[&content[..500], &content[500..]])].concat();
            let head = b"POST / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n";
            let rest = chunked.iter().position(|byte| *byte == b'\n').expect("a first line") + 1;
            [&head[..], &chunked[rest..]].concat()
        };
        assert_eq!(server.client().ask(offering(&fits)).status(), 200);
        assert!(noted.seen().body.unwrap() == fits);
        refused(&server, &offering(&over), 413);
        assert_eq!(noted.seen().body, Err("Limit".to_owned()));
    }),
    // An app that handles the error itself answers as it likes.
    Case::hosted("an_app_may_answer_a_body_over_the_limit_itself", &[57], |ground| {
        let app = app_fn(async |mut environ: Environ, start_response: StartResponse| {
            let kind = environ.input_mut().collect(u64::MAX).await.unwrap_err().kind();
            Ok(start_response.start(StatusCode::UNPROCESSABLE_ENTITY, TEXT)?.body(format!("{kind:?}")))
        });
        let server = ground.serve_with(app, |config| config.limits(|limits| limits.body_bytes = Some(10)));
        let answer = server.client().ask([chunked_head("/"), chunks(&[b"0123456789", b"x"])].concat());
        assert_eq!((answer.status(), answer.text()), (422, "Limit"));
    }),
    // An app may set another limit for its request, and what it doesn't handle becomes a 413.
    Case::message("an_app_may_allow_itself_less", &[57], allows_itself_less, |talk| {
        assert_eq!(talk.post("/").body("12345").answer().text(), "12345");
        assert_eq!(talk.post("/").pieces(["12", "345"]).answer().text(), "12345");
        assert_eq!(talk.post("/").body("123456").answer().status(), 413);
        assert_eq!(talk.post("/").pieces(["123", "456"]).answer().status(), 413);
        assert_eq!(talk.post("/").body("12345").answer().text(), "12345", "the next request has it afresh");
    }),
    // What is thrown away is bounded too.
    Case::hosted("chunk_extensions_are_bounded", &[49], |ground| {
        let (server, noted) = limited(ground, |limits| limits.chunk_extension_bytes = 1000);
        assert_eq!(server.client().ask(extended(9)).status(), 200);
        assert_eq!(noted.seen().text(), "x".repeat(9));
        refused(&server, &extended(11), 400);
        assert!(noted.seen().body.is_err());
    }),
    Case::wire("endless_chunk_extensions_are_refused", &[49], watching, |talk| {
        let mut client = talk.raw();
        let _cut_short = client.try_send([talk.raw_chunked("/"), extensions(2000)].concat());
        assert_eq!(client.answer().status(), 400);
        assert!(talk.seen().body.is_err());
    }),
    Case::hosted("trailers_are_bounded", &[66], |ground| {
        let (server, noted) = limited(ground, |limits| limits.trailer_bytes = 500);
        assert_eq!(server.client().ask([chunked_head("/"), trailer(400)].concat()).status(), 200);
        assert_eq!(noted.seen().trailers.len(), 1);
        refused(&server, &[chunked_head("/"), trailer(600)].concat(), 400);
        assert!(noted.seen().body.is_err());
    }),
    Case::wire("endless_trailers_are_refused", &[66], watching, |talk| {
        let mut client = talk.raw();
        let _cut_short = client.try_send([talk.raw_chunked("/"), trailer(100_000)].concat());
        assert_eq!(client.answer().status(), 400);
        assert!(talk.seen().body.is_err());
    }),
    // How much of an unread body is read for the next request's sake is bounded.
    Case::hosted("a_large_unread_body_is_not_read_to_its_end", &[59, 129], |ground| {
        let server = ground.serve_with(text("enough"), |config| {
            let config = config.timeouts(|timeouts| timeouts.linger = SOON);
            config.limits(|limits| {
                limits.discard_bytes = 10_000;
                limits.body_bytes = None;
            })
        });
        let mut client = server.client();
        client.send(request("POST", "/", &[("content-length", "1000000000000")], b""));
        assert_eq!(client.answer().text(), "enough");
        let taken = client.stuff(&[b'x'; 10_000], 1 << 30);
        assert!(taken < 64 << 20, "{taken} bytes were taken");
        client.rest();
    }),
    // A body read ahead is the same body.
    Case::hosted("the_request_buffer_changes_nothing_an_app_sees", &[39, 59], |ground| {
        let (server, noted) = limited(ground, |limits| limits.request_buffer = 1000);
        for size in [0, 1, 999, 1000, 1001, 50_000] {
            let content = noise(size);
            let mut client = server.client();
            let request = post("/", &content);
            let half = request.len() / 2;
            client.send(&request[..half]).send(&request[half..]);
            assert_eq!(client.answer().status(), 200);
            assert!(noted.seen().body.unwrap() == content, "{size}");
            assert_eq!(client.ask([chunked_head("/"), chunks(&[b"ab", b"c"])].concat()).status(), 200);
            assert_eq!(noted.seen().text(), "abc");
        }
    }),
];

/// A server with limits changed, whose app tells what it saw.
fn limited(ground: &Ground, change: impl FnOnce(&mut Limits)) -> (Server, Noted) {
    let (app, noted) = noting(watching());
    (ground.serve_with(app, |config| config.limits(change)), noted)
}

/// Sends what is over a limit: a server may answer before it has taken everything.
fn refused(server: &Server, bytes: &[u8], status: u16) {
    let mut client = server.client();
    let _cut_short = client.try_send(bytes);
    assert_eq!(client.answer().status(), status);
    client.rest();
}

fn allows_itself_less() -> BoxApp {
    BoxApp::new(app_fn(async |mut environ: Environ, start_response: StartResponse| {
        environ.input_mut().set_limit(5);
        let whole = environ.input_mut().collect(u64::MAX).await?;
        Ok(start_response.start(StatusCode::OK, TEXT)?.body(whole))
    }))
}

/// Content in chunks of one byte, each with an extension of 100 bytes.
fn extensions(count: usize) -> Vec<u8> {
    let chunk = format!("1;{}\r\nx\r\n", "e".repeat(99));
    [chunk.repeat(count), "0\r\n\r\n".to_owned()].concat().into_bytes()
}

fn extended(count: usize) -> Vec<u8> {
    [chunked_head("/"), extensions(count)].concat()
}

/// Content of one byte in chunks, and a field of this size behind it.
fn trailer(size: usize) -> Vec<u8> {
    format!("1\r\nx\r\n0\r\nx-t: {}\r\n\r\n", "t".repeat(size)).into_bytes()
}
