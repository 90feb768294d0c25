//! Each limit of a head, at the limit and one over it.

use super::*;

/// A head of exactly the parts asked for.
fn sample(method: usize, target: usize, fields: usize, longest: usize) -> Vec<u8> {
    let mut head = format!("{} /{} HTTP/1.1\r\nHost: a\r\n", "M".repeat(method), "t".repeat(target - 1));
    for _ in 2..fields {
        head.push_str("X: y\r\n");
    }
    head.push_str("Y: ");
    head.push_str(&"v".repeat(longest - 3));
    head.push_str("\r\n\r\n");
    head.into_bytes()
}

fn limits() -> HeadLimits {
    HeadLimits {
        head_bytes: 200,
        field_count: 5,
        field_bytes: 30,
        target_bytes: 40,
        method_bytes: 10,
        empty_lines: 2,
    }
}

#[track_caller]
fn passes(limits: &HeadLimits, bytes: &[u8]) {
    assert!(matches!(parse_with(limits, bytes), Ok(Some(_))), "{}", bytes.escape_ascii());
}

#[test]
fn a_method_at_the_limit_passes_and_one_over_is_501() {
    passes(&limits(), &sample(10, 1, 2, 10));
    assert_eq!(parse_with(&limits(), &sample(11, 1, 2, 10)), Err(Reject::MethodTooLong));
    assert_eq!(Reject::MethodTooLong.status(), 501);
}

#[test]
fn a_target_at_the_limit_passes_and_one_over_is_414() {
    passes(&limits(), &sample(3, 40, 2, 10));
    assert_eq!(parse_with(&limits(), &sample(3, 41, 2, 10)), Err(Reject::TargetTooLong));
    assert_eq!(Reject::TargetTooLong.status(), 414);
}

#[test]
fn fields_at_the_limit_pass_and_one_over_is_431() {
    passes(&limits(), &sample(3, 1, 5, 10));
    assert_eq!(parse_with(&limits(), &sample(3, 1, 6, 10)), Err(Reject::TooManyFields));
    assert_eq!(Reject::TooManyFields.status(), 431);
}

#[test]
fn more_fields_than_fit_the_stack_pass_where_the_limit_allows() {
    let wide = HeadLimits { field_count: 300, ..HeadLimits::default() };
    let found = feed(&wide, [&sample(3, 1, 300, 10)[..]]).unwrap().unwrap();
    assert_eq!(found.0.headers.len(), 300);
    assert_eq!(feed(&wide, [&sample(3, 1, 301, 10)[..]]).unwrap_err(), Reject::TooManyFields);
}

#[test]
fn a_field_line_at_the_limit_passes_and_one_over_is_431() {
    passes(&limits(), &sample(3, 1, 2, 30));
    assert_eq!(parse_with(&limits(), &sample(3, 1, 2, 31)), Err(Reject::FieldTooLarge));
    let first = |length: usize| format!("G / HTTP/1.1\r\nY: {}\r\nHost: a\r\n\r\n", "v".repeat(length - 3));
    passes(&limits(), first(30).as_bytes());
    assert_eq!(parse_with(&limits(), first(31).as_bytes()), Err(Reject::FieldTooLarge));
    assert_eq!(Reject::FieldTooLarge.status(), 431);
}

#[test]
fn a_head_at_the_limit_passes_and_one_over_is_431() {
    let wide = HeadLimits { field_bytes: 1_000, ..limits() };
    let length = |longest| sample(3, 10, 2, longest).len();
    let exact = 10 + (200 - length(10));
    assert_eq!(length(exact), 200);
    passes(&wide, &sample(3, 10, 2, exact));
    assert_eq!(parse_with(&wide, &sample(3, 10, 2, exact + 1)), Err(Reject::HeadTooLarge));
    assert_eq!(Reject::HeadTooLarge.status(), 431);
}

#[test]
fn a_head_that_never_ends_is_refused_as_soon_as_it_is_over_a_limit() {
    let line = [b'M'; 100];
    assert_eq!(parse_with(&limits(), &line), Err(Reject::MethodTooLong));
    let target = [&b"GET /"[..], &[b't'; 100]].concat();
    assert_eq!(parse_with(&limits(), &target), Err(Reject::TargetTooLong));
    let fields = [&b"GET / HTTP/1.1\r\nX: "[..], &[b'v'; 300]].concat();
    assert_eq!(parse_with(&limits(), &fields), Err(Reject::HeadTooLarge));
}

#[test]
fn of_two_broken_rules_the_first_is_named_however_a_head_is_split() {
    let long = "t".repeat(60);
    for (bytes, first) in [
        (format!("GET / HTTP/1.x{long}\r\n\r\n"), Reject::MalformedVersion),
        (format!("GET /{long} HTTP/1.1\r\nX : y\r\n\r\n"), Reject::TargetTooLong),
        (format!("GET /{long} HTTP/1.1\nX: y\r\n\r\n"), Reject::TargetTooLong),
        (format!("{long}( / HTTP/1.1\r\n\r\n"), Reject::MethodTooLong),
        (format!("GET /\x01{long} HTTP/1.1\r\n\r\n"), Reject::InvalidTarget),
        (format!("GET / HTTP/1.1\r\nX : {}\r\n\r\n", long.repeat(4)), Reject::WhitespaceBeforeColon),
        (format!("GET / HTTP/1.1\r\nX: {}\nY: z\r\n\r\n", long.repeat(4)), Reject::HeadTooLarge),
        (format!("GET / HTTP/1.1\r\nX: {}\rY: z\r\n\r\n", long.repeat(4)), Reject::HeadTooLarge),
    ] {
        assert_eq!(parse_with(&limits(), bytes.as_bytes()), Err(first), "{bytes:?}");
    }
}

#[test]
fn empty_lines_in_front_pass_up_to_the_limit() {
    let plain = sample(3, 1, 2, 10);
    for lines in 0..=2 {
        let bytes = [b"\r\n".repeat(lines), plain.clone()].concat();
        passes(&limits(), &bytes);
    }
    let bytes = [b"\r\n".repeat(3), plain].concat();
    assert_eq!(parse_with(&limits(), &bytes), Err(Reject::TooManyEmptyLines));
    assert_eq!(parse_with(&limits(), b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), Err(Reject::BareLineFeed));
    assert_eq!(parse_with(&limits(), b"\r\n"), Ok(None));
}

#[test]
fn the_default_limits_let_large_but_legal_heads_through() {
    for size in [128, 4_096, 8_192, 16_384] {
        let head = feed(&HeadLimits::default(), [&sample(3, 8_192, 100, size)[..]]).unwrap().unwrap().0;
        assert_eq!(head.headers["y"].len(), size - 3);
    }
}

#[test]
fn a_slow_head_costs_time_in_proportion_to_its_length() {
    // 60,000 bytes one by one: with a parse a byte this would be 1.8 thousand million steps and time out.
    let bytes = [&b"GET / HTTP/1.1\r\nHost: a\r\n"[..], &b"X: yyyyyyyyyyyy\r\n".repeat(98)].concat();
    let long = [bytes, b"Z: ".to_vec(), vec![b'z'; 16_000], b"\r\n\r\n".to_vec()].concat();
    assert!(feed(&HeadLimits::default(), long.chunks(1)).unwrap().is_some());
}

#[test]
fn every_rule_has_a_name_a_status_and_a_source() {
    for reject in [Reject::BareLineFeed, Reject::MissingHost, Reject::MalformedTransferEncoding] {
        assert!(reject.status().is_client_error());
        assert!(reject.source_text().starts_with("RFC "));
        assert_eq!(reject.to_string(), reject.name());
    }
}
