//! What a log line names a request by, as a value of its own.
//!
//! For outcome callbacks: they outlive the environ and must not hold the exchange that holds them.

use std::borrow::Cow;
use std::fmt;

use http::{Method, Uri, Version};

use super::{Environ, target_of};

/// A request's number, method, target and version; making one copies no text of the head.
///
/// # Examples
///
/// An access log:
///
/// ```
/// use rsgi_core::{Environ, Error, StartResponse, Started};
/// use rsgi_core::http::StatusCode;
///
/// async fn app(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     let line = environ.request_line();
///     environ.on_outcome(move |outcome| {
///         let (connection, request) = line.id();
///         eprintln!("{connection}/{request} \"{line}\" {outcome}");
///     });
///     Ok(start_response.status(StatusCode::OK).body("hello"))
/// }
/// # fn is_app(_: impl rsgi_core::App) {}
/// # is_app(app);
/// ```
#[derive(Debug, Clone)]
pub struct RequestLine {
    id: (u64, u64),
    method: Method,
    uri: Uri,
    /// Where `Uri` would lose some of it.
    target: Option<String>,
    version: Version,
}

impl Environ {
    /// A cheap copy of what names this request in a log.
    pub fn request_line(&self) -> RequestLine {
        RequestLine {
            id: self.request_id(),
            method: self.method().clone(),
            uri: self.uri().clone(),
            target: self.extra().and_then(|extra| extra.target.clone()),
            version: self.version(),
        }
    }
}

impl RequestLine {
    /// The connection's number, and the request's on it, as [`Environ::request_id`].
    pub fn id(&self) -> (u64, u64) {
        self.id
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The target, as [`Environ::target`].
    pub fn target(&self) -> Cow<'_, str> {
        self.target.as_deref().map_or_else(|| target_of(&self.uri), Cow::Borrowed)
    }

    /// The version of the protocol.
    pub fn version(&self) -> Version {
        self.version
    }
}

/// Writes it as HTTP/1 has it: `GET /shop?x=1 HTTP/1.1`.
impl fmt::Display for RequestLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {:?}", self.method, self.target(), self.version)
    }
}
