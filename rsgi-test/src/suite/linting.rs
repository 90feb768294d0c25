//! The lint as the suite uses it: one list of findings for all servers of a run.

use rsgi_core::{App, BoxApp};

/// Findings of all apps watched.
#[derive(Debug, Clone, Default)]
pub(super) struct Findings;

impl Findings {
    pub(super) fn new() -> Self {
        Self
    }

    pub(super) fn watch(&self, app: BoxApp) -> impl App + use<> {
        app
    }
}
