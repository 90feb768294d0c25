//! The codec's tests: rules as tables, limits at and over the limit, and every sample at every split.
//!
//! A test's name is the rule in a sentence. The runners here feed bytes whole, cut in two at each place, and one by
//! one, and insist on the same result. Wire behaviour over sockets is the conformance suite's, not tested here.

mod body;
mod encode;
mod framing;
mod head;
mod limits;
mod quick;
mod splits;

use bytes::BytesMut;

use super::*;

/// What a head came to, in a form that can be compared.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    line: String,
    target: Vec<u8>,
    fields: Vec<(String, Vec<u8>)>,
    says: String,
    rest: Vec<u8>,
}

/// Feeds the pieces one after the other; `None` if the head isn't whole after the last.
fn feed<'a>(
    limits: &HeadLimits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Option<(RequestHead, BytesMut)>, Reject> {
    let mut parser = HeadParser::new(limits.clone());
    let mut progress = HeadProgress::default();
    let mut buf = BytesMut::new();
    let mut found = None;
    for piece in pieces {
        buf.extend_from_slice(piece);
        if found.is_none() {
            found = parser.parse(&mut progress, &mut buf)?;
        }
    }
    Ok(found.map(|head| (head, buf)))
}

fn seen(result: Result<Option<(RequestHead, BytesMut)>, Reject>) -> Result<Option<Seen>, Reject> {
    let Some((head, rest)) = result? else { return Ok(None) };
    let fields = head.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    Ok(Some(Seen {
        line: format!("{} {} {:?} {:?}", head.method, head.uri, head.target, head.version),
        target: head.target.raw(&head.uri).to_vec(),
        fields: fields.collect(),
        says: format!(
            "{:?} {:?} {:?} {:?} {:?}",
            head.framing, head.persistence, head.expectation, head.upgrade, head.trailers
        ),
        rest: rest.to_vec(),
    }))
}

/// Parses with these limits: whole, cut in two everywhere, and byte by byte; all must agree.
fn parse_with(limits: &HeadLimits, bytes: &[u8]) -> Result<Option<Seen>, Reject> {
    let whole = seen(feed(limits, [bytes]));
    for cut in 1..bytes.len() {
        let (front, back) = bytes.split_at(cut);
        assert_eq!(seen(feed(limits, [front, back])), whole, "cut at {cut}: {}", bytes.escape_ascii());
    }
    assert_eq!(seen(feed(limits, bytes.chunks(1))), whole, "byte by byte: {}", bytes.escape_ascii());
    whole
}

fn parse(bytes: impl AsRef<[u8]>) -> Result<Option<Seen>, Reject> {
    parse_with(&HeadLimits::default(), bytes.as_ref())
}

/// Parses a head that must be valid and whole.
fn head(bytes: impl AsRef<[u8]>) -> RequestHead {
    let bytes = bytes.as_ref();
    assert!(parse(bytes).unwrap().is_some(), "not whole: {}", bytes.escape_ascii());
    feed(&HeadLimits::default(), [bytes]).unwrap().unwrap().0
}

/// Asserts that a head is refused for this rule, however it is split.
#[track_caller]
fn refused(bytes: impl AsRef<[u8]>, reject: Reject) {
    let bytes = bytes.as_ref();
    assert_eq!(parse(bytes), Err(reject), "{}", bytes.escape_ascii());
}
