//! Reloads, as far as they are the master's own: reading settings, opening addresses, and putting settings in force.

use super::surroundings::surround_anew;
use super::touched::Touched;
use super::{Loaded, Master};
use crate::fleet::{Event, Generation, Listeners, Rules};
use crate::pidfile::PidFile;
use crate::sockets::{Attempt, Listener, Opening};

impl Master {
    /// The settings that workers of a generation are started with.
    pub(super) fn loaded_for(&self, generation: Generation) -> &Loaded {
        match &self.pending {
            Some(pending) if generation != self.generation => pending,
            _ => &self.current,
        }
    }

    /// Reads the settings again. They wait until they are settled.
    pub(super) fn read_settings(&mut self) -> Event {
        let read = self.launch.read_settings().and_then(|settings| {
            if settings.workers == 0 {
                return Err("workers = 0 serves without a master: that takes a restart".to_owned());
            }
            Loaded::load(settings, &self.handed, Some(&self.current))
        });
        match read {
            Ok(loaded) => {
                let opens = !self.listeners.missing(&loaded.binds).is_empty();
                let closes = self.current.binds.iter().any(|bind| !loaded.binds.contains(bind));
                let rules = Box::new(Rules::of(&loaded.settings, self.watchdog));
                self.pending = Some(loaded);
                Event::SettingsLoaded { rules, rebind: opens || closes }
            }
            Err(reason) => Event::SettingsBroken { reason },
        }
    }

    /// Opens the addresses that the new settings name and that aren't open. One that another socket has is not waited for:
    /// the old settings serve, and a later reload tries again.
    pub(super) fn open_listeners(&mut self) -> Event {
        let Some(pending) = &self.pending else { return Event::ListenersOpened };
        let mut opened: Vec<Listener> = Vec::new();
        for bind in self.listeners.missing(&pending.binds) {
            match Opening::new(&bind, &pending.binds, &pending.options).attempt() {
                Attempt::Open(listener) => opened.push(listener),
                Attempt::Again { error, .. } | Attempt::Failed(error) => {
                    for listener in &opened {
                        // It was made a moment ago and serves nobody; the error of the opening counts.
                        let _ = listener.remove_file();
                    }
                    return Event::ListenersFailed { reason: error.to_string() };
                }
            }
        }
        for listener in &opened {
            super::open::say_listening(listener, &pending.settings);
        }
        self.listeners.add(opened);
        Event::ListenersOpened
    }

    /// Puts the settings of a generation in force and forgets any others.
    pub(super) fn settle(&mut self, generation: Generation) {
        let pending = self.pending.take();
        if generation == self.generation {
            return;
        }
        self.generation = generation;
        let Some(new) = pending else {
            // An upgrade is over: what the settings of the image before named besides is closed.
            self.close_listeners(Listeners::Unused);
            return;
        };
        let old = std::mem::replace(&mut self.current, new);
        let (old, new) = (&old.settings, std::sync::Arc::clone(&self.current.settings));
        if let Err(failure) = surround_anew(&self.launch.start, &old.process, &new.process) {
            // The workers could; the next ones tell.
            tracing::error!(target: "rsgi", "{failure}");
        }
        self.settle_observers(old);
        self.log.count_for(self.current.statsd.clone());
        if old.log != new.log
            && let Err(error) = self.current.change(&self.log)
        {
            tracing::error!(target: "rsgi", %error, "the log is written as before");
        }
        if old.process.title != new.process.title {
            self.launch.title.set("master", &new.process.title);
        }
        if old.touch_reload != new.touch_reload {
            self.touched = Touched::of(&new.touch_reload);
        }
        if old.process.pidfile != new.process.pidfile {
            self.move_pidfile();
        }
    }

    fn move_pidfile(&mut self) {
        let written = self.current.settings.process.pidfile.as_deref().map(PidFile::write).transpose();
        match written {
            Ok(new) => {
                let old = std::mem::replace(&mut self.pidfile, new);
                if let Some(Err(error)) = old.map(PidFile::remove) {
                    tracing::warn!(target: "rsgi", %error, "the old pid file stays behind");
                }
            }
            Err(error) => tracing::error!(target: "rsgi", %error, "the pid file stays where it was"),
        }
    }
}
