//! Feeds a pair to a server, in one of three ways, and reads what comes of it.
//!
//! The client can't wait for silence, so it asks once more where the connection should be open, and reads to the end
//! where it should be closed. Where something unexpected came it does both, so that the failure (or the table of
//! differences) can name the whole outcome. What can't be sent any more, because the server has closed, isn't.
//!
//! Invariant: the way of feeding never changes what is expected. Next: `difference.rs`.

use std::fmt;
use std::os::fd::BorrowedFd;

use super::Pair;
use super::expect::{Ending, Step};
use super::observed::{Observation, Observed};
use super::seen::Seen;
use crate::wire::RawClient;
use crate::wire::answer::{Answer, Break};

/// How the bytes are sent.
pub enum How<'a> {
    /// In one write.
    Whole,
    /// One byte a write.
    Bytewise,
    /// In two writes.
    Split {
        /// How many bytes are in the first.
        at: usize,
        /// Returns when the server has read all that was sent over the socket, or closed it.
        taken: &'a dyn Fn(BorrowedFd<'_>),
    },
}

impl fmt::Debug for How<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => formatter.write_str("whole"),
            Self::Bytewise => formatter.write_str("byte by byte"),
            Self::Split { at, .. } => write!(formatter, "split at {at}"),
        }
    }
}

/// What came, where something else was expected.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// The pair.
    pub name: String,
    /// How it was fed.
    pub how: String,
    /// What came, as one line.
    pub observed: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({}): {}", self.name, self.how, self.observed)
    }
}

impl std::error::Error for Mismatch {}

/// The places at which a pair is split: all of them, and of more than 512 the first and last 256.
///
/// What is longer is long because of one token, in whose middle one place is like the next.
pub fn positions(pair: &Pair) -> impl Iterator<Item = usize> {
    let length = pair.bytes.len();
    (1..length).filter(move |at| length <= 2 * EDGE || *at <= EDGE || *at >= length - EDGE)
}

/// Feeds a pair to the server that `connect` connects to, which runs [`super::app`].
///
/// # Errors
///
/// What came of it, where that isn't what the pair expects.
pub fn run(pair: &Pair, how: &How<'_>, connect: &dyn Fn() -> RawClient) -> Result<(), Mismatch> {
    let mut client = connect();
    feed(&mut client, pair, how);
    let observation = observe(&mut client, pair);
    if observation.fits(&pair.expect) {
        return Ok(());
    }
    let observed = observation.line(&pair.expect);
    Err(Mismatch { name: pair.name.clone(), how: format!("{how:?}"), observed })
}

fn feed(client: &mut RawClient, pair: &Pair, how: &How<'_>) {
    let bytes = &pair.bytes[..];
    // A server may close before it was told everything.
    let _whether_it_listens = match how {
        How::Whole => client.try_send(bytes),
        How::Bytewise => bytes.chunks(1).try_for_each(|byte| client.try_send(byte)),
        How::Split { at, taken } => client.try_send(&bytes[..*at]).and_then(|()| {
            taken(client.socket());
            client.try_send(&bytes[*at..])
        }),
    };
    if pair.expect.is_ended {
        client.half_close();
    }
}

fn observe(client: &mut RawClient, pair: &Pair) -> Observation {
    let stories = &pair.expect.stories;
    let mut observation = Observation::default();
    let mut asked = pair.expect.is_ended;
    loop {
        let count = observation.answers.len();
        let mut fitting = stories.iter().filter(|story| observation.begins(story)).peekable();
        let is_lost = fitting.peek().is_none();
        let is_over = fitting.any(|story| story.steps.len() == count && story.ending == Ending::Open);
        if !asked && (is_lost || is_over) {
            let _whether_it_listens = client.try_send(PROBE);
            asked = true;
        }
        match client.try_answer(method(pair, count)) {
            Ok(answer) => match judge(&answer) {
                Ok(Observed::Seen(seen, _)) if seen.line == PROBE_LINE => {
                    observation.ending = Some(Ending::Open);
                    return observation;
                }
                Ok(observed) => observation.answers.push(observed),
                Err(oddity) => {
                    observation.oddity = Some(oddity);
                    return observation;
                }
            },
            Err(broken) => {
                match broken.cause {
                    Break::Closed | Break::Reset if broken.head.is_none() => {
                        observation.ending = Some(Ending::Closed);
                    }
                    cause => observation.oddity = Some(format!("an answer broken by {cause:?}")),
                }
                return observation;
            }
        }
    }
}

/// The method that the answer at a place belongs to: it decides whether that has content.
fn method(pair: &Pair, place: usize) -> &str {
    let steps = pair.expect.stories.iter().filter_map(|story| story.steps.get(place));
    let mut methods = steps.filter_map(|step| match step {
        Step::Request(request) => Some(request.method()),
        Step::Refuse(_) => None,
    });
    methods.next().unwrap_or("GET")
}

fn judge(answer: &Answer) -> Result<Observed, String> {
    if let Some(early) = answer.informational.iter().find(|head| head.status != 100) {
        return Err(format!("an informational answer of {}", early.status));
    }
    match Seen::parse(answer) {
        Some(seen) => Ok(Observed::Seen(Box::new(seen), !answer.informational.is_empty())),
        None => Ok(Observed::Status(answer.status())),
    }
}

/// What asks whether the connection is open.
const PROBE: &[u8] = b"GET /still-open HTTP/1.1\r\nhost: test\r\n\r\n";
const PROBE_LINE: &str = "GET /still-open HTTP/1.1";

/// Places of a long pair that are split, at each end.
const EDGE: usize = 256;
