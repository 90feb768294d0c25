//! Doing what the fleet wants.

use std::collections::VecDeque;

use rustix::process::{Signal, kill_process};

use super::Master;
use crate::clock::Millis;
use crate::fleet::{Action, Event, Line, Listeners, Notice, Order, Sig, SlotId};
use crate::log::level::say_lines;
use crate::log::reopen::Reopen;
use crate::notify::Message;
use crate::page::Wanted;

impl Master {
    /// Does one thing; what comes of it is added to the events.
    pub(super) fn execute(&mut self, action: Action, events: &mut VecDeque<Event>) {
        match action {
            Action::Fork { slot, generation } => events.push_back(self.fork_worker(slot, generation)),
            Action::Tell { slot, order } => self.tell(slot, order),
            Action::Kill { slot, signal } => self.kill(slot, kernels(signal)),
            Action::ReadSettings => events.push_back(self.read_settings()),
            Action::OpenListeners { .. } => events.push_back(self.open_listeners()),
            Action::Settle { generation } => self.settle(generation),
            Action::CloseListeners(which) => self.close_listeners(which),
            Action::StartUpgradeProbe => events.extend(self.start_probe()),
            Action::StopUpgradeProbe => self.stop_probe(),
            Action::Exec(legacy) => events.push_back(self.exec(*legacy)),
            Action::ExecBack(legacy) => events.push_back(self.exec_back(*legacy)),
            Action::ForgetOldImage => self.before = None,
            Action::StartSuccessor => events.push_back(self.start_successor()),
            Action::Promote => self.promote(),
            Action::ReopenLogs => self.reopen_logs(),
            Action::Readiness(serving) => {
                // Who reads the refusal reads its reason.
                self.publish();
                self.page.set_serving(serving);
            }
            Action::Log(line) => write_down(&line),
            Action::Notify(notice) => self.notify(&notice),
            Action::Hook(point) => self.hook(point, events),
            Action::Reply { to, answer } => {
                if let Some(control) = &mut self.control {
                    control.reply(Millis::now(), to, &answer);
                }
            }
            Action::Exit(exit) => self.over = Some(exit),
        }
    }

    fn tell(&mut self, slot: SlotId, order: Order) {
        if order != Order::Reopen {
            self.seats.leave(slot);
        }
        let Some(page_slot) = self.page.slot(slot) else { return };
        let signal = match order {
            Order::Reopen => {
                page_slot.ask_to_reopen();
                Signal::USR1
            }
            Order::Leave => {
                page_slot.give(Wanted::Leave);
                Signal::TERM
            }
            Order::Stop => {
                page_slot.give(Wanted::Stop);
                Signal::TERM
            }
            Order::Quick => {
                page_slot.give(Wanted::Quick);
                Signal::QUIT
            }
        };
        self.kill(slot, signal);
    }

    fn kill(&self, slot: SlotId, signal: Signal) {
        let Some((pid, _)) = self.pids.iter().find(|(_, its)| **its == slot) else { return };
        if let Err(error) = kill_process(*pid, signal) {
            tracing::warn!(target: "rsgi", %error, pid = pid.as_raw_nonzero().get(), "a worker can't be signalled");
        }
    }

    pub(super) fn close_listeners(&mut self, which: Listeners) {
        let gone = match which {
            Listeners::All { unlink } => {
                let mut all = std::mem::take(&mut self.listeners);
                // Whoever connects at their files waits for the next start.
                drop(all.take_stored(&self.stored));
                if unlink { all.remove_files() } else { Vec::new() }
            }
            Listeners::Unused => {
                let unused = self.listeners.take_unwanted(&self.current.binds);
                let unused: crate::sockets::Listeners = unused.into();
                unused.remove_files()
            }
        };
        for (bind, error) in gone {
            tracing::warn!(target: "rsgi", %bind, %error, "the socket's file stays behind");
        }
    }

    fn reopen_logs(&self) {
        let reopen = Reopen::new(self.log.clone());
        match &self.current.access {
            Some(access) => reopen.and(access.sink()).all(),
            None => reopen.all(),
        };
    }

    fn notify(&mut self, notice: &Notice) {
        if *notice == Notice::Ready {
            self.report_ready();
            self.store_listeners();
        }
        let Some(notifier) = &self.notifier else { return };
        let ready = format!("{} of {} workers ready", self.fleet.view().ready, self.fleet.view().wanted);
        let message = match notice {
            Notice::Ready => Message::Ready { status: &ready },
            Notice::Reloading => Message::Reloading,
            // The service goes on: it is this process's end only.
            Notice::Stopping if self.successor.is_some() => {
                Message::Master(self.successor.unwrap_or_else(rustix::process::getpid))
            }
            Notice::Stopping => Message::Stopping,
            Notice::Watchdog => Message::Watchdog,
            Notice::Status(text) => Message::Status(text),
        };
        if let Err(error) = notifier.send(&message) {
            tracing::warn!(target: "rsgi", %error, "the service manager can't be told");
        }
    }

    /// Lets the shell's command return, once.
    fn report_ready(&mut self) {
        let Some(report) = self.report.take() else { return };
        if let Err(error) = report.ready(self.current.settings.streams()) {
            tracing::warn!(target: "rsgi", %error, "the command that started this daemon can't be told");
        }
    }
}

/// Writes a line of the fleet's to the log.
fn write_down(line: &Line) {
    say_lines(line.level(), line);
}

fn kernels(signal: Sig) -> Signal {
    match signal {
        Sig::Hup => Signal::HUP,
        Sig::Int => Signal::INT,
        Sig::Quit => Signal::QUIT,
        Sig::Term => Signal::TERM,
        Sig::Usr1 => Signal::USR1,
        Sig::Usr2 => Signal::USR2,
        Sig::Winch => Signal::WINCH,
        Sig::Ttin => Signal::TTIN,
        Sig::Ttou => Signal::TTOU,
        Sig::Abrt => Signal::ABORT,
        Sig::Kill => Signal::KILL,
    }
}
