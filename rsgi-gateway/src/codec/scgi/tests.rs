//! SCGI's codec against netstrings made by hand.

use std::io::IoSlice;

use http::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::codec::told::{Answers, Told, check, told};

fn netstring(variables: &str) -> Vec<u8> {
    format!("{}:{variables},", variables.len()).into()
}

fn request(variables: &[(&str, &str)]) -> Vec<u8> {
    netstring(&variables.iter().flat_map(|(name, value)| [name, "\0", value, "\0"]).collect::<String>())
}

fn begun(variables: &[(&str, &str)]) -> Told {
    Told::Begin(1, variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
}

#[track_caller]
fn expect(bytes: &[u8], expected: &[Told]) {
    for answers in [Answers::Never, Answers::Late] {
        check::<Scgi>(bytes, &Bounds::default(), answers, expected);
    }
}

/// The example of the specification.
#[test]
fn the_specifications_request_is_read() {
    let bytes = b"70:CONTENT_LENGTH\x0027\0SCGI\x001\0REQUEST_METHOD\0POST\0REQUEST_URI\0/deepthought\0,\
        What is the answer to life?";
    let variables = [
        ("CONTENT_LENGTH", "27"),
        ("SCGI", "1"),
        ("REQUEST_METHOD", "POST"),
        ("REQUEST_URI", "/deepthought"),
    ];
    expect(bytes, &[begun(&variables), Told::Content(1, "What is the answer to life?".into()), Told::End(1)]);
}

#[test]
fn what_comes_behind_the_content_is_not_part_of_it() {
    let variables = [("CONTENT_LENGTH", "5"), ("EMPTY", ""), ("", "x")];
    let bytes = [&request(&variables)[..], b"hello, and more"].concat();
    expect(&bytes, &[begun(&variables), Told::Content(1, "hello".into()), Told::End(1)]);
}

#[test]
fn the_length_of_content_may_stand_anywhere_or_be_missing() {
    let last = [("SCGI", "1"), ("A", "b"), ("CONTENT_LENGTH", "1")];
    let bytes = [&request(&last)[..], b"x"].concat();
    expect(&bytes, &[begun(&last), Told::Content(1, "x".into()), Told::End(1)]);
    for variables in [&[][..], &[("SCGI", "1")], &[("CONTENT_LENGTH", "")], &[("CONTENT_LENGTH", "0")]] {
        expect(&request(variables), &[begun(variables), Told::End(1)]);
    }
}

#[test]
fn content_of_no_known_length_is_refused() {
    expect(&request(&[("HTTP_TRANSFER_ENCODING", "chunked")]), &[Told::Refused(1, 411)]);
    for wrong in ["-1", " 1", "1\x7f"] {
        expect(&request(&[("CONTENT_LENGTH", wrong)]), &[Told::Refused(1, 400)]);
    }
}

#[test]
fn another_version_is_refused() {
    for version in ["", "0", "2", "11"] {
        expect(&request(&[("CONTENT_LENGTH", "0"), ("SCGI", version)]), &[Told::Refused(1, 400)]);
    }
}

#[test]
fn a_variable_without_its_end_or_value_is_refused() {
    for wrong in ["A", "A\0", "A\0b", "A\0b\0C\0", "\0", "A\0b\0C\0d"] {
        expect(&netstring(wrong), &[Told::Refused(1, 400)]);
    }
}

#[test]
fn zeros_before_a_length_are_taken() {
    expect(b"0004:A\0b\0,", &[begun(&[("A", "b")]), Told::End(1)]);
    expect(b"000000000:,", &[begun(&[]), Told::End(1)]);
}

#[test]
fn what_is_no_netstring_ends_the_connection() {
    let broken = |bytes: &[u8], kind| expect(bytes, &[Told::Malformed(kind)]);
    for wrong in [&b":A\0b\0,"[..], b"-4:A\0b\0,", b" 4:A\0b\0,", b"4;A\0b\0,", b"4 :A\0b\0,", b"1234567890:"]
    {
        broken(wrong, MalformedKind::Length);
    }
    for wrong in [&b"4:A\0b\0;"[..], b"4:A\0bc\0,", b"0::"] {
        broken(wrong, MalformedKind::Unexpected);
    }
    broken(b"GET / HTTP/1.1\r\n\r\n", MalformedKind::PlainHttp);
    broken(b"\x16\x03\x01\x02\0\x01\0\x01", MalformedKind::Tls);
}

#[test]
fn variables_over_the_bounds_are_refused() {
    let bounds = Bounds { variables_bytes: 10, variables: 3, ..Bounds::default() };
    let check = |bytes: &[u8], expected: &[Told]| check::<Scgi>(bytes, &bounds, Answers::Late, expected);
    let fits = [("A", "bcdefghij"), ("", ""), ("", "")];
    check(&request(&fits), &[begun(&fits), Told::End(1)]);
    check(&request(&[("", ""); 4]), &[Told::Refused(1, 431)]);
    check(&request(&[("A", "bcdefghijk")]), &[Told::Refused(1, 431)]);
    // Refused by its length alone: none of it is waited for.
    check(b"17:", &[Told::Refused(1, 431)]);
    check(b"999999999:", &[Told::Refused(1, 431)]);
}

#[test]
fn what_comes_behind_the_request_is_not_held() {
    let bounds = Bounds::default();
    let (mut codec, mut input) = (Scgi::default(), BytesMut::from(&request(&[])[..]));
    while codec.decode(&mut input, &bounds).unwrap().is_some() {}
    input.extend_from_slice(&[b'x'; 10_000]);
    assert!(codec.decode(&mut input, &bounds).unwrap().is_none());
    assert!(input.is_empty());
}

#[test]
fn a_request_that_is_answered_early_is_over() {
    let variables = [("CONTENT_LENGTH", "5")];
    let bytes = [&request(&variables)[..], b"hello"].concat();
    check::<Scgi>(&bytes, &Bounds::default(), Answers::Early, &[begun(&variables)]);
}

#[test]
fn an_answer_is_that_of_cgi_and_ends_with_the_connection() {
    let (mut codec, mut out) = (Scgi::default(), Out::default());
    let fields = HeaderMap::from_iter([("x-a".parse().unwrap(), HeaderValue::from_static("b"))]);
    codec.head(1, StatusCode::NOT_FOUND, &fields, None, &mut out);
    codec.copy(1, b"abc", &mut out);
    codec.content(1, Bytes::from_static(b"def"), &mut out);
    assert!(!codec.errors(1, b"text", &mut out));
    assert_eq!(codec.end(1, Ending::Whole, &mut out), After::Close);
    assert_eq!(codec.end(1, Ending::Broken, &mut out), After::Reset);
    let mut slices = [IoSlice::new(&[]); 4];
    let count = out.gather(&mut slices);
    let bytes: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
    assert_eq!(String::from_utf8(bytes).unwrap(), "Status: 404 Not Found\r\nx-a: b\r\n\r\nabcdef");
}

#[test]
fn a_connection_is_idle_before_its_request_and_when_all_of_it_was_told() {
    let (mut codec, mut input) = (Scgi::default(), BytesMut::from(&request(&[])[..]));
    assert!(codec.is_idle());
    assert!(matches!(codec.decode(&mut input, &Bounds::default()), Ok(Some(Event::Begin { .. }))));
    assert!(!codec.is_idle());
    assert!(matches!(codec.decode(&mut input, &Bounds::default()), Ok(Some(Event::End { .. }))));
    assert!(codec.is_idle());
}

/// Every text of up to six of the characters that mean something.
#[test]
fn any_short_text_is_the_same_however_it_is_split() {
    let characters = [&b"0"[..], b"2", b":", b",", b"\0", b"A"];
    let mut texts = vec![Vec::new()];
    for _ in 0..6 {
        let longer = texts.iter().flat_map(|text: &Vec<u8>| characters.map(|last| [text, last].concat()));
        let longer: Vec<Vec<u8>> = longer.collect();
        for text in &longer {
            let whole = told::<Scgi>([&text[..]], &Bounds::default(), Answers::Never);
            let single = told::<Scgi>(text.chunks(1), &Bounds::default(), Answers::Never);
            assert_eq!(whole, single, "{}", text.escape_ascii());
        }
        texts = longer;
    }
}

proptest! {
    /// Any bytes in a netstring: the same at any split, and never a panic.
    #[test]
    fn any_netstring_is_the_same_however_it_is_split(
        inner in prop::collection::vec(prop_oneof![Just(0_u8), Just(b'A'), any::<u8>()], 0..40),
        behind in prop::collection::vec(any::<u8>(), 0..10),
    ) {
        let bytes = [inner.len().to_string().as_bytes(), b":", &inner, b",", &behind].concat();
        let whole = told::<Scgi>([&bytes[..]], &Bounds::default(), Answers::Never);
        check::<Scgi>(&bytes, &Bounds::default(), Answers::Never, &whole);
    }
}
