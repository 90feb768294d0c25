//! What the master counts, by the names that metrics have for it, and how it gets into the page.
//!
//! A counter's place in the page is its place in this table: new ones are added at its end, for a page outlives the image that made it.

use super::facts::Counted;
use crate::fleet::{Counters, View};
use crate::page::{self, Page, Service};

/// A counter of the master's.
pub(super) struct Counter {
    /// Its metric, without the prefix and the ending that all have.
    pub(super) metric: &'static str,
    /// What tells it from others of the metric: a label's name and value.
    pub(super) label: Option<(&'static str, &'static str)>,
    /// What is counted; the same in all of a metric.
    pub(super) help: &'static str,
    /// Its number of now.
    of: fn(&Counters) -> u64,
}

/// Writes down how the fleet is, for everybody who reads the page.
pub(crate) fn publish(page: &Page, view: &View, counters: &Counters) {
    let mut counts = [0; page::COUNTERS];
    for (place, counter) in counts.iter_mut().zip(TABLE) {
        *place = (counter.of)(counters);
    }
    page.publish(&Service {
        phase: view.state,
        generation: view.generation.0,
        wanted: view.wanted as u64,
        crash_level: view.crash_level.into(),
        counters: counts,
    });
}

/// What the page says was counted.
pub(super) fn read(service: &Service) -> Vec<Counted> {
    let counted = TABLE.iter().zip(service.counters).map(|(counter, count)| Counted {
        name: counter.metric.to_owned(),
        of: counter.label.map(|(_, value)| value.to_owned()),
        count,
    });
    counted.collect()
}

/// All of them; those of one metric stand together.
pub(super) static TABLE: &[Counter] = &[
    plain("workers_forked", "Workers started.", |it| it.forks),
    plain("workers_respawned", "Workers started in place of one that died.", |it| it.respawns),
    plain("fork_failures", "Forks that failed.", |it| it.fork_failures),
    plain("boot_failures", "Workers that died before they were ready, unasked.", |it| it.boot_failures),
    of("worker_deaths", "how", "exit", DEATHS, |it| *it.exits.get(&0).unwrap_or(&0)),
    of("worker_deaths", "how", "failure", DEATHS, |it| {
        it.exits.iter().filter(|(code, _)| **code != 0).map(|(_, count)| count).sum()
    }),
    of("worker_deaths", "how", "signal", DEATHS, |it| it.signals.values().sum()),
    of("worker_timeouts", "clock", "boot", TIMEOUTS, |it| it.boot_timeouts),
    of("worker_timeouts", "clock", "silence", TIMEOUTS, |it| it.silence_timeouts),
    of("worker_timeouts", "clock", "request", TIMEOUTS, |it| it.request_timeouts),
    of("worker_timeouts", "clock", "graceful", TIMEOUTS, |it| it.graceful_timeouts),
    of("worker_timeouts", "clock", "quick", TIMEOUTS, |it| it.quick_timeouts),
    of("workers_recycled", "because", "requests", RECYCLED, |it| it.recycled_requests),
    of("workers_recycled", "because", "memory", RECYCLED, |it| it.recycled_memory),
    of("workers_recycled", "because", "age", RECYCLED, |it| it.recycled_age),
    of("reloads", "result", "done", RELOADS, |it| it.reloads),
    of("reloads", "result", "undone", RELOADS, |it| it.reloads_undone),
    of("reloads", "result", "refused", RELOADS, |it| it.reloads_refused),
    of("upgrades", "result", "done", UPGRADES, |it| it.upgrades),
    of("upgrades", "result", "failed", UPGRADES, |it| it.upgrades_failed),
    plain("strangers_reaped", "Children reaped that were no workers.", |it| it.strangers),
    plain("master_pauses", "Times the master itself was stopped or starved.", |it| it.pauses),
];

const fn plain(metric: &'static str, help: &'static str, of: fn(&Counters) -> u64) -> Counter {
    Counter { metric, label: None, help, of }
}

const fn of(
    metric: &'static str,
    name: &'static str,
    value: &'static str,
    help: &'static str,
    of: fn(&Counters) -> u64,
) -> Counter {
    Counter { metric, label: Some((name, value)), help, of }
}

const DEATHS: &str = "Workers that ended: as asked, with an exit code of failure, or by a signal.";
const TIMEOUTS: &str = "Workers that a clock ended.";
const RECYCLED: &str = "Workers replaced because they were worn.";
const RELOADS: &str =
    "Reloads: done, undone because new workers failed, refused because the settings were wrong.";
const UPGRADES: &str = "Upgrades: done, or failed before or in the takeover.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_all_and_those_of_a_metric_stand_together() {
        assert!(TABLE.len() <= page::COUNTERS);
        let mut names: Vec<_> = TABLE.iter().map(|counter| counter.metric).collect();
        names.dedup();
        let runs = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), runs, "a metric stands in two places");
    }

    #[test]
    fn counters_of_one_metric_have_one_help_and_labels_of_their_own() {
        for pair in TABLE.windows(2).filter(|pair| pair[0].metric == pair[1].metric) {
            assert_eq!(pair[0].help, pair[1].help);
            let [Some(one), Some(other)] = [pair[0].label, pair[1].label] else {
                panic!("{}", pair[0].metric)
            };
            assert!(one.0 == other.0 && one.1 != other.1, "{one:?} {other:?}");
        }
    }

    #[test]
    fn deaths_are_told_by_how_they_came() {
        let counters = Counters {
            exits: [(0, 5), (1, 2), (3, 1)].into(),
            signals: [(9, 1), (11, 1)].into(),
            ..Counters::default()
        };
        let found: Vec<_> = TABLE
            .iter()
            .filter(|counter| counter.metric == "worker_deaths")
            .map(|counter| (counter.of)(&counters))
            .collect();
        assert_eq!(found, [5, 3, 2]);
    }
}
