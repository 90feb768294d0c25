//! The probe: one app that holds the apps of all cases, so that whoever can host an app can host the suite.
//!
//! The case is chosen by a request field, as a path would change what is under test; the field is taken out before the
//! case's app sees the request. Besides, the probe answers the questions of a client in another process: notes,
//! gates, and what the server says of itself.
//!
//! # Examples
//!
//! ```
//! use rsgi_core::server::Config;
//! # fn serve(app: impl rsgi_core::App) {}
//! // In the server's own words, such as `rsgi_std::Server::start(Config::new(), ...)`:
//! serve(rsgi_test::suite::Probe::new());
//! // Then: cargo run -p rsgi-test --bin rsgi-conform -- --url http://127.0.0.1:8000
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::{App, BoxApp, Environ, Error, StartResponse, Started};
use serde::{Deserialize, Serialize};

use super::apps::watching;
use super::cases::cases;
use super::notes::Notes;
use super::store::Store;

/// The request field that names case and run: `name/token`, or a question of the client's, `*take/token/kind`,
/// `*open/token/gate` or `*server`.
pub const FIELD: &str = "rsgi-case";

/// The app that holds the apps of all cases.
#[derive(Debug)]
pub struct Probe {
    store: Arc<Store>,
    apps: BTreeMap<&'static str, BoxApp>,
    /// For requests that name no case: a person's curl, or what slipped past a server that should have refused it.
    unnamed: BoxApp,
}

/// What a server says of itself, as the probe tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as those of `rsgi_core::Server`")]
#[expect(clippy::struct_excessive_bools, reason = "facts of yes and no")]
#[non_exhaustive]
pub struct Facts {
    pub name: String,
    pub version: String,
    pub multithread: bool,
    pub multiprocess: bool,
    pub run_once: bool,
    /// As [`Capabilities`](rsgi_core::Capabilities) are displayed.
    pub capabilities: String,
    pub body_limit: Option<u64>,
    /// Whether the probe keeps its notes where all processes of the server find them.
    pub shared_notes: bool,
}

impl Default for Probe {
    fn default() -> Self {
        Self::new()
    }
}

impl Probe {
    /// Makes the app with the cases of this crate.
    pub fn new() -> Self {
        Self::with_store(Arc::default())
    }

    /// Makes it over notes that a client in this process shares.
    pub fn with_store(store: Arc<Store>) -> Self {
        let apps = cases().filter_map(|case| Some((case.name, case.app?())));
        Self { store, apps: apps.collect(), unnamed: watching() }
    }

    /// Answers a question of the client's.
    fn tell(
        &self,
        question: &str,
        environ: &Environ,
        start_response: StartResponse,
    ) -> Result<Started, Error> {
        let mut words = question.splitn(3, '/');
        let (verb, token, name) = (words.next(), words.next().unwrap_or(""), words.next().unwrap_or(""));
        let json = match verb {
            Some("take") => self.store.take(token, name, Duration::ZERO),
            Some("open") => {
                self.store.open(token, name);
                Some("true".to_owned())
            }
            Some("server") => Some(serde_json::to_string(&Facts::of(environ, &self.store))?),
            _ => None,
        };
        match json {
            Some(json) => {
                Ok(start_response.start(StatusCode::OK, [("content-type", "application/json")])?.body(json))
            }
            None => Ok(start_response.status(StatusCode::NO_CONTENT).empty()),
        }
    }
}

impl Facts {
    fn of(environ: &Environ, store: &Store) -> Self {
        let server = environ.server();
        Self {
            name: server.name.to_owned(),
            version: server.version.to_owned(),
            multithread: server.multithread,
            multiprocess: server.multiprocess,
            run_once: server.run_once,
            capabilities: server.capabilities.to_string(),
            body_limit: server.body_limit,
            shared_notes: store.is_shared(),
        }
    }
}

impl App for Probe {
    async fn call(&self, mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        let named = environ.headers_mut().remove(FIELD);
        let named = named.as_ref().and_then(|value| value.to_str().ok()).unwrap_or("/stray");
        if let Some(question) = named.strip_prefix('*') {
            return self.tell(question, &environ, start_response);
        }
        let (name, token) = named.split_once('/').unwrap_or((named, "stray"));
        let app = self.apps.get(name).unwrap_or(&self.unnamed);
        environ.insert(Notes::new(Arc::clone(&self.store), token));
        app.call(environ, start_response).await
    }
}
