//! The child that builds the program again when its sources change (`--reload`), and has the master upgrade to it.

use std::path::Path;

use rustix::process::{Pid, Signal, getpid, kill_process};

use super::Master;
use crate::exit::Exit;
use crate::log::level::{Level, say};
use crate::process::{self, Child, Forked, signals};
use crate::settings::WatchSettings;
use crate::sys;
use crate::watch::Watch;

impl Master {
    /// Starts it, if the settings want it and it isn't there.
    pub(super) fn start_watcher(&mut self) {
        let Some(settings) = self.current.settings.watch.clone() else { return };
        if self.watcher.is_some() {
            return;
        }
        let (master, folder) = (getpid(), self.launch.start.folder().to_owned());
        match self.launch.forking.fork() {
            Ok(Forked::Parent(pid)) => self.watcher = Some(pid),
            Ok(Forked::Child(child)) => {
                self.forget();
                // Connections that come must not wait for this process.
                drop(std::mem::take(&mut self.listeners));
                self.status = None;
                // What can't be left is kept.
                let _ = self.current.settings.streams().leave();
                be_watcher(&child, master, &settings, &folder)
            }
            Err(error) => say(Level::Error, format_args!("reload: nothing is watched: {error}")),
        }
    }

    /// Ends it.
    pub(super) fn stop_watcher(&mut self) {
        if let Some(pid) = self.watcher.take() {
            // It may have ended a moment ago.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

fn be_watcher(child: &Child, master: Pid, settings: &WatchSettings, folder: &Path) -> ! {
    let there = child.end_with(master, Signal::KILL);
    if signals::unblock().is_ok() && matches!(there, Ok(process::Master::Alive)) {
        Watch::new(settings, folder).run(child, || {
            // It ends with its master.
            let _ = kill_process(master, Signal::USR2);
        });
    }
    sys::leave(Exit::WorkerFailed.code())
}
