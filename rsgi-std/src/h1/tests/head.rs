//! Request lines, targets, Host and field lines.

use http::header::{ACCEPT, COOKIE, HOST};
use http::{Method, Version};

use super::*;

fn with_line(line: &str) -> String {
    format!("{line}\r\nHost: a\r\n\r\n")
}

fn with_field(field: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n").into_bytes()
}

#[test]
fn a_plain_request_is_read_and_what_follows_stays() {
    let seen = parse("GET /ping?a=1 HTTP/1.1\r\nHost: a:80\r\nX-Y:  z \t\r\n\r\nGET").unwrap().unwrap();
    assert_eq!(seen.line, "GET /ping?a=1 Origin HTTP/1.1");
    assert_eq!(seen.target, b"/ping?a=1");
    assert_eq!(seen.fields, [("host".to_owned(), b"a:80".to_vec()), ("x-y".to_owned(), b"z".to_vec())]);
    assert_eq!(seen.says, "None KeepAlive None None Unsaid");
    assert_eq!(seen.rest, b"GET");
}

#[test]
fn a_body_behind_the_head_may_hold_bare_line_ends() {
    let seen =
        parse("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n\n\r\r\n\n\rX\n").unwrap().unwrap();
    assert_eq!(seen.rest, b"\n\r\r\n\n\rX\n");
}

#[test]
fn a_head_without_fields_is_whole_on_http_10() {
    let head = head("GET / HTTP/1.0\r\n\r\n");
    assert_eq!((head.version, head.persistence), (Version::HTTP_10, Persistence::Close));
    assert!(head.headers.is_empty());
}

#[test]
fn a_head_that_is_cut_anywhere_asks_for_more() {
    let bytes = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
    for end in 0..bytes.len() {
        assert_eq!(parse(&bytes[..end]), Ok(None), "{end} bytes");
    }
}

#[test]
fn any_token_is_a_method_and_keeps_its_case() {
    for method in ["GET", "get", "PROPFIND", "M-SEARCH", "!#$%&'*+-.^_`|~09", "AVeryLongMethodNameThatIsFine"]
    {
        assert_eq!(head(with_line(&format!("{method} / HTTP/1.1"))).method.as_str(), method);
    }
}

#[test]
fn a_method_that_is_no_token_is_refused() {
    for line in [" / HTTP/1.1", "G\tT / HTTP/1.1", "G(T / HTTP/1.1", "GÉT / HTTP/1.1", "G\0T / HTTP/1.1"] {
        refused(with_line(line), Reject::InvalidMethod);
    }
    refused(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", Reject::InvalidMethod);
}

#[test]
fn a_request_line_with_parts_missing_or_left_over_is_refused() {
    for line in ["GET", "GET /", "GET / HTTP/1.1 ", "GET / HTTP/1.1x", "GET / HTTP/1.10"] {
        refused(with_line(line), Reject::MalformedRequestLine);
    }
    for line in ["GET  / HTTP/1.1", "GET \t HTTP/1.1", "GET /\t HTTP/1.1"] {
        refused(with_line(line), Reject::InvalidTarget);
    }
    for line in ["GET /  HTTP/1.1", "GET / http/1.1", "GET / HTTP/11", "GET / HTTP/1,1", "GET / a b HTTP/1.1"]
    {
        refused(with_line(line), Reject::MalformedVersion);
    }
}

#[test]
fn a_higher_minor_version_counts_as_1_1_and_another_major_is_505() {
    for minor in 1..10 {
        assert_eq!(head(with_line(&format!("GET / HTTP/1.{minor}"))).version, Version::HTTP_11);
    }
    for version in ["HTTP/0.9", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9"] {
        refused(with_line(&format!("GET / {version}")), Reject::UnsupportedVersion);
    }
    refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Reject::UnsupportedVersion);
    refused("GET / HTTP/1.2\r\nHost: a\r\n b\r\n\r\n", Reject::ObsoleteFolding);
}

#[test]
fn origin_form_is_kept_byte_by_byte() {
    for target in [
        "/",
        "//",
        "/a//b/",
        "/a/../b/./c",
        "/%61dmin",
        "/%C3%A9",
        "/é",
        "/?",
        "/a?b?c",
        "/a;b=c,d",
        "/\"{}",
        "//host/path",
        "/?q=/a",
    ] {
        let head = head(with_line(&format!("GET {target} HTTP/1.1")));
        assert_eq!(head.target, Target::Origin);
        assert_eq!(head.target.raw(&head.uri), target.as_bytes(), "{target}");
    }
    assert_eq!(head(with_line("GET /a? HTTP/1.1")).uri.query(), Some(""));
    assert_eq!(head(with_line("GET /a HTTP/1.1")).uri.query(), None);
}

#[test]
fn a_fragment_in_the_target_is_refused() {
    for target in ["/a#b", "/#", "/a?b#c", "#", "http://a/b#c", "*#"] {
        refused(with_line(&format!("GET {target} HTTP/1.1")), Reject::FragmentInTarget);
    }
}

#[test]
fn bytes_that_no_uri_holds_are_refused_in_the_target() {
    for target in ["/<", "/a\\b?<", "/\x7f", "/\0", "a", "index.html", "a:80", "http:///a", "http://:80/"] {
        refused(with_line(&format!("GET {target} HTTP/1.1")), Reject::InvalidTarget);
    }
    refused(b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", Reject::InvalidTarget);
}

#[test]
fn absolute_form_takes_the_host_from_the_target_and_ignores_host() {
    let head = head("GET HTTP://B.example:81?q HTTP/1.1\r\nHost: a\r\nAccept: x\r\n\r\n");
    assert_eq!(head.target.raw(&head.uri), b"HTTP://B.example:81?q");
    assert_eq!(head.uri.query(), Some("q"));
    assert_eq!(head.headers.get_all(HOST).iter().collect::<Vec<_>>(), ["B.example:81"]);
    assert_eq!(head.headers[ACCEPT], "x");
    refused("GET http://b/ HTTP/1.1\r\n\r\n", Reject::MissingHost);
    refused("GET http://u:p@b/ HTTP/1.1\r\nHost: b\r\n\r\n", Reject::UserinfoInTarget);
    refused("GET http://b:99999/ HTTP/1.1\r\nHost: b\r\n\r\n", Reject::InvalidTarget);
}

#[test]
fn connect_takes_authority_form_alone() {
    let tunnel = head("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n");
    assert_eq!((&tunnel.target, tunnel.method), (&Target::Authority, Method::CONNECT));
    assert_eq!(tunnel.target.raw(&tunnel.uri), b"b:443");
    let other = head("CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(other.headers.get_all(HOST).iter().collect::<Vec<_>>(), ["b:443"]);
    refused("CONNECT b:443 HTTP/1.1\r\n\r\n", Reject::MissingHost);
    for target in ["/", "*", "http://b/"] {
        refused(with_line(&format!("CONNECT {target} HTTP/1.1")), Reject::TargetFormForMethod);
    }
    for target in ["b", "b:", "b:x", "b:65536"] {
        refused(with_line(&format!("CONNECT {target} HTTP/1.1")), Reject::InvalidTarget);
    }
}

#[test]
fn asterisk_form_is_for_options_alone() {
    let star = head(with_line("OPTIONS * HTTP/1.1"));
    assert_eq!((&star.target, star.target.raw(&star.uri)), (&Target::Asterisk, &b"*"[..]));
    assert_eq!(head(with_line("OPTIONS /a HTTP/1.1")).target, Target::Origin);
    refused(with_line("GET * HTTP/1.1"), Reject::TargetFormForMethod);
}

#[test]
fn host_is_needed_on_1_1_and_only_once_anywhere() {
    refused("GET / HTTP/1.1\r\n\r\n", Reject::MissingHost);
    refused("GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n", Reject::RepeatedHost);
    refused("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", Reject::RepeatedHost);
    assert!(parse("GET / HTTP/1.0\r\n\r\n").unwrap().is_some());
}

#[test]
fn host_is_a_host_with_or_without_a_port_or_empty() {
    for host in [
        "",
        "a",
        "a:",
        "a:80",
        "a:65535",
        "A-b_c.example.",
        "127.0.0.1:8000",
        "[::1]",
        "[::1]:80",
        "[v1.a:b]",
        "%41b",
        "a,b",
        "!$&'()*+;=~",
    ] {
        let bytes = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(head(bytes).headers[HOST], host);
    }
    for host in [
        "a b",
        "a:b",
        "a:80:80",
        "a:65536",
        ":80",
        "a/b",
        "a?b",
        "a#b",
        "u@a",
        "[::1",
        "::1",
        "[::1]x",
        "[1.2.3.4]",
        "[v1]",
        "[v.a]",
        "[]",
        "[::1%25eth0]",
        "%4",
        "%zz",
        "é",
        "a\\b",
        "<a>",
        "a:+80",
        "a: 80",
    ] {
        refused(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), Reject::InvalidHost);
    }
}

#[test]
fn names_are_lower_cased_values_trimmed_duplicates_kept_in_order() {
    let head = head(with_field("COOKIE:a\r\nx_y: 1\r\ncookie: \t b c \t\r\nEmpty:\r\nX_Y: 2\r\nBlank: \t "));
    assert_eq!(head.headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a", "b c"]);
    assert_eq!(head.headers.get_all("x_y").iter().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(
        (&head.headers["empty"], &head.headers["blank"]),
        (&"".parse().unwrap(), &"".parse().unwrap())
    );
}

#[test]
fn obs_text_in_values_is_kept() {
    let mut bytes = b"GET / HTTP/1.0\r\nX: ".to_vec();
    bytes.extend(0x80..=0xff_u8);
    bytes.extend(b"\t!\r\n\r\n");
    let expected: Vec<u8> = (0x80..=0xff).chain(*b"\t!").collect();
    assert_eq!(head(bytes).headers["x"].as_bytes(), expected);
}

#[test]
fn white_space_before_the_colon_or_a_bad_name_is_refused() {
    refused(with_field("X : a"), Reject::WhitespaceBeforeColon);
    refused(with_field("X\t: a"), Reject::WhitespaceBeforeColon);
    for field in ["X", ": a", "X\x01: a", "X/Y: a", "é: a", "\"x\": a", "\0: a", "\x7f: a"] {
        refused(with_field(field), Reject::InvalidFieldName);
    }
}

#[test]
fn a_line_that_begins_with_white_space_is_refused() {
    for blank in [" ", "\t"] {
        refused(format!("GET / HTTP/1.1\r\n{blank}Host: a\r\n\r\n"), Reject::WhitespaceBeforeFields);
        refused(format!("GET / HTTP/1.1\r\n{blank}\r\nHost: a\r\n\r\n"), Reject::WhitespaceBeforeFields);
        refused(with_field(&format!("X: a\r\n{blank}b")), Reject::ObsoleteFolding);
        refused(with_field(&format!("X: a\r\n{blank}")), Reject::ObsoleteFolding);
    }
}

#[test]
fn every_control_character_in_a_value_is_refused() {
    for byte in (0..32_u8).chain([127]).filter(|byte| !b"\t\r\n".contains(byte)) {
        for text in [[b'X', b':', b'a', byte, b'b'], [b'X', b':', byte, b'a', b'b']] {
            refused(with_field(std::str::from_utf8(&text).unwrap()), Reject::InvalidFieldValue);
        }
    }
}

#[test]
fn a_bare_cr_anywhere_in_the_head_is_refused() {
    for bytes in [
        "GET\r / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\rHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost\r: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\ra\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n",
        "\r\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        refused(bytes, Reject::BareCarriageReturn);
    }
}

#[test]
fn a_bare_lf_at_any_line_end_is_refused() {
    let lines = ["GET / HTTP/1.1", "Host: a", "Empty:", "X: b", ""];
    for bare in 0..lines.len() {
        let end = |at: usize| if at == bare { "\n" } else { "\r\n" };
        let bytes: String = (0..lines.len()).map(|at| lines[at].to_owned() + end(at)).collect();
        refused(bytes, Reject::BareLineFeed);
    }
    refused("GET / HTTP/1.0\n\n", Reject::BareLineFeed);
    refused("GET / HTTP/1.0\r\n\n", Reject::BareLineFeed);
    refused("GET /\n", Reject::BareLineFeed);
    refused("GET / HTTP/1.1\r\nHost: a\nX", Reject::BareLineFeed);
}

#[test]
fn a_fault_before_a_bare_lf_is_named_first() {
    refused("GET / HTTP/1.1\r\nHost : a\nX: b\n\n", Reject::WhitespaceBeforeColon);
    refused("GET / HTTP/1.1\nHost : a\r\n\r\n", Reject::BareLineFeed);
}

#[test]
fn maps_given_back_are_used_again_without_old_fields() {
    let mut parser = HeadParser::new(HeadLimits::default());
    let mut progress = HeadProgress::default();
    let mut buf =
        BytesMut::from(&b"GET /1 HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n"[..]);
    let first = parser.parse(&mut progress, &mut buf).unwrap().unwrap();
    assert_eq!(first.headers.len(), 2);
    parser.recycle(first.headers);
    let second = parser.parse(&mut progress, &mut buf).unwrap().unwrap();
    assert_eq!((second.headers.len(), second.uri.path()), (1, "/2"));
    assert!(parser.parse(&mut progress, &mut buf).unwrap().is_none());
}

#[test]
fn a_refused_head_leaves_no_field_for_the_next() {
    let mut parser = HeadParser::new(HeadLimits::default());
    let mut buf = BytesMut::from(&b"GET /1 HTTP/1.1\r\nX: 1\r\nHost: a\r\nHost: a\r\n\r\n"[..]);
    assert_eq!(parser.parse(&mut HeadProgress::default(), &mut buf).unwrap_err(), Reject::RepeatedHost);
    let mut buf = BytesMut::from(&b"GET /2 HTTP/1.0\r\n\r\n"[..]);
    assert!(parser.parse(&mut HeadProgress::default(), &mut buf).unwrap().unwrap().headers.is_empty());
}

#[test]
fn a_head_with_any_one_byte_changed_gives_one_result_however_it_is_split() {
    let sample = b"\r\nPOST http://a/ HTTP/1.1\r\nHost: a:1\r\nTE:trailers\r\nContent-Length: 2\r\n\r\n\n\r";
    let limits = HeadLimits::default();
    let check = |bytes: &[u8]| {
        let whole = seen(feed(&limits, [bytes]));
        assert_eq!(seen(feed(&limits, bytes.chunks(1))), whole, "{}", bytes.escape_ascii());
        assert_eq!(seen(feed(&limits, bytes.chunks(7))), whole, "{}", bytes.escape_ascii());
    };
    for at in 0..sample.len() {
        let (front, back) = (&sample[..at], &sample[at..]);
        check(&[front, &back[1..]].concat());
        for byte in *b"\0\t\n\r \"#%*+,/09:;@AZ[]az\x7f\x80\xff" {
            check(&[front, &[byte], &back[1..]].concat());
            check(&[front, &[byte], back].concat());
        }
    }
}

/// The corpus found it: in one read such a head was refused at once, in several only once it had an end.
#[test]
fn a_head_that_never_ends_is_refused_at_the_byte_that_breaks_it() {
    for (bytes, reject) in [
        ("GET /\r\n", Reject::MalformedRequestLine),
        ("GET\r\n", Reject::MalformedRequestLine),
        ("G(", Reject::InvalidMethod),
        ("GET  ", Reject::InvalidTarget),
        ("GET /\u{1}", Reject::InvalidTarget),
        ("GET / HTTQ", Reject::MalformedVersion),
        ("GET / HTTP/2.0", Reject::UnsupportedVersion),
        ("GET / HTTP/1.1 ", Reject::MalformedRequestLine),
        ("GET / HTTP/1.1\r\n ", Reject::WhitespaceBeforeFields),
        ("GET / HTTP/1.1\r\nA: b\r\n\t", Reject::ObsoleteFolding),
        ("GET / HTTP/1.1\r\nA ", Reject::WhitespaceBeforeColon),
        ("GET / HTTP/1.1\r\n:", Reject::InvalidFieldName),
        ("GET / HTTP/1.1\r\nA\r\n", Reject::InvalidFieldName),
        ("GET / HTTP/1.1\r\nA: b\0", Reject::InvalidFieldValue),
    ] {
        refused(bytes, reject);
    }
    assert_eq!(parse("GET / HTTP/1.7\r\nHost: a\r\nA: b\tc\r\n"), Ok(None));
}
