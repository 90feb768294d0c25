//! The bytes of answers.

use std::num::NonZeroUsize;
use std::time::{Duration, UNIX_EPOCH};

use http::StatusCode;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, LINK, SERVER, SET_COOKIE,
    TRANSFER_ENCODING, UPGRADE,
};

use super::*;

const DATE_LINE: &str = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

fn standing(server: Option<&'static str>) -> StandingFields {
    let server = server.map(HeaderValue::from_static);
    StandingFields::new(server.as_ref(), UNIX_EPOCH + Duration::from_secs(784_111_777))
}

fn fields<const N: usize>(fields: [(http::HeaderName, &'static str); N]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(name, HeaderValue::from_static(value));
    }
    map
}

fn encode(headers: &HeaderMap, framing: AnswerFraming, connection: ConnectionField) -> String {
    let mut out = Vec::new();
    let head = AnswerHead { status: StatusCode::OK, headers, framing, connection };
    encode_head(&mut out, &head, &standing(None));
    String::from_utf8(out).unwrap()
}

#[test]
fn a_head_has_status_fields_framing_connection_and_date() {
    let headers = fields([(CONTENT_TYPE, "text/plain")]);
    let head = AnswerHead {
        status: StatusCode::OK,
        headers: &headers,
        framing: AnswerFraming::Length(4),
        connection: ConnectionField::Close,
    };
    let mut out = Vec::new();
    encode_head(&mut out, &head, &standing(Some("rsgi")));
    let expected = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 4\r\nconnection: close\r\n\
         server: rsgi\r\n{DATE_LINE}\r\n"
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn every_status_has_its_reason_or_none_but_always_the_blank() {
    for code in 100..1_000 {
        let status = StatusCode::from_u16(code).unwrap();
        let mut out = Vec::new();
        encode_informational(&mut out, status, &HeaderMap::new());
        let reason = status.canonical_reason().unwrap_or("");
        assert_eq!(out, format!("HTTP/1.1 {code} {reason}\r\n\r\n").into_bytes());
    }
}

#[test]
fn framing_decides_what_becomes_of_a_content_length() {
    let headers = fields([(CONTENT_LENGTH, "7")]);
    for (framing, expected) in [
        (AnswerFraming::AsGiven, "content-length: 7\r\n"),
        (AnswerFraming::Length(9), "content-length: 9\r\n"),
        (AnswerFraming::Chunked, "transfer-encoding: chunked\r\n"),
        (AnswerFraming::UntilClose, ""),
        (AnswerFraming::Nothing, ""),
    ] {
        let expected = format!("HTTP/1.1 200 OK\r\n{expected}{DATE_LINE}\r\n");
        assert_eq!(encode(&headers, framing, ConnectionField::Omitted), expected);
    }
}

#[test]
fn lengths_are_written_in_full() {
    for length in [0, 9, 10, 12_345, u64::MAX] {
        let head = encode(&HeaderMap::new(), AnswerFraming::Length(length), ConnectionField::Omitted);
        assert!(head.contains(&format!("\r\ncontent-length: {length}\r\n")), "{head}");
    }
}

#[test]
fn the_connection_field_is_the_servers() {
    let headers = fields([(CONNECTION, "x"), (TRANSFER_ENCODING, "y")]);
    for (connection, expected) in [
        (ConnectionField::Omitted, ""),
        (ConnectionField::KeepAlive, "connection: keep-alive\r\n"),
        (ConnectionField::Close, "connection: close\r\n"),
        (ConnectionField::Upgrade, "connection: upgrade\r\n"),
    ] {
        let expected = format!("HTTP/1.1 200 OK\r\n{expected}{DATE_LINE}\r\n");
        assert_eq!(encode(&headers, AnswerFraming::Nothing, connection), expected);
    }
}

#[test]
fn an_upgrade_field_is_named_in_connection() {
    let headers = fields([(UPGRADE, "echo")]);
    for (connection, expected) in [
        (ConnectionField::Omitted, "upgrade"),
        (ConnectionField::KeepAlive, "keep-alive, upgrade"),
        (ConnectionField::Close, "close, upgrade"),
        (ConnectionField::Upgrade, "upgrade"),
    ] {
        let head = encode(&headers, AnswerFraming::Nothing, connection);
        assert!(head.contains(&format!("\r\nupgrade: echo\r\nconnection: {expected}\r\n")), "{head}");
    }
}

#[test]
fn repeated_fields_are_all_sent_in_order() {
    let headers = fields([(SET_COOKIE, "a=1"), (CONTENT_TYPE, "x"), (SET_COOKIE, "b=2")]);
    let head = encode(&headers, AnswerFraming::Nothing, ConnectionField::Omitted);
    assert!(head.contains("\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n"), "{head}");
}

#[test]
fn values_are_sent_byte_by_byte() {
    let mut headers = HeaderMap::new();
    headers.insert("x", HeaderValue::from_bytes(b"a\tb\xff").unwrap());
    let mut out = Vec::new();
    encode_informational(&mut out, StatusCode::EARLY_HINTS, &headers);
    assert_eq!(out, b"HTTP/1.1 103 Early Hints\r\nx: a\tb\xff\r\n\r\n");
}

#[test]
fn an_apps_own_date_and_server_win_and_come_once() {
    let cases: [(HeaderMap, &str); 3] = [
        (fields([(DATE, "d"), (DATE, "e")]), "date: d\r\nserver: rsgi\r\n"),
        (fields([(SERVER, "s"), (SERVER, "t")]), &format!("server: s\r\n{DATE_LINE}")),
        (fields([(SERVER, "s"), (DATE, "d")]), "server: s\r\ndate: d\r\n"),
    ];
    for (headers, expected) in cases {
        let head = AnswerHead {
            status: StatusCode::NO_CONTENT,
            headers: &headers,
            framing: AnswerFraming::Nothing,
            connection: ConnectionField::Omitted,
        };
        let mut out = Vec::new();
        encode_head(&mut out, &head, &standing(Some("rsgi")));
        assert_eq!(String::from_utf8(out).unwrap(), format!("HTTP/1.1 204 No Content\r\n{expected}\r\n"));
    }
}

#[test]
fn the_date_follows_the_clock_by_the_second() {
    let mut standing = standing(None);
    let at = |seconds| UNIX_EPOCH + Duration::from_millis(seconds);
    let date = |standing: &StandingFields| {
        let mut out = Vec::new();
        encode_error(&mut out, StatusCode::OK, "", standing);
        let text = String::from_utf8(out).unwrap();
        text.split_once("date: ").unwrap().1.split_once("\r\n").unwrap().0.to_owned()
    };
    standing.refresh(at(784_111_777_999));
    assert_eq!(date(&standing), "Sun, 06 Nov 1994 08:49:37 GMT");
    standing.refresh(at(784_111_778_000));
    assert_eq!(date(&standing), "Sun, 06 Nov 1994 08:49:38 GMT");
    standing.refresh(UNIX_EPOCH - Duration::from_secs(1));
    assert_eq!(date(&standing), "Thu, 01 Jan 1970 00:00:00 GMT");
    standing.refresh(UNIX_EPOCH + Duration::from_hours(90_000_000));
    assert_eq!(date(&standing), "Fri, 31 Dec 9999 23:59:59 GMT");
}

#[test]
fn informational_heads_carry_their_fields_alone() {
    let mut out = CONTINUE.to_vec();
    encode_informational(&mut out, StatusCode::EARLY_HINTS, &fields([(LINK, "</a>"), (CONTENT_LENGTH, "5")]));
    assert_eq!(out, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
}

#[test]
fn chunks_have_hexadecimal_sizes() {
    for size in [1, 15, 16, 255, 4_096, usize::MAX] {
        let mut out = Vec::new();
        encode_chunk_size(&mut out, NonZeroUsize::new(size).unwrap());
        assert_eq!(out, format!("{size:x}\r\n").into_bytes());
    }
}

#[test]
fn an_empty_chunk_writes_nothing() {
    let mut out = Vec::new();
    encode_chunk(&mut out, b"");
    assert!(out.is_empty());
    encode_chunk(&mut out, b"hello world");
    assert_eq!(out, b"b\r\nhello world\r\n");
}

#[test]
fn the_last_chunk_carries_trailers_and_reports_forbidden_ones() {
    let mut out = Vec::new();
    assert!(encode_last_chunk(&mut out, None).is_empty());
    assert_eq!(out, b"0\r\n\r\n");
    out.clear();
    let mut trailers = fields([(CONTENT_LENGTH, "5")]);
    trailers.insert("x-sum", HeaderValue::from_static("1"));
    assert_eq!(encode_last_chunk(&mut out, Some(&trailers)), [CONTENT_LENGTH]);
    assert_eq!(out, b"0\r\nx-sum: 1\r\n\r\n");
}

#[test]
fn an_encoded_body_decodes_to_itself() {
    let mut out = Vec::new();
    for length in 0..300_usize {
        encode_chunk(&mut out, &vec![b'x'; length]);
    }
    encode_last_chunk(&mut out, None);
    let mut buf = BytesMut::from(&out[..]);
    let mut decoder = BodyDecoder::new(Framing::Chunked, &BodyLimits::default()).unwrap();
    let mut total = 0;
    while let Decoded::Data(data) = decoder.decode(&mut buf).unwrap() {
        total += data.len();
    }
    assert_eq!((total, decoder.is_done(), buf.len()), (300 * 299 / 2, true, 0));
}

#[test]
fn the_answer_to_a_bad_request_names_the_rule_and_closes() {
    let mut out = Vec::new();
    encode_reject(&mut out, Reject::BareLineFeed, &standing(Some("rsgi")));
    let expected = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 15\r\n\
         connection: close\r\nserver: rsgi\r\n{DATE_LINE}\r\nbare line feed\n"
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    let mut out = Vec::new();
    encode_body_error(&mut out, BodyError::TooLarge, &standing(None));
    assert!(
        out.starts_with(b"HTTP/1.1 413 Payload Too Large\r\n") && out.ends_with(b"\r\n\r\nbody too large\n")
    );
}
