//! [`Response`]: an answer on its way through the hooks, and what a handler may return instead of one.

use std::convert::Infallible;
use std::fmt;

use percent_encoding::utf8_percent_encode;
use rsgi_core::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use rsgi_core::http::{self, StatusCode};
use rsgi_core::{Body, StartResponse, Started, bytes::Bytes};
use serde::Serialize;

use crate::error::{Error, HttpError};
use crate::handler::Boot;
use crate::request::Request;
use crate::routing::escape::REFERENCE;

/// An answer: status, fields, body.
///
/// # Examples
///
/// ```
/// use frasco::Response;
///
/// let response = Response::new("hello").with_status(201).with_header("x-by", "frasco");
/// assert_eq!(response.status(), 201);
/// assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
/// ```
#[derive(Debug)]
pub struct Response {
    /// `None` until somebody sets it: then 200, and for an error handler's answer the error's.
    status: Option<StatusCode>,
    headers: HeaderMap,
    body: Body,
}

/// The type of text, as Flask has it.
pub(crate) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

impl Response {
    /// Answers with text or bytes as `text/html; charset=utf-8`, as Flask does.
    pub fn new(body: impl Into<Body>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HTML);
        Self { status: None, headers, body: body.into() }
    }

    /// Answers without content and without a type.
    #[must_use]
    pub fn empty() -> Self {
        Self::of(Body::empty())
    }

    /// Answers with a body that has no type yet.
    pub fn of(body: impl Into<Body>) -> Self {
        Self { status: None, headers: HeaderMap::new(), body: body.into() }
    }

    /// The status. Default: 200, in an error handler's answer the error's.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status.unwrap_or(StatusCode::OK)
    }

    /// Sets the status.
    pub fn set_status(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// Sets the status, from 200 to 599.
    ///
    /// # Panics
    ///
    /// The number is no such status: a mistake in the program.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        match StatusCode::from_u16(status) {
            Ok(status) if (200..600).contains(&status.as_u16()) => self.status = Some(status),
            _ => panic!("{status} is no answer's status: 200 to 599"),
        }
        self
    }

    /// The fields.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The fields, to be changed.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// Sets a field, in place of those of its name.
    ///
    /// # Panics
    ///
    /// Name or value is none: for texts that the program has. Values that come from elsewhere go through
    /// [`headers_mut`](Self::headers_mut).
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value);
        let value = value.unwrap_or_else(|_| panic!("the value of {name} holds what no field can"));
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Puts another body in its place.
    pub fn set_body(&mut self, body: impl Into<Body>) {
        self.body = body.into();
    }

    /// Takes the body, and leaves an empty one.
    pub fn take_body(&mut self) -> Body {
        std::mem::take(&mut self.body)
    }

    /// Sets the status if nobody did.
    pub(crate) fn default_status(&mut self, status: StatusCode) {
        self.status.get_or_insert(status);
    }

    pub(crate) fn start(self, start_response: StartResponse) -> Result<Started, Error> {
        let mut response = http::Response::new(self.body);
        *response.status_mut() = self.status.unwrap_or(StatusCode::OK);
        *response.headers_mut() = self.headers;
        Ok(start_response.respond(response)?)
    }
}

/// What a handler may return.
///
/// | value | answer |
/// |---|---|
/// | `&str`, `String`, bytes | 200, `text/html; charset=utf-8` |
/// | [`Json`] | 200, `application/json` |
/// | [`Body`], such as [`Body::stream`] and [`Body::iter`] | 200, no type of its own; `Response::new(body)` says HTML |
/// | [`Sse`](crate::Sse) | 200, `text/event-stream` |
/// | `()` | 204 |
/// | [`Response`], [`redirect`], `http::Response<Body>` | itself |
/// | `(status, value)`, `(status, fields, value)`, `(fields, value)` | the value with that status, and those fields in place of its own |
/// | `Option` | the value, or 404 |
/// | `Result` | the value, or what an error handler makes of the error |
///
/// # Examples
///
/// Pieces that are sent one by one, made while they are sent. [`Request`] is a handle that they may hold: what Flask needs `stream_with_context`
/// for. An iterator may block; [`Body::stream`] takes an async stream.
///
/// ```
/// use frasco::{App, BuildError, Request};
/// use rsgi_core::Body;
///
/// async fn rows(request: Request) -> ([(&'static str, &'static str); 1], Body) {
///     let row = move |number: u32| format!("{number},{}\n", request.path_info());
///     ([("content-type", "text/csv; charset=utf-8")], Body::iter((1..=3).map(row)))
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let client = rsgi_test::Client::new(App::builder("app").get("/rows", rows).build()?);
/// let mut open = client.get("/rows").open().unwrap();
/// assert_eq!(open.head().unwrap().field("content-type"), Some("text/csv; charset=utf-8"));
/// assert_eq!(open.piece().unwrap().unwrap(), "1,/rows\n");
/// assert_eq!(open.finish().text(), "1,/rows\n2,/rows\n3,/rows\n");
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no answer",
    label = "a handler can't return this",
    note = "return text, bytes, `Json(value)`, `(status, value)`, an `Option` or a `Result` of one, or a `frasco::Response`"
)]
pub trait IntoResponse: Send {
    /// Makes the answer.
    ///
    /// # Errors
    ///
    /// What an error handler is to answer.
    fn into_response(self, request: &Request) -> Result<Response, Error>;

    /// Looks at boot whether the app has what such an answer needs.
    ///
    /// # Errors
    ///
    /// What is missing, and what to do about it.
    fn check(boot: &Boot<'_>) -> Result<(), String> {
        let _ = boot;
        Ok(())
    }

    /// Tells whether making the answer may block, as opening a file does: then it is made where that is allowed, an async handler's, too.
    /// Default: it doesn't.
    #[must_use]
    fn blocks() -> bool {
        false
    }
}

impl IntoResponse for Response {
    fn into_response(self, _: &Request) -> Result<Response, Error> {
        Ok(self)
    }
}

macro_rules! text {
    ($($text:ty),*) => {$(
        impl IntoResponse for $text {
            fn into_response(self, _: &Request) -> Result<Response, Error> {
                Ok(Response::new(self))
            }
        }
    )*};
}

text!(&'static str, String, &'static [u8], Vec<u8>, Bytes);

impl IntoResponse for Body {
    fn into_response(self, _: &Request) -> Result<Response, Error> {
        Ok(Response::of(self))
    }
}

impl IntoResponse for () {
    fn into_response(self, _: &Request) -> Result<Response, Error> {
        Ok(Response::empty().with_status(204))
    }
}

impl IntoResponse for Infallible {
    fn into_response(self, _: &Request) -> Result<Response, Error> {
        match self {}
    }
}

impl IntoResponse for http::Response<Body> {
    fn into_response(self, _: &Request) -> Result<Response, Error> {
        let (parts, body) = self.into_parts();
        Ok(Response { status: Some(parts.status), headers: parts.headers, body })
    }
}

impl<T: IntoResponse> IntoResponse for Option<T> {
    fn into_response(self, request: &Request) -> Result<Response, Error> {
        self.ok_or_else(|| HttpError::new(StatusCode::NOT_FOUND))?.into_response(request)
    }

    fn check(boot: &Boot<'_>) -> Result<(), String> {
        T::check(boot)
    }

    fn blocks() -> bool {
        T::blocks()
    }
}

impl<T: IntoResponse, E: Into<Error> + Send> IntoResponse for Result<T, E> {
    fn into_response(self, request: &Request) -> Result<Response, Error> {
        self.map_err(Into::into)?.into_response(request)
    }

    fn check(boot: &Boot<'_>) -> Result<(), String> {
        T::check(boot)
    }

    fn blocks() -> bool {
        T::blocks()
    }
}

/// A status, as a handler may write one in a tuple: a number or http's own type.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError};
///
/// async fn create() -> (u16, &'static str) {
///     (201, "made")
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let client = rsgi_test::Client::new(App::builder("app").post("/", create).build()?);
/// assert_eq!(client.post("/").answer().status(), 201);
/// # Ok(())
/// # }
/// ```
pub trait IntoStatus: Send {
    /// The status.
    ///
    /// # Errors
    ///
    /// It is none from 200 to 599.
    fn into_status(self) -> Result<StatusCode, Error>;
}

impl IntoStatus for StatusCode {
    fn into_status(self) -> Result<StatusCode, Error> {
        if self.as_u16() < 200 {
            return Err(Error::msg(format!("{} is no answer's status: 200 to 599", self.as_u16())));
        }
        Ok(self)
    }
}

impl IntoStatus for u16 {
    fn into_status(self) -> Result<StatusCode, Error> {
        StatusCode::from_u16(self)?.into_status()
    }
}

impl<S: IntoStatus, T: IntoResponse> IntoResponse for (S, T) {
    fn into_response(self, request: &Request) -> Result<Response, Error> {
        let mut response = self.1.into_response(request)?;
        response.status = Some(self.0.into_status()?);
        Ok(response)
    }

    fn check(boot: &Boot<'_>) -> Result<(), String> {
        T::check(boot)
    }

    fn blocks() -> bool {
        T::blocks()
    }
}

impl<S, V, T, const N: usize> IntoResponse for (S, [(&'static str, V); N], T)
where
    S: IntoStatus,
    V: AsRef<str> + Send,
    T: IntoResponse,
{
    fn into_response(self, request: &Request) -> Result<Response, Error> {
        let (status, fields, value) = self;
        (status, (fields, value)).into_response(request)
    }

    fn check(boot: &Boot<'_>) -> Result<(), String> {
        T::check(boot)
    }

    fn blocks() -> bool {
        T::blocks()
    }
}

impl<V, T, const N: usize> IntoResponse for ([(&'static str, V); N], T)
where
    V: AsRef<str> + Send,
    T: IntoResponse,
{
    fn into_response(self, request: &Request) -> Result<Response, Error> {
        let (fields, value) = self;
        let mut response = value.into_response(request)?;
        for (name, value) in fields {
            let name = HeaderName::try_from(name)?;
            response.headers.insert(name, HeaderValue::from_str(value.as_ref())?);
        }
        Ok(response)
    }

    fn check(boot: &Boot<'_>) -> Result<(), String> {
        T::check(boot)
    }

    fn blocks() -> bool {
        T::blocks()
    }
}

/// Answers with 303 and a `Location`: the client asks for that by GET (RFC 9110 section 15.4.4), as Flask 3.2 does.
/// Another status by [`with_status`](Response::with_status): 307 and 308 keep the method.
///
/// # Examples
///
/// ```
/// let response = frasco::redirect("/login");
/// assert_eq!((response.status().as_u16(), &response.headers()["location"]), (303, &"/login".parse().unwrap()));
/// ```
pub fn redirect(location: impl AsRef<str>) -> Response {
    let location = utf8_percent_encode(location.as_ref(), REFERENCE).to_string();
    let mut response = Response::empty().with_status(303);
    // Nothing but visible ASCII is left.
    if let Ok(value) = HeaderValue::from_str(&location) {
        response.headers.insert(header::LOCATION, value);
    }
    response
}

/// Answers with a value as JSON; and reads one: see [`FromRequest`](crate::FromRequest).
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Json};
///
/// async fn sum(Json(numbers): Json<Vec<u32>>) -> Json<u32> {
///     Json(numbers.iter().sum())
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let client = rsgi_test::Client::new(App::builder("sums").post("/", sum).build()?);
/// let post = client.post("/").header("content-type", "application/json");
/// assert_eq!(post.body("[1, 2, 3]").answer().text(), "6\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Json<T>(pub T);

impl<T: Serialize + Send> IntoResponse for Json<T> {
    fn into_response(self, _: &Request) -> Result<Response, Error> {
        let mut text = serde_json::to_vec(&self.0)?;
        text.push(b'\n');
        let mut response = Response::of(text);
        response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

impl fmt::Display for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.status())
    }
}
