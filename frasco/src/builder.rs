//! [`Builder`]: makes an app of its parts, or says everything that is wrong with them.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use regex::Regex;
use rsgi_core::http::Method;
use rsgi_core::{BoxApp, Capabilities, Middleware};
use rsgi_middleware::DevelopmentErrors;

use crate::app::{App, Built, Part, Road};
use crate::config::{Config, Settings};
use crate::extras::{Extras, States, assemble_all};
use crate::handler::Boot;
use crate::routing::converter::{Arguments, Converter, Converters};
use crate::routing::{Entry, Router, Rule};
use crate::scope::{Scope, scope_methods};
use crate::sessions;

/// An app in the making, by [`App::builder`].
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, State};
///
/// async fn greet(greeting: State<String>) -> String {
///     greeting.to_string()
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("hello")
///     .state("hello".to_owned())
///     .get("/", greet)
///     .after_request(|_, response| {
///         response.headers_mut().insert("x-by", "frasco".parse()?);
///         Ok(())
///     })
///     .build()?;
/// let answer = rsgi_test::Client::new(app).get("/").answer();
/// assert_eq!((answer.text(), answer.field("x-by")), ("hello", Some("frasco")));
/// # Ok(())
/// # }
/// ```
pub struct Builder {
    pub(crate) scope: Scope,
    converters: Converters,
    states: States,
    middleware: Vec<Wrap>,
    pub(crate) config: Config,
    requires: Capabilities,
    /// Around the middleware.
    pub(crate) around: Option<Wrap>,
    /// The types that the app's requests have in the slots of their environ.
    pub(crate) slots: HashSet<TypeId>,
}

/// Puts something around an app.
pub(crate) type Wrap = Box<dyn FnOnce(BoxApp) -> BoxApp + Send>;

impl Builder {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            scope: Scope::named(name),
            converters: Converters::default(),
            states: States::new(),
            middleware: Vec::new(),
            requires: Capabilities::NONE,
            config: Config::new(),
            around: None,
            slots: HashSet::new(),
        }
    }

    scope_methods!();

    /// Holds a value for the handlers, one of each type; see [`State`](crate::State).
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        if self.states.insert(TypeId::of::<T>(), Arc::new(value)).is_some() {
            let name = std::any::type_name::<T>();
            self.scope.faults.push(format!(
                "state of the type {name} was given twice: wrap one of them in a type of its own"
            ));
        }
        self
    }

    /// Adds a converter for the rules; see [`Converter`].
    #[must_use]
    pub fn converter<C: Converter>(
        mut self,
        name: &str,
        make: impl Fn(&Arguments) -> Result<C, String> + Send + Sync + 'static,
    ) -> Self {
        self.converters.add(name, make);
        self
    }

    /// Says what the app needs of its server, such as [`Capabilities::TOKIO`] where a handler uses tokio: a server that hasn't it refuses to start.
    /// Default: nothing.
    #[must_use]
    pub fn requires(mut self, capabilities: Capabilities) -> Self {
        self.requires |= capabilities;
        self
    }

    /// Puts middleware around the whole app; the first added is the outermost, but for sessions, which are around all of it.
    #[must_use]
    pub fn middleware<M>(mut self, middleware: M) -> Self
    where
        M: Middleware<BoxApp> + Send + 'static,
        M::App: rsgi_core::App,
    {
        self.middleware.push(Box::new(move |app| BoxApp::new(middleware.wrap(app))));
        self
    }

    /// Makes the app.
    ///
    /// # Errors
    ///
    /// All that is wrong with it: rules that are none, names that are there twice, handlers that want what the app hasn't.
    pub fn build(self) -> Result<App, BuildError> {
        let mut plan = Plan::new(&self.converters);
        plan.add(&self.scope, "", "", None);
        let Plan { parts, entries, views, extras, mut faults, .. } = plan;
        let settings = Settings::read(&self.config, &mut faults);
        let this = sessions::by_config(self, &settings, &mut faults);
        let mut states = this.states;
        assemble_all(&extras, &mut states, &mut faults);
        for (entry, view) in entries.iter().zip(&views) {
            let boot = Boot { states: &states, slots: &this.slots, entry: Some(entry) };
            if let Err(why) = view.check(&boot) {
                faults.push(format!("the handler of {} ({}): {why}", entry.rule.text, entry.endpoint));
            }
        }
        let boot = Boot { states: &states, slots: &this.slots, entry: None };
        faults.extend(parts.iter().flat_map(|part| part.check(&boot)));
        let router = match Router::new(entries) {
            Ok(router) if faults.is_empty() => router,
            Ok(_) => return Err(BuildError { app: Some(this.scope.name), faults }),
            Err(fault) => {
                faults.push(fault);
                return Err(BuildError { app: Some(this.scope.name), faults });
            }
        };
        let shown = settings
            .debug
            .then(|| -> Wrap { Box::new(|app| BoxApp::new(DevelopmentErrors::new().wrap(app))) });
        let config = this.config;
        let built = Built {
            name: this.scope.name,
            router,
            views,
            parts,
            states,
            config,
            settings,
            requires: this.requires,
        };
        let road = Road(Arc::new(built));
        let mut middleware = this.around.into_iter().chain(this.middleware).chain(shown).rev();
        let outer = middleware
            .next()
            .map(|wrap| middleware.fold(wrap(BoxApp::new(road.clone())), |app, wrap| wrap(app)));
        Ok(App { road, outer })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Builder").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// An app as it is laid out: blueprints within blueprints made one list of parts.
struct Plan<'a> {
    converters: &'a Converters,
    parts: Vec<Part>,
    /// Of each part, with its whole name; the app's is empty.
    extras: Vec<(String, Extras)>,
    entries: Vec<Entry>,
    views: Vec<Arc<dyn crate::handler::View<crate::Response>>>,
    /// The function of each endpoint.
    endpoints: HashMap<String, TypeId>,
    /// Each rule's shape with a method: two of them can't be told apart.
    shapes: HashMap<(String, Method), String>,
    faults: Vec<String>,
}

impl<'a> Plan<'a> {
    fn new(converters: &'a Converters) -> Self {
        Self {
            converters,
            parts: Vec::new(),
            extras: Vec::new(),
            entries: Vec::new(),
            views: Vec::new(),
            endpoints: HashMap::new(),
            shapes: HashMap::new(),
            faults: Vec::new(),
        }
    }

    /// Adds an app or blueprint, below the prefix of those around it; `names` ends with a dot or is empty.
    fn add(&mut self, scope: &Scope, names: &str, prefix: &str, parent: Option<usize>) {
        let whole = format!("{names}{}", scope.name);
        let told = |fault: &String| {
            if parent.is_none() { fault.clone() } else { format!("blueprint {whole:?}: {fault}") }
        };
        self.faults.extend(scope.faults.iter().map(told));
        let prefix = format!("{prefix}{}", scope.prefix);
        let index = self.parts.len();
        let below = self.prefix(&prefix, &whole);
        let mut chain = parent.map_or_else(Vec::new, |parent| self.parts[parent].chain.clone());
        chain.push(index);
        self.parts.push(Part::new(scope, chain, below));
        let names = if parent.is_none() { String::new() } else { format!("{whole}.") };
        self.extras.push((names.trim_end_matches('.').to_owned(), scope.extras.clone()));
        for route in &scope.routes {
            if let Err(why) = self.route(route, &names, &prefix, index) {
                self.faults.push(format!("the rule {prefix}{}: {why}", route.rule));
            }
        }
        let mut seen = HashSet::new();
        for blueprint in &scope.blueprints {
            let name = &blueprint.scope.name;
            if !seen.insert(name) {
                self.faults.push(format!(
                    "blueprint {names}{name} is registered twice: endpoints must be told apart, so give one another name"
                ));
                continue;
            }
            self.add(&blueprint.scope, &names, &prefix, Some(index));
        }
    }

    /// What matches paths below a prefix; `None` for the app's own.
    fn prefix(&mut self, prefix: &str, name: &str) -> Option<Regex> {
        if prefix.is_empty() {
            return None;
        }
        let read = Rule::read(prefix, self.converters).and_then(|rule| rule.prefix_pattern());
        read.map_err(|why| self.faults.push(format!("the prefix {prefix} of blueprint {name}: {why}"))).ok()
    }

    fn route(&mut self, route: &crate::Route, names: &str, prefix: &str, scope: usize) -> Result<(), String> {
        if let Some(fault) = route.faults.first() {
            return Err(fault.clone());
        }
        if !route.rule.starts_with('/') {
            return Err("a rule begins with a slash".to_owned());
        }
        let rule = Rule::read(&format!("{prefix}{}", route.rule), self.converters)?;
        let Some(own) = &route.endpoint else {
            return Err("a closure has no name: give the route one by .endpoint(\"...\")".to_owned());
        };
        if own.is_empty() || own.contains('.') {
            return Err(format!("{own:?} is no endpoint's name: it is empty or has a dot"));
        }
        let endpoint = format!("{names}{own}");
        let function = *self.endpoints.entry(endpoint.clone()).or_insert(route.function);
        if function != route.function {
            return Err(format!(
                "the endpoint {endpoint} is another function's already: name one by Route::new(...).endpoint(\"...\")"
            ));
        }
        let mut methods = route.methods.clone();
        if methods.is_empty() {
            return Err("it has no methods".to_owned());
        }
        if methods.contains(&Method::GET) && !methods.contains(&Method::HEAD) {
            methods.push(Method::HEAD);
        }
        for method in &methods {
            let shape = (rule.shape(), method.clone());
            if let Some(other) = self.shapes.insert(shape, endpoint.clone())
                && *method != Method::HEAD
            {
                return Err(format!("{method} of the same paths leads to {other} already"));
            }
        }
        if let Some((name, _)) =
            route.defaults.iter().find(|(name, _)| rule.names().any(|found| found == name))
        {
            return Err(format!("{name:?} has a default, and is a variable of the rule"));
        }
        self.views.push(Arc::clone(&route.view));
        let defaults = route.defaults.clone();
        let strict_slashes = route.strict_slashes;
        self.entries.push(Entry { rule, endpoint, methods, defaults, strict_slashes, scope });
        Ok(())
    }
}

/// All that is wrong with an app.
///
/// # Examples
///
/// ```
/// use frasco::App;
///
/// async fn page() -> &'static str {
///     "page"
/// }
///
/// let error = App::builder("app").get("/<itn:id>", page).get("page", page).build().unwrap_err();
/// assert_eq!(error.faults().len(), 2);
/// assert!(error.faults()[1].contains("a rule begins with a slash"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError {
    /// `None` where it isn't known yet.
    app: Option<String>,
    faults: Vec<String>,
}

impl BuildError {
    /// One fault, of an app that isn't begun yet.
    pub(crate) fn of(fault: String) -> Self {
        Self { app: None, faults: vec![fault] }
    }

    /// Each fault, in words.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.app {
            Some(app) => write!(formatter, "the app {app:?} can't be built:")?,
            None => formatter.write_str("the app can't be built:")?,
        }
        self.faults.iter().try_for_each(|fault| write!(formatter, "\n- {fault}"))
    }
}

impl std::error::Error for BuildError {}
