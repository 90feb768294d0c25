//! That the table of checks, SPEC.md, docs/lint.md and these tests agree.
//!
//! Text against text, as the house tests do: a check without a test that asserts it, a clause that doesn't exist or
//! doesn't name the lint, a rule of a neighbour's lint without a place are each a failure.

use std::collections::BTreeSet;

use rsgi_test::lint::checks::ALL;

const TESTS: [&str; 8] = [
    include_str!("bodies.rs"),
    include_str!("calls.rs"),
    include_str!("environs.rs"),
    include_str!("heads.rs"),
    include_str!("inputs.rs"),
    include_str!("middleware.rs"),
    include_str!("settings.rs"),
    include_str!("trailers.rs"),
];

/// How many rules each of the neighbours' lints has: WSGI's, Rack's, PSGI's, Ring's.
const NEIGHBOURS: [(&str, usize); 4] = [("W", 42), ("R", 56), ("P", 21), ("Ring", 8)];

fn read(path: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../");
    std::fs::read_to_string(format!("{root}{path}")).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The clauses of SPEC.md that name the lint as what enforces them.
fn linted_clauses() -> BTreeSet<String> {
    let spec = read("SPEC.md");
    let clauses = spec.split("\n#### ").skip(1);
    let linted = clauses.filter_map(|clause| {
        let duty = clause.lines().find(|line| line.starts_with("> "))?;
        let words = duty.split("enforced by: ").nth(1)?.split(';').next()?;
        let lints = words.split(", ").any(|word| word == "lint");
        lints.then(|| clause.split(':').next().unwrap_or_default().to_owned())
    });
    linted.collect()
}

#[test]
fn each_check_has_a_name_of_its_own_and_says_what_to_do() {
    let names: BTreeSet<_> = ALL.iter().map(|check| check.name).collect();
    assert_eq!(names.len(), ALL.len());
    for check in ALL {
        assert!(!check.what.is_empty() && !check.remedy.is_empty(), "{}", check.name);
        assert!(!check.remedy.ends_with('.') && !check.what.ends_with('.'), "{}", check.name);
    }
}

#[test]
fn each_check_has_a_test_that_breaks_exactly_it() {
    let untested: Vec<_> = ALL
        .iter()
        .map(|check| check.name)
        .filter(|name| {
            let by_only = format!("only(&checks::{name},");
            let by_refused = format!("refused(&checks::{name},");
            !TESTS.iter().any(|test| {
                let flat: String = test.split_whitespace().collect();
                flat.contains(&by_only) || flat.contains(&by_refused)
            })
        })
        .collect();
    assert!(untested.is_empty(), "without a test: {untested:?}");
}

#[test]
fn the_checks_clauses_are_those_that_name_the_lint() {
    let ours: BTreeSet<String> = ALL.iter().map(|check| check.clause.to_owned()).collect();
    let theirs = linted_clauses();
    let missing: Vec<_> = ours.difference(&theirs).collect();
    let idle: Vec<_> = theirs.difference(&ours).collect();
    assert!(
        missing.is_empty() && idle.is_empty(),
        "without `lint` in SPEC.md: {missing:?}; without a check: {idle:?}"
    );
}

#[test]
fn each_checks_rule_is_one_of_its_clause() {
    let spec = read("SPEC.md");
    for check in ALL {
        let Some(rule) = check.rule else { continue };
        let heading = format!("\n#### {}: ", check.clause);
        let clause = spec.split(&heading).nth(1).unwrap_or_else(|| panic!("{} isn't there", check.clause));
        let duty = clause.lines().find(|line| line.starts_with("> ")).unwrap_or_default();
        let rules = duty.split("rules: ").nth(1).unwrap_or_default();
        let has = rules.split(", ").any(|it| it == rule.to_string());
        assert!(has, "{}: rule {rule} is not among {}'s: {rules}", check.name, check.clause);
    }
}

#[test]
fn the_document_lists_each_check_as_the_table_has_it() {
    let document = read("docs/lint.md");
    for check in ALL {
        let rule = check.rule.map_or_else(|| "-".to_owned(), |rule| rule.to_string());
        let row =
            format!("| {} | {} | {rule} | {} | {} |", check.name, check.clause, check.what, check.remedy);
        assert!(document.contains(&row), "docs/lint.md lacks: {row}");
    }
    let rows = document.lines().filter(|line| line.starts_with("| ") && line.matches(" | ").count() == 4);
    assert_eq!(rows.count(), ALL.len() + 1, "one row a check, and the heading");
}

#[test]
fn each_rule_of_the_neighbours_lints_has_its_place() {
    let document = read("docs/lint.md");
    let known: BTreeSet<_> = ALL.iter().map(|check| check.name).collect();
    for (letter, count) in NEIGHBOURS {
        for number in 1..=count {
            let opening = format!("| {letter}{number} | ");
            let rows: Vec<_> = document.lines().filter(|line| line.starts_with(&opening)).collect();
            let [row] = rows.as_slice() else { panic!("{letter}{number}: {rows:?}") };
            let place = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
            let (kind, text) = place.split_once(": ").unwrap_or_else(|| panic!("{row}"));
            match kind {
                "checked" => {
                    let names = text.split(", ").all(|name| known.contains(name));
                    assert!(names, "{letter}{number} names no check: {text}");
                }
                "impossible" | "not applicable" => assert!(text.len() > 10, "{row}"),
                other => panic!("{letter}{number}: {other}"),
            }
        }
        let next = format!("| {letter}{} | ", count + 1);
        assert!(!document.contains(&next), "{next}");
    }
}
