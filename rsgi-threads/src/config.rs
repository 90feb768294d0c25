//! [`Config`]: the engine's settings, each with its default and a reason to change it.
//!
//! Listeners are not settings: they are values of their own, given beside these. Protocol limits are the adapter's.
//!
//! Invariant: `check` is called before anything is started, so the rest of the engine never meets a bad setting.
//! Read on in `engine.rs`.

use std::num::NonZero;
use std::time::Duration;

use crate::Error;

/// The engine's settings. `Config::default()` serves well; every setter takes and returns the value.
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) threads: usize,
    pub(crate) connections: usize,
    pub(crate) poller: PollerKind,
    pub(crate) accepting: Accepting,
    pub(crate) tick: Duration,
    pub(crate) thread_name: String,
}

/// Which way of waiting for many sockets is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum PollerKind {
    /// The best one of the platform: epoll on Linux, elsewhere the portable one.
    #[default]
    Native,
    /// `poll(2)`, which every unix has. Its cost grows with the number of connections; for tests and small machines.
    Portable,
}

/// When connections are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Accepting {
    /// Whatever the threads do.
    #[default]
    Always,
    /// Not while all threads are inside [`Protocol::run`](crate::Protocol::run), nor while the protocol has no room
    /// ([`Protocol::has_room`](crate::Protocol::has_room)): what comes then is for the other processes that share the
    /// listener, or waits in the kernel. As soon as a thread is free it is accepted again.
    WhileFree,
}

impl Config {
    /// The engine's settings by those of a server: its threads (32 unless it says), its connections, and whether others
    /// are to accept what comes while it is full (`limits.running_requests`).
    pub fn of_server(config: &rsgi_core::server::Config) -> Self {
        let accepting = match config.limits.running_requests {
            Some(_) => Accepting::WhileFree,
            None => Accepting::Always,
        };
        Self::default()
            .accepting(accepting)
            .threads(config.threads.map_or(SERVER_THREADS, NonZero::get))
            .connections(config.limits.connections)
    }

    /// How many threads may be inside [`Protocol::run`](crate::Protocol::run) at once, as it was set.
    pub fn handler_threads(&self) -> usize {
        self.threads
    }

    /// How many threads may be inside [`Protocol::run`](crate::Protocol::run) at once. Default 64.
    ///
    /// More when handlers block long on other machines, fewer when they compute. A sleeping thread costs little: they
    /// are woken last in, first out, so unused ones stay cold. One more thread, which never calls `run`, keeps
    /// accepting, parsing and timing out when all of these are busy.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// How many connections are held at once. Default 65536.
    ///
    /// At the limit the engine stops accepting and the kernel's backlog holds the rest. Raise the limit on open files
    /// (`ulimit -n`) along with it: without descriptors accepting pauses as well.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// How sockets are waited for. Default [`PollerKind::Native`].
    #[must_use]
    pub fn poller(mut self, poller: PollerKind) -> Self {
        self.poller = poller;
        self
    }

    /// When connections are accepted. Default [`Accepting::Always`]; the other is for listeners that are shared.
    #[must_use]
    pub fn accepting(mut self, accepting: Accepting) -> Self {
        self.accepting = accepting;
        self
    }

    /// How soon a held-up leader is relieved, and gathered output sent. Default 0.5 ms; from 0.1 ms to 1 s.
    ///
    /// Shorter costs wake-ups while the server is busy (never while it is idle), longer costs latency when a handler
    /// blocks out of the blue. After a while in which none did and nothing lay gathered, a held-up leader is looked for
    /// every fourth tick only, until the next one is found.
    #[must_use]
    pub fn tick(mut self, tick: Duration) -> Self {
        self.tick = tick;
        self
    }

    /// What the threads are called, followed by `-` and a number. Default `rsgi`; at most 10 bytes show.
    #[must_use]
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.thread_name = name.into();
        self
    }

    /// Refuses settings that can't work.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.threads == 0 || self.threads > MAX_THREADS {
            let text = format!("threads = {}: give a number from 1 to {MAX_THREADS}", self.threads);
            return Err(Error::setting(text));
        }
        if self.connections == 0 || self.connections > MAX_CONNECTIONS {
            let text =
                format!("connections = {}: give a number from 1 to {MAX_CONNECTIONS}", self.connections);
            return Err(Error::setting(text));
        }
        if self.tick < Duration::from_micros(100) || self.tick > Duration::from_secs(1) {
            return Err(Error::setting(format!("tick = {:?}: give a time from 0.1 ms to 1 s", self.tick)));
        }
        if self.thread_name.contains('\0') {
            return Err(Error::setting("thread_name: leave out the zero byte"));
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            threads: 64,
            connections: 65_536,
            poller: PollerKind::Native,
            accepting: Accepting::Always,
            tick: Duration::from_micros(500),
            thread_name: "rsgi".to_owned(),
        }
    }
}

/// Handler threads of a server whose settings name no number: enough to wait for databases on any machine.
const SERVER_THREADS: usize = 32;

const MAX_THREADS: usize = 16_384;
pub(crate) const MAX_CONNECTIONS: usize = 16_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_bad_setting_is_named_with_its_remedy() {
        let cases = [
            (Config::default().threads(0), "threads = 0: give a number from 1"),
            (Config::default().connections(0), "connections = 0: give a number from 1"),
            (Config::default().tick(Duration::ZERO), "tick = 0ns: give a time from 0.1 ms"),
            (Config::default().thread_name("a\0b"), "thread_name: leave out"),
        ];
        for (config, text) in cases {
            let error = config.check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Setting);
            assert!(error.to_string().starts_with(text), "{error}");
        }
        Config::default().check().unwrap();
    }
}
