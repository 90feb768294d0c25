//! [`FromRequest`]: what a handler's argument is made of.
//!
//! Each is made before the handler is called, in the order of the arguments; the first that fails ends the request by its
//! error. Read next: `path.rs`, `query.rs`.

mod json;
mod path;
mod query;
mod state;

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;

pub use path::Path;
pub use query::Query;
pub use state::State;

use crate::error::{Error, HttpError, abort};
use crate::handler::Boot;
use crate::request::Request;

/// What can be an argument of a handler.
///
/// # Examples
///
/// One of the app's own:
///
/// ```
/// use frasco::{App, BuildError, Error, FromRequest, Request, abort};
///
/// struct User(String);
///
/// impl FromRequest for User {
///     async fn from_request(request: &Request) -> Result<Self, Error> {
///         let name = request.header("x-user").ok_or_else(|| abort(401))?;
///         Ok(Self(name.to_owned()))
///     }
/// }
///
/// async fn hello(User(name): User) -> String {
///     format!("hello {name}")
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let client = rsgi_test::Client::new(App::builder("hello").get("/", hello).build()?);
/// assert_eq!(client.get("/").answer().status(), 401);
/// assert_eq!(client.get("/").header("x-user", "ada").answer().text(), "hello ada");
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be made of a request",
    label = "a handler can't have this argument",
    note = "implement `frasco::FromRequest` for it, or take `Request`, `Path<T>`, `Query<T>`, `Json<T>` or `State<T>`"
)]
pub trait FromRequest: Sized + Send {
    /// Makes it.
    ///
    /// # Errors
    ///
    /// What an error handler is to answer; [`abort`] makes one.
    fn from_request(request: &Request) -> impl Future<Output = Result<Self, Error>> + Send;

    /// Looks at boot whether the app has what this needs. Default: it needs nothing.
    ///
    /// # Errors
    ///
    /// What is missing, and what to do about it.
    fn check(boot: &Boot<'_>) -> Result<(), String> {
        let _ = boot;
        Ok(())
    }
}

impl FromRequest for Request {
    async fn from_request(request: &Request) -> Result<Self, Error> {
        Ok(request.clone())
    }
}

/// `None` where it would fail with a client's error, 400 to 499; a server's error stays one.
impl<T: FromRequest> FromRequest for Option<T> {
    async fn from_request(request: &Request) -> Result<Self, Error> {
        match T::from_request(request).await {
            Ok(made) => Ok(Some(made)),
            Err(error) if error.http().is_some_and(|http| http.status().is_client_error()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn check(boot: &Boot<'_>) -> Result<(), String> {
        T::check(boot)
    }
}

/// In an error handler, what is answered: every error is one there, an unexpected one a 500.
impl FromRequest for HttpError {
    async fn from_request(request: &Request) -> Result<Self, Error> {
        Ok(request.error().map_or_else(|| abort(500), |(_, http)| http.clone()))
    }

    fn check(boot: &Boot<'_>) -> Result<(), String> {
        only_in_error_handlers(boot, "HttpError")
    }
}

/// In an error handler, the error itself, by deref.
///
/// # Examples
///
/// ```
/// use std::num::ParseIntError;
/// use frasco::{App, BuildError, Caught, Error, Path};
///
/// async fn double(Path(text): Path<String>) -> Result<String, Error> {
///     Ok((text.parse::<u32>()? * 2).to_string())
/// }
///
/// async fn no_number(error: Caught<ParseIntError>) -> (u16, String) {
///     (400, format!("that is no number: {}", *error))
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("double").get("/<text>", double).on_error::<ParseIntError, _>(no_number).build()?;
/// let answer = rsgi_test::Client::new(app).get("/x").answer();
/// assert_eq!((answer.status(), answer.text()), (400, "that is no number: invalid digit found in string"));
/// # Ok(())
/// # }
/// ```
pub struct Caught<E>(Error, PhantomData<fn() -> E>);

impl<E: std::error::Error + 'static> Deref for Caught<E> {
    type Target = E;

    #[expect(clippy::expect_used, reason = "looked at as it was made")]
    fn deref(&self) -> &E {
        self.0.find().expect("an error of this type is in it")
    }
}

impl<E: std::error::Error + 'static> FromRequest for Caught<E> {
    async fn from_request(request: &Request) -> Result<Self, Error> {
        let found = request.error().map(|(error, _)| error).filter(|error| error.find::<E>().is_some());
        let Some(error) = found else {
            let wanted = std::any::type_name::<E>();
            return Err(Error::msg(format!("Caught<{wanted}> where another error is handled")));
        };
        Ok(Self(error.share(), PhantomData))
    }

    fn check(boot: &Boot<'_>) -> Result<(), String> {
        only_in_error_handlers(boot, "Caught")
    }
}

impl<E: std::error::Error + 'static> fmt::Debug for Caught<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

fn only_in_error_handlers(boot: &Boot<'_>, name: &str) -> Result<(), String> {
    match boot.entry {
        Some(_) => Err(format!("{name} is an error handler's argument: no error is handled in a view")),
        None => Ok(()),
    }
}
