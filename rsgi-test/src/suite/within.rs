//! A middleware as a subject of the suite: the probe inside it, asked in memory.
//!
//! Neither side may be able to tell that a middleware is there (M1), so every case must come out as without it, in a
//! setting in which it changes nothing. Where the lint is on it stands on both sides: what the middleware owes its server
//! and what it owes the app it holds are looked at alike (M2).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rsgi_core::{App, BoxApp, Capabilities, Environ, Error, Middleware, StartResponse, Started, wait};

use super::ground::Difference;
use super::linting::Findings;

/// A middleware under test, in a setting in which it changes nothing.
///
/// # Examples
///
/// The whole conformance test of a middleware, with `harness = false` for the target in Cargo.toml:
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use rsgi_core::change_answer;
/// use rsgi_test::suite::{Subject, Within, run_tests_on};
///
/// fn main() -> ExitCode {
///     run_tests_on([Subject::Middleware(Within::new("my middleware", || change_answer(|_| Ok(()))))])
/// }
/// ```
#[derive(Clone)]
pub struct Within {
    name: &'static str,
    wrap: Arc<dyn Fn(BoxApp) -> BoxApp + Send + Sync>,
    differences: &'static [Difference],
}

impl Within {
    /// The middleware that `make` makes, under a name for tables. It is made anew for each case.
    pub fn new<M, F>(name: &'static str, make: F) -> Self
    where
        M: Middleware<BoxApp>,
        F: Fn() -> M + Send + Sync + 'static,
    {
        Self { name, wrap: Arc::new(move |app| BoxApp::new(make().wrap(app))), differences: &[] }
    }

    /// Marks the cases that it fails for a reason: a mark that has become untrue fails. Default: none.
    #[must_use]
    pub fn differs(mut self, differences: &'static [Difference]) -> Self {
        self.differences = differences;
        self
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The marks.
    pub fn differences(&self) -> &'static [Difference] {
        self.differences
    }

    /// Whether `stop` and `requires` reach what the middleware holds (M7), which no request shows.
    ///
    /// # Errors
    ///
    /// What doesn't pass, in words.
    pub fn passes_stop_and_needs(&self) -> Result<(), String> {
        let stops = Arc::new(AtomicU32::new(0));
        let app = (self.wrap)(BoxApp::new(Inner { stops: Arc::clone(&stops) }));
        if !app.requires().contains(NEEDS) {
            return Err(format!("its app requires {NEEDS}; the middleware says {}", app.requires()));
        }
        wait(app.stop());
        match stops.load(Ordering::SeqCst) {
            1 => Ok(()),
            times => Err(format!("the app was stopped {times} times; once is right")),
        }
    }

    /// The app inside it, and the lint on either side where there are findings to gather.
    pub(super) fn stage(&self, app: BoxApp, findings: Option<&Findings>) -> BoxApp {
        match findings {
            None => (self.wrap)(app),
            Some(findings) => {
                let within = (self.wrap)(BoxApp::new(findings.watch(app)));
                BoxApp::new(findings.watch(within))
            }
        }
    }
}

impl fmt::Debug for Within {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Within").field("name", &self.name).finish_non_exhaustive()
    }
}

/// An app that counts how often it was stopped.
struct Inner {
    stops: Arc<AtomicU32>,
}

impl App for Inner {
    async fn call(&self, _: Environ, start_response: StartResponse) -> Result<Started, Error> {
        Ok(start_response.status(rsgi_core::http::StatusCode::NO_CONTENT).empty())
    }

    fn requires(&self) -> Capabilities {
        NEEDS
    }

    async fn stop(&self) {
        self.stops.fetch_add(1, Ordering::SeqCst);
    }
}

const NEEDS: Capabilities = Capabilities::TRAILERS.union(Capabilities::UPGRADE);
