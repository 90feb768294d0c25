//! rsgi-std's chunked decoder: the same however the bytes are split, and the same as a plain model.
//!
//! The first byte chooses the limits, the second where the bytes are cut. Not here: who reads the bytes
//! (`connection.rs`).
//!
//! Invariant held against: the end is told once all that was announced is there, and nothing behind it is taken.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use rsgi_core::is_forbidden_trailer;
use rsgi_fuzz::chunked_model::{self, Chunks, ChunksEnd};
use rsgi_std::h1::{BodyDecoder, BodyError, BodyLimits, Decoded, Framing, Trailers};

fuzz_target!(|data: &[u8]| {
    let [choice, cut, bytes @ ..] = data else { return };
    let limits = limits(*choice);
    let whole = decode(&limits, &[bytes]);
    let cut = usize::from(*cut) % (bytes.len() + 1);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    for pieces in [&single[..], &[&bytes[..cut], &bytes[cut..]]] {
        let split = decode(&limits, pieces);
        assert_eq!(whole.content, split.content, "other content");
        assert_eq!(whole.end, split.end, "another end");
    }
    compare(&chunked_model::decode(bytes, &limits), &whole);
});

/// What the decoder made of the bytes.
#[derive(Debug)]
struct Outcome {
    content: Vec<u8>,
    end: End,
}

#[derive(Debug, PartialEq)]
enum End {
    Whole { length: usize, fields: Fields, dropped: usize },
    Broken(BodyError),
}

fn decode(limits: &BodyLimits, pieces: &[&[u8]]) -> Outcome {
    let mut decoder = BodyDecoder::new(Framing::Chunked, limits).expect("a length that isn't known");
    let mut buffer = BytesMut::new();
    let mut content = Vec::new();
    let mut given = 0;
    for piece in pieces {
        buffer.extend_from_slice(piece);
        given += piece.len();
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Decoded::Data(data)) => {
                    assert!(!data.is_empty(), "a piece of nothing");
                    content.extend_from_slice(&data);
                }
                Ok(Decoded::Incomplete) => break,
                Ok(Decoded::End(trailers)) => {
                    assert!(decoder.is_done());
                    let (fields, dropped) = trailers.as_ref().map(flat).unwrap_or_default();
                    return Outcome {
                        content,
                        end: End::Whole { length: given - buffer.len(), fields, dropped },
                    };
                }
                Ok(_) => panic!("a step that nobody knows"),
                Err(error) => return Outcome { content, end: End::Broken(error) },
            }
        }
    }
    let error = decoder.end_of_stream().expect_err("the end wasn't told");
    Outcome { content, end: End::Broken(error) }
}

/// Names and values.
type Fields = Vec<(Vec<u8>, Vec<u8>)>;

fn flat(trailers: &Trailers) -> (Fields, usize) {
    let pairs = trailers.fields.iter().map(|(name, value)| (name.as_str().into(), value.as_bytes().into()));
    (pairs.collect(), trailers.dropped.len())
}

/// Fails unless the decoder came to what the model came to.
fn compare(model: &Chunks, outcome: &Outcome) {
    assert_eq!(model.content, outcome.content, "other content than the model's");
    match (&model.end, &outcome.end) {
        (ChunksEnd::Whole(end, all), End::Whole { length, fields, dropped }) => {
            assert_eq!(end, length, "another end than the model's");
            let is_allowed = |name: &[u8]| {
                let name = rsgi_core::http::HeaderName::from_bytes(name).expect("a token");
                !is_forbidden_trailer(&name)
            };
            let mut allowed: Vec<_> = all.iter().filter(|(name, _)| is_allowed(name)).cloned().collect();
            assert_eq!(all.len() - allowed.len(), *dropped, "another number of dropped trailers");
            let mut fields = fields.clone();
            // Those of one name stay in their order.
            allowed.sort_by(|one, other| one.0.cmp(&other.0));
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            assert_eq!(allowed, fields, "other trailers than the model's");
        }
        (ChunksEnd::Truncated, End::Broken(BodyError::Truncated))
        // A section may break both rules; which of them is named is left open.
        | (ChunksEnd::Broken(_), End::Broken(BodyError::TooManyTrailers | BodyError::MalformedTrailer)) => {}
        (ChunksEnd::Broken(kind), End::Broken(error)) => assert_eq!(*kind, error.kind(), "{error:?}"),
        (model, outcome) => panic!("{model:?} but {outcome:?}"),
    }
}

/// The default limits, or such that short inputs reach them.
fn limits(choice: u8) -> BodyLimits {
    if choice < 128 {
        return BodyLimits::default();
    }
    BodyLimits {
        body_bytes: 20,
        extension_bytes: 6,
        extensions_total: 10,
        trailer_bytes: 24,
        trailer_count: 2,
    }
}
