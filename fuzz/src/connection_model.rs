//! A whole connection by the rules of strict HTTP/1.1: which requests an app must see, and how the connection ends.
//!
//! The client sends all its bytes and then ends its direction, so there is one right result for every input, whatever
//! the server reads at once. Where RFC 9112 leaves a choice the model leaves it too ([`Step::is_certain`]).
//! Not here: what the answers look like (`answers.rs`).
//!
//! Invariant: every byte belongs to one request at most. Next: `ground.rs`, which has a server do the same.

use rsgi_core::InputErrorKind;
use rsgi_std::h1::{BodyErrorKind, BodyLimits, Framing, HeadLimits};

use crate::chunked_model::{self, ChunksEnd};
use crate::head_model::{Head, WholeHead, read_head};

/// One request that the bytes hold.
#[derive(Clone, Debug)]
pub struct Step {
    /// Where it begins.
    pub start: usize,
    /// Its head.
    pub head: WholeHead,
    /// Its content, and its trailer fields; or what the app is told of a broken body.
    pub body: Result<Content, InputErrorKind>,
    /// Whether a server must take it; else it may refuse it, and the connection ends there.
    pub is_certain: bool,
}

/// A whole body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The content.
    pub data: Vec<u8>,
    /// The trailer fields, all of them.
    pub trailers: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What the connection ends with, after all its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Nothing is left, or nobody looks at it any more.
    Silent,
    /// The server itself refuses what comes next.
    Refusal,
    /// Part of a head is left: refused or left alone.
    Open,
}

/// All that the bytes mean.
#[derive(Clone, Debug)]
pub struct Course {
    /// The requests.
    pub steps: Vec<Step>,
    /// The end.
    pub finish: Finish,
    /// Where what `finish` speaks of begins.
    pub rest: usize,
}

/// Says what these bytes mean.
pub fn course(bytes: &[u8], head_limits: &HeadLimits, body_limits: &BodyLimits) -> Course {
    let mut course = Course { steps: Vec::new(), finish: Finish::Silent, rest: 0 };
    loop {
        let rest = &bytes[course.rest..];
        let head = match read_head(rest, head_limits) {
            Head::Whole(head) => *head,
            Head::Refused(_) => {
                course.finish = Finish::Refusal;
                return course;
            }
            Head::Incomplete => {
                let is_nothing = rest.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
                course.finish = if is_nothing { Finish::Silent } else { Finish::Open };
                return course;
            }
        };
        let start = course.rest;
        course.rest += head.length;
        let (body, length) = read_body(&head, &bytes[course.rest..], body_limits);
        course.rest += length;
        let goes_on = head.keeps && body.is_ok();
        let is_certain = head.is_certain;
        course.steps.push(Step { start, head, body, is_certain });
        if !goes_on {
            return course;
        }
    }
}

/// The body, and how many bytes are its own.
fn read_body(head: &WholeHead, rest: &[u8], limits: &BodyLimits) -> (Result<Content, InputErrorKind>, usize) {
    match head.framing {
        Framing::Length(length) if length > limits.body_bytes => (Err(InputErrorKind::Limit), 0),
        Framing::Length(length) => {
            let whole = usize::try_from(length).ok().and_then(|length| rest.get(..length));
            match whole {
                Some(data) => (Ok(Content { data: data.to_vec(), trailers: Vec::new() }), data.len()),
                None => (Err(InputErrorKind::Truncated), 0),
            }
        }
        Framing::Chunked => {
            // The server's decoder has no limit on content: core's input counts what it hands out.
            let endless = BodyLimits { body_bytes: u64::MAX, ..limits.clone() };
            let chunks = chunked_model::decode(rest, &endless);
            if chunks.content.len() as u64 > limits.body_bytes {
                return (Err(InputErrorKind::Limit), 0);
            }
            match chunks.end {
                ChunksEnd::Whole(length, trailers) => {
                    (Ok(Content { data: chunks.content, trailers }), length)
                }
                ChunksEnd::Truncated | ChunksEnd::Broken(BodyErrorKind::Truncated) => {
                    (Err(InputErrorKind::Truncated), 0)
                }
                ChunksEnd::Broken(_) => (Err(InputErrorKind::Malformed), 0),
            }
        }
        _ => (Ok(Content::default()), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Course {
        course(text.as_bytes(), &HeadLimits::default(), &BodyLimits::default())
    }

    #[test]
    fn pipelined_requests_are_told_apart() {
        let course = of("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi\
                         POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n\
                         GET /c HTTP/1.0\r\n\r\nGET /d HTTP/1.1\r\n\r\n");
        let seen: Vec<_> = course
            .steps
            .iter()
            .map(|step| (&step.head.target[..], step.body.clone().unwrap().data))
            .collect();
        assert_eq!(seen, [(&b"/a"[..], b"hi".to_vec()), (b"/b", b"x".to_vec()), (b"/c", Vec::new())]);
        assert_eq!(course.finish, Finish::Silent);
    }

    #[test]
    fn ends_are_told_apart() {
        assert_eq!(of("\r\n").finish, Finish::Silent);
        assert_eq!(of("GET / HTTP/1.1\r\nHo").finish, Finish::Open);
        assert_eq!(of("GET / HTTP/1.1\r\n\r\n").finish, Finish::Refusal);
        let cut = of("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nh");
        assert_eq!(cut.steps[0].body, Err(InputErrorKind::Truncated));
    }
}
