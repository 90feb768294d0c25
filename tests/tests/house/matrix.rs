//! `docs/conformance.md` is made of the suite's data: which rule has which clauses, and how each adapter stands to it.
//!
//! The cells are what the conformance targets hold the adapters to: a case passes, or it is marked as different and
//! fails, or the server doesn't advertise what it takes. So the document can't say more than what is tested.
//! `RSGI_WRITE=1 cargo test -p rsgi-tests --test house matrix` writes it anew.

use std::fmt::Write;

use rsgi_test::suite::rules::{ELSEWHERE, Owes, RULES, Rule};
use rsgi_test::suite::{Expected, Facts, Ground, Subject, cases};
use rsgi_tests::adapters;

use crate::clauses::{Clause, parse};
use crate::files::{read, root};

const INTRODUCTION: &str = "\
# The rules of the conformance suite, and how each adapter stands to them

Written by a test from the suite's data; not by hand. Each rule is proved by cases of `rsgi-test` that run on every adapter. The clauses of \
[SPEC.md](../SPEC.md) say what is owed and cite their sources; a rule is one way to see whether it is kept. \"Owes\" is who can break the \
rule: a rule of the app is for types, `start`, `respond` or the lint to catch; an optional one is tested where the server advertises the \
capability.

`rsgi-std` and `rsgi-hyper` are the project's servers; `afternoon` is the one that was written from the README alone. \
A cell says *pass* if every case of the rule passes there, *differs* if one is marked as failing for a reason (below), *not advertised* if \
the server doesn't say that it has what all of them take, and *wire* if none of them can run without a socket. A marked case that passes, \
or an unmarked one that fails, fails the tests.
";

struct Column {
    title: &'static str,
    subject: Subject,
    facts: Facts,
}

fn columns() -> Vec<Column> {
    let column = |title, subject: Subject| Column { title, facts: subject.facts(), subject };
    vec![
        column("in memory", Subject::Memory),
        column("rsgi-std", Subject::Adapter(adapters::std())),
        column("rsgi-hyper", Subject::Adapter(adapters::hyper())),
        column("afternoon", Subject::Adapter(Ground::of::<rsgi_afternoon::Server>())),
    ]
}

fn document(columns: &[Column]) -> String {
    let clauses = parse(&read("SPEC.md")).unwrap_or_else(|error| panic!("SPEC.md: {error}"));
    let mut text = INTRODUCTION.to_owned();
    let mut part = "";
    for rule in RULES.iter() {
        if rule.part != part {
            part = rule.part;
            let titles: Vec<&str> = columns.iter().map(|it| it.title).collect();
            let (titles, rules) = (titles.join(" | "), "---|".repeat(columns.len() + 4));
            let _infallible =
                write!(text, "\n## {part}\n\n| rule | owes | what | {titles} | clauses |\n|{rules}\n");
        }
        row(&mut text, rule, columns, &clauses);
    }
    elsewhere(&mut text);
    differences(&mut text, columns);
    text
}

fn row(text: &mut String, rule: &Rule, columns: &[Column], clauses: &[Clause]) {
    let owes = match rule.owes {
        Owes::Server => "server",
        Owes::App => "app",
        Owes::Middleware => "middleware",
        Owes::Optional => "optional",
        _ => "suite",
    };
    let cells: Vec<&str> = columns.iter().map(|column| cell(rule, column)).collect();
    let named = clauses.iter().filter(|it| it.rules.contains(&u32::from(rule.number)));
    let named: Vec<&str> = named.map(|it| it.id.as_str()).collect();
    let named = if named.is_empty() { "none: see SPEC.md".to_owned() } else { named.join(", ") };
    let (number, what) = (rule.number, rule.what);
    let _infallible = writeln!(text, "| {number} | {owes} | {what} | {} | {named} |", cells.join(" | "));
}

fn cell(rule: &Rule, column: &Column) -> &'static str {
    let proving = cases().filter(|case| case.rules.contains(&rule.number));
    let expected: Vec<Expected> = proving.map(|case| column.subject.expects(case, &column.facts)).collect();
    let any = |wanted: Expected| expected.contains(&wanted);
    if expected.is_empty() {
        "elsewhere"
    } else if any(Expected::Differs) {
        "differs"
    } else if any(Expected::Pass) {
        "pass"
    } else if any(Expected::NotAdvertised) {
        "not advertised"
    } else {
        "wire"
    }
}

fn elsewhere(text: &mut String) {
    text.push_str("\n## Rules without a case\n\n| rule | what proves it |\n|---|---|\n");
    for (rule, proof) in ELSEWHERE {
        let _infallible = writeln!(text, "| {rule} | {proof} |");
    }
}

fn differences(text: &mut String, columns: &[Column]) {
    text.push_str(
        "\n## Differences\n\n| server | rules | case | what it does instead | why |\n|---|---|---|---|---|\n",
    );
    for column in columns {
        let Subject::Adapter(ground) = &column.subject else { continue };
        for mark in ground.differences() {
            let rules = cases().filter(|case| case.name == mark.case).flat_map(|case| case.rules);
            let rules: Vec<String> = rules.map(ToString::to_string).collect();
            let (title, rules) = (column.title, rules.join(", "));
            let _infallible = writeln!(
                text,
                "| {title} | {rules} | `{}` | {} | {} |",
                mark.case, mark.instead, mark.reason
            );
        }
    }
}

#[test]
fn the_matrix_of_rules_and_adapters_is_what_the_suite_says() {
    let made = document(&columns());
    if std::env::var_os("RSGI_WRITE").is_some() {
        std::fs::write(root().join("docs/conformance.md"), &made).unwrap();
    }
    let written = read("docs/conformance.md");
    let differs = made.lines().zip(written.lines()).find(|(made, written)| made != written);
    assert!(made == written, "docs/conformance.md isn't what the suite says; first: {differs:?}");
}

#[test]
fn every_rule_has_a_case_or_a_proof_elsewhere() {
    let has_case = |number| cases().any(|case| case.rules.contains(&number));
    let elsewhere = |number| ELSEWHERE.iter().any(|(rule, _)| *rule == number);
    let numbers = RULES.iter().map(|rule| rule.number);
    let wrong: Vec<u16> = numbers.filter(|it| has_case(*it) == elsewhere(*it)).collect();
    assert!(wrong.is_empty(), "neither, or both: {wrong:?}");
}
