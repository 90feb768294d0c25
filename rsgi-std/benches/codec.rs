//! Counts what the codec costs: parse a keep-alive request, encode a small answer, over and over.
//!
//! Meant for `valgrind --tool=callgrind`, which counts instructions: run it with two numbers of rounds and divide the
//! difference; its report names the shares of `parse` and `encode`. The first argument is the number of rounds, the second names the request (`wrk`, `curl`, `browser`).
//! Not a clock: it prints nothing but the bytes it wrote, so that nothing is optimised away.

use std::time::SystemTime;

use bytes::BytesMut;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use rsgi_std::h1::{
    AnswerFraming, AnswerHead, ConnectionField, HeadLimits, HeadParser, HeadProgress, RequestHead,
    StandingFields, encode_head,
};

const WRK: &[u8] = b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n";
const CURL: &[u8] =
    b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n";
const BROWSER: &[u8] = b"GET /ping?a=1 HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\nCookie: session=0123456789abcdef\r\n\
Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nPriority: u=0, i\r\n\r\n";

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let rounds = arguments.next().and_then(|rounds| rounds.parse().ok()).unwrap_or(1_000_u32);
    let request = match arguments.next().as_deref() {
        Some("curl") => CURL,
        Some("browser") => BROWSER,
        _ => WRK,
    };
    let standing = StandingFields::new(Some(&HeaderValue::from_static("rsgi")), SystemTime::now());
    let mut parser = HeadParser::new(HeadLimits::default());
    let mut progress = HeadProgress::default();
    let mut buf = BytesMut::with_capacity(8_192);
    let mut out = Vec::with_capacity(8_192);
    let mut written = 0;
    for _ in 0..rounds {
        buf.reserve(4_096);
        buf.extend_from_slice(request);
        let Some(head) = parse(&mut parser, &mut progress, &mut buf) else { std::process::exit(1) };
        drop((head.uri, head.method));
        // The app's answer reuses the map in the request's stead, so that the codec alone is counted.
        let mut headers: HeaderMap = head.headers;
        headers.clear();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        encode(&mut out, &headers, &standing);
        written += out.len();
        out.clear();
        parser.recycle(headers);
    }
    eprintln!("{written} bytes");
}

/// Kept out of line, so that callgrind tells parsing from the rest.
#[inline(never)]
fn parse(parser: &mut HeadParser, progress: &mut HeadProgress, buf: &mut BytesMut) -> Option<RequestHead> {
    parser.parse(progress, buf).ok().flatten()
}

/// Kept out of line, so that callgrind tells encoding from the rest.
#[inline(never)]
fn encode(out: &mut Vec<u8>, headers: &HeaderMap, standing: &StandingFields) {
    let answer = AnswerHead {
        status: StatusCode::OK,
        headers,
        framing: AnswerFraming::Length(4),
        connection: ConnectionField::Omitted,
    };
    encode_head(out, &answer, standing);
    out.extend_from_slice(b"pong");
}
