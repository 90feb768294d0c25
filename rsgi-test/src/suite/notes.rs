//! Notes: how the app of a case tells its client what it saw, and how the client holds and lets go an app.
//!
//! Every run of a case has a token, sent in a field of each request; under it the app leaves notes of a kind (JSON, as
//! they may have to travel) and waits at gates. In this process both sides share a [`Store`]; a client of another
//! process asks the probe for notes over the very server under test. Read next: `probe.rs`, which hands them to apps.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rsgi_core::{Environ, Outcome};
use serde::{Deserialize, Serialize};

use crate::wire::deadline::Gate;

/// All notes and gates of one probe.
#[derive(Default)]
pub struct Store {
    notes: Mutex<BTreeMap<Key, VecDeque<String>>>,
    gates: Mutex<BTreeMap<Key, Gate>>,
    told: Condvar,
}

/// The token of a run and the kind of a note, or the name of a gate.
type Key = (String, String);

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Store(..)")
    }
}

impl Store {
    /// Takes the next note of a kind, if one is there or comes in time.
    pub fn take(&self, token: &str, kind: &str, patience: Duration) -> Option<String> {
        let key = (token.to_owned(), kind.to_owned());
        let end = Instant::now() + patience;
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(note) = notes.get_mut(&key).and_then(VecDeque::pop_front) {
                return Some(note);
            }
            let left = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            notes = self.told.wait_timeout(notes, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The gate of a name, made closed when first asked for.
    pub fn gate(&self, token: &str, name: &str) -> Gate {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.entry((token.to_owned(), name.to_owned())).or_default().clone()
    }

    fn tell(&self, token: &str, kind: &str, note: String) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.entry((token.to_owned(), kind.to_owned())).or_default().push_back(note);
        drop(notes);
        self.told.notify_all();
    }
}

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
        self.store.tell(&self.token, kind, note);
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
