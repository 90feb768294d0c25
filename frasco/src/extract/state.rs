//! [`State`]: what an app holds for its handlers, such as a pool of connections.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::FromRequest;
use crate::error::Error;
use crate::handler::Boot;
use crate::request::Request;

/// A value that the app was built with, by [`Builder::state`](crate::Builder::state); shared, by deref.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, State};
///
/// struct Greeting(&'static str);
///
/// async fn hello(greeting: State<Greeting>) -> String {
///     format!("{} world", greeting.0)
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("hello").state(Greeting("hello")).get("/", hello).build()?;
/// assert_eq!(rsgi_test::Client::new(app).get("/").answer().text(), "hello world");
///
/// let error = App::builder("hello").get("/", hello).build().unwrap_err();
/// assert!(error.to_string().contains("State<"), "{error}");
/// # Ok(())
/// # }
/// ```
pub struct State<T>(Arc<T>);

impl<T> State<T> {
    /// The value, as it is shared.
    #[must_use]
    pub fn into_inner(self) -> Arc<T> {
        self.0
    }
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for State<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("State").field(&self.0).finish()
    }
}

impl<T: Send + Sync + 'static> FromRequest for State<T> {
    async fn from_request(request: &Request) -> Result<Self, Error> {
        request.state().map(Self).ok_or_else(|| Error::msg(missing::<T>()))
    }

    fn check(boot: &Boot<'_>) -> Result<(), String> {
        if boot.has_state::<T>() { Ok(()) } else { Err(missing::<T>()) }
    }
}

fn missing<T>() -> String {
    let name = std::any::type_name::<T>();
    format!("it wants State<{name}>, which the app doesn't have: add .state(...) of that type to the builder")
}
