//! Notes: how the app of a case tells its client what it saw, and how the client holds and lets go an app.
//!
//! Every run of a case has a token, sent in a field of each request; under it the app leaves notes of a kind (JSON, as
//! they may have to travel) and waits at gates. In this process both sides share a [`Store`]; a client of another
//! process asks the probe for notes over the very server under test. Read next: `probe.rs`, which hands them to apps.

use std::sync::Arc;

use rsgi_core::{Environ, Outcome};
use serde::{Deserialize, Serialize};

use super::store::Store;
use crate::wire::deadline::Gate;

/// The app's side of the notes of one run.
#[derive(Debug, Clone)]
pub struct Notes {
    store: Arc<Store>,
    token: String,
}

impl Notes {
    /// The notes of the run that a request belongs to; a request that names none leaves them under `stray`.
    ///
    /// # Panics
    ///
    /// If the probe doesn't stand between the server and the app.
    pub fn of(environ: &Environ) -> Self {
        environ.get::<Self>().cloned().expect("the app of a case is called by the probe")
    }

    pub(super) fn new(store: Arc<Store>, token: &str) -> Self {
        Self { store, token: token.to_owned() }
    }

    /// Leaves a note.
    ///
    /// # Panics
    ///
    /// If the value can't be written as JSON.
    pub fn tell(&self, kind: &str, value: &impl Serialize) {
        let note = serde_json::to_string(value).expect("notes are plain values");
        self.store.tell(&self.token, kind, &note);
    }

    /// The gate of a name, at which the app waits until the client opens it.
    pub fn gate(&self, name: &str) -> Gate {
        self.store.gate(&self.token, name)
    }

    /// Has the outcome of a request told, as a note of the kind `outcome`.
    pub fn tell_outcome(&self, environ: &Environ) {
        let notes = self.clone();
        environ.on_outcome(move |outcome| notes.tell("outcome", &Told::of(outcome)));
    }

    /// Leaves a note of this kind, without a value, when the result is dropped.
    pub fn on_drop(&self, kind: &'static str) -> OnDrop {
        OnDrop { notes: self.clone(), kind }
    }
}

/// Tells when it is dropped: put into a body or a future, it shows that this was released, and how often.
#[derive(Debug)]
pub struct OnDrop {
    notes: Notes,
    kind: &'static str,
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.notes.tell(self.kind, &());
    }
}

/// An [`Outcome`] as it travels: its enums by their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "cases compare it whole")]
pub struct Told {
    /// The delivery, such as `Whole(System)` or `Aborted(Closed)`.
    pub delivery: String,
    /// The phase, such as `Body`.
    pub phase: String,
    /// The status, if the app answered.
    pub status: Option<u16>,
    /// Bytes of content.
    pub body_bytes: u64,
    /// What was wrong with the answer, such as `Surplus`.
    pub fault: Option<String>,
    /// What became of the trailers, such as `NotSent`.
    pub trailers: String,
}

impl Told {
    /// Copies an outcome.
    pub fn of(outcome: &Outcome) -> Self {
        Self {
            delivery: format!("{:?}", outcome.delivery),
            phase: format!("{:?}", outcome.phase),
            status: outcome.status.map(|status| status.as_u16()),
            body_bytes: outcome.body_bytes,
            fault: outcome.fault.map(|fault| format!("{fault:?}")),
            trailers: format!("{:?}", outcome.trailers),
        }
    }

    /// As [`Outcome::is_whole`].
    pub fn is_whole(&self) -> bool {
        self.delivery.starts_with("Whole") && self.fault.is_none()
    }

    /// Whether the client is told to have gone.
    pub fn is_aborted(&self) -> bool {
        self.delivery.starts_with("Aborted")
    }
}
