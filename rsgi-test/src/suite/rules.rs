//! The rules that the suite proves, by number: what is owed, and who can break it.
//!
//! SPEC.md says what is owed at length and cites the sources; a rule is one way to see whether it is kept. The numbers
//! never change: marks, reports and clauses name them. The table itself is `rules.txt`.

use std::sync::LazyLock;

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// Its number, from 1.
    pub number: u16,
    /// The part of the contract that it belongs to.
    pub part: &'static str,
    /// Who can break it.
    pub owes: Owes,
    /// What is owed, in a line.
    pub what: &'static str,
}

/// Who can break a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Owes {
    /// The server.
    Server,
    /// The app: for types, `start`, `respond` or the lint to catch.
    App,
    /// A middleware.
    Middleware,
    /// The server, where it advertises the capability.
    Optional,
    /// The suite itself.
    Suite,
}

/// The rule of a number.
pub fn rule(number: u16) -> Option<&'static Rule> {
    RULES.get(usize::from(number).checked_sub(1)?)
}

/// The rules that have no case, and what proves them instead.
pub const ELSEWHERE: &[(u16, &str)] = &[
    (67, "`tests/compile-fail/input_used_twice.rs`: who gave the input away has none"),
    (71, "`tests/compile-fail/start_twice.rs`, `two_bodies.rs`: what starts an answer is used up by it"),
    (73, "`tests/compile-fail/body_before_head.rs`: a body is given to a head that was started"),
    (88, "`tests/tests/house/layers.rs`: no crate of this project answers 405 on its own"),
    (
        123,
        "`rsgi-test/tests/lint/settings.rs`, `a_finding_names_clause_rule_value_and_remedy`; `table.rs` there for all checks",
    ),
    (
        133,
        "`tests/tests/alone/crowd.rs`, `a_server_without_descriptors_goes_on_when_it_has_some_again`: it takes a process alone",
    ),
    (
        155,
        "`rsgi-test/src/suite/run_variations.rs`: what fails with the lint on, or in one variation, is told",
    ),
    (
        156,
        "`rsgi-test/src/suite/run_variations.rs`, `what_is_above_the_wire_runs_in_memory_too_and_what_is_below_over_sockets_alone`",
    ),
    (157, "`rsgi-test/src/suite/report.rs`, its tests of the JSON and the table"),
    (158, "`tests/tests/wrong`: each rule with a case has a wrong server that a case must catch"),
];

/// All rules, in the order of their numbers.
pub static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| read(include_str!("rules.txt")));

/// Reads the table: a heading for each part, and lines of number, who owes, and what.
fn read(table: &'static str) -> Vec<Rule> {
    let mut part = "";
    let mut rules = Vec::new();
    for line in table.lines() {
        if let Some(heading) = line.strip_prefix("# ") {
            part = heading;
        } else if let Some((front, what)) = line.split_once(": ") {
            let (number, owes) = front.split_once(' ').unwrap_or((front, ""));
            let owes = match owes {
                "server" => Owes::Server,
                "app" => Owes::App,
                "middleware" => Owes::Middleware,
                "optional" => Owes::Optional,
                _ => Owes::Suite,
            };
            rules.push(Rule { number: number.parse().unwrap_or(0), part, owes, what });
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_stands_at_its_number() {
        let numbers: Vec<u16> = RULES.iter().map(|rule| rule.number).collect();
        assert_eq!(numbers, (1..=161).collect::<Vec<_>>());
        assert!(rule(0).is_none() && rule(162).is_none());
        assert!(rule(84).is_some_and(|it| it.what.starts_with("HEAD")));
    }
}
