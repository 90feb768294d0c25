//! The conformance suite against a server of another process, through whatever stands between, with its marks.
//!
//! `RSGI_CASES` names some cases, for who looks at them. Next: `marks.rs`.
#![allow(clippy::unwrap_used, reason = "a test stops where it can't go on")]
#![allow(clippy::print_stdout, reason = "what came of it is said")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rsgi_test::suite::{Case, Remote, Subject, Verdict, cases};
use rsgi_test::wire::deadline::hurried;

use crate::marks::Chance;

/// Runs the suite: each case passes, or fails as it is marked.
pub fn run(remote: Remote, chances: &[&Chance]) {
    let name = remote.name();
    let subject = Subject::Endpoint(remote);
    let marked = subject.differences().iter().map(|it| it.case);
    let marked = marked.chain(chances.iter().flat_map(|chance| chance.cases.iter().copied()));
    let unknown: Vec<&str> = marked.filter(|name| !cases().any(|case| case.name == *name)).collect();
    assert!(unknown.is_empty(), "marks of no case: {unknown:?}");
    let judged: Vec<_> = cases().filter(|case| wanted(case)).collect();
    let mut tally = Tally::of(&subject, &judged, AT_A_TIME);
    // A case that breaks connections on purpose can hit another's request, as a web server shares them out, and may take one once more
    // that is about to end. So what fails is asked again alone, some times.
    let mut by_chance = tally.take_off(chances);
    for _ in 0..AGAIN {
        let failed = tally.failed();
        let again = Tally::of(&subject, &failed, 1);
        tally.passed += again.passed;
        tally.differed += again.differed;
        tally.failures = again.failures;
        by_chance.extend(tally.take_off(chances));
    }
    let failures = tally.told();
    let Tally { passed, differed, lacking, .. } = tally;
    println!(
        "{}: {passed} pass, {differed} differ, {} fail by chance, {lacking} not advertised",
        name,
        by_chance.len()
    );
    for line in &by_chance {
        println!("{line}");
    }
    assert!(failures.is_empty(), "{} fail through {}:\n{}", failures.len(), name, failures.join("\n"));
}

/// What cases came to.
#[derive(Default)]
struct Tally {
    passed: usize,
    differed: usize,
    lacking: usize,
    failures: Vec<(&'static Case, String)>,
}

impl Tally {
    /// Runs so many cases at a time: most of them wait for something.
    fn of(subject: &Subject, all: &[&'static Case], at_a_time: usize) -> Self {
        let facts = subject.facts();
        let (next, tally) = (AtomicUsize::new(0), Mutex::new(Self::default()));
        thread::scope(|scope| {
            for _ in 0..at_a_time {
                scope.spawn(|| {
                    while let Some(case) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let run = || subject.run(case, &facts);
                        // What is known to fail mostly does by waiting in vain.
                        let is_marked = subject.differences().iter().any(|it| it.case == case.name);
                        let verdict = if is_marked { hurried(IN_VAIN, run) } else { run() };
                        tally.lock().unwrap().add(case, verdict);
                    }
                });
            }
        });
        tally.into_inner().unwrap()
    }

    fn add(&mut self, case: &'static Case, verdict: Verdict) {
        match verdict {
            Verdict::Pass => self.passed += 1,
            Verdict::Differs(_) => self.differed += 1,
            Verdict::NotAdvertised(_) => self.lacking += 1,
            Verdict::Fail(failure) => self.failures.push((case, failure)),
        }
    }

    fn failed(&self) -> Vec<&'static Case> {
        self.failures.iter().map(|(case, _)| *case).collect()
    }

    /// Takes off the failures that are allowed to happen; which they are, and why.
    fn take_off(&mut self, chances: &[&Chance]) -> Vec<String> {
        let mut off = Vec::new();
        self.failures.retain(|(case, failure)| {
            let chance = chances.iter().find(|chance| chance.allows(case.name, failure));
            off.extend(chance.map(|chance| format!("by chance: {}: {}", case.name, chance.reason)));
            chance.is_none()
        });
        off
    }

    fn told(&self) -> Vec<String> {
        self.failures.iter().map(|(case, failure)| format!("{}: {failure}", case.name)).collect()
    }
}

/// `RSGI_CASES` names some, for who looks at them.
fn wanted(case: &Case) -> bool {
    std::env::var("RSGI_CASES").map_or(true, |names| names.split(',').any(|name| name == case.name))
}

const AT_A_TIME: usize = 6;

/// How long a marked case waits for anything.
const IN_VAIN: Duration = Duration::from_secs(3);

/// How often what fails is asked again.
const AGAIN: usize = 3;
