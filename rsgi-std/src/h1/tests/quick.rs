//! The quick way through a head, held against the slow one.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::quick;
use super::*;

/// Whether a head passes on the quick way; then with the parts that the slow one finds.
fn passes(bytes: &[u8], limits: &HeadLimits) -> bool {
    let mut parser = HeadParser::new(limits.clone());
    let mut spans = Vec::new();
    let Some(quick) = quick::scan(bytes, limits, &mut spans) else { return false };
    let slow =
        parser.slow_parts(bytes).unwrap_or_else(|| panic!("only the quick way: {}", bytes.escape_ascii()));
    assert_eq!((quick, &spans[..]), slow, "{}", bytes.escape_ascii());
    true
}

#[test]
fn usual_heads_take_the_quick_way() {
    for head in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET /ping HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n",
        "POST /a/b?c=d HTTP/1.1\r\nhost:a\r\ncontent-length: 3\r\n\r\nabc",
        "M-SEARCH /a HTTP/1.1\r\nHost:\r\nX-A: \t a long value, with\tblanks \t\r\nX-B:   \r\n\r\n",
    ] {
        assert!(passes(head.as_bytes(), &HeadLimits::default()), "{head:?}");
        let whole = head.find("\r\n\r\n").unwrap() + 4;
        for end in 0..whole {
            assert!(!passes(&head.as_bytes()[..end], &HeadLimits::default()), "{:?}", &head[..end]);
        }
    }
}

#[test]
fn what_is_unusual_or_over_a_limit_is_left_to_the_slow_way() {
    let limits = HeadLimits {
        head_bytes: 60,
        field_count: 2,
        field_bytes: 20,
        target_bytes: 8,
        method_bytes: 4,
        empty_lines: 4,
    };
    assert!(passes(b"POST /2345678 HTTP/1.1\r\na: 34567890123456789\r\nb:c\r\n\r\n", &limits));
    for head in [
        "PATCH / HTTP/1.1\r\n\r\n",
        "GET /23456789 HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\na: 345678901234567890x\r\n\r\n",
        "GET / HTTP/1.1\r\na:b\r\nc:d\r\ne:f\r\n\r\n",
        "GET / HTTP/1.1\r\na: 34567890123456789\r\nb: 34567890123456789\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET * HTTP/1.1\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET /\u{e9} HTTP/1.1\r\n\r\n",
        "GET /\u{7f} HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\n\r\n",
        "GET / HTTP/1.1\r\na: b\n\r\n",
        "GET / HTTP/1.1\r\na : b\r\n\r\n",
        "GET / HTTP/1.1\r\n: b\r\n\r\n",
        "GET / HTTP/1.1\r\na: b\r\n c\r\n\r\n",
        "GET / HTTP/1.1\r\na: b\0\r\n\r\n",
        " / HTTP/1.1\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\n\r\n",
    ] {
        assert!(!passes(head.as_bytes(), &limits), "{head:?}");
    }
}

#[test]
fn any_byte_anywhere_is_seen_alike_on_both_ways() {
    let head =
        b"GET /path?a=b#c HTTP/1.1\r\nHost: example.org\r\nX-Long: 0123456789 abcdef \r\n\r\n".to_vec();
    for at in 0..head.len() {
        for byte in 0..=u8::MAX {
            let mut head = head.clone();
            head[at] = byte;
            passes(&head, &HeadLimits::default());
        }
    }
}

proptest! {
    #[test]
    fn whatever_takes_the_quick_way_is_the_same_on_the_slow_one(
        line in "[A-Z]{1,5} /[ -~]{0,12} HTTP/1.1\r\n",
        fields in vec(("[a-zA-Z-]{0,5}", ":[ \t]{0,2}", vec(any::<u8>(), 0..12), "[ \t]{0,2}\r?\n"), 0..4),
    ) {
        let mut head = line.into_bytes();
        for (name, colon, value, end) in fields {
            for part in [name.as_bytes(), colon.as_bytes(), &value, end.as_bytes()] {
                head.extend_from_slice(part);
            }
        }
        head.extend_from_slice(b"\r\n");
        passes(&head, &HeadLimits::default());
    }
}
