//! SPEC.md against what stands in the tree: each clause has a check that exists, each conformance rule a clause, and each sentence of
//! PEP 3333 its answer.
//!
//! Nothing here runs a check; that is done by the targets that hold them. Here it is only proved that they are there.

use std::collections::BTreeSet;

use crate::clauses::{Clause, Enforcer, excused_rules, mentioned_ids, parse};
use crate::files::{expect_none, read, with_extension};
use crate::pep;

const LAST_RULE: u32 = 161;

fn clauses() -> Vec<Clause> {
    parse(&read("SPEC.md")).unwrap_or_else(|error| panic!("SPEC.md: {error}"))
}

#[test]
fn every_clause_has_a_number_of_its_own_in_order() {
    let mut offences = Vec::new();
    for letter in ["A", "S", "M", "C"] {
        let numbers = clauses()
            .iter()
            .filter_map(|it| it.id.strip_prefix(letter)?.parse::<u32>().ok())
            .collect::<Vec<_>>();
        let ordered = numbers.windows(2).all(|pair| pair[0] < pair[1]);
        if numbers.is_empty() || !ordered {
            offences.push(format!("{letter}: {numbers:?}"));
        }
    }
    expect_none("numbers rise, and none is used twice", &offences);
}

#[test]
fn every_clause_says_what_is_owed_by_whom_and_has_a_check() {
    let mut offences = Vec::new();
    for clause in clauses() {
        let first = clause.owes.first().and_then(|it| it.chars().next()).unwrap_or(' ');
        if !clause.id.starts_with(first.to_ascii_uppercase()) {
            offences.push(format!("{}: its letter is not that of who owes it first", clause.id));
        }
        if !clause.owes.iter().all(|it| ["app", "server", "middleware", "core"].contains(&it.as_str())) {
            offences.push(format!("{}: owed by {:?}", clause.id, clause.owes));
        }
        if clause.text.is_empty() {
            offences.push(format!("{}: says nothing", clause.id));
        }
        if !clause.enforced_by.iter().any(Enforcer::is_a_check) {
            offences.push(format!("{}: nothing checks it, and it does not say so", clause.id));
        }
    }
    expect_none("clauses of SPEC.md", &offences);
}

#[test]
fn every_compile_fail_case_and_its_clause_name_each_other() {
    let clauses = clauses();
    let mut offences = Vec::new();
    for case in with_extension("rs").iter().filter(|it| it.path.starts_with("tests/compile-fail/")) {
        let named_by =
            clauses.iter().filter(|it| it.enforced_by.contains(&Enforcer::Type(case.name().to_string())));
        let named_by: BTreeSet<String> = named_by.map(|it| it.id.clone()).collect();
        let names = mentioned_ids(case.text.lines().next().unwrap_or_default());
        if named_by != names || names.is_empty() {
            offences.push(format!("{} names {names:?}, named by {named_by:?}", case.path));
        }
    }
    expect_none("compile-fail cases", &offences);
}

#[test]
fn every_conformance_rule_has_a_clause_or_an_excuse() {
    let excused = excused_rules(&read("SPEC.md"));
    let covered: BTreeSet<u32> = clauses().iter().flat_map(|it| it.rules.clone()).collect();
    let mut offences = Vec::new();
    for rule in 1..=LAST_RULE {
        let excuse = excused.iter().find(|(number, _)| *number == rule);
        match (covered.contains(&rule), excuse) {
            (false, None) => offences.push(format!("rule {rule}: neither")),
            (true, Some(_)) => offences.push(format!("rule {rule}: both")),
            (false, Some((_, reason))) if reason.len() < 10 => {
                offences.push(format!("rule {rule}: no reason"));
            }
            _ => {}
        }
    }
    offences
        .extend(covered.iter().filter(|it| **it > LAST_RULE).map(|it| format!("rule {it} does not exist")));
    expect_none("conformance rules", &offences);
}

#[test]
fn every_clause_number_that_is_mentioned_exists() {
    let known: BTreeSet<String> = clauses().into_iter().map(|it| it.id).collect();
    let mut offences = Vec::new();
    for document in ["SPEC.md", "docs/pep-3333.md", "docs/conformance.md", "CHANGELOG.md"] {
        let unknown = mentioned_ids(&read(document)).into_iter().filter(|it| !known.contains(it));
        offences.extend(unknown.map(|it| format!("{document}: {it}")));
    }
    expect_none("clauses that do not exist", &offences);
}

#[test]
fn every_sentence_of_pep_3333_with_must_should_or_may_has_its_answer() {
    let document = read("tests/data/pep-3333.rst");
    let pep = pep::read(&document);
    let appendix = read("docs/pep-3333.md");
    let rows = pep::rows(&appendix);

    let mut offences = Vec::new();
    for (index, sentence) in pep.sentences.iter().enumerate() {
        match rows.get(index) {
            Some(row) if row.number == index + 1 && row.sentence == *sentence => {}
            _ => offences.push(format!("{}: {sentence}", index + 1)),
        }
    }
    expect_none("sentences that docs/pep-3333.md does not have at their place", &offences);
    assert_eq!(rows.len(), pep.sentences.len(), "rows without a sentence");
    assert!(appendix.contains(&format!("\n{} sentences: ", rows.len())), "the appendix tells their number");

    let in_sentences: usize = pep.sentences.iter().map(|it| pep::count_words(it)).sum();
    assert_eq!(in_sentences + pep::count_words(&pep.literal), pep::count_words(&document), "a word was lost");
}

#[test]
fn every_answer_to_a_sentence_is_a_clause_or_a_reason() {
    let known: BTreeSet<String> = clauses().into_iter().map(|it| it.id).collect();
    let rows = pep::rows(&read("docs/pep-3333.md"));
    let with_reason = rows.iter().filter(|it| it.clauses.starts_with("none: ")).count();
    let mut offences = Vec::new();
    for row in &rows {
        let answered = match row.clauses.strip_prefix("none: ") {
            Some(reason) => reason.len() >= 10,
            None => row.clauses.split(", ").all(|id| known.contains(id)),
        };
        if !answered {
            offences.push(format!("{}: {}", row.number, row.clauses));
        }
    }
    expect_none("answers that are neither", &offences);
    let counts = format!(": {} have a clause, {with_reason} have none.", rows.len() - with_reason);
    assert!(read("docs/pep-3333.md").contains(&counts), "the appendix tells the counts{counts}");
}
