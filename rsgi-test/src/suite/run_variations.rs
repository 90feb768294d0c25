//! Tests of the variations: a failure in one of them is a failure of the case, whichever it is.
//!
//! The cases here are no part of the suite, so the probe gives their requests to its app for strangers, which tells
//! what it sees.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rsgi_core::server::ServeError;
use rsgi_core::{Endpoint, Running};

use super::apps::watching;
use super::case::{Case, Steps};
use super::cases::cases;
use super::ground::{Difference, Ground};
use super::probe::Facts;
use super::run::{Expected, Subject, Verdict};
use super::talk::{Talk, Way};

/// A server that nobody asks: it has an address.
struct Deaf([Endpoint; 1]);

impl Running for Deaf {
    type Handle = ();

    fn addresses(&self) -> &[Endpoint] {
        &self.0
    }

    fn handle(&self) {}

    fn shutdown_by((): &(), _: Option<Duration>) {}

    fn wait(self) -> Result<(), ServeError> {
        Ok(())
    }
}

fn deaf() -> Ground {
    let address = Endpoint::Tcp(([127, 0, 0, 1], 1).into());
    Ground::new("deaf", move |_, _| Ok(Deaf([address.clone()])))
}

/// What the servers here say of themselves.
fn facts() -> Facts {
    Facts { capabilities: "upgrade, http2".into(), ..Subject::Memory.facts() }
}

const fn message(steps: fn(&mut Talk)) -> Case {
    Case::message("private", &[155], watching, steps)
}

/// The text of a failure.
fn failure(subject: &Subject, case: &Case) -> String {
    match subject.run(case, &facts()) {
        Verdict::Fail(failure) => failure,
        other => panic!("{other:?}"),
    }
}

// rule(155)
#[test]
fn a_case_runs_with_lint_on_and_off_at_the_root_and_under_a_prefix() {
    static RUNS: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let case = message(|talk| {
        talk.get("/").answer();
        talk.seen();
        RUNS.lock().unwrap_or_else(PoisonError::into_inner).push(talk.prefix().to_owned());
    });
    assert_eq!(Subject::Memory.run(&case, &facts()), Verdict::Pass);
    assert_eq!(*RUNS.lock().unwrap(), ["", "/pre/fix", "", "/pre/fix"]);
    assert_eq!(Subject::Memory.run(&case.at_the_root(), &facts()), Verdict::Pass);
    assert_eq!(RUNS.lock().unwrap()[4..], ["", ""]);
}

// The clause is broken with lint off as well, but nobody tells then.
#[test]
fn a_case_that_fails_only_with_the_lint_on_fails() {
    let breaking = cases().find(|case| case.name == "a_500_to_head_has_no_content").unwrap();
    assert_eq!((breaking.breaks, Subject::Memory.run(breaking, &facts())), (&["A16"][..], Verdict::Pass));
    let unsaid = Case { breaks: &[], ..*breaking };
    let told = failure(&Subject::Memory, &unsaid);
    assert!(told.starts_with("the lint finds: clause A16: "), "{told}");
    let unfound = message(|talk| drop(talk.get("/").answer())).breaks(&["A11"]);
    assert_eq!(failure(&Subject::Memory, &unfound), "the lint doesn't find that A11 is broken");
}

#[test]
fn a_case_that_fails_only_under_a_prefix_fails() {
    let case = message(|talk| assert!(talk.prefix().is_empty(), "there is a prefix"));
    let told = failure(&Subject::Memory, &case);
    assert!(told.starts_with("in memory, under a prefix: there is a prefix ("), "{told}");
}

#[test]
fn a_case_that_fails_over_one_way_alone_fails() {
    let subject = Subject::Adapter(deaf());
    let fine = message(|talk| assert_ne!(talk.way(), Way::Memory));
    assert_eq!(subject.run(&fine, &facts()), Verdict::Pass);
    let by_way: [fn(&mut Talk); 3] = [
        |talk| assert_ne!(talk.way(), Way::Http1),
        |talk| assert_ne!(talk.way(), Way::ByteByByte),
        |talk| assert_ne!(talk.way(), Way::Http2),
    ];
    let told = ["over HTTP/1: ", "over HTTP/1 byte by byte: ", "over HTTP/2: "];
    for (steps, told) in by_way.into_iter().zip(told) {
        let failure = failure(&subject, &message(steps));
        assert!(failure.starts_with(told), "{failure}");
    }
}

#[test]
fn a_case_with_servers_of_its_own_runs_with_lint_on_and_off() {
    static RUNS: Mutex<u8> = Mutex::new(0);
    let case = Case::hosted("private", &[155], |_| {
        let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
        *runs += 1;
        assert!(*runs != 2, "the second run");
    });
    let told = failure(&Subject::Adapter(deaf()), &case);
    assert!(told.starts_with("with lint: the second run ("), "{told}");
}

#[test]
fn a_marked_case_that_passes_fails() {
    const MARKS: &[Difference] = &[Difference { case: "private", instead: "nothing", reason: "none" }];
    let subject = Subject::Adapter(deaf().differs(MARKS));
    let told = failure(&subject, &message(|_| {}));
    assert!(told.contains("take the mark away"), "{told}");
    let failing = subject.run(&message(|_| panic!("it fails")), &facts());
    assert_eq!(failing, Verdict::Differs("nothing: none".into()));
}

// rule(156)
#[test]
fn what_is_above_the_wire_runs_in_memory_too_and_what_is_below_over_sockets_alone() {
    let (memory, adapter, facts) = (Subject::Memory, Subject::Adapter(deaf()), facts());
    for case in cases() {
        let above = matches!(case.steps, Steps::Message(_));
        assert_eq!(case.is_of_the_wire(), !above, "{}", case.name);
        assert_eq!(memory.expects(case, &facts) == Expected::NotHere, !above, "{}", case.name);
        assert_ne!(adapter.expects(case, &facts), Expected::NotHere, "{}", case.name);
    }
    let wire = Case::wire("private", &[156], watching, |_| panic!("it is run"));
    assert_eq!(memory.run(&wire, &facts), Verdict::NotAdvertised("a case of the wire".into()));
    let message = message(|talk| assert_ne!(talk.way(), Way::Memory, "it is run"));
    assert!(failure(&memory, &message).starts_with("in memory: "));
}
