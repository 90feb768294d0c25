//! uwsgi's codec against packets made by hand.

use std::io::IoSlice;

use http::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::codec::told::{Answers, Told, check, told};

/// A packet as uWSGI's documentation draws it.
fn packet(modifier1: u8, variables: &[u8], modifier2: u8) -> Vec<u8> {
    let [low, high] = u16::try_from(variables.len()).unwrap().to_le_bytes();
    [&[modifier1, low, high, modifier2], variables].concat()
}

fn pair(name: &str, value: &str) -> Vec<u8> {
    let string = |text: &str| [&u16::try_from(text.len()).unwrap().to_le_bytes(), text.as_bytes()].concat();
    [string(name), string(value)].concat()
}

fn request(variables: &[(&str, &str)]) -> Vec<u8> {
    packet(0, &variables.iter().flat_map(|(name, value)| pair(name, value)).collect::<Vec<_>>(), 0)
}

fn begun(variables: &[(&str, &str)]) -> Told {
    Told::Begin(1, variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
}

#[track_caller]
fn expect(bytes: &[u8], expected: &[Told]) {
    for answers in [Answers::Never, Answers::Late] {
        check::<Uwsgi>(bytes, &Bounds::default(), answers, expected);
    }
}

#[test]
fn a_request_is_its_variables_and_as_much_content_as_it_says() {
    let variables = [("REQUEST_METHOD", "POST"), ("CONTENT_LENGTH", "5"), ("EMPTY", ""), ("", "x")];
    let bytes = [&request(&variables)[..], b"hello, and what isn't part of it"].concat();
    expect(&bytes, &[begun(&variables), Told::Content(1, "hello".into()), Told::End(1)]);
}

#[test]
fn a_length_has_two_bytes_the_low_one_first() {
    let value = "v".repeat(0x0102);
    let bytes = request(&[("N", &value)]);
    assert_eq!(bytes[..4], [0, 0x07, 0x01, 0]);
    assert_eq!(bytes[7..9], [2, 1]);
    expect(&bytes, &[begun(&[("N", &value)]), Told::End(1)]);
}

#[test]
fn without_a_length_there_is_no_content() {
    for variables in [&[][..], &[("CONTENT_LENGTH", "")], &[("CONTENT_LENGTH", "0")]] {
        let bytes = [&request(variables)[..], b"x"].concat();
        expect(&bytes, &[begun(variables), Told::End(1)]);
    }
    // Whose length was told is content, however the client framed it.
    let variables = [("CONTENT_LENGTH", "1"), ("HTTP_TRANSFER_ENCODING", "chunked")];
    let bytes = [&request(&variables)[..], b"x"].concat();
    expect(&bytes, &[begun(&variables), Told::Content(1, "x".into()), Told::End(1)]);
}

#[test]
fn content_of_no_known_length_is_refused() {
    for length in [&[][..], &[("CONTENT_LENGTH", "")]] {
        let variables = [length, &[("HTTP_TRANSFER_ENCODING", "chunked")]].concat();
        expect(&request(&variables), &[Told::Refused(1, 411)]);
    }
    for wrong in ["-1", "1a", "18446744073709551616"] {
        expect(&request(&[("CONTENT_LENGTH", wrong)]), &[Told::Refused(1, 400)]);
    }
    expect(&request(&[("CONTENT_LENGTH", "1"), ("CONTENT_LENGTH", "2")]), &[Told::Refused(1, 400)]);
}

#[test]
fn variables_meant_for_uwsgi_itself_are_dropped() {
    let magic = [
        "UWSGI_SCHEME",
        "UWSGI_SCRIPT",
        "UWSGI_MODULE",
        "UWSGI_CALLABLE",
        "UWSGI_FILE",
        "UWSGI_CHDIR",
        "UWSGI_HOME",
        "UWSGI_TOUCH_RELOAD",
        "UWSGI_CACHE_GET",
        "UWSGI_SETENV",
        "UWSGI_APPID",
        "UWSGI_",
        "UWSGI_OF_TOMORROW",
    ];
    let variables: Vec<_> = magic.iter().map(|name| (*name, "/bin/sh")).chain([("A", "1")]).collect();
    expect(&request(&variables), &[begun(&[("A", "1")]), Told::End(1)]);
    let others = [("UWSGI", "1"), ("HTTP_UWSGI_FILE", "2"), ("XUWSGI_FILE", "3")];
    expect(&request(&others), &[begun(&others), Told::End(1)]);
}

#[test]
fn a_ping_is_answered_and_ends_the_connection() {
    let answered = [Told::Reply(vec![100, 0, 0, 1]), Told::Close];
    expect(&packet(100, b"", 0), &answered);
    expect(&[packet(100, b"data", 0), request(&[])].concat(), &answered);
    let bounds = Bounds::default();
    let (mut codec, mut input) = (Uwsgi::default(), BytesMut::from(&packet(100, b"data", 0)[..]));
    assert!(matches!(codec.decode(&mut input, &bounds), Ok(Some(Event::Reply(_)))));
    assert!(matches!(codec.decode(&mut input, &bounds), Ok(Some(Event::Close))));
    assert!(matches!(codec.decode(&mut input, &bounds), Ok(None)));
}

#[test]
fn packets_of_other_kinds_are_not_understood() {
    for modifier1 in (1..=255).filter(|modifier1| *modifier1 != 100) {
        let bytes = packet(modifier1, b"", 0);
        expect(&bytes, &[Told::Malformed(MalformedKind::Modifier)]);
        let mut input = BytesMut::from(&bytes[..]);
        let malformed = Uwsgi::default().decode(&mut input, &Bounds::default()).unwrap_err();
        assert!(malformed.to_string().contains(&format!("modifier1 {modifier1},")), "{malformed}");
    }
    expect(&packet(100, b"", 1), &[Told::Malformed(MalformedKind::Modifier)]);
    expect(b"GET / HTTP/1.1\r\n", &[Told::Malformed(MalformedKind::PlainHttp)]);
    expect(b"\x16\x03\x01\x02\0\x01", &[Told::Malformed(MalformedKind::Tls)]);
}

#[test]
fn modifier2_of_a_request_means_nothing() {
    for modifier2 in 0..=255 {
        let expected = [begun(&[("A", "1")]), Told::End(1)];
        let bytes = packet(0, &pair("A", "1"), modifier2);
        assert_eq!(told::<Uwsgi>([&bytes[..]], &Bounds::default(), Answers::Never), expected);
    }
}

#[test]
fn a_variable_that_runs_over_its_packet_is_refused() {
    let whole = [pair("A", "b"), pair("NAME", "value")].concat();
    for length in (1..whole.len()).filter(|length| *length != 6) {
        expect(&packet(0, &whole[..length], 0), &[Told::Refused(1, 400)]);
    }
    expect(&packet(0, b"\xff\xffA\x01\0b", 0), &[Told::Refused(1, 400)]);
}

#[test]
fn variables_over_the_bounds_are_refused() {
    let bounds = Bounds { variables_bytes: 10, variables: 3, ..Bounds::default() };
    let check = |variables: &[(&str, &str)], expected: &[Told]| {
        check::<Uwsgi>(&request(variables), &bounds, Answers::Late, expected);
    };
    let fits = [("A", "bcdefghij"), ("", ""), ("", "")];
    check(&fits, &[begun(&fits), Told::End(1)]);
    check(&[("", ""); 4], &[Told::Refused(1, 431)]);
    check(&[("A", "bcdefghijk")], &[Told::Refused(1, 431)]);
    // Refused by its length alone: none of it is waited for.
    let told = told::<Uwsgi>([&[0, 23, 0, 0][..]], &bounds, Answers::Late);
    assert_eq!(told, [Told::Refused(1, 431)]);
}

#[test]
fn what_comes_behind_the_request_is_not_held() {
    let bounds = Bounds::default();
    let (mut codec, mut input) = (Uwsgi::default(), BytesMut::from(&request(&[])[..]));
    while codec.decode(&mut input, &bounds).unwrap().is_some() {}
    input.extend_from_slice(&[b'x'; 10_000]);
    assert!(codec.decode(&mut input, &bounds).unwrap().is_none());
    assert!(input.is_empty());
}

#[test]
fn a_request_that_is_answered_early_is_over() {
    let variables = [("CONTENT_LENGTH", "5")];
    let bytes = [&request(&variables)[..], b"hello"].concat();
    check::<Uwsgi>(&bytes, &Bounds::default(), Answers::Early, &[begun(&variables)]);
}

#[test]
fn an_answer_is_http_and_ends_with_the_connection() {
    let (mut codec, mut out) = (Uwsgi::default(), Out::default());
    let fields = HeaderMap::from_iter([("x-a".parse().unwrap(), HeaderValue::from_static("b"))]);
    codec.head(1, StatusCode::NOT_FOUND, &fields, Some(6), &mut out);
    codec.copy(1, b"abc", &mut out);
    codec.content(1, Bytes::from_static(b"def"), &mut out);
    assert!(!codec.errors(1, b"text", &mut out));
    assert_eq!(codec.end(1, Ending::Whole, &mut out), After::Close);
    assert_eq!(codec.end(1, Ending::Broken, &mut out), After::Reset);
    let mut slices = [IoSlice::new(&[]); 4];
    let count = out.gather(&mut slices);
    let bytes: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text, "HTTP/1.1 404 Not Found\r\nx-a: b\r\ncontent-length: 6\r\n\r\nabcdef");
}

#[test]
fn a_connection_is_idle_before_its_request_and_when_all_of_it_was_told() {
    let (mut codec, mut input) = (Uwsgi::default(), BytesMut::from(&request(&[])[..]));
    assert!(codec.is_idle());
    assert!(matches!(codec.decode(&mut input, &Bounds::default()), Ok(Some(Event::Begin { .. }))));
    assert!(!codec.is_idle());
    assert!(matches!(codec.decode(&mut input, &Bounds::default()), Ok(Some(Event::End { .. }))));
    assert!(codec.is_idle());
}

proptest! {
    /// Any bytes behind a request's first: the same at any split, and never a panic.
    #[test]
    fn any_packet_is_the_same_however_it_is_split(
        mut bytes in prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(2), any::<u8>()], 0..60),
        length in 0_u8..40,
    ) {
        if let Some(head) = bytes.first_chunk_mut() {
            *head = [0, length, 0];
        }
        let whole = told::<Uwsgi>([&bytes[..]], &Bounds::default(), Answers::Never);
        check::<Uwsgi>(&bytes, &Bounds::default(), Answers::Never, &whole);
    }
}
