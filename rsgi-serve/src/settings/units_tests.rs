//! Tests of numbers with units, and of quoting.

use std::time::Duration;

use super::units::{parse_mode, parse_size, parse_time, quoted, size, time};

#[test]
fn sizes_have_units_of_1024() {
    for (text, bytes) in [
        ("0", Some(0)),
        ("4096", Some(4096)),
        ("64K", Some(65_536)),
        ("64 kib", Some(65_536)),
        ("16MB", Some(16 << 20)),
        ("2g", Some(2 << 30)),
        ("1T", Some(1 << 40)),
        ("", None),
        ("K", None),
        ("1.5M", None),
        ("-1", None),
        ("3X", None),
        ("99999999999T", None),
    ] {
        assert_eq!(parse_size(text), bytes, "{text}");
    }
}

#[test]
fn a_bare_time_is_in_seconds() {
    for (text, millis) in [
        ("30", Some(30_000)),
        ("0", Some(0)),
        ("0.1", Some(100)),
        ("100ms", Some(100)),
        ("1.5s", Some(1500)),
        ("2 m", Some(120_000)),
        ("1h", Some(3_600_000)),
        ("1d", Some(86_400_000)),
        ("", None),
        ("s", None),
        (".5", None),
        ("-1", None),
        ("1.2.3", None),
        ("5w", None),
        ("99999999999999999999999d", None),
    ] {
        assert_eq!(parse_time(text), millis.map(Duration::from_millis), "{text}");
    }
}

#[test]
fn a_mode_is_octal_with_or_without_a_prefix() {
    for (text, mode) in [("660", Some(0o660)), ("0660", Some(0o660)), ("0o22", Some(0o22)), ("0", Some(0))] {
        assert_eq!(parse_mode(text), mode, "{text}");
    }
    assert!(["", "0o", "8", "-1", "+7", "rw"].into_iter().all(|text| parse_mode(text).is_none()));
}

#[test]
fn what_is_written_is_read_back() {
    for bytes in [0, 1, 1023, 1024, 1536, 16 << 20, 3 << 40] {
        assert_eq!(parse_size(&size(bytes)), Some(bytes));
    }
    for millis in [0, 1, 500, 1000, 1500, 60_000, 90_000, 120_000, 86_400_000] {
        let value = Duration::from_millis(millis);
        assert_eq!(parse_time(&time(value)), Some(value));
    }
    let nanos = Duration::from_nanos(1_500_000_100);
    assert_eq!(parse_time(&time(nanos)), Some(nanos));
}

#[test]
fn a_string_is_quoted_so_that_toml_reads_it_back() {
    for text in ["", "plain", "with \"quotes\" and \\", "line\nend\u{7f}", "ünï"] {
        let line = format!("text = {}", quoted(text));
        let table: toml::Table = toml::from_str(&line).unwrap();
        assert_eq!(table["text"].as_str(), Some(text));
    }
}
