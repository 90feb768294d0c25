//! A case: rule numbers, an app, the client's steps with what they expect, and what it takes to run it.
//!
//! Cases are constants in `cases/`, so the suite is a table that can be listed, counted and marked without running
//! anything. The app is named by the case and hosted by the probe ([`probe`](super::probe)), which serves all of them
//! at once: whoever can host one app can host the suite. Read next: `talk.rs`, what the steps are given.

use rsgi_core::{BoxApp, Capabilities};

use super::ground::Ground;
use super::talk::Talk;

/// One case of the suite.
#[expect(
    clippy::struct_excessive_bools,
    reason = "demands of a case that have nothing to do with each other"
)]
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Case {
    /// A sentence, unique in the suite.
    pub name: &'static str,
    /// The conformance rules that it proves; see [`rules`](super::rules).
    pub rules: &'static [u16],
    /// The app that the steps talk to; `None` where the steps start servers of their own.
    pub app: Option<fn() -> BoxApp>,
    /// The client's side.
    pub steps: Steps,
    /// What the server must have; without it the case isn't run, and its rules are *not advertised*.
    pub needs: Capabilities,
    /// Whether it takes two requests in progress at once.
    pub parallel: bool,
    /// Whether it also runs under a mount prefix.
    pub prefix: bool,
    /// Whether it takes a server that is made to be one of several processes (S85 to S87).
    pub worker: bool,
    /// Whether it takes what only TCP has: resets, and ends that differ from them.
    pub tcp: bool,
    /// The clauses of SPEC.md that its app breaks on purpose, and the lint must find; it must find nothing else.
    pub breaks: &'static [&'static str],
}

/// The client's side of a case, by what it is made of. Each fails by panicking.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_enums, reason = "a runner of its own has to know them all")]
pub enum Steps {
    /// Requests and answers, whatever carries them: run in memory, over HTTP/1, over HTTP/1 byte by byte, and over
    /// HTTP/2 where the server speaks it.
    Message(fn(&mut Talk)),
    /// Bytes of HTTP/1: over sockets only, at once and byte by byte.
    Wire(fn(&mut Talk)),
    /// Bytes or streams of HTTP/2: over sockets only.
    Frames(fn(&mut Talk)),
    /// Servers that the case starts, configures and stops itself: only where there is a factory.
    Hosted(fn(&Ground)),
}

impl Case {
    /// A case above the wire.
    pub const fn message(
        name: &'static str,
        rules: &'static [u16],
        app: fn() -> BoxApp,
        steps: fn(&mut Talk),
    ) -> Self {
        Self::new(name, rules, Some(app), Steps::Message(steps))
    }

    /// A case of HTTP/1's bytes.
    pub const fn wire(
        name: &'static str,
        rules: &'static [u16],
        app: fn() -> BoxApp,
        steps: fn(&mut Talk),
    ) -> Self {
        Self::new(name, rules, Some(app), Steps::Wire(steps))
    }

    /// A case of HTTP/2's frames or streams.
    pub const fn frames(
        name: &'static str,
        rules: &'static [u16],
        app: fn() -> BoxApp,
        steps: fn(&mut Talk),
    ) -> Self {
        Self::new(name, rules, Some(app), Steps::Frames(steps)).needs(Capabilities::HTTP2)
    }

    /// A case that starts its servers itself.
    pub const fn hosted(name: &'static str, rules: &'static [u16], steps: fn(&Ground)) -> Self {
        Self::new(name, rules, None, Steps::Hosted(steps))
    }

    const fn new(
        name: &'static str,
        rules: &'static [u16],
        app: Option<fn() -> BoxApp>,
        steps: Steps,
    ) -> Self {
        let (needs, breaks) = (Capabilities::NONE, &[] as &[&str]);
        Self {
            name,
            rules,
            app,
            steps,
            needs,
            parallel: false,
            prefix: true,
            worker: false,
            tcp: false,
            breaks,
        }
    }

    /// Adds capabilities that the server must have.
    #[must_use]
    pub const fn needs(mut self, needs: Capabilities) -> Self {
        self.needs = self.needs.union(needs);
        self
    }

    /// Says that it takes two requests in progress at once.
    #[must_use]
    pub const fn parallel(mut self) -> Self {
        self.parallel = true;
        self
    }

    /// Says that it can't be run under a mount prefix, as its targets have no path.
    #[must_use]
    pub const fn at_the_root(mut self) -> Self {
        self.prefix = false;
        self
    }

    /// Says that it takes a server that can be one of several processes.
    #[must_use]
    pub const fn of_a_worker(mut self) -> Self {
        self.worker = true;
        self
    }

    /// Says that it takes what only TCP has: a reset, or that a close is told from one.
    #[must_use]
    pub const fn on_tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// Says which clauses its app breaks.
    #[must_use]
    pub const fn breaks(mut self, clauses: &'static [&'static str]) -> Self {
        self.breaks = clauses;
        self
    }

    /// Tells whether the case is below the wire: over sockets only, of one protocol.
    pub const fn is_of_the_wire(&self) -> bool {
        !matches!(self.steps, Steps::Message(_))
    }
}
