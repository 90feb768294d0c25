//! [`Request`]: what a handler may ask of the request it answers. A cheap handle: a clone is the same request.

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rsgi_core::{Environ, Input};

use crate::app::Built;
use crate::config::Config;
use crate::error::{Error, HttpError};
use crate::response::Response;
use crate::routing::UrlFor;

/// The request that is being answered: everything of its [`Environ`], by deref, and what the framework knows of it.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Request};
///
/// async fn hello(request: Request) -> String {
///     let name = request.arg("name").unwrap_or_else(|| "world".into());
///     format!("{} {}: hello {name}", request.method(), request.path_info())
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let client = rsgi_test::Client::new(App::builder("hello").get("/", hello).build()?);
/// assert_eq!(client.get("/?name=ada").answer().text(), "GET /: hello ada");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Request(Arc<Inner>);

struct Inner {
    environ: Environ,
    input: Mutex<Option<Input>>,
    app: Arc<Built>,
    matched: Option<Matched>,
    values: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    later: Mutex<Vec<Later>>,
    error: OnceLock<(Error, HttpError)>,
}

/// What is done to this request's answer.
type Later = Box<dyn FnOnce(&Request, &mut Response) -> Result<(), Error> + Send>;

/// The rule of a request, and its variables' values.
pub(crate) struct Matched {
    pub(crate) entry: usize,
    pub(crate) values: Vec<String>,
}

impl Deref for Request {
    type Target = Environ;

    fn deref(&self) -> &Environ {
        &self.0.environ
    }
}

impl Request {
    pub(crate) fn new(mut environ: Environ, app: Arc<Built>, matched: Option<Matched>) -> Self {
        let input = Mutex::new(Some(environ.take_input()));
        Self(Arc::new(Inner {
            environ,
            input,
            app,
            matched,
            values: Mutex::default(),
            later: Mutex::default(),
            error: OnceLock::new(),
        }))
    }

    /// The request as RSGI gives it.
    #[must_use]
    pub fn environ(&self) -> &Environ {
        &self.0.environ
    }

    /// Takes the content; the next one gets `None`. [`Json`](crate::Json) and its like take it, too.
    pub fn take_input(&self) -> Option<Input> {
        lock(&self.0.input).take()
    }

    /// The first value of a name in the query, decoded.
    #[must_use]
    pub fn arg(&self, name: &str) -> Option<Cow<'_, str>> {
        self.args().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// All names and values of the query, decoded, in order.
    pub fn args(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        form_urlencoded::parse(self.query().unwrap_or_default().as_bytes())
    }

    /// The endpoint, with the blueprints' names before it; `None` if no rule matched.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        Some(&self.0.app.router.entry(self.0.matched.as_ref()?.entry).endpoint)
    }

    /// The rule, as it was written; `None` if none matched.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        Some(&self.0.app.router.entry(self.0.matched.as_ref()?.entry).rule.text)
    }

    /// The full name of the blueprint of the rule, as `admin.users`; `None` if the rule is the app's own.
    #[must_use]
    pub fn blueprint(&self) -> Option<&str> {
        self.endpoint()?.rsplit_once('.').map(|(blueprint, _)| blueprint)
    }

    /// The values of the rule's variables and its defaults, by name.
    pub fn path_values(&self) -> impl Iterator<Item = (&str, &str)> {
        let matched = self.0.matched.as_ref();
        matched.into_iter().flat_map(|matched| {
            let entry = self.0.app.router.entry(matched.entry);
            let named = entry.rule.names().zip(matched.values.iter().map(String::as_str));
            named.chain(entry.defaults.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        })
    }

    /// Begins the URL of an endpoint: a full name, or one that begins with a dot, of this request's own blueprint.
    #[must_use]
    pub fn url_for(&self, endpoint: &str) -> UrlFor<'_> {
        let own = endpoint.strip_prefix('.');
        let endpoint = match (own, self.blueprint()) {
            (Some(own), Some(blueprint)) => format!("{blueprint}.{own}"),
            (Some(own), None) => own.to_owned(),
            (None, _) => endpoint.to_owned(),
        };
        UrlFor::new(&self.0.app.router, endpoint, self.script_name(), self.external_host())
    }

    /// Scheme and host as far as they are trusted.
    pub(crate) fn external_host(&self) -> (String, String) {
        let trusted = self.trusted();
        let host = trusted.host.map_or_else(|| self.server_name().into_owned(), Cow::into_owned);
        (trusted.scheme.as_str().to_owned(), host)
    }

    /// Keeps a value for this request, one of each type; what was kept of the type is gone. Flask's `g`.
    pub fn keep<T: Send + Sync + 'static>(&self, value: T) {
        lock(&self.0.values).insert(TypeId::of::<T>(), Arc::new(value));
    }

    /// What was kept of a type.
    #[must_use]
    pub fn kept<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        lock(&self.0.values).get(&TypeId::of::<T>())?.clone().downcast().ok()
    }

    /// The app's state of a type; see [`State`](crate::State).
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0.app.states.get(&TypeId::of::<T>())?.clone().downcast().ok()
    }

    /// The app's config.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.app.config
    }

    /// Does something to this request's answer, before the hooks that see every answer.
    pub fn after_this_request(
        &self,
        change: impl FnOnce(&Request, &mut Response) -> Result<(), Error> + Send + 'static,
    ) {
        lock(&self.0.later).push(Box::new(change));
    }

    /// The error that an error handler answers.
    pub(crate) fn error(&self) -> Option<&(Error, HttpError)> {
        self.0.error.get()
    }

    /// Sets it; the first one stays.
    pub(crate) fn set_error(&self, error: Error, http: HttpError) {
        let _first = self.0.error.set((error, http));
    }

    pub(crate) fn take_later(&self) -> Vec<Later> {
        std::mem::take(&mut *lock(&self.0.later))
    }

    /// The parts whose hooks see this request, from the app on.
    pub(crate) fn chain(&self) -> &[usize] {
        let scope = self.matched().map_or(0, |matched| self.0.app.router.entry(matched.entry).scope);
        &self.0.app.parts[scope].chain
    }

    pub(crate) fn app(&self) -> &Arc<Built> {
        &self.0.app
    }

    pub(crate) fn matched(&self) -> Option<&Matched> {
        self.0.matched.as_ref()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("line", &self.request_line())
            .field("endpoint", &self.endpoint())
            .finish()
    }
}
