//! What happened, as events for the fleet: signals, workers' words, children that ended; and when a clock is due, what the
//! page says.
//!
//! In this order: a signal from a terminal reaches the workers too, and a worker that ended by it wasn't lost. Such a signal
//! waits for the master before any worker can be reaped, so signals are read again after each reaping.

use nix::sys::signal::Signal;
use rustix::process::getppid;

use super::Master;
use crate::clock::Millis;
use crate::fleet::{Death, Event, InHand, Seen, Sig, SlotId, Status};
use crate::log::level::{Level, say};
use crate::observe::Queues;
use crate::page::{Reading, Slot, State};
use crate::process::reap::{self, Ended, Ending};

impl Master {
    /// Tells the fleet all that happened.
    pub(super) fn gather(&mut self) {
        self.gather_signals();
        self.gather_words();
        self.gather_ends();
    }

    /// When a clock is due: what the page says of each worker, and that it is due.
    pub(super) fn look(&mut self) {
        if self.over.is_some() || self.fleet.next_deadline().is_none_or(|deadline| deadline > Millis::now()) {
            return;
        }
        if self.predecessor.is_some_and(|pid| getppid() != Some(pid)) {
            self.predecessor = None;
            self.feed(Event::PredecessorGone);
        }
        let slots: Vec<SlotId> = self.pids.values().copied().collect();
        for id in slots {
            let Some(slot) = self.page.slot(id) else { continue };
            if slot.state() == State::Ready && self.adopted.remove(&id) {
                self.feed(Event::Ready { slot: id });
            }
            self.feed(Event::Seen(seen(id, slot)));
        }
        self.feed(Event::Tick);
        self.look_at_queues();
        if let Some(path) = self.touched.changed() {
            say(Level::Info, format_args!("touch_reload: {} has changed", path.display()));
            self.feed(Event::Signal(Sig::Hup));
        }
    }

    /// Tells statsd and the fleet how many connections wait, where they want to know. Where the kernel doesn't tell, nobody is told.
    fn look_at_queues(&mut self) {
        let statsd = self.current.statsd.as_ref().filter(|_| self.current.settings.backlog_metric);
        if statsd.is_none() && !self.fleet.adapts() {
            return;
        }
        let queues = Queues::of(&self.listeners).ask();
        let waiting = queues.iter().map(|queue| queue.waiting).sum();
        if let Some(statsd) = statsd {
            statsd.backlog(waiting);
        }
        if !queues.is_empty() {
            self.feed(Event::Queued { waiting });
        }
    }

    fn gather_signals(&mut self) {
        loop {
            let received = match self.launch.signals.next() {
                Ok(Some(received)) => received,
                Ok(None) => return,
                Err(error) => {
                    tracing::error!(target: "rsgi", %error, "signals can't be read");
                    return;
                }
            };
            if let Some(signal) = fleets(received.signal) {
                self.feed(Event::Signal(signal));
            }
        }
    }

    fn gather_words(&mut self) {
        let open = self.pipes.iter_mut().filter(|(_, pipe)| !pipe.is_over());
        let heard: Vec<_> = open.map(|(slot, pipe)| (*slot, pipe.hear())).collect();
        for (id, heard) in heard {
            if heard.ready {
                self.feed(Event::Ready { slot: id });
            }
            if let (true, Some(slot)) = (heard.look, self.page.slot(id)) {
                self.feed(Event::Seen(seen(id, slot)));
            }
        }
    }

    fn gather_ends(&mut self) {
        loop {
            match reap::next() {
                Ok(Some(ended)) => {
                    // Its number is nobody's any more: no signal may go to it.
                    let slot = self.pids.remove(&ended.pid);
                    self.gather_signals();
                    match slot {
                        Some(slot) => self.worker_ended(slot, ended),
                        None => self.other_ended(ended),
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    tracing::error!(target: "rsgi", %error, "children can't be waited for");
                    return;
                }
            }
        }
    }

    fn worker_ended(&mut self, slot: SlotId, ended: Ended) {
        let mut pipe = self.pipes.remove(&slot);
        if pipe.as_mut().is_some_and(|pipe| !pipe.is_over() && pipe.hear().ready) {
            self.feed(Event::Ready { slot });
        }
        let reason = pipe.and_then(crate::worker::StatusPipe::last_words);
        let in_hand = self.page.slot(slot).map(|slot| noted(slot).collect()).unwrap_or_default();
        // What it counted is kept for the sums.
        self.page.bury(slot);
        self.adopted.remove(&slot);
        self.seats.leave(slot);
        self.feed(Event::Exited { slot, death: Death { status: status(ended.ending), reason, in_hand } });
    }

    fn other_ended(&mut self, ended: Ended) {
        if self.successor == Some(ended.pid) {
            self.successor = None;
            let reason = format!("the second master {}", status(ended.ending));
            self.feed(Event::SuccessorGone { reason });
        } else if self.status_ended(ended.pid) {
            tracing::debug!(target: "rsgi", "the status process {}", status(ended.ending));
        } else if self.watcher == Some(ended.pid) {
            self.watcher = None;
            tracing::warn!(target: "rsgi", "reload: the watcher {}; nothing is watched any more", status(ended.ending));
        } else if let Some(event) = self.probe_ended(ended) {
            self.feed(event);
        } else {
            self.feed(Event::Stranger { pid: ended.pid.as_raw_nonzero().get().unsigned_abs() });
        }
    }
}

fn seen(id: SlotId, slot: Slot<'_>) -> Seen {
    let facts = slot.facts();
    Seen {
        slot: id,
        heartbeat: facts.heartbeat,
        busy: u32::try_from(facts.busy).unwrap_or(u32::MAX),
        oldest: noted(slot).min_by_key(|request| request.started),
        rss: facts.memory,
        requests: facts.requests,
    }
}

/// The requests that a worker has in hand, or had when it died.
fn noted(slot: Slot<'_>) -> impl Iterator<Item = InHand> {
    slot.in_hand().filter_map(|reading| match reading {
        Reading::Whole(request) => Some(InHand {
            started: request.started,
            method: request.method,
            target: request.target,
            peer: request.peer,
            id: request.request,
        }),
        Reading::Free | Reading::Torn => None,
    })
}

/// How a child ended, as the fleet has it.
pub(super) fn status(ending: Ending) -> Status {
    match ending {
        Ending::Code(code) => Status::Code(code),
        Ending::Signal { number, .. } => Status::Signal(number),
    }
}

/// The signals that mean something to the master; CHLD only wakes it.
fn fleets(signal: Signal) -> Option<Sig> {
    Some(match signal {
        Signal::SIGHUP => Sig::Hup,
        Signal::SIGINT => Sig::Int,
        Signal::SIGQUIT => Sig::Quit,
        Signal::SIGTERM => Sig::Term,
        Signal::SIGUSR1 => Sig::Usr1,
        Signal::SIGUSR2 => Sig::Usr2,
        Signal::SIGTTIN => Sig::Ttin,
        Signal::SIGTTOU => Sig::Ttou,
        Signal::SIGWINCH => Sig::Winch,
        _ => return None,
    })
}
