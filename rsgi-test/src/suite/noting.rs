//! Notes without a probe: for the servers that a case starts itself.
//!
//! The apps of `apps.rs` leave notes, and expect that somebody put them at hand. On a server of a case's own that is
//! [`noting`], whose other half the case keeps. Not for cases with a [`Talk`](super::Talk), which has notes already.

use std::sync::Arc;
use std::time::Duration;

use rsgi_core::{App, Capabilities, Environ, Error, StartResponse, Started};
use serde::de::DeserializeOwned;

use super::notes::{Notes, Told};
use super::seen::Seen;
use super::store::Store;
use crate::wire::deadline::{Gate, patience};

/// The client's side of the notes of one app.
#[derive(Debug, Clone, Default)]
pub struct Noted(Arc<Store>);

/// Puts notes at an app's hand, and gives their other side.
pub fn noting(app: impl App) -> (impl App, Noted) {
    let noted = Noted::default();
    (Noting { app, store: Arc::clone(&noted.0) }, noted)
}

struct Noting<A> {
    app: A,
    store: Arc<Store>,
}

impl<A: App> App for Noting<A> {
    async fn call(&self, mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        environ.insert(Notes::new(Arc::clone(&self.store), TOKEN));
        self.app.call(environ, start_response).await
    }

    fn requires(&self) -> Capabilities {
        self.app.requires()
    }

    async fn stop(&self) {
        self.app.stop().await;
    }
}

impl Noted {
    /// Waits for what the app saw.
    pub fn seen(&self) -> Seen {
        self.note("seen")
    }

    /// Expects that the app saw no request that wasn't taken from here.
    pub fn unseen(&self) {
        self.nothing("seen");
    }

    /// Waits for an outcome.
    pub fn outcome(&self) -> Told {
        self.note("outcome")
    }

    /// Waits for a note of a kind.
    pub fn note<T: DeserializeOwned>(&self, kind: &str) -> T {
        let note = self.0.take(TOKEN, kind, patience());
        let note = note.unwrap_or_else(|| panic!("the app never told `{kind}`"));
        serde_json::from_str(&note).unwrap_or_else(|error| panic!("`{kind}` is {note}: {error}"))
    }

    /// Expects that no note of a kind is left.
    pub fn nothing(&self, kind: &str) {
        let note = self.0.take(TOKEN, kind, Duration::ZERO);
        assert!(note.is_none(), "the app told `{kind}`: {note:?}");
    }

    /// A gate that the app waits at.
    pub fn gate(&self, name: &str) -> Gate {
        self.0.gate(TOKEN, name)
    }
}

/// One app, one run.
const TOKEN: &str = "hosted";
