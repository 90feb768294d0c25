//! [`App`]: a finished app, which any RSGI server hosts.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use regex::Regex;
use rsgi_core::http::{Method, StatusCode};
use rsgi_core::{BoxApp, Capabilities, Environ, StartResponse, Started};

use crate::builder::Builder;
use crate::config::{Config, Settings};
use crate::dispatch;
use crate::extras::States;
use crate::handler::{Boot, View};
use crate::response::Response;
use crate::routing::Router;
use crate::scope::{After, OnError, Scope, Teardown};

/// An application. A clone is the same one.
///
/// # Examples
///
/// ```
/// use frasco::{App, Blueprint, BuildError};
///
/// async fn ping() -> &'static str {
///     "pong"
/// }
///
/// fn create_app() -> Result<App, BuildError> {
///     App::builder("app").register(Blueprint::new("ping").get("/ping", ping)).build()
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let client = rsgi_test::Client::new(create_app()?);
/// let answer = client.get("/ping").answer();
/// assert_eq!((answer.status(), answer.text()), (200, "pong"));
/// assert_eq!(client.post("/ping").answer().field("allow"), Some("GET, HEAD, OPTIONS"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct App {
    pub(crate) road: Road,
    /// With the builder's middleware around it.
    pub(crate) outer: Option<BoxApp>,
}

/// What every request needs of an app; never changes.
pub(crate) struct Built {
    pub(crate) name: String,
    pub(crate) router: Router,
    /// Of each rule.
    pub(crate) views: Vec<Arc<dyn View<Response>>>,
    /// The app itself, and its blueprints.
    pub(crate) parts: Vec<Part>,
    pub(crate) states: States,
    pub(crate) config: Config,
    pub(crate) settings: Settings,
    /// Of its server.
    pub(crate) requires: Capabilities,
}

/// The app's own hooks and error handlers, or a blueprint's.
pub(crate) struct Part {
    /// The parts around it from the app on, and itself.
    pub(crate) chain: Vec<usize>,
    /// What paths below its prefix look like; `None` if it has none.
    pub(crate) below: Option<Regex>,
    pub(crate) before: Vec<Arc<dyn View<Option<Response>>>>,
    pub(crate) after: Vec<After>,
    pub(crate) teardown: Vec<Teardown>,
    pub(crate) on_status: Vec<(StatusCode, Arc<dyn View<Response>>)>,
    pub(crate) on_error: Vec<OnError>,
}

impl Part {
    pub(crate) fn new(scope: &Scope, chain: Vec<usize>, below: Option<Regex>) -> Self {
        Self {
            chain,
            below,
            before: scope.before.clone(),
            after: scope.after.clone(),
            teardown: scope.teardown.clone(),
            on_status: scope.on_status.clone(),
            on_error: scope.on_error.clone(),
        }
    }

    /// What its functions lack.
    pub(crate) fn check(&self, boot: &Boot<'_>) -> Vec<String> {
        let before =
            self.before.iter().map(|view| ("a function before requests".to_owned(), view.check(boot)));
        let on_status = self.on_status.iter();
        let on_status =
            on_status.map(|(status, view)| (format!("the handler of {}", status.as_u16()), view.check(boot)));
        let on_error = self.on_error.iter();
        let on_error = on_error.map(|it| (format!("the handler of {}", it.name), it.view.check(boot)));
        let all = before.chain(on_status).chain(on_error);
        all.filter_map(|(what, checked)| checked.err().map(|why| format!("{what}: {why}"))).collect()
    }
}

impl App {
    /// Begins an app of this name.
    #[must_use]
    pub fn builder(name: &str) -> Builder {
        Builder::new(name)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.road.0.name
    }

    /// What it holds of a type; see [`State`](crate::State). For a command of the app's own, and for tests.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.road.0.states.get(&TypeId::of::<T>())?.clone().downcast().ok()
    }

    /// What it was set up with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.road.0.config
    }

    /// Its rules, in the order in which they were written: endpoint, methods, rule.
    pub fn rules(&self) -> impl Iterator<Item = (&str, &[Method], &str)> {
        let entries = self.road.0.router.entries().iter();
        entries.map(|entry| (entry.endpoint.as_str(), entry.methods.as_slice(), entry.rule.text.as_str()))
    }
}

impl rsgi_core::App for App {
    async fn call(
        &self,
        environ: Environ,
        start_response: StartResponse,
    ) -> Result<Started, rsgi_core::Error> {
        match &self.outer {
            None => self.road.call(environ, start_response).await,
            Some(outer) => outer.call(environ, start_response).await,
        }
    }

    fn requires(&self) -> Capabilities {
        // What is around it passes on what it needs.
        self.outer.as_ref().map_or(self.road.0.requires, rsgi_core::App::requires)
    }

    async fn stop(&self) {
        if let Some(outer) = &self.outer {
            outer.stop().await;
        }
    }
}

impl fmt::Debug for App {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules: Vec<_> = self.rules().map(|(_, _, rule)| rule).collect();
        formatter
            .debug_struct("App")
            .field("name", &self.name())
            .field("rules", &rules)
            .finish_non_exhaustive()
    }
}

/// The app without middleware: the road of every request.
#[derive(Clone)]
pub(crate) struct Road(pub(crate) Arc<Built>);

impl rsgi_core::App for Road {
    fn call(
        &self,
        environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, rsgi_core::Error>> + Send {
        dispatch::answer(Arc::clone(&self.0), environ, start_response)
    }

    fn requires(&self) -> Capabilities {
        self.0.requires
    }
}
