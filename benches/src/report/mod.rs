//! What a run says, for people: tables on a terminal, and a page with plots.
//!
//! Both are made of the same tables, and those of the run alone: a run that was kept gives the same report again.

mod page;
mod table;

pub(crate) use page::write;
pub(crate) use table::Table;

use crate::ratio::{Limit, Ratio, Verdict};
use crate::record::{Measure, Measured, Row, Run};
use crate::target::{Judged, TARGETS};
use crate::workload::workload;

/// All tables of a run, as text for a terminal.
pub(crate) fn text(run: &Run) -> String {
    let mut text = String::new();
    for measured in &run.workloads {
        let what = workload(&measured.workload).map_or("", |it| it.what);
        let table = figures(measured).text();
        text.extend(["\n", &measured.workload, ": ", what, "\n", &table]);
    }
    let judged = judged(run);
    if !judged.is_empty() {
        text.extend(["\ntargets\n", &verdicts(&judged).text()]);
    }
    for note in &run.notes {
        text.extend(["note: ", note, "\n"]);
    }
    text
}

/// All targets that the run has something to say about.
pub(crate) fn judged(run: &Run) -> Vec<Judged> {
    TARGETS.iter().filter_map(|target| target.judge(run)).collect()
}

/// The medians of a workload, a line for each server, each with the ratio to the first comparison of its workload.
pub(crate) fn figures(measured: &Measured) -> Table {
    let columns: Vec<Measure> =
        COLUMNS.into_iter().filter(|it| measured.rows.iter().any(|row| row.median(*it).is_some())).collect();
    let base = base(measured);
    let mut heads = vec!["server".to_string()];
    heads.extend(columns.iter().map(|it| it.title().to_string()));
    if let Some(base) = base {
        heads.push(format!("CPU / {}", base.subject));
    }
    let mut table = Table::new(heads);
    for row in &measured.rows {
        let mut cells = vec![row.subject.clone()];
        match &row.missing {
            Some(reason) => cells.push(format!("not there: {}", shortened(reason))),
            None => cells.extend(columns.iter().map(|it| row.median(*it).map_or(String::new(), figure))),
        }
        if let Some(base) = base {
            let pair = row.figures(Measure::Cpu).zip(base.figures(Measure::Cpu));
            let ratio = pair.and_then(|(ours, theirs)| Ratio::of(ours, theirs));
            cells.push(ratio.map_or(String::new(), interval));
        }
        table.push(cells);
    }
    table
}

/// A line for each target.
pub(crate) fn verdicts(judged: &[Judged]) -> Table {
    let heads = ["workload", "ours", "compared with", "measure", "ratio", "target", "verdict"];
    let mut table = Table::new(heads.map(str::to_string).to_vec());
    for judged in judged {
        let target = judged.target;
        let verdict = match (&judged.ratio, judged.verdict()) {
            (Err(reason), _) => format!("not met ({})", shortened(reason)),
            (_, Verdict::Met) => "met".to_string(),
            (_, Verdict::Tie) => "tie".to_string(),
            (_, Verdict::Missed) => "NOT MET".to_string(),
        };
        let ratio = judged.ratio.as_ref().map_or(String::new(), |ratio| interval(*ratio));
        table.push(vec![
            target.workload.to_string(),
            target.ours.to_string(),
            judged.theirs.clone(),
            target.measure.title().to_string(),
            ratio,
            limit(target.limit),
            verdict,
        ]);
    }
    table
}

/// What others are set against: the limit where it runs, else the cheaper of raw hyper's settings, else the first.
fn base(measured: &Measured) -> Option<&Row> {
    let cost = |row: &&Row| row.median(Measure::Cpu);
    let there = |name: &str| measured.rows.iter().find(|row| row.subject == name && cost(row).is_some());
    let hypers = ["hyper", "hyper-flush"].into_iter().filter_map(there);
    let cheapest =
        hypers.min_by(|one, other| cost(one).partial_cmp(&cost(other)).unwrap_or(std::cmp::Ordering::Equal));
    cheapest.or_else(|| there("hyper-spawn")).or_else(|| measured.rows.iter().find(|row| cost(row).is_some()))
}

/// A figure with as many digits as it is worth.
pub(crate) fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 1_000.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn interval(ratio: Ratio) -> String {
    let digits = if ratio.median.abs() >= 100.0 {
        0
    } else if ratio.median.abs() >= 10.0 {
        1
    } else {
        3
    };
    format!("{:.digits$} ({:.digits$} to {:.digits$})", ratio.median, ratio.low, ratio.high)
}

fn limit(limit: Limit) -> String {
    match limit {
        Limit::AtMost(value) => format!("<= {value}"),
        Limit::AtLeast(value) => format!(">= {value}"),
        Limit::Less => "< 1".to_string(),
    }
}

fn shortened(reason: &str) -> String {
    reason.chars().take(100).collect()
}

const COLUMNS: [Measure; 8] = [
    Measure::Cpu,
    Measure::User,
    Measure::Rate,
    Measure::P50,
    Measure::P90,
    Measure::P99,
    Measure::Calls,
    Measure::Memory,
];

#[cfg(test)]
mod tests;
