//! Bodies: lengths, chunks, extensions, trailers, limits, truncation.

use super::*;

/// What a body came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Whole {
    data: Vec<u8>,
    trailers: Vec<(String, Vec<u8>)>,
    dropped: Vec<String>,
    rest: Vec<u8>,
}

fn run<'a>(
    framing: Framing,
    limits: &BodyLimits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Whole, BodyError> {
    let mut decoder = BodyDecoder::new(framing, limits)?;
    let mut buf = BytesMut::new();
    let mut whole = Whole::default();
    for piece in pieces {
        buf.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buf)? {
                Decoded::Data(data) => {
                    assert!(!data.is_empty());
                    whole.data.extend_from_slice(&data);
                }
                Decoded::Incomplete => break,
                Decoded::End(trailers) => {
                    let trailers = trailers.unwrap_or_default();
                    for (name, value) in &trailers.fields {
                        whole.trailers.push((name.to_string(), value.as_bytes().to_vec()));
                    }
                    whole.dropped.extend(trailers.dropped.iter().map(ToString::to_string));
                    assert!(decoder.is_done());
                    break;
                }
            }
        }
    }
    decoder.end_of_stream()?;
    whole.rest = buf.to_vec();
    Ok(whole)
}

/// Decodes whole, cut in two everywhere, and byte by byte; all must agree.
fn decode_with(framing: Framing, limits: &BodyLimits, bytes: &[u8]) -> Result<Whole, BodyError> {
    let whole = run(framing, limits, [bytes]);
    for cut in 1..bytes.len() {
        let (front, back) = bytes.split_at(cut);
        assert_eq!(run(framing, limits, [front, back]), whole, "cut at {cut}: {}", bytes.escape_ascii());
    }
    assert_eq!(run(framing, limits, bytes.chunks(1)), whole, "byte by byte: {}", bytes.escape_ascii());
    whole
}

fn chunked(bytes: impl AsRef<[u8]>) -> Result<Whole, BodyError> {
    decode_with(Framing::Chunked, &BodyLimits::default(), bytes.as_ref())
}

#[track_caller]
fn content(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    chunked(bytes).unwrap().data
}

#[test]
fn no_body_is_over_at_once_and_takes_nothing() {
    for framing in [Framing::None, Framing::Length(0)] {
        let whole = decode_with(framing, &BodyLimits::default(), b"GET").unwrap();
        assert_eq!(whole, Whole { rest: b"GET".to_vec(), ..Whole::default() });
    }
}

#[test]
fn a_length_takes_exactly_its_bytes() {
    let whole = decode_with(Framing::Length(5), &BodyLimits::default(), b"helloGET").unwrap();
    assert_eq!(whole, Whole { data: b"hello".to_vec(), rest: b"GET".to_vec(), ..Whole::default() });
}

#[test]
fn a_body_shorter_than_announced_is_truncated() {
    assert_eq!(decode_with(Framing::Length(5), &BodyLimits::default(), b"hell"), Err(BodyError::Truncated));
    let bytes = b"5;a=\"b\"\r\nhello\r\n0\r\nX: y\r\n\r\n";
    for end in 0..bytes.len() {
        assert_eq!(chunked(&bytes[..end]), Err(BodyError::Truncated), "{end} bytes");
    }
    assert_eq!(BodyError::Truncated.kind(), BodyErrorKind::Truncated);
}

#[test]
fn the_decoder_tells_what_is_left() {
    let mut decoder = BodyDecoder::new(Framing::Length(5), &BodyLimits::default()).unwrap();
    assert_eq!(decoder.remaining(), Some(5));
    let _ = decoder.decode(&mut BytesMut::from("abc")).unwrap();
    assert_eq!(decoder.remaining(), Some(2));
    let chunks = BodyDecoder::new(Framing::Chunked, &BodyLimits::default()).unwrap();
    assert_eq!(chunks.remaining(), None);
}

#[test]
fn chunks_are_joined_and_what_follows_stays() {
    let whole = chunked("5\r\nhello\r\n1\r\n \r\nA\r\n0123456789\r\n0\r\n\r\nGET").unwrap();
    assert_eq!(whole.data, b"hello 0123456789");
    assert_eq!(whole.rest, b"GET");
    assert_eq!(content("0\r\n\r\n"), b"");
    assert_eq!(content("000\r\n\r\n"), b"");
}

#[test]
fn sizes_are_hexadecimal_in_both_cases_with_leading_zeros() {
    assert_eq!(content("0000000000000001\r\na\r\n0\r\n\r\n"), b"a");
    for size in ["1f", "1F", "01f"] {
        let bytes = format!("{size}\r\n{}\r\n0\r\n\r\n", "x".repeat(31));
        assert_eq!(content(bytes).len(), 31);
    }
}

#[test]
fn content_that_looks_like_framing_is_content() {
    assert_eq!(content("7\r\n0\r\n\r\nX\n\r\n0\r\n\r\n"), b"0\r\n\r\nX\n");
}

#[test]
fn a_size_that_is_no_hexadecimal_number_is_refused() {
    for bytes in [
        "\r\n",
        ";a\r\n",
        "g\r\n",
        "-1\r\n",
        "+1\r\n",
        "0x1\r\n",
        " 1\r\n",
        "1 \r\na",
        "1\t;a\r\n",
        "1 ;a\r\na",
        "\n",
    ] {
        assert_eq!(chunked(bytes), Err(BodyError::InvalidChunkSize), "{bytes:?}");
    }
}

#[test]
fn a_size_beyond_64_bits_is_refused() {
    for bytes in ["10000000000000000\r\n", "00000000000000001\r\n", "fffffffffffffffff\r\n"] {
        assert_eq!(chunked(bytes), Err(BodyError::ChunkSizeTooLong), "{bytes:?}");
    }
    let wide = BodyLimits { body_bytes: u64::MAX, ..BodyLimits::default() };
    let step = run(Framing::Chunked, &wide, [&b"ffffffffffffffff\r\na"[..]]);
    assert_eq!(step, Err(BodyError::Truncated));
    let sum = run(Framing::Chunked, &wide, [&b"1\r\na\r\nffffffffffffffff\r\na"[..]]);
    assert_eq!(sum, Err(BodyError::TooLarge));
}

#[test]
fn content_not_followed_by_crlf_is_refused() {
    for bytes in ["1\r\nab", "1\r\na\n0", "1\r\na\rx", "1\r\na0\r\n\r\n"] {
        assert_eq!(chunked(bytes), Err(BodyError::MissingChunkEnd), "{bytes:?}");
    }
}

#[test]
fn a_bare_lf_in_the_framing_is_refused() {
    for bytes in
        ["1\na", "1;a\n", "1\rx", "1;a=\"b\n", "0\n\n", "0\r\n\n", "0\r\nX: y\n\r\n", "0\r\nX: y\r\n\n"]
    {
        assert_eq!(chunked(bytes), Err(BodyError::BareLineEnd), "{bytes:?}");
    }
}

#[test]
fn extensions_are_ignored() {
    for extension in [
        ";a",
        ";a=b",
        ";a=\"b\"",
        ";a=\"\\\"\\\\;\"",
        "; a;\tb",
        ";a ; b = \"c;d\"",
        ";a=\"\u{e9}\"",
        ";a;b;c",
    ] {
        let bytes = format!("1{extension}\r\na\r\n0{extension}\r\n\r\n");
        assert!(chunked(&bytes).is_ok(), "{bytes:?}");
    }
}

/// The corpus found them let through: what one parser skips another may read.
#[test]
fn extensions_beside_the_grammar_are_refused() {
    for extension in [
        ";",
        ";;a",
        ";a;",
        ";=b",
        ";a=",
        ";a b",
        ";a ",
        ";a=b=c",
        ";a=b c",
        ";a/b",
        ";a=b@c",
        ";\"a\"",
        ";a=\"b\"c",
        ";\u{e9}",
        ";a=\u{e9}",
        ";\0",
        ";a\x7f",
        ";a=\"\x1b\"",
        ";a=\"b",
        ";a=\"b\\",
    ] {
        let bytes = format!("1{extension}\r\na\r\n0\r\n\r\n");
        assert_eq!(chunked(&bytes), Err(BodyError::InvalidChunkExtension), "{bytes:?}");
    }
}

/// A server that asked on after a broken trailer section waited for another one, and took what came for the next request.
#[test]
fn a_broken_body_stays_broken_however_often_it_is_asked() {
    for bytes in ["0\r\nX\r\n\r\n", "0\r\nX : y\r\n\r\n", "g", "1\r\naX", "1;\r\n"] {
        let mut buf = BytesMut::from(bytes);
        let mut decoder = BodyDecoder::new(Framing::Chunked, &BodyLimits::default()).unwrap();
        let error = loop {
            match decoder.decode(&mut buf) {
                Ok(Decoded::Data(_)) => {}
                Ok(other) => panic!("{other:?} of {bytes:?}"),
                Err(error) => break error,
            }
        };
        buf.extend_from_slice(b"\r\n0\r\n\r\n");
        assert_eq!(decoder.decode(&mut buf).unwrap_err(), error, "{bytes:?}");
        assert!(decoder.is_broken() && !decoder.is_done());
    }
}

#[test]
fn extensions_at_the_limit_pass_and_one_over_fails() {
    let limits = BodyLimits { extension_bytes: 10, extensions_total: 25, ..BodyLimits::default() };
    let chunk = |length: usize| format!("1;{}\r\na\r\n", "e".repeat(length - 1));
    let decode = |lengths: &[usize]| {
        let chunks: String = lengths.iter().map(|length| chunk(*length)).collect();
        decode_with(Framing::Chunked, &limits, (chunks + "0\r\n\r\n").as_bytes())
    };
    assert!(decode(&[10]).is_ok());
    assert_eq!(decode(&[11]), Err(BodyError::ChunkExtensionTooLong));
    assert!(decode(&[10, 10, 5]).is_ok());
    assert_eq!(decode(&[10, 10, 6]), Err(BodyError::ChunkExtensionsTooLong));
}

#[test]
fn content_at_the_limit_passes_and_one_byte_over_is_413() {
    let limits = BodyLimits { body_bytes: 5, ..BodyLimits::default() };
    assert!(decode_with(Framing::Length(5), &limits, b"hello").is_ok());
    assert_eq!(decode_with(Framing::Length(6), &limits, b"hello!"), Err(BodyError::TooLarge));
    assert!(decode_with(Framing::Chunked, &limits, b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").is_ok());
    assert_eq!(decode_with(Framing::Chunked, &limits, b"3\r\nabc\r\n3\r\n"), Err(BodyError::TooLarge));
    assert_eq!(BodyError::TooLarge.status(), 413);
}

#[test]
fn trailers_are_told_after_the_content() {
    let whole = chunked("1\r\na\r\n0\r\nX-Sum: 1 \r\nx-sum:2\r\n\r\nGET").unwrap();
    let expected = [("x-sum".to_owned(), b"1".to_vec()), ("x-sum".to_owned(), b"2".to_vec())];
    assert_eq!((&whole.trailers[..], &whole.rest[..]), (&expected[..], &b"GET"[..]));
}

#[test]
fn forbidden_trailers_are_dropped_and_named() {
    let whole = chunked("0\r\nContent-Length: 5\r\nX: y\r\nHost: b\r\nAuthorization: z\r\n\r\n").unwrap();
    assert_eq!(whole.trailers, [("x".to_owned(), b"y".to_vec())]);
    assert_eq!(whole.dropped, ["content-length", "host", "authorization"]);
}

#[test]
fn malformed_trailers_are_refused() {
    for bytes in [
        "0\r\nX\r\n\r\n",
        "0\r\nX : y\r\n\r\n",
        "0\r\n X: y\r\n\r\n",
        "0\r\nX: y\r\n z\r\n\r\n",
        "0\r\nX: \0\r\n\r\n",
    ] {
        assert_eq!(chunked(bytes), Err(BodyError::MalformedTrailer), "{bytes:?}");
    }
}

#[test]
fn trailers_at_the_limits_pass_and_one_over_fails() {
    let limits = BodyLimits { trailer_bytes: 20, trailer_count: 2, ..BodyLimits::default() };
    let decode =
        |section: &str| decode_with(Framing::Chunked, &limits, format!("0\r\n{section}\r\n").as_bytes());
    assert!(decode("X: 4567890123456789\r\n").is_err());
    assert!(decode("X: 456789012345678\r\n").is_ok());
    assert_eq!(decode("X: 4567890123456789\r\n"), Err(BodyError::TrailersTooLong));
    assert!(decode("A: 1\r\nB: 2\r\n").is_ok());
    assert_eq!(decode("A: 1\r\nB: 2\r\nC: 3\r\n"), Err(BodyError::TooManyTrailers));
    assert_eq!(
        run(Framing::Chunked, &limits, [&[b"0\r\nX: ", &[b'y'; 40][..]].concat()[..]]),
        Err(BodyError::TrailersTooLong)
    );
}

#[test]
fn what_lies_behind_the_limit_of_trailers_never_decides() {
    let limits = BodyLimits { trailer_bytes: 20, ..BodyLimits::default() };
    let over = format!("0\r\nX: {}\n\r\n", "y".repeat(40));
    assert_eq!(decode_with(Framing::Chunked, &limits, over.as_bytes()), Err(BodyError::TrailersTooLong));
    let before = b"0\r\nX: y\nZ: yyyyyyyyyyyyyyyyyyyyyy\r\n\r\n";
    assert_eq!(decode_with(Framing::Chunked, &limits, before), Err(BodyError::BareLineEnd));
}

#[test]
fn many_tiny_chunks_come_through() {
    let bytes = ["1\r\na\r\n".repeat(1_000), "0\r\n\r\n".to_owned()].concat();
    let whole = run(Framing::Chunked, &BodyLimits::default(), bytes.as_bytes().chunks(1)).unwrap();
    assert_eq!(whole.data.len(), 1_000);
}

#[test]
fn content_is_handed_out_without_copying() {
    let mut decoder = BodyDecoder::new(Framing::Chunked, &BodyLimits::default()).unwrap();
    let mut buf = BytesMut::from(&b"5\r\nhello\r\n0\r\n\r\n"[..]);
    let place = buf[3..].as_ptr();
    let Decoded::Data(data) = decoder.decode(&mut buf).unwrap() else { panic!("no content") };
    assert_eq!((data.as_ptr(), &data[..]), (place, &b"hello"[..]));
}

#[test]
fn a_body_with_any_one_byte_changed_gives_one_result_however_it_is_split() {
    let sample = b"2;a=\"b\\\"\"\r\nhi\r\n1\r\n!\r\n0\r\nX: y\r\nHost: z\r\n\r\nG";
    let limits = BodyLimits { body_bytes: 0x20, ..BodyLimits::default() };
    let check = |bytes: &[u8]| {
        let whole = run(Framing::Chunked, &limits, [bytes]);
        assert_eq!(run(Framing::Chunked, &limits, bytes.chunks(1)), whole, "{}", bytes.escape_ascii());
        assert_eq!(run(Framing::Chunked, &limits, bytes.chunks(3)), whole, "{}", bytes.escape_ascii());
    };
    for at in 0..sample.len() {
        let (front, back) = (&sample[..at], &sample[at..]);
        check(&[front, &back[1..]].concat());
        for byte in *b"\0\t\n\r \"\\:;=01fgx\x7f\x80" {
            check(&[front, &[byte], &back[1..]].concat());
            check(&[front, &[byte], back].concat());
        }
    }
}
