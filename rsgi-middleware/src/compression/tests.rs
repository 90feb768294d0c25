//! What `Compression` codes, what it leaves alone, and what a client can make of it at once.

use std::io::Write as _;
use std::pin::Pin;
use std::sync::Arc;

use rsgi_core::bytes::Bytes;
use rsgi_core::http::header::ACCEPT_ENCODING;
use rsgi_core::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use rsgi_core::{
    App, Body, Change as _, Environ, Error, Middleware as _, Offload, Pool, StartResponse, Started, app_fn,
    http_body, wait,
};
use rsgi_test::{Answer, Client, Framing};

use super::{Compression, Effort, answer, encoder};
use crate::Coding;
use crate::coding::Wish;
use crate::elsewhere::Elsewhere;

const ALL: [Coding; 3] = [Coding::Brotli, Coding::Gzip, Coding::Zstd];

fn text() -> String {
    (0..400)
        .fold(String::new(), |text, number| format!("{text}line {number} of a text that repeats itself\n"))
}

fn decoded(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new(coding);
    decoder.feed(bytes);
    decoder.came().to_vec()
}

/// Decodes what has come so far, as a client of a stream does.
enum Decoder {
    Brotli(Box<brotli::DecompressorWriter<Vec<u8>>>),
    Gzip(Box<flate2::write::GzDecoder<Vec<u8>>>),
    Zstd(zstd::stream::write::Decoder<'static, Vec<u8>>),
}

impl Decoder {
    fn new(coding: &str) -> Self {
        match coding {
            "br" => Self::Brotli(Box::new(brotli::DecompressorWriter::new(Vec::new(), 4096))),
            "gzip" => Self::Gzip(Box::new(flate2::write::GzDecoder::new(Vec::new()))),
            "zstd" => Self::Zstd(zstd::stream::write::Decoder::new(Vec::new()).unwrap()),
            other => panic!("{other:?} is none of the codings"),
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        match self {
            Self::Brotli(decoder) => decoder.write_all(bytes).and_then(|()| decoder.flush()),
            Self::Gzip(decoder) => decoder.write_all(bytes).and_then(|()| decoder.flush()),
            Self::Zstd(decoder) => decoder.write_all(bytes).and_then(|()| decoder.flush()),
        }
        .unwrap();
    }

    fn came(&self) -> &[u8] {
        match self {
            Self::Brotli(decoder) => decoder.get_ref(),
            Self::Gzip(decoder) => decoder.get_ref(),
            Self::Zstd(decoder) => decoder.get_ref(),
        }
    }
}

/// Answers with these fields and this body.
fn app(fields: FieldList, body: impl Fn() -> Body + Clone + Send + Sync + 'static) -> impl App {
    app_fn(move |_, start_response: StartResponse| {
        let body = body();
        async move { Ok(start_response.start(StatusCode::OK, fields.iter().copied())?.body(body)) }
    })
}

fn client(app: impl App) -> Client {
    Client::new(Compression::new().wrap(app))
}

type FieldList = &'static [(&'static str, &'static str)];

const PLAIN: FieldList = &[("content-type", "text/plain; charset=utf-8")];

fn get(client: &Client, accepted: &str) -> Answer {
    client.get("/").header("accept-encoding", accepted).answer()
}

#[test]
fn content_in_memory_comes_back_whole_with_its_exact_length() {
    for effort in [Effort::Fast, Effort::Balanced, Effort::Small] {
        let settings = Compression::new().effort(effort);
        let client = Client::new(settings.wrap(app(PLAIN, || Body::from(text()))));
        for coding in ALL {
            let answer = get(&client, coding.as_str());
            assert_eq!(answer.field("content-encoding"), Some(coding.as_str()));
            assert_eq!(answer.field("content-length"), Some(&*answer.body().len().to_string()));
            assert_eq!(answer.framing(), Framing::Length(answer.body().len() as u64));
            assert!(answer.body().len() < text().len() / 4);
            assert_eq!(decoded(coding.as_str(), answer.body()), text().as_bytes());
        }
    }
}

#[test]
fn a_piece_of_a_stream_can_be_decoded_when_it_arrives() {
    let pieces = ["data: one\n\n", "data: two\n\n", "data: three\n\n"];
    let kind: &[_] = &[("content-type", "text/event-stream")];
    let sent = move || {
        Body::send(async move |sender| {
            for piece in pieces {
                sender.send(piece).await?;
                sender.flush().await?;
            }
            std::future::pending::<()>().await;
            Ok(())
        })
    };
    let polled = client(app(kind, sent));
    let blocking = client(app(kind, move || Body::iter(pieces)));
    for (client, coding) in [&polled, &blocking].into_iter().flat_map(|it| ALL.map(|coding| (it, coding))) {
        let mut open = client.get("/").header("accept-encoding", coding.as_str()).open().unwrap();
        assert_eq!(open.head().unwrap().field("content-encoding"), Some(coding.as_str()));
        let (mut decoder, mut expected) = (Decoder::new(coding.as_str()), String::new());
        for piece in pieces {
            decoder.feed(&open.piece().unwrap().unwrap());
            expected.push_str(piece);
            assert_eq!(String::from_utf8_lossy(decoder.came()), expected, "{coding}");
        }
    }
}

#[test]
fn a_stream_ends_decodable_and_keeps_its_trailers() {
    let trailed = || {
        let sum = HeaderName::from_static("x-sum");
        let trailers = HeaderMap::from_iter([(sum.clone(), HeaderValue::from_static("9"))]);
        Body::iter(text().lines().map(str::to_owned).collect::<Vec<_>>()).with_trailers([sum], || trailers)
    };
    let client = client(app(PLAIN, trailed));
    for coding in ALL {
        let answer =
            client.get("/").header("accept-encoding", coding.as_str()).header("te", "trailers").answer();
        assert_eq!(decoded(coding.as_str(), answer.body()), text().replace('\n', "").as_bytes());
        assert_eq!(answer.trailers().unwrap()["x-sum"], "9");
    }
}

#[test]
fn a_stream_that_breaks_is_seen_to_break() {
    let broken = || Body::iter([Ok(text()), Err(std::io::Error::other("the disk is gone"))]);
    let error = client(app(PLAIN, broken)).get("/").header("accept-encoding", "gzip").send().unwrap_err();
    assert_eq!(error.came().map(Answer::is_whole), Some(false));
}

#[test]
fn a_length_that_the_app_declared_is_kept_though_it_is_not_sent() {
    let declared: FieldList = &[("content-type", "text/plain"), ("content-length", "2000")];
    for (length, whole) in [(1999, false), (2000, true), (2001, true)] {
        let stream = move || Body::iter(["a".repeat(length - 1), "b".to_owned()]);
        for coding in ALL {
            let client = client(app(declared, stream));
            let sent = client.get("/").header("accept-encoding", coding.as_str()).send();
            assert_eq!(sent.is_ok(), whole, "{length}");
            if let Ok(answer) = sent {
                assert_eq!(decoded(coding.as_str(), answer.body()).len(), 2000, "the surplus isn't sent");
            }
        }
    }
    let wrong = client(app(declared, || Body::from("a".repeat(1500))));
    assert_eq!(get(&wrong, "gzip").status(), 500, "a contradiction is refused");
}

fn asked(accepted: &str, app: impl App) -> Started {
    let request = Request::get("/").header("accept-encoding", accepted).body(()).unwrap();
    let app = Compression::new().wrap(app);
    wait(app.call(Environ::for_test(request), StartResponse::new())).unwrap()
}

#[test]
fn a_body_that_blocks_goes_on_to_block_and_others_do_not() {
    let blocking = asked("zstd", app(PLAIN, || Body::iter(["a", "b"])));
    assert!(blocking.body().blocks());
    let polled = asked("zstd", app(PLAIN, || Body::send(async |sender| Ok(sender.send("a").await?))));
    assert!(!polled.body().blocks() && polled.headers().contains_key("content-encoding"));
    assert!(!asked("zstd", app(PLAIN, || Body::from(text()))).body().blocks());
}

#[test]
fn another_client_would_get_another_answer_and_caches_are_told_so() {
    let client = client(app(PLAIN, || Body::from(text())));
    for accepted in ["gzip", "identity", "", "gzip;q=0", "deflate"] {
        assert_eq!(get(&client, accepted).field("vary"), Some("accept-encoding"), "{accepted}");
    }
    assert_eq!(client.get("/").answer().field("content-encoding"), None);
    let varied = app(&[("content-type", "text/css"), ("vary", "origin")], || Body::from(text()));
    assert_eq!(asked("br", varied).headers().get_all("vary").iter().count(), 2);
}

#[test]
fn what_is_not_worth_it_or_may_not_be_coded_goes_as_it_is() {
    let cases: &[(FieldList, Option<&str>)] = &[
        (&[("content-type", "image/png")], None),
        (&[], None),
        (&[("content-type", "text/plain"), ("content-encoding", "br")], None),
        (&[("content-type", "text/plain"), ("cache-control", "public, no-transform")], None),
        (&[("content-type", "text/plain"), ("content-range", "bytes 0-9/20")], None),
        (&[("content-type", "text/plain"), ("content-encoding", "identity")], Some("gzip")),
        (&[("content-type", "TEXT/plain;charset=x")], Some("gzip")),
    ];
    for (fields, coding) in cases {
        let answer = get(&client(app(fields, || Body::from(text()))), "gzip");
        let found = answer.field("content-encoding").filter(|found| *found == "gzip");
        assert_eq!(found, *coding, "{fields:?}");
        if coding.is_none() {
            assert_eq!(answer.text(), text());
            assert_eq!(answer.field("vary"), None, "{fields:?}");
        }
    }
}

#[test]
fn statuses_without_whole_content_are_let_be() {
    for (status, vary) in [(204, None), (206, Some("accept-encoding")), (304, Some("accept-encoding"))] {
        let status = StatusCode::from_u16(status).unwrap();
        let app = app_fn(move |_, start_response: StartResponse| async move {
            let head = start_response.start(status, [("content-type", "text/plain"), ("etag", "\"x\"")])?;
            Ok(if status == 206 { head.body(text()) } else { head.empty() })
        });
        let answer = get(&client(app), "gzip");
        assert_eq!((answer.status(), answer.field("content-encoding")), (status.as_u16(), None));
        assert_eq!(answer.field("vary"), vary);
        let tag = if status == 304 { "W/\"x\"" } else { "\"x\"" };
        assert_eq!(answer.field("etag"), Some(tag), "a 304 names the tag of the coded answer it stands for");
    }
}

#[test]
fn content_is_coded_from_the_threshold_on() {
    for (length, coding) in [(1023, None), (1024, Some("gzip"))] {
        let whole = client(app(PLAIN, move || Body::from("a".repeat(length))));
        assert_eq!(get(&whole, "gzip").field("content-encoding"), coding, "{length}");
    }
    let declared: &[_] = &[("content-type", "text/plain"), ("content-length", "4")];
    let short = client(app(declared, || Body::iter(["ab", "cd"])));
    assert_eq!(get(&short, "gzip").field("content-encoding"), None);
    let unknown = client(app(PLAIN, || Body::iter(["ab", "cd"])));
    assert_eq!(get(&unknown, "gzip").field("content-encoding"), Some("gzip"));
}

#[test]
fn content_that_gets_no_smaller_is_sent_as_it_is() {
    let numbers =
        (0..2000_u64).fold(String::new(), |text, number| format!("{text}{}", number * number * number));
    let packed = encoder::encode(Coding::Zstd, Effort::Small, numbers.as_bytes()).unwrap();
    let client = client(app(PLAIN, move || Body::from(packed.clone())));
    let answer = get(&client, "zstd");
    assert_eq!((answer.field("content-encoding"), answer.field("vary")), (None, Some("accept-encoding")));
}

#[test]
fn a_client_that_refuses_identity_gets_a_coding_even_of_little() {
    let little = client(app(PLAIN, || Body::from("little")));
    let answer = get(&little, "gzip, identity;q=0");
    assert_eq!(answer.field("content-encoding"), Some("gzip"));
    assert_eq!(decoded("gzip", answer.body()), b"little");
    let nothing = get(&little, "deflate, *;q=0");
    assert_eq!((nothing.status(), nothing.text()), (200, "little"));
}

#[test]
fn the_fields_of_the_plain_bytes_are_mended() {
    let fields: &[_] = &[
        ("content-type", "text/plain"),
        ("etag", "\"x\""),
        ("accept-ranges", "bytes"),
        ("content-length", "15490"),
        ("content-digest", "sha-256=:AA==:"),
        ("repr-digest", "sha-256=:AA==:"),
    ];
    let client = client(app(fields, || Body::from(text())));
    let (plain, coded) = (get(&client, "identity"), get(&client, "gzip"));
    assert_eq!((plain.field("etag"), plain.field("accept-ranges")), (Some("\"x\""), Some("bytes")));
    assert!(plain.field("content-digest").is_some() && plain.field("content-length") == Some("15490"));
    assert_eq!((coded.field("etag"), coded.field("accept-ranges")), (Some("W/\"x\""), None));
    assert_eq!((coded.field("content-digest"), coded.field("repr-digest")), (None, None));
    assert_eq!(coded.field("content-length"), Some(&*coded.body().len().to_string()));
}

/// The fields but the time of the answer.
fn undated(answer: &Answer) -> HeaderMap {
    let mut fields = answer.headers().clone();
    fields.remove("date");
    fields
}

#[test]
fn head_gets_the_fields_of_get() {
    let declared: &[_] = &[("content-type", "text/plain"), ("content-length", "15490"), ("etag", "\"x\"")];
    let whole = client(app(PLAIN, || Body::from(text())));
    let stream = client(app(PLAIN, || Body::iter([text()])));
    let small = client(app(PLAIN, || Body::from("small")));
    let told = client(app(declared, || Body::iter([text()])));
    for client in [whole, stream, small, told] {
        for accepted in ["gzip", "zstd", "identity"] {
            let head = client.head("/").header("accept-encoding", accepted).answer();
            assert_eq!(undated(&head), undated(&get(&client, accepted)));
            assert!(head.body().is_empty());
        }
    }
}

#[test]
fn an_app_that_leaves_the_content_of_head_out_is_believed_what_it_tells() {
    let outline: &[_] = &[("content-type", "text/plain"), ("content-length", "5000")];
    let head = client(app(outline, Body::empty)).head("/").header("accept-encoding", "gzip").answer();
    assert_eq!((head.field("content-encoding"), head.field("content-length")), (Some("gzip"), None));
    let short: &[_] = &[("content-type", "text/plain"), ("content-length", "50")];
    let head = client(app(short, Body::empty)).head("/").header("accept-encoding", "gzip").answer();
    assert_eq!((head.field("content-encoding"), head.field("content-length")), (None, Some("50")));
    let silent = client(app(PLAIN, Body::empty)).head("/").header("accept-encoding", "gzip").answer();
    assert_eq!((silent.field("content-encoding"), silent.field("vary")), (None, Some("accept-encoding")));
}

#[test]
fn much_content_is_coded_where_blocking_is_allowed_and_little_where_it_is() {
    for (length, jobs) in [(32 * 1024 - 1, 0), (32 * 1024, 1)] {
        let pool = Arc::new(Elsewhere::default());
        let offload = Offload::Pool(Arc::clone(&pool) as Arc<dyn Pool>);
        let started = StartResponse::new().start(StatusCode::OK, PLAIN.iter().copied()).unwrap();
        let wanted = answer::Wanted { best: Some(Coding::Brotli), refuses_identity: false, is_head: false };
        let started = started.body("a".repeat(length));
        let coded = wait(answer::answer(&Compression::new(), &wanted, Some(offload), started)).unwrap();
        assert_eq!(coded.headers()["content-encoding"], "br");
        assert_eq!(pool.jobs(), jobs, "{length}");
    }
}

/// Codes a body for a server with such a pool: gives what it is coded to, its trailers, and the jobs it took.
fn coded_elsewhere(coding: Coding, body: Body) -> (Result<Vec<u8>, Error>, Option<HeaderMap>, usize) {
    let pool = Arc::new(Elsewhere::default());
    let offload = Offload::Pool(Arc::clone(&pool) as Arc<dyn Pool>);
    let started = StartResponse::new().start(StatusCode::OK, PLAIN.iter().copied()).unwrap();
    let wanted = answer::Wanted { best: Some(coding), refuses_identity: false, is_head: false };
    let settings = Compression::new();
    let answering = answer::answer(&settings, &wanted, Some(offload), started.body(body));
    let mut coded = Body::empty();
    let _taken = wait(answering).unwrap().map_body(|body| {
        coded = body;
        Body::empty()
    });
    let (mut pulled, mut bytes, mut trailers) = (coded.into_polled().unwrap(), Vec::new(), None);
    let came = wait(async {
        while let Some(frame) =
            std::future::poll_fn(|context| http_body::Body::poll_frame(Pin::new(&mut pulled), context)).await
        {
            match frame?.into_data() {
                Ok(data) => bytes.extend_from_slice(&data),
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        Ok(())
    });
    (came.map(|()| bytes), trailers, pool.jobs())
}

#[test]
fn large_pieces_of_a_polled_stream_are_coded_where_blocking_is_allowed_and_small_ones_are_not() {
    let pieces: Vec<Bytes> = [10, 32 * 1024, 32 * 1024 - 1, 100_000, 0, 3]
        .into_iter()
        .zip(0_u8..)
        .map(|(length, number)| Bytes::from(vec![b'a' + number; length]))
        .collect();
    let plain = pieces.concat();
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("x-sum"), HeaderValue::from_static("7"))]);
    for coding in ALL {
        let (pieces, sent) = (pieces.clone(), trailers.clone());
        let body = Body::send(async move |sender| {
            for piece in pieces {
                sender.send(piece).await?;
                // Else nobody could tell whether the next is asked for before its time.
                sender.flush().await?;
            }
            sender.trailers(sent);
            Ok(())
        });
        let (coded, came, jobs) = coded_elsewhere(coding, body);
        assert!(decoded(&coding.to_string(), &coded.unwrap()) == plain, "{coding}");
        assert_eq!((came, jobs), (Some(trailers.clone()), 2), "{coding}");
    }
}

#[test]
fn an_error_behind_a_large_piece_and_a_length_that_is_not_kept_break_the_stream() {
    let failing = Body::send(async |sender| {
        sender.send(vec![b'a'; 50_000]).await?;
        Err("the app's own".into())
    });
    let (came, _, jobs) = coded_elsewhere(Coding::Gzip, failing);
    assert_eq!((came.unwrap_err().to_string().as_str(), jobs), ("the app's own", 1));
    let short = Body::send(async |sender| sender.send(vec![b'a'; 50_000]).await).with_length(60_000);
    assert!(coded_elsewhere(Coding::Gzip, short).0.is_err());
}

#[test]
fn a_body_that_blocks_stays_one() {
    let offload = Offload::Pool(Arc::new(Elsewhere::default()));
    let stream = encoder::Stream::new(Coding::Gzip, Effort::Balanced, None).unwrap();
    assert!(super::polled::coded(Body::iter([vec![b'a'; 50_000]]), stream, Some(offload)).blocks());
}

#[test]
fn an_open_stream_holds_little_more_than_a_mebibyte() {
    // zstd's memory isn't counted here, as C asks for it; its window is the same.
    for coding in [Coding::Brotli, Coding::Gzip] {
        let mut held = 0;
        let counted = allocation_counter::measure(|| {
            let mut stream = encoder::Stream::new(coding, Effort::Balanced, None).unwrap();
            for _ in 0..100 {
                held += stream.piece(Bytes::from(text())).unwrap().len();
            }
        });
        assert!(held > 0 && counted.bytes_max < (1 << 20) * 5 / 4, "{coding}: {} bytes", counted.bytes_max);
    }
}

#[test]
fn an_error_of_the_app_stays_one() {
    let failing = app_fn(|_, _| async { Err::<Started, Error>("no answer".into()) });
    assert_eq!(get(&client(failing), "gzip").status(), 500);
}

#[test]
fn identity_is_refused_by_name_or_with_all_others() {
    let wish = |field: &'static str| {
        Wish::read(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(field))]))
    };
    for (field, refused) in [
        ("identity;q=0", true),
        ("gzip, identity;q=0.0", true),
        ("*;q=0", true),
        ("gzip, *;q=0", true),
        ("identity;q=0.1, *;q=0", false),
        ("gzip", false),
        ("gzip;q=0", false),
        ("", false),
    ] {
        assert_eq!(wish(field).refuses_identity(), refused, "{field:?}");
    }
}
