//! The lint as the suite uses it: one list of findings for all servers of a run.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rsgi_core::{App, BoxApp};

use crate::lint::{Finding, checks, lint};

/// Findings of all apps watched.
#[derive(Debug, Clone, Default)]
pub(super) struct Findings(Arc<Mutex<Vec<Finding>>>);

/// How long a poll may take here: machines that run tests are busy, and a case may take a thread's time on purpose.
const THRESHOLD: Duration = Duration::from_secs(5);

impl Findings {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Watches an app.
    pub(super) fn watch(&self, app: BoxApp) -> impl App + use<> {
        let all = Arc::clone(&self.0);
        lint(app).threshold(THRESHOLD).sink(move |finding| {
            // The apps of cases give bytes, and seldom say of what kind.
            if *finding.check != checks::CONTENT_TYPE_MISSING {
                all.lock().unwrap_or_else(PoisonError::into_inner).push(finding.clone());
            }
        })
    }

    /// What was found so far.
    pub(super) fn all(&self) -> Vec<Finding> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
