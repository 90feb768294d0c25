//! For the tests of the codecs: what a codec tells, in a form that can be compared.
//!
//! Invariant held against: what is told depends on the bytes alone, never on the pieces in which they come. Next: the tests
//! beside each protocol.

use bytes::BytesMut;

use super::{Bounds, Codec, Ending, Event, MalformedKind, Out, RequestId};

/// An [`Event`], or the end. Content that follows content of the same request is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    Begin(RequestId, Vec<(String, String)>),
    Refused(RequestId, u16),
    Content(RequestId, String),
    End(RequestId),
    Abort(RequestId),
    Reply(Vec<u8>),
    Close,
    Malformed(MalformedKind),
}

/// When the answers end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    /// As soon as the request has begun.
    Early,
    /// Once all of it is there.
    Late,
    Never,
}

/// What a codec tells of bytes that come in pieces.
pub(super) fn told<'a, C: Codec>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    bounds: &Bounds,
    answers: Answers,
) -> Vec<Told> {
    let (mut codec, mut input, mut all) = (C::default(), BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            let told = match codec.decode(&mut input, bounds) {
                Ok(Some(event)) => tell(event),
                Ok(None) => break,
                Err(malformed) => {
                    all.push(Told::Malformed(malformed.kind()));
                    return all;
                }
            };
            let ended = match (&told, answers) {
                (Told::Begin(id, _), Answers::Early) | (Told::End(id), Answers::Late) => {
                    Some((*id, Ending::Whole))
                }
                (Told::Refused(id, _), Answers::Early | Answers::Late) => Some((*id, Ending::Whole)),
                (Told::Abort(id), Answers::Late) => Some((*id, Ending::Aborted)),
                _ => None,
            };
            if let Some((id, ending)) = ended {
                codec.end(id, ending, &mut Out::default());
            }
            match (all.last_mut(), told) {
                (Some(Told::Content(last, joined)), Told::Content(id, piece)) if *last == id => {
                    joined.push_str(&piece);
                }
                (_, told) => all.push(told),
            }
            if all.last() == Some(&Told::Close) {
                return all;
            }
        }
    }
    all
}

/// Fails unless a codec tells `expected` of bytes that come at once, each alone, and in any two pieces.
#[track_caller]
pub(super) fn check<C: Codec>(bytes: &[u8], bounds: &Bounds, answers: Answers, expected: &[Told]) {
    assert_eq!(told::<C>([bytes], bounds, answers), expected, "at once");
    assert_eq!(told::<C>(bytes.chunks(1), bounds, answers), expected, "byte by byte");
    for cut in 0..=bytes.len() {
        let pieces = [&bytes[..cut], &bytes[cut..]];
        assert_eq!(told::<C>(pieces, bounds, answers), expected, "cut behind {cut} bytes");
    }
}

fn tell(event: Event) -> Told {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    match event {
        Event::Begin { id, variables } => {
            Told::Begin(id, variables.iter().map(|(name, value)| (text(name), text(value))).collect())
        }
        Event::Refused { id, status, reason } => {
            assert!(!reason.is_empty());
            Told::Refused(id, status.as_u16())
        }
        Event::Content { id, bytes } => {
            assert!(!bytes.is_empty(), "a piece of nothing");
            Told::Content(id, text(&bytes))
        }
        Event::End { id } => Told::End(id),
        Event::Abort { id } => Told::Abort(id),
        Event::Reply(bytes) => Told::Reply(bytes.to_vec()),
        Event::Close => Told::Close,
    }
}
