//! Where rsgi-std and rsgi-hyper may differ on the same bytes: the one table, and what compares two transcripts.
//!
//! Each row has a name, a test on the bytes and on what both did, and the reason. `docs/differences.md` explains the
//! same classes to people; a test here holds the two together. What is in no row is a finding.
//!
//! Invariant: a row says what each side does, so that it excuses nothing else. Next: `fuzz_targets/differential.rs`.

use rsgi_core::InputErrorKind;

use crate::answers::Answer;
use crate::ground::{Seen, Transcript};

/// A class of differences that is known and explained.
#[derive(Clone, Copy, Debug)]
pub struct Difference {
    /// Its name, here and in `docs/differences.md`.
    pub name: &'static str,
    /// Whether a case is of this class.
    pub explains: fn(&Case<'_>) -> bool,
    /// Why the two differ.
    pub reason: &'static str,
}

/// The first message on which the two differ; what follows it can't be compared any more.
#[derive(Debug)]
pub struct Case<'a> {
    /// The bytes from this message on.
    pub bytes: &'a [u8],
    /// What rsgi-std did with it.
    pub std: Turn<'a>,
    /// What rsgi-hyper did with it.
    pub hyper: Turn<'a>,
}

/// One message, on one server.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// What the app saw of it, if it was called.
    pub seen: Option<&'a Seen>,
    /// What the client got for it, if anything.
    pub answer: Option<&'a Answer>,
}

impl<'a> Turn<'a> {
    fn of(transcript: &'a Transcript, number: usize) -> Self {
        Self { seen: transcript.seen.get(number), answer: transcript.answers.get(number) }
    }

    fn is_nothing(&self) -> bool {
        self.seen.is_none() && self.answer.is_none()
    }

    /// What makes two turns the same.
    fn is_same(&self, other: &Self) -> bool {
        let class = |turn: &Self| turn.answer.map(Answer::class);
        let is_seen_alike = match (self.seen, other.seen) {
            (Some(one), Some(other)) => is_same_request(one, other) && is_same_body(one, other),
            (None, None) => true,
            _ => false,
        };
        is_seen_alike && class(self) == class(other)
    }
}

/// Finds the first message on which the two differ: its number, and its case but for the bytes.
pub fn first<'a>(std: &'a Transcript, hyper: &'a Transcript) -> Option<(usize, Turn<'a>, Turn<'a>)> {
    for number in 0.. {
        let (one, other) = (Turn::of(std, number), Turn::of(hyper, number));
        if one.is_nothing() && other.is_nothing() {
            return None;
        }
        if !one.is_same(&other) {
            return Some((number, one, other));
        }
    }
    None
}

/// Finds the row that explains a case.
pub fn explain(case: &Case<'_>) -> Option<&'static Difference> {
    DIFFERENCES.iter().find(|difference| (difference.explains)(case))
}

impl Case<'_> {
    /// The rule for which rsgi-std itself refused the message.
    fn rule(&self) -> Option<&str> {
        let answer = self.std.answer.filter(|answer| self.std.seen.is_none() && answer.class() >= 4);
        answer.map(|answer| answer.content.as_str())
    }

    /// Whether rsgi-std refused for this rule what rsgi-hyper gave to the app.
    fn is_let_through(&self, rules: &[&str]) -> bool {
        self.hyper.seen.is_some() && self.rule().is_some_and(|rule| rules.contains(&rule))
    }

    /// Whether both apps saw the same head, and rsgi-std's was told that its body is broken for this cause.
    fn is_broken_by(&self, causes: &[&str]) -> bool {
        let (Some(one), Some(other)) = (self.std.seen, self.hyper.seen) else { return false };
        let is_cause = |told: &str| causes.iter().any(|cause| told.ends_with(cause));
        is_same_head(one, other) && matches!(&one.content, Err((_, told)) if is_cause(told))
    }

    /// Whether both apps saw the request, and all is the same but for what `differs` looks at.
    fn is_but_for(&self, differs: impl Fn(&Seen, &Seen) -> bool) -> bool {
        let (Some(one), Some(other)) = (self.std.seen, self.hyper.seen) else { return false };
        let classes = (self.std.answer.map(Answer::class), self.hyper.answer.map(Answer::class));
        differs(one, other) && is_same_body(one, other) && classes.0 == classes.1
    }

    /// Whether rsgi-hyper refused the message with this status before any app saw it.
    fn is_refused_by_hyper(&self, status: u16) -> bool {
        self.hyper.seen.is_none() && self.hyper.answer.is_some_and(|answer| answer.status == status)
    }

    /// What follows the empty lines before a request line.
    fn behind_empty_lines(&self) -> &[u8] {
        let start = self.bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(0);
        &self.bytes[start..]
    }

    /// The request line, without the empty lines before it.
    fn request_line(&self) -> &[u8] {
        let rest = self.behind_empty_lines();
        let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
        &rest[..end]
    }
}

fn is_coded(seen: &Seen) -> bool {
    seen.fields.iter().any(|(name, _)| name == b"transfer-encoding")
}

fn is_same_head(one: &Seen, other: &Seen) -> bool {
    (&one.method, &one.target, one.is_11, &one.fields)
        == (&other.method, &other.target, other.is_11, &other.fields)
}

fn is_same_request(one: &Seen, other: &Seen) -> bool {
    is_same_head(one, other) && one.trailers == other.trailers
}

fn is_same_body(one: &Seen, other: &Seen) -> bool {
    match (&one.content, &other.content) {
        (Ok(one), Ok(other)) => one == other,
        (Err((one, _)), Err((other, _))) => one == other,
        _ => false,
    }
}

/// What `http::Uri` makes of an absolute target: the scheme in lower case, and a path where there was none.
fn is_normalised(raw: &[u8], kept: &[u8]) -> bool {
    let is_inserted = || {
        let at = raw.iter().zip(kept).position(|(one, other)| !one.eq_ignore_ascii_case(other));
        let at = at.unwrap_or(raw.len());
        kept.get(at) == Some(&b'/') && kept[at + 1..].eq_ignore_ascii_case(&raw[at..])
    };
    raw.contains(&b':') && (raw.eq_ignore_ascii_case(kept) || kept.len() == raw.len() + 1 && is_inserted())
}

/// All that is known.
pub const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "bare line feed",
        explains: |case| {
            case.rule() == Some("bare line feed")
                || case.is_broken_by(&["bare CR or LF in the body's framing"])
        },
        reason: "hyper takes a bare LF for a line end in a head, and waits for more in a trailer section",
    },
    Difference {
        name: "empty lines",
        explains: |case| case.rule() == Some("too many empty lines before the request"),
        reason: "hyper skips any number of empty lines before a request line",
    },
    Difference {
        name: "higher minor version",
        explains: |case| {
            let version = case.request_line().rsplit(|byte| *byte == b' ').next().unwrap_or_default();
            case.is_refused_by_hyper(400)
                && matches!(version, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9'])
        },
        reason: "hyper knows 1.0 and 1.1 alone; RFC 9110 2.5 has 1.2 served as 1.1",
    },
    Difference {
        name: "other major version",
        explains: |case| {
            let is_preface = case.request_line() == b"PRI * HTTP/2.0";
            case.rule() == Some("unsupported version")
                || is_preface && case.rule().is_some() && case.hyper.is_nothing()
        },
        reason: "hyper answers 400, not 505, or takes HTTP/2's preface for what it is",
    },
    Difference {
        name: "long method",
        explains: |case| case.rule() == Some("method too long"),
        reason: "hyper has no limit on methods of its own",
    },
    Difference {
        name: "fragment",
        explains: |case| case.is_let_through(&["fragment in request target"]),
        reason: "hyper cuts a fragment off before the adapter sees it",
    },
    Difference {
        name: "normalised target",
        explains: |case| {
            case.is_but_for(|one, other| {
                one.fields == other.fields
                    && one.trailers == other.trailers
                    && is_normalised(&one.target, &other.target)
            })
        },
        reason: "hyper keeps the target as an `http::Uri`, which writes absolute-form anew",
    },
    Difference {
        name: "two lengths",
        explains: |case| {
            case.is_let_through(&["Transfer-Encoding with Content-Length", "repeated Content-Length"])
                || case.rule() == Some("Transfer-Encoding with Content-Length")
                    && case.is_refused_by_hyper(501)
                || case.is_let_through(&["invalid Content-Length"]) && case.hyper.seen.is_some_and(is_coded)
        },
        reason: "hyper drops the Content-Length beside a coding, whatever it says, or one of two equal ones",
    },
    Difference {
        name: "unknown expectation",
        explains: |case| case.is_let_through(&["unknown expectation"]),
        reason: "hyper ignores an Expect that it doesn't know",
    },
    Difference {
        name: "length near 2^64",
        explains: |case| {
            let is_over = |seen: &Seen| matches!(seen.content, Err((InputErrorKind::Limit, _)));
            case.is_refused_by_hyper(431) && case.std.seen.is_some_and(is_over)
        },
        reason: "hyper keeps the two highest lengths for itself and refuses them",
    },
    Difference {
        name: "chunk sizes",
        explains: |case| case.is_broken_by(&["invalid chunk size", "chunk size too long"]),
        reason: "hyper takes white space behind a size, and any number of leading zeros",
    },
    Difference {
        name: "chunk extensions",
        explains: |case| {
            case.is_broken_by(&[
                "invalid chunk extension",
                "chunk extension too long",
                "chunk extensions too long in total",
            ])
        },
        reason: "hyper skips what it finds up to the line's end, open quotes and control characters included",
    },
    Difference {
        name: "part of a trailer section",
        explains: |case| {
            let is_malformed = |seen: &Seen| matches!(seen.content, Err((InputErrorKind::Malformed, _)));
            case.is_broken_by(&["request body truncated"]) && case.hyper.seen.is_some_and(is_malformed)
        },
        reason: "rsgi-std looks for a section's end first, hyper refuses a line at once",
    },
    Difference {
        name: "part of a head",
        explains: |case| {
            let is_refused = |turn: &Turn<'_>| {
                turn.seen.is_none() && turn.answer.is_some_and(|answer| answer.class() >= 4)
            };
            let is_cut = !case.behind_empty_lines().windows(4).any(|window| window == b"\r\n\r\n");
            is_cut
                && (case.std.is_nothing() && is_refused(&case.hyper)
                    || case.hyper.is_nothing() && is_refused(&case.std))
        },
        reason: "a head that never ends may be refused for what is broken in it already, or dropped with the connection",
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::ground::{Ground, Kind};

    #[test]
    fn each_class_is_told_in_the_docs_and_no_other_is() {
        let docs = include_str!("../../docs/differences.md");
        let section = docs.split("\n## ").find(|section| section.starts_with("Differences a fuzzer finds"));
        let rows = section.expect("the section").lines().filter_map(|line| line.strip_prefix("| "));
        let told: Vec<&str> = rows.skip(1).filter_map(|row| row.split(" | ").next()).collect();
        let names: Vec<&str> = DIFFERENCES.iter().map(|difference| difference.name).collect();
        assert_eq!(told, names);
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "a name twice");
        assert!(DIFFERENCES.iter().all(|difference| !difference.reason.is_empty()));
    }

    /// The class of the first difference on these bytes.
    fn class(std: &Ground, hyper: &Ground, bytes: &str) -> Option<&'static str> {
        let (std, hyper) = (std.converse(&[bytes.as_bytes()]), hyper.converse(&[bytes.as_bytes()]));
        let (_, std, hyper) = first(&std, &hyper)?;
        let case = Case { bytes: bytes.as_bytes(), std, hyper };
        Some(explain(&case).map_or("unexplained", |difference| difference.name))
    }

    #[test]
    fn each_class_is_a_difference_that_can_be_seen() {
        let (std, hyper) = (Ground::start(Kind::Std, 100), Ground::start(Kind::Hyper, 100));
        let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let cases = [
            "GET / HTTP/1.1\nHost: a\r\n\r\n".to_owned(),
            format!("{}GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n".repeat(6)),
            "GET / HTTP/1.2\r\nHost: a\r\n\r\n".to_owned(),
            "GET / HTTP/3.0\r\nHost: a\r\n\r\n".to_owned(),
            format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(65)),
            "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "GET http://b HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n".to_owned(),
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n".to_owned(),
            format!("{chunked}1 \r\nx\r\n0\r\n\r\n"),
            format!("{chunked}1;\"\r\nx\r\n0\r\n\r\n"),
            format!("{chunked}0\r\nX: y\rz"),
            "POST\r".to_owned(),
        ];
        let classes: Vec<_> = cases.iter().map(|case| class(&std, &hyper, case)).collect();
        let names: Vec<_> = DIFFERENCES.iter().map(|difference| Some(difference.name)).collect();
        assert_eq!(classes, names);
        assert_eq!(class(&std, &hyper, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), None);
    }
}
