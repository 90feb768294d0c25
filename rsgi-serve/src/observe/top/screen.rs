//! [`Screen`]: what `top` knows: the facts of now, what changed since those before, and how the user wants to see them.
//!
//! Rates are of the master's own clock, so a slow terminal or network doesn't bend them.

use std::collections::VecDeque;
use std::time::Duration;

use crate::observe::{Facts, Worker};

/// What is shown.
#[derive(Debug)]
pub(super) struct Screen {
    facts: Facts,
    before: Option<Facts>,
    /// Requests a second, the oldest first.
    history: VecDeque<u64>,
    sort: Sort,
    held: bool,
    /// Why the facts aren't of now.
    lost: Option<String>,
    /// The first worker that is shown.
    first: usize,
}

/// By what workers are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Slot,
    Busy,
    Requests,
    Memory,
    Age,
}

/// So many within so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) more: u64,
    pub(super) within: Duration,
}

impl Screen {
    /// Of the first facts.
    pub(super) fn new(facts: Facts) -> Self {
        Self {
            facts,
            before: None,
            history: VecDeque::new(),
            sort: Sort::Slot,
            held: false,
            lost: None,
            first: 0,
        }
    }

    /// New facts came.
    pub(super) fn update(&mut self, facts: Facts) {
        self.lost = None;
        if self.held {
            return;
        }
        self.before = Some(std::mem::replace(&mut self.facts, facts));
        match self.rate() {
            Some(rate) => {
                let millis = u64::try_from(rate.within.as_millis()).unwrap_or(u64::MAX).max(1);
                self.history.push_back(rate.more.saturating_mul(1000) / millis);
            }
            // Another master: what was before says nothing of it.
            None => self.history.clear(),
        }
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
        self.scroll(0);
    }

    /// None came.
    pub(super) fn lose(&mut self, why: String) {
        self.lost = Some(why);
    }

    /// Holds the picture, or lets it go on.
    pub(super) fn hold(&mut self) {
        self.held = !self.held;
    }

    /// Orders the workers by the next column.
    pub(super) fn sort_by_next(&mut self) {
        self.sort = match self.sort {
            Sort::Slot => Sort::Busy,
            Sort::Busy => Sort::Requests,
            Sort::Requests => Sort::Memory,
            Sort::Memory => Sort::Age,
            Sort::Age => Sort::Slot,
        };
        self.first = 0;
    }

    /// Moves through the workers; never beyond the last one.
    pub(super) fn scroll(&mut self, by: isize) {
        let last = self.facts.workers.len().saturating_sub(1);
        self.first = self.first.saturating_add_signed(by).min(last);
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(super) fn sort(&self) -> Sort {
        self.sort
    }

    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    pub(super) fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// Requests a second, the oldest first, as many as there is room for.
    pub(super) fn history(&self, room: usize) -> Vec<u64> {
        self.history.iter().skip(self.history.len().saturating_sub(room)).copied().collect()
    }

    /// The workers in their order, from the first one that is shown.
    pub(super) fn workers(&self) -> Vec<&Worker> {
        let mut workers: Vec<_> = self.facts.workers.iter().collect();
        // Where two are alike, or all, the slot decides: rows don't jump.
        match self.sort {
            Sort::Slot => {}
            Sort::Busy => workers.sort_by_key(|worker| std::cmp::Reverse(worker.busy)),
            Sort::Requests => {
                let rate = |worker: &&Worker| self.rate_of(worker).map(|rate| rate.more);
                workers.sort_by_key(|worker| std::cmp::Reverse(rate(worker)));
            }
            Sort::Memory => workers.sort_by_key(|worker| std::cmp::Reverse(worker.memory)),
            Sort::Age => workers.sort_by_key(|worker| worker.age_ms),
        }
        workers.split_off(self.first.min(workers.len()))
    }

    /// All requests since the facts before; `None` if they were another master's, or there are none.
    pub(super) fn rate(&self) -> Option<Rate> {
        let before = self.before.as_ref()?;
        let within = self.facts.uptime_ms.checked_sub(before.uptime_ms).filter(|millis| *millis > 0)?;
        let more = self.facts.traffic.requests.checked_sub(before.traffic.requests)?;
        Some(Rate { more, within: Duration::from_millis(within) })
    }

    /// A worker's requests since the facts before.
    pub(super) fn rate_of(&self, worker: &Worker) -> Option<Rate> {
        let Rate { within, .. } = self.rate()?;
        let same = |it: &&Worker| (it.pid, it.slot) == (worker.pid, worker.slot);
        let before = self.before.as_ref()?.workers.iter().find(same)?;
        let more = worker.traffic.requests.checked_sub(before.traffic.requests)?;
        Some(Rate { more, within })
    }
}

/// Seconds.
const HISTORY: usize = 600;
