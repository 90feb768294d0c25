//! rsgi-std's head parser: no panic, one result however the bytes are split, and by the grammar of RFC 9112.
//!
//! The first byte chooses the limits. What is accepted must be what the model reads, to the last byte; what the model
//! says must be accepted is. Not here: bodies and connections (`chunked.rs`, `connection.rs`).
//!
//! Invariant held against: the result depends on the bytes alone.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use rsgi_core::http::{HeaderValue, Version};
use rsgi_fuzz::head_model::{Head, WholeHead, read_head};
use rsgi_std::h1::{HeadLimits, HeadParser, HeadProgress, Persistence, Reject, RequestHead, Target};

fuzz_target!(|data: &[u8]| {
    let [choice, bytes @ ..] = data else { return };
    let limits = limits(*choice);
    let whole = parse(&limits, [bytes]);
    let cut = usize::from(*choice) % (bytes.len() + 1);
    for pieces in [bytes.chunks(1).collect::<Vec<_>>(), vec![&bytes[..cut], &bytes[cut..]]] {
        agree(&limits, bytes, &whole, &pieces);
    }
    judge(&limits, bytes, &whole);
});

/// What a parser made of the bytes: a head and how many bytes it took, the broken rule, or a wish for more.
type Outcome = Result<Option<(RequestHead, usize)>, Reject>;

fn parse<'a>(limits: &HeadLimits, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut parser = HeadParser::new(limits.clone());
    let mut progress = HeadProgress::default();
    let mut buffer = BytesMut::new();
    let mut given = 0;
    for piece in pieces {
        buffer.extend_from_slice(piece);
        given += piece.len();
        if let Some(head) = parser.parse(&mut progress, &mut buffer)? {
            return Ok(Some((head, given - buffer.len())));
        }
    }
    Ok(None)
}

/// Fails unless bytes in pieces come to what they come to at once.
fn agree(limits: &HeadLimits, bytes: &[u8], whole: &Outcome, pieces: &[&[u8]]) {
    let split = parse(limits, pieces.iter().copied());
    match (whole, &split) {
        (Ok(None), Ok(None)) => {}
        (Err(one), Err(other)) => assert_eq!(one, other, "{:?}", String::from_utf8_lossy(bytes)),
        (Ok(Some((one, length))), Ok(Some((other, same)))) => {
            assert_eq!(length, same, "another end");
            assert_eq!(format!("{one:?}"), format!("{other:?}"), "another head");
        }
        // In pieces a head is only parsed once its end is there: the rule must be found by then.
        (Err(one), Ok(None)) | (Ok(None), Err(one)) => {
            let ended = pieces.iter().copied().chain([&b"\r\n\r\n"[..]]);
            assert_eq!(parse(limits, ended).err(), Some(*one), "{:?}", String::from_utf8_lossy(bytes));
        }
        (one, other) => panic!("{one:?} or {other:?}: {:?}", String::from_utf8_lossy(bytes)),
    }
}

/// Fails unless the parser does what the model says it must.
fn judge(limits: &HeadLimits, bytes: &[u8], outcome: &Outcome) {
    match (read_head(bytes, limits), outcome) {
        (Head::Whole(model), Ok(Some((head, length)))) => {
            assert_eq!(model.length, *length, "another end");
            compare(&model, head);
        }
        (Head::Whole(model), Err(reject)) => assert!(!model.is_certain, "{reject:?} for {model:?}"),
        (Head::Refused(_), Err(_)) | (Head::Incomplete, Ok(None) | Err(_)) => {}
        // A lone CR at the front may become an empty line.
        (model, outcome) => panic!("{model:?} but {outcome:?}: {:?}", String::from_utf8_lossy(bytes)),
    }
}

fn compare(model: &WholeHead, head: &RequestHead) {
    assert_eq!(model.method, head.method.as_str().as_bytes());
    assert_eq!(model.target, head.target.raw(&head.uri));
    assert_eq!(model.is_11, head.version == Version::HTTP_11);
    assert_eq!(model.framing, head.framing);
    assert_eq!(model.keeps, head.persistence == Persistence::KeepAlive);
    // RFC 9112 3.3: the target's host takes the place of what Host says, and of none.
    let is_replaced = matches!(head.target, Target::Absolute(_) | Target::Authority);
    let number = model.fields.iter().filter(|(name, _)| !is_replaced || name != b"host").count();
    assert_eq!(number + usize::from(is_replaced), head.headers.len(), "another number of fields");
    for name in head.headers.keys().filter(|name| !is_replaced || *name != "host") {
        let ours: Vec<&[u8]> = head.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(model.values(name.as_str()).collect::<Vec<_>>(), ours, "{name}");
    }
}

/// The default limits, or such that short inputs reach them.
fn limits(choice: u8) -> HeadLimits {
    if choice < 128 {
        return HeadLimits::default();
    }
    HeadLimits {
        head_bytes: 96,
        field_count: 3,
        field_bytes: 24,
        target_bytes: 16,
        method_bytes: 7,
        empty_lines: usize::from(choice % 3),
    }
}
