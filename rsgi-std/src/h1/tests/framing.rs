//! Body framing, persistence, Expect, Upgrade.

use super::*;

fn post(fields: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n")
}

fn old_post(fields: &str) -> String {
    format!("POST / HTTP/1.0\r\n{fields}\r\n\r\n")
}

#[test]
fn no_field_means_no_body() {
    assert_eq!(head(post("X: y")).framing, Framing::None);
    assert_eq!(head("POST / HTTP/1.0\r\n\r\n").framing, Framing::None);
}

#[test]
fn a_content_length_is_a_run_of_digits_that_fits_64_bits() {
    for (value, length) in [
        ("0", 0),
        ("5", 5),
        (" 5 ", 5),
        ("007", 7),
        ("18446744073709551615", u64::MAX),
        ("00000000000000000000001", 1),
    ] {
        assert_eq!(head(post(&format!("Content-Length:{value}"))).framing, Framing::Length(length));
    }
    for value in [
        "",
        " ",
        "+5",
        "-5",
        "5, 5",
        "5,5",
        "5;",
        "0x5",
        "5 5",
        "5.0",
        "٥",
        "a",
        "18446744073709551616",
        "99999999999999999999999999",
    ] {
        refused(post(&format!("Content-Length: {value}")), Reject::InvalidContentLength);
    }
}

#[test]
fn a_second_content_length_is_refused_equal_or_not() {
    refused(post("Content-Length: 5\r\nContent-Length: 6"), Reject::RepeatedContentLength);
    refused(post("Content-Length: 5\r\ncontent-length: 5"), Reject::RepeatedContentLength);
}

#[test]
fn chunked_alone_is_chunked_in_any_case() {
    for value in ["chunked", "Chunked", "CHUNKED", " chunked\t"] {
        assert_eq!(head(post(&format!("Transfer-Encoding:{value}"))).framing, Framing::Chunked);
    }
}

#[test]
fn transfer_encoding_with_content_length_is_refused_in_both_orders() {
    refused(
        post("Transfer-Encoding: chunked\r\nContent-Length: 5"),
        Reject::TransferEncodingWithContentLength,
    );
    refused(
        post("Content-Length: 5\r\nTransfer-Encoding: chunked"),
        Reject::TransferEncodingWithContentLength,
    );
    refused(post("Content-Length: 0\r\nTransfer-Encoding: gzip"), Reject::TransferEncodingWithContentLength);
}

#[test]
fn transfer_encoding_on_http_10_is_refused() {
    refused(old_post("Transfer-Encoding: chunked"), Reject::TransferEncodingOnHttp10);
    refused(old_post("Content-Length: 5\r\nTransfer-Encoding: chunked"), Reject::TransferEncodingOnHttp10);
}

#[test]
fn a_transfer_encoding_that_does_not_end_in_chunked_is_refused() {
    for value in ["gzip", "identity", "chunked, gzip", "chunked, identity", "xchunked", "gzip, deflate"] {
        refused(post(&format!("Transfer-Encoding: {value}")), Reject::TransferEncodingNotChunked);
    }
    refused(
        post("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip"),
        Reject::TransferEncodingNotChunked,
    );
}

#[test]
fn a_coding_before_chunked_is_501() {
    refused(post("Transfer-Encoding: gzip, chunked"), Reject::UnsupportedTransferCoding);
    refused(post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"), Reject::UnsupportedTransferCoding);
    assert_eq!(Reject::UnsupportedTransferCoding.status(), 501);
}

#[test]
fn chunked_named_twice_is_refused() {
    for value in ["chunked, chunked", "gzip, chunked, chunked", "chunked\r\nTransfer-Encoding: chunked"] {
        refused(post(&format!("Transfer-Encoding: {value}")), Reject::ChunkedRepeated);
    }
}

#[test]
fn a_transfer_encoding_with_gaps_or_parameters_is_refused() {
    for value in [
        "",
        ",",
        "chunked,",
        ",chunked",
        "chunked;a=b",
        "gzip;q=1, chunked",
        "\"chunked\"",
        "chunked chunked",
    ] {
        refused(post(&format!("Transfer-Encoding: {value}")), Reject::MalformedTransferEncoding);
    }
}

#[test]
fn content_on_connect_is_refused() {
    for field in ["Content-Length: 1", "Transfer-Encoding: chunked"] {
        refused(format!("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n{field}\r\n\r\n"), Reject::ContentOnConnect);
    }
}

#[test]
fn http_11_persists_unless_a_connection_field_says_close() {
    for (fields, expected) in [
        ("X: y", Persistence::KeepAlive),
        ("Connection: keep-alive", Persistence::KeepAlive),
        ("Connection: x, y", Persistence::KeepAlive),
        ("Connection: closed", Persistence::KeepAlive),
        ("Connection: close", Persistence::Close),
        ("Connection: CLOSE", Persistence::Close),
        ("Connection: keep-alive, x ,\tClose", Persistence::Close),
        ("Connection: close\r\nConnection: keep-alive", Persistence::Close),
        ("Connection: x\r\nX: y\r\nconnection:,, close ,", Persistence::Close),
    ] {
        assert_eq!(head(post(fields)).persistence, expected, "{fields}");
    }
}

#[test]
fn http_10_closes_unless_a_connection_field_says_keep_alive() {
    for (fields, expected) in [
        ("X: y", Persistence::Close),
        ("Connection: Keep-Alive", Persistence::KeepAlive),
        ("Connection: x\r\nConnection: y, keep-alive", Persistence::KeepAlive),
        ("Connection: keep-alive, close", Persistence::Close),
    ] {
        assert_eq!(head(old_post(fields)).persistence, expected, "{fields}");
    }
}

#[test]
fn expect_100_continue_counts_on_1_1_with_a_body() {
    for (bytes, expected) in [
        (post("Expect: 100-continue\r\nContent-Length: 5"), Expectation::Continue),
        (post("Expect: 100-CONTINUE\r\nTransfer-Encoding: chunked"), Expectation::Continue),
        (post("Expect: 100-continue, 100-continue\r\nContent-Length: 5"), Expectation::Continue),
        (post("Expect: 100-continue\r\nContent-Length: 0"), Expectation::None),
        (post("Expect: 100-continue"), Expectation::None),
        (post("Expect:\r\nContent-Length: 5"), Expectation::None),
        (old_post("Expect: 100-continue\r\nContent-Length: 5"), Expectation::None),
        (old_post("Expect: teapot\r\nContent-Length: 5"), Expectation::None),
    ] {
        assert_eq!(head(&bytes).expectation, expected, "{bytes}");
    }
}

#[test]
fn another_expectation_is_417() {
    for value in ["teapot", "100-continue, teapot", "teapot, 100-continue", "100-continue;a=b"] {
        refused(post(&format!("Expect: {value}\r\nContent-Length: 5")), Reject::UnknownExpectation);
    }
    refused(post("Expect: teapot\r\nExpect: 100-continue"), Reject::UnknownExpectation);
    assert_eq!(Reject::UnknownExpectation.status(), 417);
}

#[test]
fn an_upgrade_counts_if_connection_lists_it_on_1_1() {
    let offered = head(post("Connection: x, Upgrade\r\nUpgrade: websocket, h2c\r\nUpgrade: ,foo/2"));
    assert_eq!(offered.upgrade, UpgradeOffer::Offered);
    assert_eq!(offered_protocols(&offered.headers).collect::<Vec<_>>(), ["websocket", "h2c", "foo/2"]);
    for bytes in [
        post("Upgrade: websocket"),
        post("Connection: upgrade"),
        old_post("Connection: upgrade\r\nUpgrade: websocket"),
    ] {
        assert_eq!(head(&bytes).upgrade, UpgradeOffer::None, "{bytes}");
    }
}

#[test]
fn te_trailers_is_noticed_on_1_1() {
    assert_eq!(head(post("TE: gzip;q=0, Trailers")).trailers, TrailerSupport::Accepted);
    assert_eq!(head(post("TE: gzip")).trailers, TrailerSupport::Unsaid);
    assert_eq!(head(old_post("TE: trailers")).trailers, TrailerSupport::Unsaid);
}
