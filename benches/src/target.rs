//! The targets, as data, and what a run says of each.
//!
//! A peer that isn't there leaves its targets unmet. Where several peers are named as the cheaper of them, the one with
//! the better median of that run is compared; where each is, every one has a line of its own.

use crate::ratio::{Limit, Ratio, Verdict};
use crate::record::{Measure, Run};

/// What is asked of one server in one workload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// The workload's name.
    pub(crate) workload: &'static str,
    /// The row that is judged.
    pub(crate) ours: &'static str,
    /// What it is compared with.
    pub(crate) theirs: Theirs,
    /// The figure.
    pub(crate) measure: Measure,
    /// What the ratio, or the figure, has to be.
    pub(crate) limit: Limit,
}

/// What a row is compared with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Theirs {
    /// The better of these, by the medians of the run.
    Best(&'static [&'static str]),
    /// The figure stands alone.
    Nothing,
}

/// A target with what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    /// What was asked.
    pub(crate) target: Target,
    /// What it was compared with in this run.
    pub(crate) theirs: String,
    /// The figures, or why there are none.
    pub(crate) ratio: Result<Ratio, String>,
}

impl Judged {
    /// What became of it; what isn't there isn't met.
    pub(crate) fn verdict(&self) -> Verdict {
        self.ratio.as_ref().map_or(Verdict::Missed, |ratio| ratio.verdict(self.target.limit))
    }
}

impl Target {
    /// Judges it by a run. [`None`] if the run left out the workload or the row.
    pub(crate) fn judge(self, run: &Run) -> Option<Judged> {
        let ours = run.row(self.workload, self.ours)?;
        let (theirs, ratio) = match self.theirs {
            Theirs::Nothing => {
                let figures = ours.figures(self.measure).map(<[f64]>::to_vec);
                (String::new(), figures.and_then(Ratio::around).ok_or_else(|| absent(run, self, self.ours)))
            }
            Theirs::Best(names) => {
                if names.iter().all(|name| run.row(self.workload, name).is_none()) {
                    return None;
                }
                self.compare(run, names)
            }
        };
        Some(Judged { target: self, theirs, ratio })
    }

    fn compare(self, run: &Run, names: &[&str]) -> (String, Result<Ratio, String>) {
        // The cheaper setting is cheaper as a whole, not in user mode alone.
        let measure = if self.measure == Measure::User { Measure::Cpu } else { self.measure };
        let median = |name: &&&str| run.row(self.workload, name).and_then(|row| row.median(measure));
        let there = names.iter().filter(|name| median(name).is_some());
        // Of rates the higher is the better; of all else the lower.
        let sign = if self.measure == Measure::Rate { -1.0 } else { 1.0 };
        let key = |name: &&&str| sign * median(name).unwrap_or(f64::INFINITY);
        let best = there.min_by(|one, other| key(one).total_cmp(&key(other)));
        let Some(best) = best else {
            let all = names.join(" or ");
            return (all, Err(absent(run, self, names[0])));
        };
        let figures = |name: &str| run.row(self.workload, name).and_then(|row| row.figures(self.measure));
        let ratio = figures(self.ours).zip(figures(best)).and_then(|(ours, theirs)| Ratio::of(ours, theirs));
        ((*best).to_string(), ratio.ok_or_else(|| absent(run, self, self.ours)))
    }
}

fn absent(run: &Run, target: Target, name: &str) -> String {
    let reason = run.row(target.workload, name).and_then(|row| row.missing.clone());
    format!("{name}: {}", reason.as_deref().unwrap_or("no figure"))
}

const HYPER: Theirs = Theirs::Best(&["hyper", "hyper-flush"]);
/// The same router behind `axum::serve`.
const AXUM: Theirs = Theirs::Best(&["axum"]);

const fn cpu(workload: &'static str, ours: &'static str, theirs: Theirs, limit: f64) -> Target {
    Target { workload, ours, theirs, measure: Measure::Cpu, limit: Limit::AtMost(limit) }
}

const fn less(ours: &'static str, theirs: &'static [&'static str]) -> Target {
    Target { workload: "ping", ours, theirs: Theirs::Best(theirs), measure: Measure::Cpu, limit: Limit::Less }
}

/// How many times what rsgi-std with the application of the example takes.
const fn times(ours: &'static str, limit: f64) -> Target {
    Target {
        workload: "ping",
        ours,
        theirs: Theirs::Best(&["rsgi-std-talk"]),
        measure: Measure::Cpu,
        limit: Limit::AtLeast(limit),
    }
}

/// All targets, in the order of the report.
pub(crate) const TARGETS: &[Target] = &[
    cpu("ping", "rsgi-hyper", HYPER, 1.02),
    cpu("pipelined", "rsgi-hyper", HYPER, 1.02),
    cpu("echo", "rsgi-hyper", HYPER, 1.02),
    cpu("stream", "rsgi-hyper", HYPER, 1.02),
    cpu("big", "rsgi-hyper", HYPER, 1.02),
    cpu("file", "rsgi-hyper", HYPER, 1.02),
    cpu("tls", "rsgi-hyper", HYPER, 1.02),
    cpu("h2", "rsgi-hyper", HYPER, 1.02),
    cpu("ping-32", "rsgi-hyper-blocking", HYPER, 1.5),
    cpu("ping", "rsgi-hyper-blocking", HYPER, 1.5),
    cpu("stream", "rsgi-hyper-blocking", HYPER, 2.0),
    cpu("block", "rsgi-hyper-blocking", Theirs::Best(&["hyper-spawn"]), 1.0),
    cpu("ping", "rsgi-hyper-axum", AXUM, 1.03),
    cpu("echo", "rsgi-hyper-axum", AXUM, 1.03),
    cpu("stream", "rsgi-hyper-axum", AXUM, 1.03),
    cpu("ping", "rsgi-std", Theirs::Best(&["limit"]), 1.06),
    less("rsgi-std", &["hyper", "hyper-flush"]),
    less("rsgi-std", &["may"]),
    less("rsgi-std", &["nginx"]),
    less("rsgi-std", &["actix"]),
    less("rsgi-std", &["axum"]),
    less("rsgi-std", &["bjoern"]),
    less("rsgi-std", &["touche"]),
    less("rsgi-std", &["tiny"]),
    less("rsgi-std", &["rouille"]),
    less("rsgi-std", &["hyper-spawn"]),
    less("rsgi-std", &["granian"]),
    less("rsgi-std", &["uwsgi"]),
    less("rsgi-std", &["waitress"]),
    cpu("ping", "frasco-hyper", Theirs::Best(&["axum"]), 1.0),
    cpu("ping", "frasco-std", Theirs::Best(&["actix"]), 1.0),
    cpu("ping", "frasco-std", Theirs::Best(&["rouille"]), 1.0),
    Target {
        workload: "unpinned",
        ours: "rsgi-std",
        theirs: HYPER,
        measure: Measure::Rate,
        limit: Limit::AtLeast(1.0),
    },
    Target {
        workload: "ping",
        ours: "rsgi-std",
        theirs: HYPER,
        measure: Measure::User,
        limit: Limit::AtMost(0.5),
    },
    cpu("pipelined", "rsgi-std", HYPER, 0.6),
    cpu("stream", "rsgi-std", HYPER, 1.1),
    // A tick, and the time it takes a client to wake up and read.
    Target {
        workload: "events",
        ours: "rsgi-std",
        theirs: Theirs::Nothing,
        measure: Measure::P90,
        limit: Limit::AtMost(TICK_MICROSECONDS),
    },
    cpu("echo", "rsgi-std", HYPER, 0.85),
    cpu("big", "rsgi-std", HYPER, 0.82),
    cpu("file", "rsgi-std", Theirs::Best(&["nginx"]), 1.05),
    cpu("block", "rsgi-std", Theirs::Best(&["hyper-spawn"]), 0.65),
    Target {
        workload: "block",
        ours: "rsgi-std",
        theirs: Theirs::Best(&["hyper-spawn"]),
        measure: Measure::Rate,
        limit: Limit::AtLeast(1.1),
    },
    Target {
        workload: "rate",
        ours: "rsgi-std",
        theirs: HYPER,
        measure: Measure::P50,
        limit: Limit::AtMost(0.9),
    },
    Target {
        workload: "rate",
        ours: "rsgi-std",
        theirs: HYPER,
        measure: Measure::P90,
        limit: Limit::AtMost(1.0),
    },
    Target {
        workload: "memory",
        ours: "rsgi-std",
        theirs: Theirs::Nothing,
        measure: Measure::Memory,
        limit: Limit::AtMost(0.5),
    },
    Target {
        workload: "memory",
        ours: "rsgi-hyper",
        theirs: Theirs::Best(&["hyper"]),
        measure: Measure::Memory,
        limit: Limit::AtMost(1.0),
    },
    cpu("idle", "rsgi-std +10000", Theirs::Best(&["rsgi-std"]), 1.05),
    cpu("idle", "rsgi-hyper +10000", Theirs::Best(&["rsgi-hyper"]), 1.05),
    times("gunicorn-sync", 25.0),
    times("gunicorn-gthread", 25.0),
    times("gunicorn-gevent", 25.0),
    times("gunicorn-sync-flask", 40.0),
    times("gunicorn-gthread-flask", 40.0),
    times("gunicorn-gevent-flask", 40.0),
    less("rsgi-python-std", &["granian"]),
    less("rsgi-python-std", &["uwsgi"]),
    less("rsgi-python-std-flask", &["granian-flask"]),
    less("rsgi-python-std-flask", &["uwsgi-flask"]),
    cpu("ping", "rsgi-python-std-flask", Theirs::Best(&["gunicorn-sync-flask"]), 0.5),
    cpu("ping", "rsgi-python-std-flask", Theirs::Best(&["gunicorn-gthread-flask"]), 0.5),
    cpu("ping", "rsgi-python-std-flask", Theirs::Best(&["gunicorn-gevent-flask"]), 0.5),
    less("rsgi-python-hyper", &["granian"]),
    less("rsgi-python-hyper", &["uwsgi"]),
    less("rsgi-python-hyper-flask", &["granian-flask"]),
    less("rsgi-python-hyper-flask", &["uwsgi-flask"]),
    cpu("ping", "rsgi-python-hyper-flask", Theirs::Best(&["gunicorn-sync-flask"]), 0.5),
    cpu("ping", "rsgi-python-hyper-flask", Theirs::Best(&["gunicorn-gthread-flask"]), 0.5),
    cpu("ping", "rsgi-python-hyper-flask", Theirs::Best(&["gunicorn-gevent-flask"]), 0.5),
    cpu("wrapped", "rsgi-std-middleware", Theirs::Best(&["rsgi-std"]), 1.01),
    cpu("wrapped", "rsgi-std-mount", Theirs::Best(&["rsgi-std"]), 1.01),
    cpu("wrapped", "rsgi-hyper-middleware", Theirs::Best(&["rsgi-hyper"]), 1.01),
    cpu("wrapped", "rsgi-hyper-mount", Theirs::Best(&["rsgi-hyper"]), 1.01),
];

/// What an event may be late: the engine's tick of 0.5 ms, after which what lies unsent is sent, twice, since it may
/// have come just after one.
const TICK_MICROSECONDS: f64 = 1_000.0;
