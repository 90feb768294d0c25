//! What came of a pair's bytes, held against what may come of them, and as one line of text.
//!
//! The line is what failures show and what the table of differences holds, so it names all that a verdict can be
//! about, and of fields only those that the verdict names. Not here: sockets (`run.rs`).
//!
//! Invariant: two outcomes that a verdict tells apart have different lines. Next: `run.rs`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::expect::{Ending, Expect, Request, Step, Story};
use super::seen::Seen;

/// One answer that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// The app's, with what it saw, and whether `100 Continue` came before it.
    Seen(Box<Seen>, bool),
    /// The server's own.
    Status(u16),
}

/// All that came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// The answers, in order.
    pub answers: Vec<Observed>,
    /// What became of the connection; `None` if that is not known, as something odd came.
    pub ending: Option<Ending>,
    /// What was odd, if something was.
    pub oddity: Option<String>,
}

impl Observation {
    /// Tells whether this is one of the things that may come.
    pub fn fits(&self, expect: &Expect) -> bool {
        expect.stories.iter().any(|story| {
            self.oddity.is_none()
                && self.ending == Some(story.ending)
                && self.answers.len() == story.steps.len()
                && self.begins(story)
        })
    }

    /// Tells whether the answers so far are the first of a story's.
    pub(super) fn begins(&self, story: &Story) -> bool {
        self.answers.len() <= story.steps.len()
            && self.answers.iter().zip(&story.steps).all(|(answer, step)| match (answer, step) {
                (Observed::Status(status), Step::Refuse(statuses)) => statuses.contains(status),
                (Observed::Seen(seen, continued), Step::Request(request)) => {
                    (request.may_continue || !continued) && fits(seen, request)
                }
                _ => false,
            })
    }

    /// One line, with the fields that the verdict names.
    pub fn line(&self, expect: &Expect) -> String {
        let names = names(expect);
        let mut line = String::new();
        for answer in &self.answers {
            match answer {
                Observed::Status(status) => line.push_str(&status.to_string()),
                Observed::Seen(seen, _) => line.push_str(&seen_line(seen, &names)),
            }
            line.push_str(", ");
        }
        line.push_str(match (&self.oddity, self.ending) {
            (Some(oddity), _) => oddity,
            (None, Some(Ending::Open)) => "open",
            (None, Some(Ending::Closed)) => "closed",
            (None, None) => "unknown",
        });
        line
    }
}

fn fits(seen: &Seen, request: &Request) -> bool {
    let is_there = |name: &str| {
        let wanted =
            request.fields.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        wanted.eq(seen.all(name))
    };
    seen.line == request.line
        && request.fields.iter().all(|(name, _)| is_there(name))
        && request.absent.iter().all(|name| seen.all(name).is_empty())
        && seen.error == request.error
        && seen.body == request.body
        && seen.trailers == request.trailers
}

fn names(expect: &Expect) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for step in expect.stories.iter().flat_map(|story| &story.steps) {
        if let Step::Request(request) = step {
            names.extend(request.fields.iter().map(|(name, _)| name.as_str()));
            names.extend(request.absent.iter().map(String::as_str));
        }
    }
    names
}

fn seen_line(seen: &Seen, names: &BTreeSet<&str>) -> String {
    let mut line = format!("{} with", seen.line);
    for (name, value) in seen.fields.iter().filter(|(name, _)| names.contains(name.as_str())) {
        let _writing_to_a_string = write!(line, " [{name}: {value}]");
    }
    let _writing_to_a_string = match &seen.error {
        Some(error) => write!(line, " error {error}"),
        None => write!(line, " body <{}>", seen.body),
    };
    for (name, value) in &seen.trailers {
        let _writing_to_a_string = write!(line, " trailer [{name}: {value}]");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(line: &str, body: &str) -> Observed {
        Observed::Seen(Box::new(Seen { line: line.into(), body: body.into(), ..Seen::default() }), false)
    }

    #[test]
    fn an_outcome_fits_its_story_alone() {
        let expect =
            Expect::parse("# RFC 9112\nrequest GET / HTTP/1.1\nbody x\nopen\nor\nrefuse 400\nclosed\n");
        let expect = expect.unwrap();
        let observed = |answers: Vec<Observed>, ending| Observation { answers, ending, oddity: None };
        let good = observed(vec![seen("GET / HTTP/1.1", "x")], Some(Ending::Open));
        assert!(good.fits(&expect));
        assert_eq!(good.line(&expect), "GET / HTTP/1.1 with body <x>, open");
        assert!(observed(vec![Observed::Status(400)], Some(Ending::Closed)).fits(&expect));
        for bad in [
            observed(vec![], Some(Ending::Closed)),
            observed(vec![Observed::Status(400)], Some(Ending::Open)),
            observed(vec![Observed::Status(501)], Some(Ending::Closed)),
            observed(vec![seen("GET / HTTP/1.1", "y")], Some(Ending::Open)),
            observed(vec![seen("GET / HTTP/1.0", "x")], Some(Ending::Open)),
            observed(vec![seen("GET / HTTP/1.1", "x"), Observed::Status(400)], Some(Ending::Closed)),
            Observation { oddity: Some("silence".into()), ..good },
        ] {
            assert!(!bad.fits(&expect), "{bad:?}");
        }
    }
}
