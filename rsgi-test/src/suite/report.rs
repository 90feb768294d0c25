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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::rules::rule;
    use super::*;

    static CASES: [Case; 4] = [
        Case::hosted("one_passes", &[105, 84], |_| {}),
        Case::hosted("one_fails", &[105], |_| {}),
        Case::hosted("one_is_not_advertised", &[144, 84], |_| {}),
        Case::hosted("one_differs", &[87], |_| {}),
    ];

    fn report() -> Report {
        let verdicts = [
            Verdict::Pass,
            Verdict::Fail("over HTTP/1: no trailers\nand a second line".into()),
            Verdict::NotAdvertised("the server doesn't say `http2`".into()),
            Verdict::Differs("a length: it is old".into()),
        ];
        let verdicts: Vec<_> = CASES.iter().zip(verdicts).collect();
        let rules = [84, 87, 105, 144, 1].into_iter().filter_map(rule);
        let rules = rules.filter_map(|rule| RuleReport::of(rule, &verdicts)).collect();
        Report { server: Subject::Memory.facts(), rules }
    }

    // rule(157)
    #[test]
    fn the_json_says_what_each_rule_and_each_case_came_to() {
        let report = report();
        let json: Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(json["server"]["name"], report.server.name);
        let rules = json["rules"].as_array().unwrap();
        let results: Vec<_> = rules.iter().map(|it| (it["rule"].as_u64(), it["result"].as_str())).collect();
        let expected = [(84, "pass"), (87, "fail"), (105, "fail"), (144, "not-advertised")];
        assert_eq!(results, expected.map(|(number, result)| (Some(number), Some(result))));
        assert!(rules[2]["what"].as_str().is_some_and(|what| what.starts_with("Trailers")));
        let failure = "over HTTP/1: no trailers\nand a second line";
        assert_eq!(
            rules[2]["cases"],
            json!([
                { "name": "one_passes", "result": "pass" },
                { "name": "one_fails", "result": "fail", "detail": failure },
            ])
        );
        assert_eq!(rules[3]["cases"][0]["detail"], "the server doesn't say `http2`");
        assert_eq!(rules[1]["cases"][0]["detail"], "a length: it is old");
    }

    #[test]
    fn the_table_has_a_line_for_each_rule_and_for_what_did_not_pass() {
        let report = report();
        let table = report.to_string();
        let lines: Vec<&str> = table.lines().map(str::trim).collect();
        let has = |front: &str| lines.iter().any(|line| line.starts_with(front));
        assert!(
            has("84  pass ") && has("87  FAIL ") && has("105  FAIL ") && has("144  not advertised "),
            "{table}"
        );
        assert!(lines.contains(&"FAIL one_fails: over HTTP/1: no trailers"), "{table}");
        assert!(
            lines.contains(&"not advertised one_is_not_advertised: the server doesn't say `http2`"),
            "{table}"
        );
        assert!(!table.contains("one_passes") && !table.contains("second line"), "{table}");
        assert_eq!(lines.last(), Some(&"1 rules pass, 2 fail, 1 not advertised"));
        let counts =
            [RuleResult::Pass, RuleResult::Fail, RuleResult::NotAdvertised].map(|it| report.count(it));
        assert_eq!((report.is_clean(), counts), (false, [1, 2, 1]));
    }

    #[test]
    fn a_run_of_wanted_cases_reports_their_rules_alone() {
        let report = Report::of(&Subject::Memory, |case| case.name == "a_body_in_memory_gets_its_length");
        let rules: Vec<_> = report.rules.iter().map(|it| (it.rule, it.result, it.cases.len())).collect();
        assert_eq!(rules, [(89, RuleResult::Pass, 1)]);
        assert!(report.is_clean());
    }
}
