//! What an app and a blueprint have in common: rules, hooks, error handlers, blueprints within. Flask calls it a scaffold.
//!
//! Nothing fails here: what is wrong is kept, and told by the builder all at once.

use std::any::{TypeId, type_name};
use std::fmt;
use std::sync::Arc;

use rsgi_core::http::{Method, StatusCode};

use crate::blueprint::Blueprint;
use crate::error::Error;
use crate::extras::Extras;
use crate::handler::{self, Handler, View};
use crate::request::Request;
use crate::response::Response;

/// What looks at every answer.
pub(crate) type After = Arc<dyn Fn(&Request, &mut Response) -> Result<(), Error> + Send + Sync>;
/// What is called when a request is over.
pub(crate) type Teardown = Arc<dyn Fn(&Request, Option<&Error>) + Send + Sync>;

#[derive(Clone, Default)]
pub(crate) struct Scope {
    pub(crate) name: String,
    pub(crate) prefix: String,
    pub(crate) routes: Vec<Route>,
    pub(crate) before: Vec<Arc<dyn View<Option<Response>>>>,
    pub(crate) after: Vec<After>,
    pub(crate) teardown: Vec<Teardown>,
    pub(crate) on_status: Vec<(StatusCode, Arc<dyn View<Response>>)>,
    pub(crate) on_error: Vec<OnError>,
    pub(crate) blueprints: Vec<Blueprint>,
    pub(crate) extras: Extras,
    pub(crate) faults: Vec<String>,
}

/// What answers the errors of a type.
#[derive(Clone)]
pub(crate) struct OnError {
    pub(crate) name: &'static str,
    pub(crate) is_of_it: fn(&Error) -> bool,
    pub(crate) view: Arc<dyn View<Response>>,
}

impl Scope {
    pub(crate) fn named(name: &str) -> Self {
        let mut scope = Self { name: name.to_owned(), ..Self::default() };
        if name.is_empty() || name.contains('.') {
            scope
                .faults
                .push(format!("{name:?} is no name: it is empty or has a dot, which stands between names"));
        }
        scope
    }

    pub(crate) fn on_status(&mut self, status: u16, view: Arc<dyn View<Response>>) {
        match StatusCode::from_u16(status) {
            Ok(status) if status.is_client_error() || status.is_server_error() => {
                self.on_status.push((status, view));
            }
            _ => self.faults.push(format!("on_status({status}): only 400 to 599 are errors")),
        }
    }

    pub(crate) fn on_error<E: std::error::Error + 'static>(&mut self, view: Arc<dyn View<Response>>) {
        let is_of_it = |error: &Error| error.find::<E>().is_some();
        self.on_error.push(OnError { name: type_name::<E>(), is_of_it, view });
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules: Vec<_> = self.routes.iter().map(|route| &route.rule).collect();
        formatter
            .debug_struct("Scope")
            .field("name", &self.name)
            .field("rules", &rules)
            .finish_non_exhaustive()
    }
}

/// A rule with its handler, and more to say of it than [`get`](crate::Blueprint::get) and its like do.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Path, Route};
///
/// async fn page(Path(page): Path<u32>) -> String {
///     format!("page {page}")
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("blog")
///     .route(Route::new("/", page).default("page", 1))
///     .route(Route::new("/page/<int:page>/", page).strict_slashes(false))
///     .route(Route::new("/form", async || "sent").methods(["POST", "PUT"]).endpoint("send"))
///     .build()?;
/// let client = rsgi_test::Client::new(app);
/// assert_eq!(client.get("/").answer().text(), "page 1");
/// assert_eq!(client.get("/page/2").answer().text(), "page 2");
/// assert_eq!(client.get("/form").answer().field("allow"), Some("OPTIONS, POST, PUT"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Route {
    pub(crate) rule: String,
    pub(crate) endpoint: Option<String>,
    pub(crate) methods: Vec<Method>,
    pub(crate) defaults: Vec<(String, String)>,
    pub(crate) strict_slashes: bool,
    pub(crate) view: Arc<dyn View<Response>>,
    /// Two rules of one function may share an endpoint.
    pub(crate) function: TypeId,
    pub(crate) faults: Vec<String>,
}

impl Route {
    /// Leads a rule to a handler: for GET, and so for HEAD.
    ///
    /// A rule is a path with variables, `<name>` or `<converter:name>`: `string` (any text without a slash; the default), `int`, `float`, `path`,
    /// `uuid`, `any(a, b)`, and the app's own. One with a slash at its end is a folder: without, the client is sent there (308).
    /// The endpoint is the function's name; a closure has none, and needs [`endpoint`](Self::endpoint).
    pub fn new<H: Handler<M>, M: 'static>(rule: &str, handler: H) -> Self {
        Self {
            rule: rule.to_owned(),
            endpoint: handler::function_name::<H>(),
            methods: vec![Method::GET],
            defaults: Vec::new(),
            strict_slashes: true,
            view: handler::view(handler),
            function: TypeId::of::<H>(),
            faults: Vec::new(),
        }
    }

    /// Sets the methods, in whatever case. HEAD comes with GET, and OPTIONS is answered by the framework where it isn't among them.
    #[must_use]
    pub fn methods<'a>(mut self, methods: impl IntoIterator<Item = &'a str>) -> Self {
        self.methods.clear();
        for method in methods {
            match Method::from_bytes(method.to_ascii_uppercase().as_bytes()) {
                Ok(method) if self.methods.contains(&method) => {}
                Ok(method) => self.methods.push(method),
                Err(_) => self.faults.push(format!("{method:?} is no method")),
            }
        }
        self
    }

    /// Names it, for [`url_for`](crate::Request::url_for). Default: the function's name.
    #[must_use]
    pub fn endpoint(mut self, name: &str) -> Self {
        self.endpoint = Some(name.to_owned());
        self
    }

    /// Gives a variable that the rule doesn't name a value.
    #[must_use]
    pub fn default(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.defaults.push((name.to_owned(), value.to_string()));
        self
    }

    /// Sets whether a path without the rule's last slash is sent to the one with it. Default: it is; else both are answered.
    #[must_use]
    pub fn strict_slashes(mut self, strict: bool) -> Self {
        self.strict_slashes = strict;
        self
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Route");
        debug.field("rule", &self.rule).field("endpoint", &self.endpoint).field("methods", &self.methods);
        debug.finish_non_exhaustive()
    }
}

/// The methods that apps and blueprints share.
macro_rules! scope_methods {
    () => {
        /// Leads a rule to a handler, as the route says.
        #[must_use]
        pub fn route(mut self, route: $crate::Route) -> Self {
            self.scope.routes.push(route);
            self
        }

        /// Leads GET, and so HEAD, of a rule to a handler; see [`Route::new`](crate::Route::new).
        #[must_use]
        pub fn get<H: $crate::Handler<M>, M: 'static>(self, rule: &str, handler: H) -> Self {
            self.route($crate::Route::new(rule, handler))
        }

        /// Leads POST of a rule to a handler.
        #[must_use]
        pub fn post<H: $crate::Handler<M>, M: 'static>(self, rule: &str, handler: H) -> Self {
            self.route($crate::Route::new(rule, handler).methods(["POST"]))
        }

        /// Leads PUT of a rule to a handler.
        #[must_use]
        pub fn put<H: $crate::Handler<M>, M: 'static>(self, rule: &str, handler: H) -> Self {
            self.route($crate::Route::new(rule, handler).methods(["PUT"]))
        }

        /// Leads PATCH of a rule to a handler.
        #[must_use]
        pub fn patch<H: $crate::Handler<M>, M: 'static>(self, rule: &str, handler: H) -> Self {
            self.route($crate::Route::new(rule, handler).methods(["PATCH"]))
        }

        /// Leads DELETE of a rule to a handler.
        #[must_use]
        pub fn delete<H: $crate::Handler<M>, M: 'static>(self, rule: &str, handler: H) -> Self {
            self.route($crate::Route::new(rule, handler).methods(["DELETE"]))
        }

        /// Registers a blueprint, at its own prefix.
        #[must_use]
        pub fn register(mut self, blueprint: $crate::Blueprint) -> Self {
            self.scope.blueprints.push(blueprint);
            self
        }

        /// Calls a function before each request of this app or blueprint, those of the app first, in the order in which they were added.
        /// One that gives an answer answers in the handler's place.
        #[must_use]
        pub fn before_request<H: $crate::BeforeRequest<M>, M: 'static>(mut self, function: H) -> Self {
            self.scope.before.push($crate::handler::before(function));
            self
        }

        /// Shows each answer to a function that may change it, those of the innermost blueprint first, the last added first. It must
        /// not block.
        #[must_use]
        pub fn after_request(
            mut self,
            function: impl Fn(&$crate::Request, &mut $crate::Response) -> Result<(), $crate::Error>
            + Send
            + Sync
            + 'static,
        ) -> Self {
            self.scope.after.push(std::sync::Arc::new(function));
            self
        }

        /// Calls a function when a request is over, whatever became of it: with its error, after a panic, and if the client has gone.
        /// Those of the innermost blueprint come first, the last added first. It must not block, and can't fail.
        #[must_use]
        pub fn teardown_request(
            mut self,
            function: impl Fn(&$crate::Request, Option<&$crate::Error>) + Send + Sync + 'static,
        ) -> Self {
            self.scope.teardown.push(std::sync::Arc::new(function));
            self
        }

        /// Answers errors of a status, 400 to 599: what [`abort`](crate::abort) says, what the framework finds, and with 500 every
        /// error that nothing else answers. A blueprint's sees its own handlers' errors, and paths below its prefix that no rule
        /// matches. The answer has the error's status unless it says another.
        #[must_use]
        pub fn on_status<H: $crate::Handler<M>, M: 'static>(mut self, status: u16, handler: H) -> Self {
            self.scope.on_status(status, $crate::handler::view(handler));
            self
        }

        /// Answers errors of a type, also where another error has it as its source; with [`HttpError`](crate::HttpError) those of each status
        /// that has no handler of its own.
        #[must_use]
        pub fn on_error<E, M>(mut self, handler: impl $crate::Handler<M>) -> Self
        where
            E: std::error::Error + 'static,
            M: 'static,
        {
            self.scope.on_error::<E>($crate::handler::view(handler));
            self
        }
    };
}
pub(crate) use scope_methods;
