//! That every check which a clause of SPEC.md names is there: compile-fail cases, the marks `rule(84)`, tests and cases by name.
//!
//! A rule is proved by the cases of the suite that carry its number as data, or by a test with `rule(84)` in a comment above it. Such marks
//! count in the `tests` crate and in unit tests (a file `tests.rs` or what follows `#[cfg(test)]`), not in shipped code, which cites rules
//! too.

use std::collections::BTreeSet;

use crate::clauses::{Enforcer, parse};
use crate::files::{SourceFile, expect_none, read, root, with_extension};

/// What all tests together say.
struct Evidence {
    /// Conformance rules that some test names.
    rules: BTreeSet<u32>,
    /// The names of the suite's cases.
    cases: BTreeSet<&'static str>,
    /// The text of all tests, to look names up in.
    text: String,
}

/// Reads all tests of the workspace.
fn collect() -> Evidence {
    let cases = || rsgi_test::suite::cases();
    let mut evidence = Evidence {
        rules: cases().flat_map(|case| case.rules).map(|rule| u32::from(*rule)).collect(),
        cases: cases().map(|case| case.name).collect(),
        text: String::new(),
    };
    for file in with_extension("rs") {
        let text = tests_of(&file);
        evidence.rules.extend(marked(text));
        evidence.text.push_str(text);
    }
    evidence
}

impl Evidence {
    /// Whether a test function or a case of that name exists.
    fn has_test(&self, name: &str) -> bool {
        self.cases.contains(name) || self.text.contains(&format!("fn {name}("))
    }
}

/// The part of a file that is test code.
fn tests_of(file: &SourceFile) -> &str {
    let this_target = file.path.starts_with("tests/tests/house/");
    if this_target || file.path.starts_with("tests/compile-fail/") {
        ""
    } else if file.path.starts_with("tests/") || file.path.contains("/tests/") || file.name() == "tests.rs" {
        &file.text
    } else {
        file.text.find("#[cfg(test)]").map_or("", |at| &file.text[at..])
    }
}

fn marked(text: &str) -> impl Iterator<Item = u32> {
    text.split("rule(").skip(1).flat_map(|rest| {
        let inner = rest.split(')').next().unwrap_or_default();
        inner.split(',').map_while(|it| it.trim().parse().ok()).collect::<Vec<_>>()
    })
}

#[test]
fn every_check_that_a_clause_names_exists() {
    let evidence = collect();
    let mut offences = Vec::new();
    for clause in parse(&read("SPEC.md")).unwrap() {
        for enforcer in &clause.enforced_by {
            match enforcer {
                Enforcer::Type(case) if !root().join("tests/compile-fail").join(case).exists() => {
                    offences.push(format!("{}: no tests/compile-fail/{case}", clause.id));
                }
                Enforcer::Suite(rules) => {
                    let missing = rules.iter().filter(|it| !evidence.rules.contains(it));
                    offences.extend(missing.map(|it| format!("{}: no test carries rule({it})", clause.id)));
                    let foreign = rules.iter().filter(|it| !clause.rules.contains(it));
                    offences.extend(foreign.map(|it| format!("{}: {it} is not among its rules", clause.id)));
                }
                Enforcer::Test(name) if !evidence.has_test(name) => {
                    offences.push(format!("{}: no test or case `{name}`", clause.id));
                }
                _ => {}
            }
        }
    }
    expect_none("checks named by SPEC.md", &offences);
}

#[test]
fn a_mark_can_hold_several_rules() {
    let found: Vec<u32> = marked("// rule(84), rule(1, 2)\nrule(name) broken_rule(").collect();
    assert_eq!(found, [84, 1, 2]);
}
