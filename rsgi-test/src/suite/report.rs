//! The verdicts by rule: a table for people, JSON for machines.
//!
//! A rule fails if one of its cases does; it passes if one passes and none fails; else the subject doesn't advertise
//! what it takes (rule 157).

use std::fmt;

use serde::Serialize;

use super::case::Case;
use super::cases::cases;
use super::probe::Facts;
use super::rules::{RULES, Rule};
use super::run::{Subject, Verdict};

/// What a run of the whole suite showed.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The server, by its own words.
    pub server: Facts,
    /// Each rule that has cases.
    pub rules: Vec<RuleReport>,
}

/// What was seen of one rule.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct RuleReport {
    /// Its number.
    pub rule: u16,
    /// What is owed.
    pub what: &'static str,
    /// What its cases come to.
    pub result: RuleResult,
    /// Its cases.
    pub cases: Vec<CaseReport>,
}

/// What the cases of a rule come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the words of rule 157")]
pub enum RuleResult {
    /// At least one passed, none failed.
    Pass,
    /// At least one failed, marked or not.
    Fail,
    /// None could be run.
    NotAdvertised,
}

/// What one case showed.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct CaseReport {
    /// Its name.
    pub name: &'static str,
    /// What it came to.
    pub result: RuleResult,
    /// How it failed, or what the server lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Report {
    /// Runs the cases that are `wanted`, one after the other.
    ///
    /// # Panics
    ///
    /// If the subject doesn't start, or doesn't host the probe.
    pub fn of(subject: &Subject, wanted: impl Fn(&Case) -> bool) -> Self {
        let server = subject.facts();
        let run = |case: &'static Case| (case, subject.run(case, &server));
        let verdicts: Vec<_> = cases().filter(|case| wanted(case)).map(run).collect();
        let rules = RULES.iter().filter_map(|rule| RuleReport::of(rule, &verdicts)).collect();
        Self { server, rules }
    }

    /// Whether no rule fails.
    pub fn is_clean(&self) -> bool {
        self.rules.iter().all(|rule| rule.result != RuleResult::Fail)
    }

    /// How many rules came to this.
    pub fn count(&self, result: RuleResult) -> usize {
        self.rules.iter().filter(|rule| rule.result == result).count()
    }

    /// As JSON.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl RuleReport {
    fn of(rule: &Rule, verdicts: &[(&'static Case, Verdict)]) -> Option<Self> {
        let cases = verdicts.iter().filter(|(case, _)| case.rules.contains(&rule.number));
        let cases: Vec<CaseReport> = cases.map(|(case, verdict)| CaseReport::of(case, verdict)).collect();
        let any = |result| cases.iter().any(|case| case.result == result);
        let result = match (any(RuleResult::Fail), any(RuleResult::Pass)) {
            (true, _) => RuleResult::Fail,
            (false, true) => RuleResult::Pass,
            (false, false) => RuleResult::NotAdvertised,
        };
        (!cases.is_empty()).then_some(Self { rule: rule.number, what: rule.what, result, cases })
    }
}

impl CaseReport {
    fn of(case: &Case, verdict: &Verdict) -> Self {
        let (result, detail) = match verdict {
            Verdict::Pass => (RuleResult::Pass, None),
            Verdict::Fail(failure) | Verdict::Differs(failure) => (RuleResult::Fail, Some(failure)),
            Verdict::NotAdvertised(lack) => (RuleResult::NotAdvertised, Some(lack)),
        };
        Self { name: case.name, result, detail: detail.cloned() }
    }
}

impl fmt::Display for RuleResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::NotAdvertised => "not advertised",
        })
    }
}

/// The table for people: a line a rule, and under it what didn't pass.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Facts { name, version, capabilities, .. } = &self.server;
        writeln!(formatter, "{name} {version}: {capabilities}\n")?;
        for rule in &self.rules {
            writeln!(formatter, "{:>4}  {:<15} {}", rule.rule, rule.result, rule.what)?;
            // Why a rule that passes couldn't be tried further is in the JSON.
            let tells = |case: &&CaseReport| match case.result {
                RuleResult::Pass => false,
                RuleResult::Fail => true,
                RuleResult::NotAdvertised => rule.result == RuleResult::NotAdvertised,
            };
            for case in rule.cases.iter().filter(tells) {
                let detail = case.detail.as_deref().unwrap_or_default();
                let detail = detail.lines().next().unwrap_or_default();
                writeln!(formatter, "        {} {}: {detail}", case.result, case.name)?;
            }
        }
        let count = |result| self.count(result);
        let (pass, fail) = (count(RuleResult::Pass), count(RuleResult::Fail));
        let not_advertised = count(RuleResult::NotAdvertised);
        writeln!(formatter, "\n{pass} rules pass, {fail} fail, {not_advertised} not advertised")
    }
}
