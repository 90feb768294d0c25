//! One request as the lint remembers it: what was reported of it, how far it came, and what lies inside it.
//!
//! A lint inside another finds the outer one's record in the environ's slots and makes its own below it; what the inner
//! app does that concerns the middleware between them is noted in the outer record. Nothing here holds the exchange,
//! which holds the callbacks that hold this.

use std::sync::{Arc, Mutex, MutexGuard};

use rsgi_core::http::{Method, Version};
use rsgi_core::{Delivery, Environ, RequestLine};

use super::checks::{self, Check};
use super::finding::Finding;
use super::settings::{Shared, lock};

/// How far a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Stage {
    #[default]
    Running,
    Answered,
}

/// What the app inside did, as the middleware outside must mirror it.
#[derive(Debug, Default)]
pub(super) struct Below {
    /// Bodies that were not dropped yet.
    pub(super) open: usize,
    pub(super) pieces: usize,
    /// Whether the inner body had nothing ready when it was last asked.
    pub(super) waits: bool,
    pub(super) ended: bool,
    pub(super) failed: Option<String>,
    pub(super) trailers: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Names of checks, so that each is reported once a request.
    reported: Vec<&'static str>,
    /// The first finding, for a strict lint.
    first: Option<Finding>,
    pub(super) stage: Stage,
    /// Whether the answer took over the byte stream: then the input goes on as long as it likes.
    pub(super) upgraded: bool,
    /// What was told of the answer, once it was.
    pub(super) told: Option<Delivery>,
    /// Whether a body of this answer is watched and still there.
    pub(super) open: bool,
    pub(super) below: Below,
}

#[derive(Debug)]
pub(super) struct Record {
    pub(super) shared: Arc<Shared>,
    line: RequestLine,
    outer: Option<Arc<Self>>,
    /// Whether this is the outermost lint, which speaks of the server; others speak of middleware.
    pub(super) outermost: bool,
    state: Mutex<State>,
}

/// What a lint leaves in the environ's slots for one inside it.
pub(super) struct Mark {
    pub(super) record: Arc<Record>,
    /// Where the exchange lies: another one means that the tokens of the inner app are not the request's.
    pub(super) exchange: usize,
}

/// The address of a request's shared part.
pub(super) fn exchange_of(environ: &Environ) -> usize {
    Arc::as_ptr(environ.exchange()).addr()
}

impl Record {
    pub(super) fn new(
        shared: Arc<Shared>,
        environ: &Environ,
        outer: Option<Arc<Self>>,
        outermost: bool,
    ) -> Arc<Self> {
        let line = environ.request_line();
        Arc::new(Self { shared, line, outer, outermost, state: Mutex::default() })
    }

    pub(super) fn outer(&self) -> Option<&Arc<Self>> {
        self.outer.as_ref()
    }

    pub(super) fn line(&self) -> &RequestLine {
        &self.line
    }

    pub(super) fn is_head(&self) -> bool {
        self.line.method() == Method::HEAD
    }

    pub(super) fn is_connect(&self) -> bool {
        self.line.method() == Method::CONNECT
    }

    pub(super) fn version(&self) -> Version {
        self.line.version()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Reports a breach, once a request, however many lints see it.
    pub(super) fn report(&self, check: &'static Check, value: &str) {
        if !self.note(check.name) {
            return;
        }
        let finding = self.shared.report(check, value, Some(self.line.clone()));
        let mut record = Some(self);
        while let Some(this) = record {
            this.state().first.get_or_insert_with(|| finding.clone());
            record = this.outer.as_deref();
        }
    }

    /// Reports a breach of a clause that servers owe: the server's, or that of the middleware outside, which owes its inner
    /// app the same.
    pub(super) fn report_server(&self, check: &'static Check, value: &str) {
        if self.outermost {
            self.report(check, value);
        } else if !self.has(check.name) {
            let value = format!("{}: {}: {value}", check.clause, check.what);
            self.report(&checks::OWES_BOTH, &value);
        }
    }

    /// Tells whether a check was reported for this request.
    pub(super) fn has(&self, name: &str) -> bool {
        match &self.outer {
            Some(outer) => outer.has(name),
            None => self.state().reported.contains(&name),
        }
    }

    fn note(&self, name: &'static str) -> bool {
        if let Some(outer) = &self.outer {
            return outer.note(name);
        }
        let mut state = self.state();
        let new = !state.reported.contains(&name);
        if new {
            state.reported.push(name);
        }
        new
    }

    /// The finding that a strict lint fails the request with.
    pub(super) fn verdict(&self) -> Option<Finding> {
        if self.shared.is_strict() { self.state().first.clone() } else { None }
    }

    /// Notes something in the record of the lint outside, if there is one.
    pub(super) fn tell_outer(&self, note: impl FnOnce(&mut Below)) {
        if let Some(outer) = &self.outer {
            note(&mut outer.state().below);
        }
    }

    /// Tells whether the call hasn't returned.
    pub(super) fn is_running(&self) -> bool {
        self.state().stage == Stage::Running
    }

    /// An answer without a body to watch that looks whole stands for none that failed.
    pub(super) fn look_for_hidden_error(&self) {
        let failed = self.state().below.failed.clone();
        if let Some(error) = failed {
            self.report(&checks::HIDDEN_ERROR, &error);
        }
    }

    /// Once the body is dropped and the outcome told, nothing of an inner answer may be left.
    pub(super) fn look_for_kept_bodies(&self) {
        let (closed, kept) = {
            let state = self.state();
            (state.told.is_some() && !state.open, state.below.open)
        };
        if closed && kept > 0 {
            self.report(&checks::NOT_CLOSED, &format!("{kept} kept"));
        }
    }
}
