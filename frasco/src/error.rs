//! [`Error`]: what a handler's `?` makes of any error, and [`abort`].
//!
//! Which handler answers an error is `dispatch/errors.rs`.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rsgi_core::http::{Method, StatusCode};

use crate::Response;

/// Any error, on its way to an error handler.
///
/// By `?` from everything that is `std::error::Error`, as [`abort`] is. It is none itself, as that would be its own source.
///
/// # Examples
///
/// ```
/// use frasco::Error;
///
/// fn port(text: &str) -> Result<u16, Error> {
///     Ok(text.parse()?)
/// }
///
/// let error = port("x").unwrap_err();
/// assert!(error.find::<std::num::ParseIntError>().is_some());
/// assert!(error.http().is_none(), "a 500, and a line in the log");
/// ```
pub struct Error(Arc<dyn std::error::Error + Send + Sync>);

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self(Arc::new(error))
    }
}

impl Error {
    /// Makes an error of a text: a 500, with the text in the log.
    pub fn msg(text: impl Into<String>) -> Self {
        let error: Box<dyn std::error::Error + Send + Sync> = text.into().into();
        Self(Arc::from(error))
    }

    /// The error, if it or what it came from is of this type.
    #[must_use]
    pub fn find<E: std::error::Error + 'static>(&self) -> Option<&E> {
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&*self.0);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// What it says of the answer's status; `None` if it is no [`HttpError`].
    #[must_use]
    pub fn http(&self) -> Option<&HttpError> {
        self.find()
    }

    /// What it came from.
    #[must_use]
    pub fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }

    /// Makes an error of a boxed one, as RSGI's own functions return it: such a box is no error itself, so `?` alone doesn't.
    ///
    /// # Examples
    ///
    /// ```
    /// use frasco::Error;
    ///
    /// fn read() -> Result<u32, rsgi_core::Error> {
    ///     Ok("x".parse()?)
    /// }
    ///
    /// let error = read().map_err(Error::boxed).unwrap_err();
    /// assert!(error.find::<std::num::ParseIntError>().is_some());
    /// ```
    #[must_use]
    pub fn boxed(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self(Arc::from(error))
    }

    pub(crate) fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// As core and a factory's caller take one.
impl From<Error> for Box<dyn std::error::Error + Send + Sync> {
    fn from(error: Error) -> Self {
        Box::new(Shared(error.0))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

/// An error, for who wants a `std::error::Error` of it.
#[derive(Debug)]
struct Shared(Arc<dyn std::error::Error + Send + Sync>);

impl fmt::Display for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl std::error::Error for Shared {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

/// An answer other than what was asked for, as an error: by [`abort`], or by the framework itself.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, HttpError};
///
/// /// Every error of the app, in its own words.
/// async fn error(error: HttpError) -> String {
///     format!("{} {}", error.status().as_u16(), error.name())
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let client = rsgi_test::Client::new(App::builder("app").on_error::<HttpError, _>(error).build()?);
/// let answer = client.get("/nowhere").answer();
/// assert_eq!((answer.status(), answer.text()), (404, "404 Not Found"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct HttpError {
    status: StatusCode,
    description: Option<String>,
    response: Option<Arc<Mutex<Option<Response>>>>,
    pub(crate) allowed: Option<Vec<Method>>,
}

/// Ends a handler with this status, 400 to 599: `return Err(abort(404))`, or `.ok_or_else(|| abort(404))?`.
///
/// Any other status is a 500, with the reason in the log.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Error, Path, abort};
///
/// async fn square(Path(number): Path<u32>) -> Result<String, Error> {
///     let square = number.checked_mul(number).ok_or_else(|| abort(400).description("too large"))?;
///     Ok(square.to_string())
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let client = rsgi_test::Client::new(App::builder("squares").get("/<int:number>", square).build()?);
/// assert_eq!(client.get("/12").answer().text(), "144");
/// assert_eq!(client.get("/100000").answer().status(), 400);
/// # Ok(())
/// # }
/// ```
pub fn abort(status: u16) -> HttpError {
    match StatusCode::from_u16(status) {
        Ok(status) if status.is_client_error() || status.is_server_error() => HttpError::new(status),
        _ => HttpError::new(StatusCode::INTERNAL_SERVER_ERROR)
            .description(format!("abort({status}): a status from 400 to 599 is wanted")),
    }
}

/// Ends a handler with this answer, whatever its status: `return Err(abort_with(redirect("/login")).into())`. No error handler sees it.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Error, Request, abort_with, redirect};
///
/// fn user(request: &Request) -> Result<String, Error> {
///     let name = request.header("x-user").map(str::to_owned);
///     Ok(name.ok_or_else(|| abort_with(redirect("/login")))?)
/// }
///
/// async fn index(request: Request) -> Result<String, Error> {
///     Ok(format!("hello {}", user(&request)?))
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let client = rsgi_test::Client::new(App::builder("app").get("/", index).build()?);
/// assert_eq!(client.get("/").answer().field("location"), Some("/login"));
/// # Ok(())
/// # }
/// ```
pub fn abort_with(response: Response) -> HttpError {
    let mut error = HttpError::new(response.status());
    error.response = Some(Arc::new(Mutex::new(Some(response))));
    error
}

impl HttpError {
    pub(crate) fn new(status: StatusCode) -> Self {
        Self { status, description: None, response: None, allowed: None }
    }

    /// Says more of it, to the client. Default: a sentence on the status.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The status in words, such as `Not Found`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Unknown Error")
    }

    /// What is told to the client.
    #[must_use]
    pub fn told(&self) -> &str {
        self.description.as_deref().unwrap_or_else(|| sentence(self.status))
    }

    /// The methods that the path has, of a 405.
    #[must_use]
    pub fn allowed(&self) -> Option<&[Method]> {
        self.allowed.as_deref()
    }

    pub(crate) fn take_response(&self) -> Option<Response> {
        let mut held = self.response.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        held.take()
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}: {}", self.status.as_u16(), self.name(), self.told())
    }
}

impl std::error::Error for HttpError {}

fn sentence(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "The browser (or proxy) sent a request that this server could not understand.",
        401 => "The server could not verify that you are authorized to access this page.",
        403 => "You don't have the permission to access this page.",
        404 => {
            "The page was not found on the server. If you entered its address by hand, please check the spelling."
        }
        405 => "The method is not allowed for this page.",
        413 => "What was sent is more than this server takes.",
        415 => "The server does not take what was sent in this form.",
        422 => "What was sent is well-formed, but can't be followed.",
        429 => "There were too many requests from you: please wait a while.",
        500 => "The server met an error and could not complete your request.",
        503 => "The server can't answer just now: please try again later.",
        _ => "The request could not be answered as it was meant.",
    }
}
