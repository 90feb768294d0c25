//! As many workers as the load asks for, between `workers` and `max_workers`.
//!
//! The measure is what no worker has taken yet: connections that wait in the listeners' queues, as the kernel counts them. On threads all
//! of those are busy then, on a runtime its loop is; how many requests are in hand would say neither. A queue that lasts ([`GROW`]) brings
//! one worker more, and the next only when that one is ready and it lasts still. Queues that were empty for a while ([`CALM`]) let one go.
//! Where that was too soon, because a queue comes back within that while, the next one is let go after twice as long.
//!
//! What TTIN, TTOU and `scale` made of the number is its beginning from then on; outside of the two limits it is left alone.

use std::time::Duration;

use super::Fleet;
use super::lines::MasterLine;
use crate::clock::Millis;

/// What was seen of the queues.
#[derive(Debug)]
pub(super) struct Load {
    /// Since when connections wait.
    crowded: Option<Millis>,
    /// Since when none does.
    calm: Option<Millis>,
    /// When a worker was let go last.
    shrunk: Option<Millis>,
    /// How long none has to wait before one is let go.
    patience: Duration,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Nothing,
    More,
    Fewer,
}

impl Default for Load {
    fn default() -> Self {
        Self { crowded: None, calm: None, shrunk: None, patience: CALM }
    }
}

impl Fleet {
    /// Whether it wants to know of the queues.
    pub(crate) fn adapts(&self) -> bool {
        self.rules.max_workers > self.rules.workers
    }

    /// So many connections wait to be accepted.
    pub(super) fn queued(&mut self, waiting: u64) {
        if !self.adapts() || !self.is_settled() {
            // Who boots, or is on the way to be replaced, will take some of them.
            (self.load.crowded, self.load.calm) = (None, None);
            return;
        }
        let (now, target) = (self.now(), self.target());
        let most = self.rules.max_workers.min(self.members.most());
        match self.load.judge(now, waiting) {
            Verdict::More if target < most => {
                self.load.grown(now);
                self.log(MasterLine::Crowded { waiting });
                self.want(target + 1);
            }
            Verdict::Fewer if target > self.rules.workers => {
                let time = self.load.shrunk(now);
                self.log(MasterLine::Calm { time });
                self.want(target - 1);
            }
            _ => {}
        }
    }
}

impl Load {
    fn judge(&mut self, now: Millis, waiting: u64) -> Verdict {
        let (since, other, least, verdict) = if waiting > 0 {
            (&mut self.crowded, &mut self.calm, GROW, Verdict::More)
        } else {
            (&mut self.calm, &mut self.crowded, self.patience, Verdict::Fewer)
        };
        *other = None;
        if now.since(*since.get_or_insert(now)) < least { Verdict::Nothing } else { verdict }
    }

    fn grown(&mut self, now: Millis) {
        self.crowded = None;
        if self.shrunk.take().is_some_and(|at| now.since(at) < self.patience) {
            self.patience = self.patience.saturating_mul(2).min(CALM_MOST);
        }
    }

    /// Gives how long nobody had to wait.
    fn shrunk(&mut self, now: Millis) -> Duration {
        let calm = self.calm.take().map_or(Duration::ZERO, |since| now.since(since));
        if self.shrunk.replace(now).is_some() {
            // Nobody missed the one before.
            self.patience = CALM;
        }
        calm
    }
}

/// What a short burst, or a boot, is over in.
const GROW: Duration = Duration::from_secs(2);
const CALM: Duration = Duration::from_mins(1);
const CALM_MOST: Duration = Duration::from_mins(32);
