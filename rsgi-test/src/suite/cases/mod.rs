//! The cases, one file a subject. Read `head.rs` first: it is typical.
//!
//! A case of a rule that a server may keep in two ways accepts both; what a server does otherwise for a reason is a
//! mark of its own test ([`Difference`](super::Difference)), never a branch here.
#![expect(clippy::unwrap_used, reason = "a case stops where it can't go on")]
#![expect(clippy::needless_pass_by_value, reason = "an app takes its arguments by value, and a case its own")]

use super::case::Case;

mod backpressure;
mod body;
mod connection;
mod crowd;
mod errors;
mod errors_behind_the_head;
mod every_kind;
mod expect;
mod faults;
mod faults_of_requests;
mod fields;
mod framing;
mod h2;
mod h2_floods;
mod h2_streams;
mod h2_windows;
mod h2_wire;
mod head;
mod informational;
mod input;
mod leaving;
mod lifetime;
mod lifetime_of_bodies;
mod limits;
mod limits_of_load;
mod limits_of_time;
mod mixing;
mod mixing_threads;
mod request_line;
mod shutdown;
mod starting;
#[cfg(feature = "tls")]
mod tls;
mod trailers;
mod trust;
mod upgrade;
mod ways;
mod workers;

/// All cases.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    TABLES.iter().flat_map(|table| table.iter())
}

const TABLES: &[&[Case]] = &[
    backpressure::CASES,
    body::CASES,
    connection::CASES,
    crowd::CASES,
    errors::CASES,
    errors_behind_the_head::CASES,
    expect::CASES,
    faults::CASES,
    faults_of_requests::CASES,
    fields::CASES,
    framing::CASES,
    h2::CASES,
    h2_floods::CASES,
    h2_streams::CASES,
    h2_windows::CASES,
    h2_wire::CASES,
    head::CASES,
    informational::CASES,
    input::CASES,
    leaving::CASES,
    lifetime::CASES,
    lifetime_of_bodies::CASES,
    limits::CASES,
    limits_of_load::CASES,
    limits_of_time::CASES,
    mixing::CASES,
    mixing_threads::CASES,
    request_line::CASES,
    shutdown::CASES,
    starting::CASES,
    #[cfg(feature = "tls")]
    tls::CASES,
    trailers::CASES,
    trust::CASES,
    upgrade::CASES,
    ways::CASES,
    workers::CASES,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::suite::rules::rule;

    #[test]
    fn every_case_has_a_name_of_its_own_that_is_an_identifier() {
        let mut names = BTreeSet::new();
        for case in cases() {
            assert!(names.insert(case.name), "{} is there twice", case.name);
            let identifier = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
            assert!(case.name.chars().all(identifier), "{}", case.name);
        }
    }

    #[test]
    fn every_case_proves_rules_that_exist() {
        for case in cases() {
            assert!(case.rules.iter().all(|it| rule(*it).is_some()), "{}: {:?}", case.name, case.rules);
        }
    }
}
