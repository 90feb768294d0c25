//! Reports of small runs made by hand.

use super::*;
use crate::record::{Measure, Series};

fn row(subject: &str, cpu: &[f64]) -> Row {
    let user: Vec<f64> = cpu.iter().map(|it| it / 4.0).collect();
    let series = Series::from([(Measure::Cpu, cpu.to_vec()), (Measure::User, user)]);
    Row { subject: subject.into(), series, missing: None }
}

fn missing(subject: &str, reason: &str) -> Row {
    Row { subject: subject.into(), series: Series::new(), missing: Some(reason.into()) }
}

fn run(rows: Vec<Row>) -> Run {
    Run {
        date: "2026-01-01 00:00".into(),
        machine: vec![("cores".into(), "2".into())],
        rounds: 3,
        seconds: 1,
        workloads: vec![Measured { workload: "ping".into(), rows }],
        notes: vec!["it was noisy".into()],
    }
}

fn verdict_of(run: &Run, ours: &str, theirs: &str) -> (String, Verdict) {
    let judged = judged(run);
    let found = judged
        .iter()
        .find(|it| it.target.ours == ours && it.target.measure == Measure::Cpu && it.theirs.contains(theirs));
    let found = found.unwrap_or_else(|| panic!("no target of {ours} against {theirs}"));
    (found.theirs.clone(), found.verdict())
}

#[test]
fn raw_hyper_is_the_cheaper_of_its_settings() {
    let run = run(vec![
        row("rsgi-hyper", &[10.0, 10.0, 10.0]),
        row("hyper", &[9.9, 9.9, 9.9]),
        row("hyper-flush", &[9.0, 9.0, 9.0]),
    ]);
    assert_eq!(verdict_of(&run, "rsgi-hyper", "hyper"), ("hyper-flush".into(), Verdict::Missed));
}

#[test]
fn a_peer_that_is_not_there_leaves_its_target_unmet() {
    let run =
        run(vec![row("rsgi-std", &[8.0]), missing("may", "it couldn't be built"), row("limit", &[7.7])]);
    assert_eq!(verdict_of(&run, "rsgi-std", "may").1, Verdict::Missed);
    assert_eq!(verdict_of(&run, "rsgi-std", "limit").1, Verdict::Met);
    let text = text(&run);
    assert!(text.contains("not met (may: it couldn't be built)"), "{text}");
    assert!(text.contains("not there: it couldn't be built"), "{text}");
}

#[test]
fn a_target_whose_servers_did_not_run_is_not_judged() {
    let run = run(vec![row("rsgi-std", &[8.0]), row("limit", &[7.7])]);
    let all = judged(&run);
    assert_eq!(all.len(), 1, "{all:?}");
}

#[test]
fn a_tie_is_printed_as_such() {
    let run = run(vec![row("rsgi-std", &[8.0, 8.0, 8.0]), row("nginx", &[7.9, 8.1, 8.0])]);
    assert_eq!(verdict_of(&run, "rsgi-std", "nginx").1, Verdict::Tie);
    let text = text(&run);
    assert!(text.lines().any(|line| line.contains("nginx") && line.ends_with("tie")), "{text}");
}

#[test]
fn a_page_has_the_machine_the_targets_the_figures_and_the_notes() {
    let run = run(vec![row("rsgi-std", &[8.0, 8.0, 8.0]), row("limit", &[8.0, 8.0, 8.0])]);
    let page = page::page(&run).unwrap();
    for part in [
        "| cores | 2 |",
        "1 met, 0 ties, 0 not met.",
        "| ping | rsgi-std | limit | CPU µs | 1.000 (1.000 to 1.000) | <= 1.06 | met |",
        "![ping](performance/ping.svg)",
        "| rsgi-std | 8.00 | 2.00 | 1.000 (1.000 to 1.000) |",
        "- it was noisy",
    ] {
        assert!(page.contains(part), "{part} isn't in\n{page}");
    }
}

#[test]
fn what_is_written_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(vec![row("rsgi-std", &[8.0, 8.5, 8.0]), row("hyper", &[9.0, 9.1, 9.2])]);
    write(&run, folder.path()).unwrap();
    let kept = std::fs::read_to_string(folder.path().join("performance/run.json")).unwrap();
    let again: Run = serde_json::from_str(&kept).unwrap();
    assert_eq!(text(&again), text(&run));
    let plot = std::fs::read_to_string(folder.path().join("performance/ping.svg")).unwrap();
    assert!(plot.starts_with("<svg") && plot.contains("rsgi-std"), "{plot}");
    assert!(folder.path().join("performance.md").exists());
}
