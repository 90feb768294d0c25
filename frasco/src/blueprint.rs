//! [`Blueprint`]: a part of an app, made apart and registered where it belongs.

use crate::scope::{Scope, scope_methods};

/// Rules, hooks and error handlers under a name, and below a prefix.
///
/// A blueprint is a value: it can be registered in several apps, and within another, whose name and prefix come before its own.
/// Nothing of it is global.
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
/// fn ping_bp() -> Blueprint {
///     Blueprint::new("ping").get("/ping", ping)
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("app")
///     .register(ping_bp())
///     .register(Blueprint::new("v1").url_prefix("/v1").register(ping_bp()))
///     .build()?;
/// let client = rsgi_test::Client::new(app);
/// assert_eq!(client.get("/ping").answer().text(), "pong");
/// assert_eq!(client.get("/v1/ping").answer().text(), "pong");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Blueprint {
    pub(crate) scope: Scope,
}

impl Blueprint {
    /// Begins a blueprint. Its name stands before its endpoints' names: `ping.ping`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { scope: Scope::named(name) }
    }

    /// Puts its rules below a path, such as `/admin`; it may have variables. Default: none.
    #[must_use]
    pub fn url_prefix(mut self, prefix: &str) -> Self {
        prefix.trim_end_matches('/').clone_into(&mut self.scope.prefix);
        self
    }

    scope_methods!();
}
