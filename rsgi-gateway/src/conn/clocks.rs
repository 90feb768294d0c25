//! The clocks of a connection: until when it may rest as it does, and what happens then.
//!
//! Those of core's `Timeouts`, each by its name; `handshake` has no use here, `graceful` is the host's, and `linger` stands with
//! the lingering (`mod.rs`).
//!
//! Next: `mod.rs`.

use std::time::{Duration, Instant};

use rsgi_core::{Cause, InputErrorKind};

use super::state::State;
use super::stream::Stream;
use super::{Conn, Going, Phase, Socket};
use crate::codec::Codec;

impl<S: Socket, C: Codec> Conn<S, C> {
    /// When the first of its clocks runs out.
    pub(super) fn deadline(&self, state: &State<S, C>, going: Going) -> Option<Instant> {
        let timeouts = &self.link.site.timeouts;
        let waiting = state.streams().iter().filter_map(Stream::waits_since).min();
        let ahead = self.ahead.iter().map(|ahead| ahead.since).min();
        [
            at(waiting, timeouts.body_progress),
            at(ahead, timeouts.body_progress),
            at(state.stalled, timeouts.write),
            at(state.head_since, timeouts.head),
            self.quiet_until(state, going),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Until when it is kept without a request.
    fn quiet_until(&self, state: &State<S, C>, going: Going) -> Option<Instant> {
        if !self.is_quiet(state) || state.head_since.is_some() {
            return None;
        }
        let timeouts = &self.link.site.timeouts;
        let time = if self.served == 0 { timeouts.head } else { timeouts.keep_alive };
        let first = (going == Going::Ending).then(|| self.link.ends.accepted + FIRST);
        [at(Some(self.idle_since), time), first].into_iter().flatten().min()
    }

    /// Ends what has taken too long; a [`turn`](Self::turn) does the rest.
    pub(crate) fn expire(&mut self, now: Instant, going: Going) {
        if let Phase::Lingers { .. } = self.phase {
            return;
        }
        let timeouts = &self.link.site.timeouts;
        let late = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let (mut waiting, is_lost, is_over) = {
            let state = self.link.lock();
            let waits = |stream: &&Stream| late(at(stream.waits_since(), timeouts.body_progress));
            let waiting: Vec<_> = state.streams().iter().filter(waits).map(|stream| stream.serial).collect();
            let stalled = late(at(state.stalled, timeouts.write));
            let is_lost = stalled || late(at(state.head_since, timeouts.head));
            (waiting, is_lost, late(self.quiet_until(&state, going)))
        };
        // The app of one that is read ahead is called, and finds it out by its read.
        let ahead = self.ahead.iter().filter(|ahead| late(at(Some(ahead.since), timeouts.body_progress)));
        waiting.extend(ahead.map(|ahead| ahead.serial));
        for serial in waiting {
            self.link.fail(serial, InputErrorKind::TimedOut);
        }
        if is_lost {
            self.link.lose(Cause::TimedOut);
        } else if is_over {
            self.link.lose(Cause::Closed);
        }
    }

    /// Whether a peer that has just connected had its time for a first request, which it may have sent already when the server
    /// began to end.
    pub(super) fn is_given_time(&self, now: Instant) -> bool {
        self.served > 0 || self.link.ends.accepted + FIRST <= now
    }
}

fn at(since: Option<Instant>, time: Option<Duration>) -> Option<Instant> {
    Some(since? + time?)
}

/// How long a peer that has connected has for the first byte of its request when the server ends.
const FIRST: Duration = Duration::from_millis(500);
