//! Tests of the PROXY protocol codec: every split position, every rule, no byte beyond the header.

use std::fmt::Write as _;

use super::{HEADER_BYTES_MOST, ProxyErrorKind, ProxyHeader, ProxyProtocol, ProxyStatus, TlvKind};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn v2(version_command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[version_command, family], &length, block].concat()
}

fn v4_block(extra: &[u8]) -> Vec<u8> {
    [&[192, 0, 2, 7, 198, 51, 100, 1, 0x13, 0x88, 0x01, 0xBB], extra].concat()
}

fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind], &u16::try_from(value.len()).unwrap().to_be_bytes()[..], value].concat()
}

fn complete(bytes: &[u8]) -> (usize, ProxyHeader<'_>) {
    match ProxyProtocol::Any.parse(bytes) {
        Ok(ProxyStatus::Complete { consumed, header }) => (consumed, header),
        other => panic!("{other:?} for {bytes:?}"),
    }
}

fn ends(bytes: &[u8]) -> String {
    complete(bytes).1.ends.map_or("own".to_owned(), |ends| format!("{} {}", ends.peer, ends.local))
}

fn broken(bytes: &[u8]) -> ProxyErrorKind {
    ProxyProtocol::Any.parse(bytes).unwrap_err().kind()
}

/// One header of each shape, with what it says.
fn good() -> Vec<(Vec<u8>, &'static str)> {
    let mut unix = vec![0; 216];
    unix[..6].copy_from_slice(b"/run/c");
    unix[108..114].copy_from_slice(b"/run/s");
    let v6 =
        [&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7][..], &[0; 15], &[1, 0x13, 0x88, 0, 80]]
            .concat();
    let longest = v4_block(&tlv(0xE0, &vec![1; 4096 - 12 - 3]));
    let line = |text: &str| format!("{text}\r\n").into_bytes();
    let longest_line = format!("PROXY UNKNOWN {}", "x".repeat(107 - 14 - 2));
    vec![
        (line("PROXY TCP4 192.0.2.7 198.51.100.1 5000 443"), "192.0.2.7:5000 198.51.100.1:443"),
        (line("PROXY TCP6 2001:db8::7 ::1 0 65535"), "[2001:db8::7]:0 [::1]:65535"),
        (line("PROXY UNKNOWN"), "own"),
        (line("PROXY UNKNOWN ffff::ffff whatever \u{e9} 1"), "own"),
        (line(&longest_line), "own"),
        (v2(0x21, 0x11, &v4_block(&[])), "192.0.2.7:5000 198.51.100.1:443"),
        (v2(0x21, 0x11, &v4_block(&tlv(1, b"h2"))), "192.0.2.7:5000 198.51.100.1:443"),
        (v2(0x21, 0x21, &v6), "[2001:db8::7]:5000 [::1]:80"),
        (v2(0x21, 0x31, &unix), "unix:/run/c unix:/run/s"),
        (v2(0x21, 0x31, &[0; 216]), "unix: unix:"),
        (v2(0x21, 0x00, &[]), "own"),
        (v2(0x21, 0x00, b"not extra values"), "own"),
        (v2(0x20, 0x00, &[]), "own"),
        (v2(0x20, 0x99, b"anything"), "own"),
        (v2(0x21, 0x11, &longest), "192.0.2.7:5000 198.51.100.1:443"),
    ]
}

#[test]
fn every_header_is_understood_and_what_follows_is_left_alone() {
    for (mut bytes, expected) in good() {
        let length = bytes.len();
        bytes.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!((complete(&bytes).0, ends(&bytes).as_str()), (length, expected), "{bytes:?}");
        assert!(length <= HEADER_BYTES_MOST);
    }
}

#[test]
fn every_header_cut_at_every_byte_is_partial() {
    for (bytes, _) in good() {
        for cut in 0..bytes.len() {
            assert_eq!(
                ProxyProtocol::Any.parse(&bytes[..cut]),
                Ok(ProxyStatus::Partial),
                "{cut} of {bytes:?}"
            );
        }
    }
}

#[test]
fn only_the_versions_switched_on_are_accepted() {
    let (one, two) = (&b"PROXY UNKNOWN\r\n"[..], &v2(0x20, 0, &[])[..]);
    let accepted = |versions: ProxyProtocol, bytes| versions.parse(bytes).is_ok();
    assert!(accepted(ProxyProtocol::V1, one) && !accepted(ProxyProtocol::V1, two));
    assert!(!accepted(ProxyProtocol::V2, one) && accepted(ProxyProtocol::V2, two));
    for bytes in [one, two, b"GET / HTTP/1.1\r\n", b""] {
        let status = ProxyProtocol::Off.parse(bytes).unwrap();
        assert!(matches!(status, ProxyStatus::Complete { consumed: 0, header } if header.ends.is_none()));
    }
    for text in ["off", "v1", "v2", "any"] {
        assert_eq!(text.parse::<ProxyProtocol>().unwrap().to_string(), text);
    }
    let message = "v3".parse::<ProxyProtocol>().unwrap_err().to_string();
    assert_eq!(message, "proxy_protocol v3: there is no such version; write off, v1, v2 or any");
}

#[test]
fn what_is_no_header_is_refused_at_its_first_wrong_byte() {
    for bytes in [
        &b"G"[..],
        b"\n",
        b"PROXX",
        b"PROXY\t",
        b"proxy ",
        b"POST / HTTP/1.1",
        b"\x16\x03\x01",
        b"\r\n\r\nG",
        b"\r\n\r\n\0\r\nQUIT\r",
    ] {
        assert_eq!(broken(bytes), ProxyErrorKind::NoHeader, "{bytes:?}");
    }
    for at in 0..SIGNATURE.len() {
        let mut wrong = SIGNATURE.to_vec();
        wrong[at] ^= 0x80;
        assert_eq!(broken(&wrong[..=at]), ProxyErrorKind::NoHeader);
    }
}

#[test]
fn a_line_that_breaks_a_rule_is_refused_by_that_rule() {
    use ProxyErrorKind as Kind;
    for (words, kind) in [
        ("TCP4 1.1.1.1 2.2.2.2 1 2 ", Kind::MalformedLine),
        ("TCP4 1.1.1.1 2.2.2.2 1 2 3", Kind::MalformedLine),
        ("TCP4 1.1.1.1 2.2.2.2 1", Kind::MalformedLine),
        ("TCP4 ", Kind::MalformedLine),
        ("TCP4  1.1.1.1 2.2.2.2 1 2", Kind::MalformedLine),
        ("TCP4 1.1.1.1  2.2.2.2 1 2", Kind::MalformedLine),
        ("TCP4  2.2.2.2 1 2", Kind::BadAddress),
        ("TCP4 1.1.1.1 2.2.2.2  1", Kind::BadPort),
        ("TCP4 01.1.1.1 2.2.2.2 1 2", Kind::BadAddress),
        ("TCP4 ::1 ::1 1 2", Kind::BadAddress),
        ("TCP6 1.1.1.1 2.2.2.2 1 2", Kind::BadAddress),
        ("TCP6 ::1%eth0 ::1 1 2", Kind::BadAddress),
        ("TCP4 1.1.1.1 2.2.2.2 65536 2", Kind::BadPort),
        ("TCP4 1.1.1.1 2.2.2.2 +1 2", Kind::BadPort),
        ("TCP4 1.1.1.1 2.2.2.2 1 02", Kind::BadPort),
        ("TCP4 1.1.1.1 2.2.2.2 1 2\n", Kind::BadPort),
        ("TCP4 1.1.1.1 2.2.2.2 1 2\r", Kind::BadPort),
        ("TCP4", Kind::UnknownFamily),
        ("TCP5 1.1.1.1 2.2.2.2 1 2", Kind::UnknownFamily),
        ("tcp4 1.1.1.1 2.2.2.2 1 2", Kind::UnknownFamily),
        ("UNKNOWNS", Kind::UnknownFamily),
        (" TCP4 1.1.1.1 2.2.2.2 1 2", Kind::UnknownFamily),
        ("", Kind::UnknownFamily),
    ] {
        assert_eq!(broken(format!("PROXY {words}\r\n").as_bytes()), kind, "{words:?}");
    }
    assert_eq!(broken(b"PROXY TCP4 \xFF 2.2.2.2 1 2\r\n"), Kind::MalformedLine);
}

#[test]
fn a_line_without_an_end_is_refused_at_107_bytes_and_not_before() {
    let endless = format!("PROXY UNKNOWN {}", "x".repeat(200));
    assert_eq!(ProxyProtocol::V1.parse(&endless.as_bytes()[..106]), Ok(ProxyStatus::Partial));
    assert_eq!(broken(&endless.as_bytes()[..107]), ProxyErrorKind::TooLong);
    let mut late = endless[..106].to_owned();
    write!(late, "\r\n").unwrap();
    assert_eq!(broken(late.as_bytes()), ProxyErrorKind::TooLong, "its end is byte 108");
}

#[test]
fn a_binary_header_that_breaks_a_rule_is_refused_by_that_rule() {
    use ProxyErrorKind as Kind;
    assert_eq!(broken(&v2(0x11, 0x11, &v4_block(&[]))), Kind::UnknownVersion);
    assert_eq!(broken(&v2(0x22, 0x11, &v4_block(&[]))), Kind::UnknownCommand);
    for family in [0x12, 0x22, 0x32, 0x10, 0x01, 0x41, 0xFF] {
        assert_eq!(broken(&v2(0x21, family, &[0; 216])), Kind::UnknownFamily, "{family:#x}");
    }
    for (family, needed) in [(0x11, 12), (0x21, 36), (0x31, 216)] {
        assert_eq!(broken(&v2(0x21, family, &vec![0; needed - 1])), Kind::TooShort);
    }
    // The length is judged before its bytes are waited for, for LOCAL too.
    for command in [0x20, 0x21] {
        assert_eq!(broken(&v2(command, 0x11, &[0; 4097])[..16]), Kind::TooLong);
    }
}

#[test]
fn extra_values_come_in_order_and_never_reach_over_the_end() {
    let extra =
        [tlv(0x01, b"h2"), tlv(0x02, b"example.com"), tlv(0x04, b""), tlv(0x01, b"http/1.1")].concat();
    let bytes = v2(0x21, 0x11, &v4_block(&extra));
    let (_, header) = complete(&bytes);
    assert_eq!(header.tlvs.value(TlvKind::ALPN), Some(&b"h2"[..]));
    assert_eq!(header.tlvs.value(TlvKind::AUTHORITY), Some(&b"example.com"[..]));
    assert_eq!(header.tlvs.value(TlvKind::SSL), None);
    assert_eq!(header.tlvs.map(|(kind, _)| kind.byte()).collect::<Vec<_>>(), [1, 2, 4, 1]);
    for cut in 1..extra.len() {
        let whole = [5, 19, 22].contains(&cut);
        let bytes = v2(0x21, 0x11, &v4_block(&extra[..cut]));
        assert_eq!(ProxyProtocol::Any.parse(&bytes).is_ok(), whole, "{cut}");
        if !whole {
            assert_eq!(broken(&bytes), ProxyErrorKind::MalformedTlv);
        }
    }
}

#[test]
fn a_checksum_is_verified_where_there_is_one() {
    let placed = |sum: [u8; 4]| v2(0x21, 0x11, &v4_block(&[tlv(0x03, &sum), tlv(0x02, b"a")].concat()));
    // Worked out apart from this code, over the header with a zero checksum.
    let right = CHECKSUM.to_be_bytes();
    assert_eq!(ends(&placed(right)), "192.0.2.7:5000 198.51.100.1:443");
    for bit in 0..32 {
        let wrong = (CHECKSUM ^ 1 << bit).to_be_bytes();
        assert_eq!(broken(&placed(wrong)), ProxyErrorKind::WrongChecksum);
    }
    let short = v2(0x21, 0x11, &v4_block(&tlv(0x03, b"abc")));
    assert_eq!(broken(&short), ProxyErrorKind::MalformedTlv);
}

const CHECKSUM: u32 = 0x2526_FEB0;
