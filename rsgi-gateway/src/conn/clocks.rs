//! The clocks of a connection: until when it may rest as it does, and what happens then.
//!
//! Those of core's `Timeouts`, each by its name; `handshake` has no use here, `graceful` is the host's, and `linger` stands with
//! the lingering (`mod.rs`).
//!
//! Next: `mod.rs`.

use std::time::{Duration, Instant};

use rsgi_core::{Cause, InputErrorKind};

use super::{Conn, Going, Phase, Socket};
use crate::codec::Codec;

impl<S: Socket, C: Codec> Conn<S, C> {
    /// When the first of its clocks runs out.
    pub(super) fn deadline(&self, going: Going) -> Option<Instant> {
        let timeouts = &self.link.site.timeouts;
        let state = self.link.lock();
        let under_way = !self.running.is_empty() || !self.ahead.is_empty();
        let body = state.streams().iter().filter_map(|stream| stream.waits_since()).min();
        let ahead = self.ahead.iter().map(|ahead| ahead.since).min();
        let at = |since: Option<Instant>, time: Option<Duration>| Some(since? + time?);
        let mut first = at(body, timeouts.body_progress);
        let mut consider = |other: Option<Instant>| {
            first = match (first, other) {
                (Some(first), Some(other)) => Some(first.min(other)),
                (first, other) => first.or(other),
            };
        };
        consider(at(ahead, timeouts.body_progress));
        consider(at(state.stalled, timeouts.write));
        consider(at(state.head_since, timeouts.head));
        if !under_way && state.head_since.is_none() && state.out.is_empty() {
            let time = if self.served == 0 { timeouts.head } else { timeouts.keep_alive };
            consider(at(Some(self.idle_since), time));
            if going == Going::Ending {
                consider(Some(self.link.ends.accepted + FIRST));
            }
        }
        first
    }

    /// Ends what has taken too long; a [`turn`](Self::turn) does the rest.
    pub(crate) fn expire(&mut self, now: Instant, going: Going) {
        if let Phase::Lingers { .. } = self.phase {
            return;
        }
        let timeouts = &self.link.site.timeouts;
        let late = |since: Option<Instant>, time: Option<Duration>| {
            since.zip(time).is_some_and(|(since, time)| since + time <= now)
        };
        let (waiting, is_lost) = {
            let state = self.link.lock();
            let waiting: Vec<_> = state
                .streams()
                .iter()
                .filter(|stream| late(stream.waits_since(), timeouts.body_progress))
                .map(|stream| stream.serial)
                .collect();
            let stalled = late(state.stalled, timeouts.write);
            (waiting, stalled || late(state.head_since, timeouts.head))
        };
        for serial in waiting {
            self.link.fail(serial, InputErrorKind::TimedOut);
        }
        for ahead in self.ahead.iter().filter(|ahead| late(Some(ahead.since), timeouts.body_progress)) {
            // Its app is called, and finds it out by its read.
            self.link.fail(ahead.serial, InputErrorKind::TimedOut);
        }
        let idle_for = if self.served == 0 { timeouts.head } else { timeouts.keep_alive };
        let is_idle = self.running.is_empty() && self.ahead.is_empty() && self.link.lock().is_idle();
        let ends = is_idle
            && (late(Some(self.idle_since), idle_for) || going == Going::Ending && self.is_given_time(now));
        if is_lost {
            self.link.lose(Cause::TimedOut);
        } else if ends {
            self.link.lose(Cause::Closed);
        }
    }

    /// Whether a peer that has just connected had its time for a first request, which it may have sent already when the server
    /// began to end.
    pub(super) fn is_given_time(&self, now: Instant) -> bool {
        self.served > 0 || self.link.ends.accepted + FIRST <= now
    }
}

/// How long a peer that has connected has for the first byte of its request when the server ends.
const FIRST: Duration = Duration::from_millis(500);
