//! Calling the program's hooks in the master.

use std::collections::VecDeque;

use rustix::process::Pid;

use super::Master;
use crate::fleet::{Event, Generation, HookPoint, SlotId};
use crate::hooks::{self, Worker};

impl Master {
    /// Calls the hook of a place; a panic is told the fleet.
    pub(super) fn hook(&mut self, point: HookPoint, events: &mut VecDeque<Event>) {
        let hooks = &self.launch.hooks;
        let called = match point {
            HookPoint::Starting => hooks::call(|| hooks.on_starting()),
            HookPoint::WhenReady => {
                if let Some(statsd) = &self.current.statsd {
                    statsd.workers(self.fleet.view().wanted);
                }
                hooks::call(|| hooks.when_ready())
            }
            HookPoint::Reload => hooks::call(|| hooks.on_reload()),
            HookPoint::PreFork { slot, generation } => {
                let worker = worker(slot, generation, None);
                hooks::call(|| hooks.pre_fork(&worker))
            }
            HookPoint::ChildExit { slot, generation, pid } => {
                let worker = worker(slot, generation, i32::try_from(pid).ok().and_then(Pid::from_raw));
                hooks::call(|| hooks.child_exit(&worker))
            }
            HookPoint::WorkersChanged { from, to } => {
                if let Some(statsd) = &self.current.statsd {
                    statsd.workers(to);
                }
                hooks::call(|| hooks.workers_changed(from, to))
            }
            HookPoint::PreExec => hooks::call(|| hooks.pre_exec()),
            HookPoint::Exit => hooks::call(|| hooks.on_exit()),
        };
        if let Err(message) = called {
            events.push_back(Event::HookPanicked { point, message });
        }
    }
}

/// A worker as hooks see it.
pub(super) fn worker(slot: SlotId, generation: Generation, pid: Option<Pid>) -> Worker {
    let pid = pid.map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    Worker { slot: slot.0, generation: generation.0, pid, until: None }
}
