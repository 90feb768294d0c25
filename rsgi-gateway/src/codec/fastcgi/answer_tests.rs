//! FastCGI's codec: what is written, read by a decoder of its own.

use std::io::IoSlice;

use http::header::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::tests::{begin, begin_last, record};
use super::*;

/// Kind, id and content of each record.
type Records = Vec<(u8, u16, Vec<u8>)>;

/// Takes what was written apart, by the drawing of the specification.
fn records(out: &Out) -> Records {
    let mut slices = vec![IoSlice::new(&[]); 64];
    let count = out.gather(&mut slices);
    let mut bytes: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
    assert_eq!(bytes.len(), out.len(), "more parts than were looked at");
    let mut records = Vec::new();
    while !bytes.is_empty() {
        assert_eq!((bytes[0], bytes[7]), (1, 0), "a version and a reserved byte");
        let content = usize::from(bytes[4]) << 8 | usize::from(bytes[5]);
        let id = u16::from(bytes[2]) << 8 | u16::from(bytes[3]);
        records.push((bytes[1], id, bytes[8..8 + content].to_vec()));
        bytes.drain(..8 + content + usize::from(bytes[6]));
    }
    records
}

/// A stream's content; fails unless none of its records but the last is empty.
fn stream(records: &Records, kind: u8) -> Vec<u8> {
    let parts: Vec<_> =
        records.iter().filter(|record| record.0 == kind).map(|record| &record.2[..]).collect();
    let ends = parts.iter().position(|part| part.is_empty());
    assert!(ends.is_none_or(|end| end == parts.len() - 1), "something behind a stream's end");
    parts.concat()
}

/// A codec that was sent requests.
fn codec(sent: &[Vec<u8>]) -> FastCgi {
    let mut codec = FastCgi::default();
    let mut input = BytesMut::from(&sent.concat()[..]);
    while codec.decode(&mut input, &Bounds::default()).unwrap().is_some() {}
    codec
}

fn request(id: u16) -> Vec<u8> {
    [begin(id), record(4, id, b"", 0), record(5, id, b"", 0)].concat()
}

fn last_request(id: u16) -> Vec<u8> {
    [begin_last(id), record(4, id, b"", 0), record(5, id, b"", 0)].concat()
}

const COMPLETE: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 0];
const FAILED: &[u8] = &[0, 0, 0, 1, 0, 0, 0, 0];

#[test]
fn an_answer_is_a_head_content_and_both_ends() {
    let (mut codec, mut out) = (codec(&[request(0x0102)]), Out::default());
    let fields = HeaderMap::from_iter([("x-a".parse().unwrap(), HeaderValue::from_static("b"))]);
    codec.head(0x0102, StatusCode::CREATED, &fields, Some(6), &mut out);
    codec.copy(0x0102, b"abc", &mut out);
    codec.content(0x0102, Bytes::from_static(b"def"), &mut out);
    assert_eq!(codec.end(0x0102, Ending::Whole, &mut out), After::Keep);
    let records = records(&out);
    assert!(records.iter().all(|record| record.1 == 0x0102));
    let text = String::from_utf8(stream(&records, 6)).unwrap();
    assert_eq!(text, "Status: 201 Created\r\nx-a: b\r\ncontent-length: 6\r\n\r\nabcdef");
    let ends = &records[records.len() - 2..];
    assert_eq!(ends, [(6, 0x0102, vec![]), (3, 0x0102, COMPLETE.to_vec())]);
    assert!(codec.is_idle());
}

#[test]
fn pieces_of_no_length_end_nothing() {
    let (mut codec, mut out) = (codec(&[request(1)]), Out::default());
    codec.content(1, Bytes::new(), &mut out);
    codec.copy(1, b"", &mut out);
    assert!(codec.errors(1, b"", &mut out));
    assert!(out.is_empty());
}

#[test]
fn a_head_of_any_length_is_whole() {
    for length in [65_528 - 37, 65_528 - 36, 65_528 - 35, 65_528 - 34, 70_000, 200_000] {
        let (mut codec, mut out) = (codec(&[request(1)]), Out::default());
        out.append(b"");
        let value = "v".repeat(length);
        let fields =
            HeaderMap::from_iter([("x-long".parse().unwrap(), HeaderValue::from_str(&value).unwrap())]);
        codec.head(1, StatusCode::OK, &fields, None, &mut out);
        let text = String::from_utf8(stream(&records(&out), 6)).unwrap();
        assert_eq!(text, format!("Status: 200 OK\r\nx-long: {value}\r\n\r\n"));
    }
}

#[test]
fn a_large_piece_is_cut_and_not_copied() {
    let (mut codec, mut out) = (codec(&[request(1)]), Out::default());
    let piece = Bytes::from(vec![b'x'; 150_000]);
    codec.content(1, piece.clone(), &mut out);
    assert_eq!(stream(&records(&out), 6), piece);
    assert!(records(&out).iter().all(|record| record.2.len() <= 65_535));
    let mut slices = [IoSlice::new(&[]); 16];
    let count = out.gather(&mut slices);
    let parts: Vec<_> = slices[..count].iter().filter(|part| part.len() > 8).collect();
    assert_eq!(parts.len(), 3);
    let memory = piece.as_ptr_range();
    assert!(parts.iter().all(|part| memory.contains(&part.as_ptr())));
    assert!(parts[..2].iter().all(|part| part.len() % 8 == 0));
}

#[test]
fn errors_are_a_stream_of_their_own_with_an_end() {
    let (mut codec, mut out) = (codec(&[request(1), request(2)]), Out::default());
    codec.head(1, StatusCode::OK, &HeaderMap::new(), None, &mut out);
    assert!(codec.errors(1, b"went wrong\n", &mut out));
    assert!(codec.errors(1, &vec![b'e'; 70_000], &mut out));
    codec.copy(1, b"x", &mut out);
    codec.end(1, Ending::Whole, &mut out);
    codec.end(2, Ending::Whole, &mut out);
    let records = records(&out);
    let own: Records = records.iter().filter(|record| record.1 == 1).cloned().collect();
    assert_eq!(stream(&own, 7).len(), 11 + 70_000);
    assert_eq!(stream(&own, 6), b"Status: 200 OK\r\n\r\nx");
    let ends: Vec<_> =
        records.iter().filter(|record| record.2.is_empty()).map(|record| (record.0, record.1)).collect();
    assert_eq!(ends, [(6, 1), (7, 1), (6, 2)]);
    assert!(!codec.errors(1, b"late", &mut out), "its request is over");
}

#[test]
fn the_connection_ends_with_the_last_answer_where_the_web_server_asked_for_it() {
    let mut out = Out::default();
    let mut alone = codec(&[last_request(1)]);
    assert_eq!(alone.end(1, Ending::Whole, &mut out), After::Close);
    let mut several = codec(&[request(1), last_request(2), request(3)]);
    assert_eq!(several.end(2, Ending::Whole, &mut out), After::Keep);
    assert_eq!(several.end(3, Ending::Aborted, &mut out), After::Keep);
    assert_eq!(several.end(1, Ending::Whole, &mut out), After::Close);
}

#[test]
fn a_broken_answer_resets_its_connection_unless_others_are_under_way() {
    let mut out = Out::default();
    let mut codec = codec(&[request(1), request(2)]);
    assert_eq!(codec.end(1, Ending::Broken, &mut out), After::Keep);
    assert_eq!(records(&out), [(3, 1, FAILED.to_vec())], "no end of its content");
    out = Out::default();
    assert_eq!(codec.end(2, Ending::Broken, &mut out), After::Reset);
    assert!(out.is_empty());
}

#[test]
fn an_aborted_request_is_ended_and_its_connection_goes_on() {
    let mut out = Out::default();
    let mut aborted = codec(&[request(1), record(2, 1, b"", 0)]);
    assert_eq!(aborted.end(1, Ending::Aborted, &mut out), After::Keep);
    assert_eq!(records(&out), [(3, 1, FAILED.to_vec())]);
    let mut last = codec(&[last_request(1), record(2, 1, b"", 0)]);
    assert_eq!(last.end(1, Ending::Aborted, &mut out), After::Close);
}

#[test]
fn a_request_that_is_refused_for_a_want_of_room_gets_a_503() {
    let (mut codec, mut out) = (codec(&[request(1)]), Out::default());
    assert_eq!(codec.refuse(1, &mut out), After::Keep);
    let records = records(&out);
    assert_eq!(stream(&records, 6), b"Status: 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(records.last().unwrap().2, COMPLETE);
}

#[test]
fn a_connection_is_idle_between_requests_only() {
    let mut codec = FastCgi::default();
    assert!(codec.is_idle());
    let mut input = BytesMut::from(&begin(1)[..]);
    assert!(codec.decode(&mut input, &Bounds::default()).unwrap().is_none());
    assert!(!codec.is_idle());
    codec.end(1, Ending::Whole, &mut Out::default());
    assert!(codec.is_idle());
}

/// What is to become of it: idle all the same, as nobody waits for an answer.
#[track_caller]
fn is_over(codec: &FastCgi, may_send_more: bool) {
    assert!(codec.is_idle());
    assert_eq!(codec.may_send_more(), may_send_more);
}

fn goes_on(codec: &mut FastCgi, records: &[Vec<u8>]) {
    let mut input = BytesMut::from(&records.concat()[..]);
    while codec.decode(&mut input, &Bounds::default()).unwrap().is_some() {}
}

#[test]
fn content_of_a_request_that_was_answered_early_may_still_come() {
    let mut codec = FastCgi::default();
    is_over(&codec, false);
    goes_on(&mut codec, &[begin_last(1), record(4, 1, b"", 0), record(5, 1, b"x", 0)]);
    assert!(codec.may_send_more());
    assert_eq!(codec.end(1, Ending::Whole, &mut Out::default()), After::Close);
    is_over(&codec, true);
    goes_on(&mut codec, &[record(5, 1, b"late", 3), record(5, 2, b"", 0)]);
    is_over(&codec, true);
    goes_on(&mut codec, &[record(5, 1, b"", 0)]);
    is_over(&codec, false);
    goes_on(&mut codec, &[record(5, 1, b"more", 3)[..9].to_vec()]);
    is_over(&codec, true);
}

#[test]
fn nothing_more_comes_of_a_request_whose_content_has_ended() {
    let mut whole = codec(&[request(1)]);
    whole.end(1, Ending::Whole, &mut Out::default());
    is_over(&whole, false);
    // Also of one that was refused before, whose content nobody was told of.
    let mut refused =
        codec(&[begin(1), record(4, 1, b"\x05", 0), record(4, 1, b"", 0), record(5, 1, b"", 0)]);
    assert!(!refused.is_idle());
    refused.end(1, Ending::Whole, &mut Out::default());
    is_over(&refused, false);
}

#[test]
fn content_of_a_request_that_was_not_begun_may_still_come() {
    let other_role = record(1, 1, &[0, 3, 0, 0, 0, 0, 0, 0], 0);
    let aborted = [begin(1), record(2, 1, b"", 0)].concat();
    for turned_away in [other_role, aborted] {
        let mut codec = codec(&[turned_away]);
        is_over(&codec, true);
        goes_on(&mut codec, &[record(4, 1, b"", 0)]);
        is_over(&codec, true);
        goes_on(&mut codec, &[record(5, 1, b"", 0)]);
        is_over(&codec, false);
    }
}

/// A web server that was answered may leave the end of its content untold, and use the id again.
#[test]
fn an_id_that_is_used_again_has_no_old_content() {
    let mut codec = codec(&[begin(1), record(4, 1, b"", 0)]);
    codec.end(1, Ending::Whole, &mut Out::default());
    is_over(&codec, true);
    goes_on(&mut codec, &[request(1)]);
    codec.end(1, Ending::Whole, &mut Out::default());
    is_over(&codec, false);
}

#[test]
fn ends_that_never_come_are_not_held_for_ever() {
    let mut codec = FastCgi::default();
    for id in 1..1000 {
        goes_on(&mut codec, &[begin(id), record(4, id, b"", 0)]);
        codec.end(id, Ending::Whole, &mut Out::default());
    }
    is_over(&codec, true);
    for id in 984..1000 {
        is_over(&codec, true);
        goes_on(&mut codec, &[record(5, id, b"", 0)]);
    }
    is_over(&codec, false);
}

proptest! {
    /// Answers of several requests among each other, in pieces of any size.
    #[test]
    fn answers_are_read_as_they_were_written(
        pieces in prop::collection::vec((1_u16..4, 0_usize..20_000, any::<bool>()), 0..20),
    ) {
        let (mut codec, mut out) = (codec(&[request(1), request(2), request(3)]), Out::default());
        let mut expected = [const { Vec::new() }; 3];
        for (number, (id, length, is_copied)) in (0_u8..).zip(pieces) {
            let piece = vec![number; length];
            expected[usize::from(id - 1)].extend_from_slice(&piece);
            if is_copied { codec.copy(id, &piece, &mut out) } else { codec.content(id, piece.into(), &mut out) }
        }
        for id in 1..4 {
            codec.end(id, Ending::Whole, &mut out);
        }
        let records = records(&out);
        for (id, expected) in (1..).zip(expected) {
            let own: Records = records.iter().filter(|record| record.1 == id).cloned().collect();
            prop_assert_eq!(stream(&own, 6), expected);
            prop_assert_eq!(&own[own.len() - 1], &(3, id, COMPLETE.to_vec()));
        }
    }
}
