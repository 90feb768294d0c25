//! The rules a request head can break, each with its name, its status and its source.
//!
//! One table ([`Reject::row`]) maps every rule to all three, so nothing else in the crate decides what status a bad
//! request gets. Not here: errors inside a body ([`super::BodyError`]), which come after the head was accepted, and
//! the bytes of the answer ([`super::encode_reject`]).
//!
//! Invariant: after any of these the end of the message isn't known for certain, so the connection is closed.
//! Next: `diagnose.rs`, which finds the name of a syntax error.

use std::fmt;

use http::StatusCode;

/// The rule that a request head broke.
///
/// Every one of them ends the connection after the answer ([`super::encode_reject`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reject {
    /// The request line isn't `method SP target SP version CRLF`.
    MalformedRequestLine,
    /// The method is no token.
    InvalidMethod,
    /// The method is longer than [`super::HeadLimits::method_bytes`].
    MethodTooLong,
    /// The target isn't one of the four forms, or holds bytes that no URI may.
    InvalidTarget,
    /// The target holds a `#`.
    FragmentInTarget,
    /// The target holds a user name (`user@host`).
    UserinfoInTarget,
    /// The form of the target isn't the one that the method asks for.
    TargetFormForMethod,
    /// The target is longer than [`super::HeadLimits::target_bytes`].
    TargetTooLong,
    /// The version isn't `HTTP/` digit `.` digit.
    MalformedVersion,
    /// The version is well formed, but its major number isn't 1.
    UnsupportedVersion,
    /// More empty lines before the request line than [`super::HeadLimits::empty_lines`].
    TooManyEmptyLines,
    /// A line ends in LF without CR.
    BareLineFeed,
    /// A CR isn't followed by LF.
    BareCarriageReturn,
    /// The first field line begins with white space.
    WhitespaceBeforeFields,
    /// A later field line begins with white space (obs-fold).
    ObsoleteFolding,
    /// White space stands between a field's name and its colon.
    WhitespaceBeforeColon,
    /// A field's name is empty, no token, or has no colon behind it.
    InvalidFieldName,
    /// A field's value holds NUL or another control character.
    InvalidFieldValue,
    /// The head is longer than [`super::HeadLimits::head_bytes`].
    HeadTooLarge,
    /// There are more fields than [`super::HeadLimits::field_count`].
    TooManyFields,
    /// A field line is longer than [`super::HeadLimits::field_bytes`].
    FieldTooLarge,
    /// An HTTP/1.1 request has no Host field.
    MissingHost,
    /// There is more than one Host field.
    RepeatedHost,
    /// The Host field isn't `host [":" port]`.
    InvalidHost,
    /// Content-Length isn't a run of digits that fits 64 bits.
    InvalidContentLength,
    /// There is more than one Content-Length field.
    RepeatedContentLength,
    /// Transfer-Encoding and Content-Length stand together.
    TransferEncodingWithContentLength,
    /// Transfer-Encoding stands in an HTTP/1.0 request.
    TransferEncodingOnHttp10,
    /// Transfer-Encoding has an empty member or a parameter.
    MalformedTransferEncoding,
    /// The last transfer coding isn't chunked.
    TransferEncodingNotChunked,
    /// The chunked coding is named twice.
    ChunkedRepeated,
    /// A transfer coding other than chunked comes before it.
    UnsupportedTransferCoding,
    /// A CONNECT request announces content.
    ContentOnConnect,
    /// Expect asks for something other than `100-continue`.
    UnknownExpectation,
}

/// One line of the table: the rule's name, the status, and where the rule is written.
#[derive(Clone, Copy, Debug)]
struct Row(&'static str, StatusCode, &'static str);

impl Reject {
    /// Returns the name of the rule, for logs, metrics and the answer's text.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// Returns the status that the client gets.
    pub const fn status(self) -> StatusCode {
        self.row().1
    }

    /// Returns the section that states the rule.
    pub const fn source_text(self) -> &'static str {
        self.row().2
    }

    /// The table.
    const fn row(self) -> Row {
        const BAD: StatusCode = StatusCode::BAD_REQUEST;
        const LARGE: StatusCode = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        match self {
            Self::MalformedRequestLine => Row("malformed request line", BAD, "RFC 9112 3"),
            Self::InvalidMethod => Row("invalid method", BAD, "RFC 9110 9.1"),
            Self::MethodTooLong => Row("method too long", StatusCode::NOT_IMPLEMENTED, "RFC 9112 3"),
            Self::InvalidTarget => Row("invalid request target", BAD, "RFC 9112 3.2"),
            Self::FragmentInTarget => Row("fragment in request target", BAD, "RFC 9112 3.2.1"),
            Self::UserinfoInTarget => Row("userinfo in request target", BAD, "RFC 9110 4.2.4"),
            Self::TargetFormForMethod => Row("target form not allowed for method", BAD, "RFC 9112 3.2"),
            Self::TargetTooLong => {
                Row("request target too long", StatusCode::URI_TOO_LONG, "RFC 9110 15.5.15")
            }
            Self::MalformedVersion => Row("malformed version", BAD, "RFC 9112 2.3"),
            Self::UnsupportedVersion => {
                Row("unsupported version", StatusCode::HTTP_VERSION_NOT_SUPPORTED, "RFC 9110 15.6.6")
            }
            Self::TooManyEmptyLines => Row("too many empty lines before the request", BAD, "RFC 9112 2.2"),
            Self::BareLineFeed => Row("bare line feed", BAD, "RFC 9112 2.2"),
            Self::BareCarriageReturn => Row("bare carriage return", BAD, "RFC 9112 2.2"),
            Self::WhitespaceBeforeFields => Row("white space before the first field", BAD, "RFC 9112 2.2"),
            Self::ObsoleteFolding => Row("obsolete line folding", BAD, "RFC 9112 5.2"),
            Self::WhitespaceBeforeColon => Row("white space before colon", BAD, "RFC 9112 5.1"),
            Self::InvalidFieldName => Row("invalid field name", BAD, "RFC 9110 5.1"),
            Self::InvalidFieldValue => Row("invalid field value", BAD, "RFC 9110 5.5"),
            Self::HeadTooLarge => Row("head too large", LARGE, "RFC 6585 5"),
            Self::TooManyFields => Row("too many header fields", LARGE, "RFC 6585 5"),
            Self::FieldTooLarge => Row("header field too large", LARGE, "RFC 6585 5"),
            Self::MissingHost => Row("missing Host", BAD, "RFC 9112 3.2"),
            Self::RepeatedHost => Row("repeated Host", BAD, "RFC 9112 3.2"),
            Self::InvalidHost => Row("invalid Host", BAD, "RFC 9112 3.2"),
            framing => framing.framing_row(),
        }
    }

    /// The table's second half: framing and expectations.
    const fn framing_row(self) -> Row {
        const BAD: StatusCode = StatusCode::BAD_REQUEST;
        match self {
            Self::InvalidContentLength => Row("invalid Content-Length", BAD, "RFC 9112 6.3"),
            Self::RepeatedContentLength => Row("repeated Content-Length", BAD, "RFC 9112 6.3"),
            Self::TransferEncodingWithContentLength => {
                Row("Transfer-Encoding with Content-Length", BAD, "RFC 9112 6.1")
            }
            Self::TransferEncodingOnHttp10 => Row("Transfer-Encoding on HTTP/1.0", BAD, "RFC 9112 6.1"),
            Self::TransferEncodingNotChunked => {
                Row("Transfer-Encoding not ending in chunked", BAD, "RFC 9112 6.3")
            }
            Self::ChunkedRepeated => Row("chunked named twice", BAD, "RFC 9112 6.1"),
            Self::UnsupportedTransferCoding => {
                Row("unsupported transfer coding", StatusCode::NOT_IMPLEMENTED, "RFC 9112 6.1")
            }
            Self::ContentOnConnect => Row("content on CONNECT", BAD, "RFC 9110 9.3.6"),
            Self::UnknownExpectation => {
                Row("unknown expectation", StatusCode::EXPECTATION_FAILED, "RFC 9110 10.1.1")
            }
            _ => Row("malformed Transfer-Encoding", BAD, "RFC 9112 7"),
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for Reject {}
