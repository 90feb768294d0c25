//! The suite as a test target: each case a test, so that the usual runners list, filter and count them.
//!
//! # Examples
//!
//! The whole conformance test of an adapter, with `harness = false` for the target in Cargo.toml:
//!
//! ```no_run
//! # use rsgi_core::Adapter;
//! use std::process::ExitCode;
//!
//! use rsgi_test::suite::{Ground, run_tests};
//!
//! # fn example<MyServer: Adapter>() -> ExitCode where MyServer::Running: 'static {
//! // fn main() -> ExitCode {
//! run_tests([Ground::of::<MyServer>()])
//! # }
//! ```

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use super::case::Case;
use super::cases::cases;
use super::ground::Ground;
use super::probe::Facts;
use super::rules::rule;
use super::run::{Subject, Verdict};

/// Runs the suite against adapters as a test target's `main`, by the arguments of the command line.
pub fn run_tests(grounds: impl IntoIterator<Item = Ground>) -> ExitCode {
    run_tests_on(grounds.into_iter().map(Subject::Adapter))
}

/// As [`run_tests`], against any subjects.
pub fn run_tests_on(subjects: impl IntoIterator<Item = Subject>) -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for subject in subjects {
        let subject = Arc::new((subject, OnceLock::new()));
        // Middleware has no wire: a list of what can't be run is no news for each of them.
        let wireless = matches!(subject.0, Subject::Middleware(_));
        for case in cases().filter(|case| !wireless || !case.is_of_the_wire()) {
            let subject = Arc::clone(&subject);
            let name = format!("{}::{}", subject.0.name(), case.name);
            trials.push(Trial::ignorable_test(name, move || {
                let facts: &Facts = subject.1.get_or_init(|| subject.0.facts());
                told(case, subject.0.run(case, facts))
            }));
        }
        trials.push(marks(&subject.0));
        trials.extend(passing(&subject.0));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// That each mark names a case.
fn marks(subject: &Subject) -> Trial {
    let marked: Vec<&str> = subject.differences().iter().map(|it| it.case).collect();
    Trial::test(format!("{}::every_mark_names_a_case", subject.name()), move || {
        let unknown = marked.iter().find(|name| !cases().any(|case| case.name == **name));
        unknown.map_or(Ok(()), |name| Err(format!("no case is called {name}").into()))
    })
}

/// That middleware passes on what no request shows (M7).
fn passing(subject: &Subject) -> Option<Trial> {
    let Subject::Middleware(within) = subject else { return None };
    let within = within.clone();
    Some(Trial::test(format!("{}::stop_and_needs_pass_through", within.name()), move || {
        within.passes_stop_and_needs().map_err(Failed::from)
    }))
}

/// A failure says which rules are broken, as whoever reads it may never have seen the case.
fn told(case: &Case, verdict: Verdict) -> Result<Completion, Failed> {
    match verdict {
        Verdict::Pass => Ok(Completion::Completed),
        Verdict::Fail(mut failure) => {
            for rule in case.rules.iter().filter_map(|number| rule(*number)) {
                let _infallible = write!(failure, "\n  rule {}: {}", rule.number, rule.what);
            }
            Err(failure.into())
        }
        Verdict::Differs(mark) => Ok(Completion::ignored_with(format!("differs: {mark}"))),
        Verdict::NotAdvertised(lack) => Ok(Completion::ignored_with(format!("not advertised: {lack}"))),
    }
}
