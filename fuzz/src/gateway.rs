//! The codecs of rsgi-gateway as a server drives them: what they tell of bytes in pieces, and what they hold.
//!
//! The contract's order is checked with each event: of a request under way its content, then its end; of one that was
//! refused, given up or answered nothing more. Not here: any protocol.
//!
//! Invariant held against: what is told depends on the bytes alone, and what is held on the bounds.

use std::collections::BTreeMap;

use bytes::BytesMut;
use rsgi_gateway::codec::{After, Bounds, Codec, Ending, Event, MalformedKind, Out, RequestId};

/// An event, or the end. Content that follows content of the same request is one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Begin(RequestId, Vec<(Vec<u8>, Vec<u8>)>),
    Refused(RequestId, u16),
    Content(RequestId, Vec<u8>),
    End(RequestId),
    Abort(RequestId),
    Reply(Vec<u8>),
    Close,
    Malformed(MalformedKind),
}

/// When answers end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    /// As soon as the request has begun.
    Early,
    /// Once all of it is there.
    Late,
    Never,
}

/// How far a request is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Content,
    Whole,
    Over,
}

/// Fails unless a codec tells the same of the bytes in `data` however they are split, and holds little of many of them.
pub fn judge<C: Codec>(data: &[u8]) {
    let [choice, cut, bytes @ ..] = data else { return };
    let answers = match choice >> 6 {
        0 => Answers::Early,
        1 => Answers::Never,
        _ => Answers::Late,
    };
    let mut bounds = Bounds::default();
    if choice & 1 == 1 {
        (bounds.variables_bytes, bounds.variables, bounds.requests) = (usize::from(choice & 0x3e), 3, 2);
    }
    let whole = told::<C>([bytes], &bounds, answers);
    assert_eq!(told::<C>(bytes.chunks(1), &bounds, answers), whole, "byte by byte");
    let (one, other) = bytes.split_at(usize::from(*cut) % (bytes.len() + 1));
    assert_eq!(told::<C>([one, other], &bounds, answers), whole, "cut behind {} bytes", one.len());
    held::<C>(bytes, &bounds, answers);
}

/// One codec with its input.
struct Driver<'a, C> {
    codec: C,
    input: BytesMut,
    bounds: &'a Bounds,
    answers: Answers,
    stages: BTreeMap<RequestId, Stage>,
}

impl<'a, C: Codec> Driver<'a, C> {
    fn new(bounds: &'a Bounds, answers: Answers) -> Self {
        Self { codec: C::default(), input: BytesMut::new(), bounds, answers, stages: BTreeMap::new() }
    }

    /// The next event; fails if it may not come now.
    fn next(&mut self) -> Option<Result<Event, MalformedKind>> {
        let event = match self.codec.decode(&mut self.input, self.bounds) {
            Ok(event) => event?,
            Err(malformed) => return Some(Err(malformed.kind())),
        };
        let before = |id| self.stages.get(id).copied();
        let (id, stage) = match &event {
            Event::Begin { id, .. } => {
                assert_eq!(before(id), None, "begun twice");
                (*id, Stage::Content)
            }
            Event::Refused { id, reason, .. } => {
                assert!(before(id).is_none() && !reason.is_empty());
                (*id, Stage::Over)
            }
            Event::Content { id, bytes } => {
                assert_eq!(before(id), Some(Stage::Content), "content of no request");
                assert!(!bytes.is_empty(), "a piece of nothing");
                (*id, Stage::Content)
            }
            Event::End { id } => {
                assert_eq!(before(id), Some(Stage::Content), "the end of no content");
                (*id, Stage::Whole)
            }
            Event::Abort { id } => {
                assert!(matches!(before(id), Some(Stage::Content | Stage::Whole)), "none to abort");
                (*id, Stage::Over)
            }
            Event::Reply(bytes) => {
                assert!(!bytes.is_empty());
                return Some(Ok(event));
            }
            _ => return Some(Ok(event)),
        };
        self.stages.insert(id, stage);
        assert!(self.stages.len() <= self.bounds.requests, "more requests than allowed");
        // Of one that has come whole nothing more is expected, where a connection carries no other.
        let is_coming = self.stages.values().any(|stage| *stage == Stage::Content);
        assert!(!is_coming || !self.codec.is_idle(), "idle with a request");
        Some(Ok(event))
    }

    /// Ends the answer to a request if it is time; tells what becomes of the connection.
    fn answer(&mut self, event: &Event) -> After {
        let (id, ending) = match (event, self.answers) {
            (Event::Begin { id, .. }, Answers::Early) | (Event::End { id }, Answers::Late) => {
                (*id, Ending::Whole)
            }
            (Event::Refused { id, .. }, Answers::Early | Answers::Late) => (*id, Ending::Whole),
            (Event::Abort { id }, _) => (*id, Ending::Aborted),
            _ => return After::Keep,
        };
        self.stages.remove(&id);
        self.codec.end(id, ending, &mut Out::default())
    }
}

fn told<'a, C: Codec>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    bounds: &Bounds,
    answers: Answers,
) -> Vec<Told> {
    let mut driver = Driver::<C>::new(bounds, answers);
    let mut all = Vec::new();
    for piece in pieces {
        driver.input.extend_from_slice(piece);
        while let Some(next) = driver.next() {
            let event = match next {
                Ok(event) => event,
                Err(kind) => {
                    all.push(Told::Malformed(kind));
                    return all;
                }
            };
            // What follows an answer that ends the connection is told too: nobody has to look at it.
            driver.answer(&event);
            match (all.last_mut(), tell(event)) {
                (Some(Told::Content(last, joined)), Told::Content(id, piece)) if *last == id => {
                    joined.extend(piece);
                }
                (_, Told::Close) => {
                    all.push(Told::Close);
                    return all;
                }
                (_, told) => all.push(told),
            }
        }
    }
    all
}

fn tell(event: Event) -> Told {
    match event {
        Event::Begin { id, variables } => {
            Told::Begin(id, variables.iter().map(|(name, value)| (name.into(), value.into())).collect())
        }
        Event::Refused { id, status, .. } => Told::Refused(id, status.as_u16()),
        Event::Content { id, bytes } => Told::Content(id, bytes.into()),
        Event::End { id } => Told::End(id),
        Event::Abort { id } => Told::Abort(id),
        Event::Reply(bytes) => Told::Reply(bytes.into()),
        Event::Close => Told::Close,
        other => panic!("an event that nobody knows: {other:?}"),
    }
}

/// Fails if what is held of the same bytes sent over and over grows beyond the bounds.
fn held<C: Codec>(bytes: &[u8], bounds: &Bounds, answers: Answers) {
    if bytes.is_empty() {
        return;
    }
    let rounds = (SENT / bytes.len()).clamp(1, 4096);
    let measured = allocation_counter::measure(|| {
        let mut driver = Driver::<C>::new(bounds, answers);
        for _ in 0..rounds {
            driver.input.extend_from_slice(bytes);
            while let Some(next) = driver.next() {
                let Ok(event) = next else { return };
                driver.answer(&event);
                if matches!(event, Event::Close) {
                    return;
                }
            }
        }
    });
    // Memory grows by doubling; what is read lies beside what is held of it.
    let variables = bounds.variables_bytes + 8 * bounds.variables;
    let requests = bounds.requests.min(rounds * bytes.len() / 16 + 1);
    let most = 4 * (bytes.len() + variables + 1024) + requests * (2 * variables + 1024);
    assert!(measured.bytes_max <= most as u64, "{} bytes held, {most} allowed", measured.bytes_max);
}

/// How many bytes are sent over and over.
const SENT: usize = 200_000;
