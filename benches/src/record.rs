//! A run as it is kept: figures by workload, subject and measure, with the machine they come from.
//!
//! Only figures and reasons: ratios and verdicts are made of it anew whenever a report is (`target`, `report`), so an
//! old run can be judged by new targets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ratio::median;

/// What a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Measure {
    /// CPU time of the server for each request, in microseconds.
    Cpu,
    /// The part of it in user mode.
    User,
    /// Requests a second.
    Rate,
    /// The time within which half of the answers came, in microseconds.
    P50,
    /// The time within which nine of ten came.
    P90,
    /// The time within which 99 of 100 came.
    P99,
    /// System calls for each request.
    Calls,
    /// Memory of the server for each idle connection, in KiB.
    Memory,
}

/// Figures of one server, one a round.
pub(crate) type Series = BTreeMap<Measure, Vec<f64>>;

/// One round's figures of one server.
pub(crate) type Sample = BTreeMap<Measure, f64>;

/// A whole run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    /// When it began, by UTC.
    pub(crate) date: String,
    /// What it ran on and with: name and value.
    pub(crate) machine: Vec<(String, String)>,
    /// How many rounds were asked for.
    pub(crate) rounds: usize,
    /// How many seconds a sample lasted.
    pub(crate) seconds: u32,
    /// What was measured, in order.
    pub(crate) workloads: Vec<Measured>,
    /// What went on beside it: noise that did not end, and the like.
    pub(crate) notes: Vec<String>,
}

/// One workload's figures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// The workload's name.
    pub(crate) workload: String,
    /// Its servers, in order.
    pub(crate) rows: Vec<Row>,
}

/// One server's figures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The server's name, with the number of idle connections where there are such.
    pub(crate) subject: String,
    /// Its figures; none when it is missing.
    pub(crate) series: Series,
    /// Why it isn't there, or fell out.
    pub(crate) missing: Option<String>,
}

impl Run {
    /// One server's row in one workload.
    pub(crate) fn row(&self, workload: &str, subject: &str) -> Option<&Row> {
        let measured = self.workloads.iter().find(|it| it.workload == workload)?;
        measured.rows.iter().find(|it| it.subject == subject)
    }
}

impl Row {
    /// The figures of a measure, if the server is there and has them.
    pub(crate) fn figures(&self, measure: Measure) -> Option<&[f64]> {
        if self.missing.is_some() {
            return None;
        }
        self.series.get(&measure).map(Vec::as_slice)
    }

    /// The median of a measure.
    pub(crate) fn median(&self, measure: Measure) -> Option<f64> {
        median(self.figures(measure)?)
    }

    /// Adds a round's figures, rounded to what they are worth: the run is kept as text.
    pub(crate) fn push(&mut self, sample: Sample) {
        for (measure, value) in sample {
            self.series.entry(measure).or_default().push((value * 1_000.0).round() / 1_000.0);
        }
    }
}

impl Measure {
    /// What it is called at the head of a column.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Cpu => "CPU µs",
            Self::User => "user µs",
            Self::Rate => "requests/s",
            Self::P50 => "p50 µs",
            Self::P90 => "p90 µs",
            Self::P99 => "p99 µs",
            Self::Calls => "system calls",
            Self::Memory => "KiB each",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_the_same_after_it_was_written_and_read() {
        let mut row = Row { subject: "hyper".into(), series: Series::new(), missing: None };
        row.push(Sample::from([(Measure::Cpu, 8.801_23), (Measure::P50, 200.0)]));
        row.push(Sample::from([(Measure::Cpu, 8.9), (Measure::P50, 210.0)]));
        let run = Run {
            date: "2026-01-01".into(),
            machine: vec![("cores".into(), "2".into())],
            rounds: 2,
            seconds: 1,
            workloads: vec![Measured { workload: "ping".into(), rows: vec![row] }],
            notes: vec![],
        };
        let text = serde_json::to_string(&run).unwrap();
        assert!(text.contains(r#""series":{"cpu":[8.801,8.9],"p50":[200.0,210.0]}"#), "{text}");
        let read: Run = serde_json::from_str(&text).unwrap();
        assert_eq!(read.row("ping", "hyper").unwrap().median(Measure::P50), Some(205.0));
        assert!(read.row("ping", "axum").is_none());
    }

    #[test]
    fn a_server_that_fell_out_has_no_figures() {
        let series = Series::from([(Measure::Cpu, vec![1.0])]);
        let row = Row { subject: "x".into(), series, missing: Some("it ended".into()) };
        assert_eq!(row.median(Measure::Cpu), None);
    }
}
