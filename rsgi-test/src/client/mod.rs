//! The test client: asks an app in memory, or a live server, by the same calls.
//!
//! In memory an app is asked through core's `respond`, the road of every adapter, on a connection with the same facts;
//! nothing is special about it but that no socket is there. What a test drives by hand (time, readiness, the input, a
//! client that vanishes) it drives through [`Open`].
//!
//! Read in the order of the modules: what is asked, what comes back, how it travels.

mod escape;
mod outline;
mod request;

mod answer;
mod error;
mod open;
mod tunnel;

mod cookies;
mod fixture;
mod journey;

#[cfg(feature = "suite")]
mod http2;
mod live;
mod memory;
mod road;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rsgi_core::App;
use rsgi_core::http::header::{self, HeaderName, HeaderValue};
use url::Url;

pub use answer::{Answer, Framing, Informational};
pub use error::{ClientError, ClientErrorKind};
pub use fixture::{Fixture, Recording, recording};
pub use memory::Memory;
pub use open::{Open, Step};
pub use request::Request;
pub use tunnel::Tunnel;

use cookies::Jar;
use journey::Journey;
use live::Live;
use memory::InMemory;
use outline::Outline;
use road::Road;

/// A client of one app, or of one server.
///
/// Requests in a row share a connection where the answers allow it; a client may be used by several threads at once.
///
/// # Examples
///
/// A framework author's test:
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{Environ, Error, StartResponse, Started};
/// use rsgi_test::Client;
///
/// async fn hello(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     Ok(start_response.status(StatusCode::OK).body(format!("hello {}", environ.path_info())))
/// }
///
/// let answer = Client::new(hello).get("/world").answer();
/// assert_eq!((answer.status(), answer.text()), (200, "hello /world"));
/// assert_eq!(answer.field("content-length"), Some("12"));
/// ```
///
/// A blocking app:
///
/// ```
/// use std::io::Read;
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{blocking, Environ, Error, StartResponse, Started};
/// use rsgi_test::Client;
///
/// fn shout(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     let mut text = String::new();
///     environ.input_mut().read_to_string(&mut text)?;
///     Ok(start_response.status(StatusCode::OK).body(text.to_uppercase()))
/// }
///
/// assert_eq!(Client::new(blocking(shout)).post("/").body("quiet").answer().text(), "QUIET");
/// ```
pub struct Client {
    road: Mutex<Box<dyn Road>>,
    defaults: Vec<(HeaderName, HeaderValue)>,
    base: String,
    redirects: u32,
    jar: Option<Arc<Jar>>,
}

impl Client {
    /// Asks an app in memory.
    ///
    /// # Panics
    ///
    /// The app requires what the client hasn't: see [`Memory::capabilities`].
    pub fn new(app: impl App) -> Self {
        Self::with(app, Memory::new())
    }

    /// Asks an app in memory, on a server of these settings.
    ///
    /// # Panics
    ///
    /// The app requires what that server hasn't.
    pub fn with(app: impl App, memory: Memory) -> Self {
        Self::over(Box::new(InMemory::new(app, memory)))
    }

    /// Asks a live server over HTTP/1.1, at `http://127.0.0.1:8000` or `unix:/path`, by the same calls. Nothing is connected
    /// before the first request.
    ///
    /// # Errors
    ///
    /// The address is none.
    pub fn live(address: &str) -> Result<Self, ClientError> {
        Ok(Self::over(Box::new(Live::new(address)?)))
    }

    /// Asks a live server over HTTP/2, at `http://127.0.0.1:8000`, which must speak it at once. Not for use within a runtime of
    /// tokio's: it has its own.
    ///
    /// # Errors
    ///
    /// The address is none.
    #[cfg(feature = "suite")]
    pub fn live_http2(address: &str) -> Result<Self, ClientError> {
        Ok(Self::over(Box::new(http2::Http2Live::new(address)?)))
    }

    /// As [`live`](Self::live), each byte in a write of its own.
    #[cfg(feature = "suite")]
    pub(crate) fn live_byte_by_byte(address: &str) -> Result<Self, ClientError> {
        Ok(Self::over(Box::new(Live::new(address)?.byte_by_byte())))
    }

    pub(crate) fn over(road: Box<dyn Road>) -> Self {
        Self { road: Mutex::new(road), defaults: Vec::new(), base: String::new(), redirects: 0, jar: None }
    }

    /// Sends a field with every request that has none of its name.
    ///
    /// # Panics
    ///
    /// The field is illegal.
    #[must_use]
    pub fn default_header(mut self, name: &str, value: &str) -> Self {
        let field = request::field(name, value.as_bytes());
        self.defaults.push(field.unwrap_or_else(|error| panic!("{error}")));
        self
    }

    /// Puts a path before every target that begins with a slash, as if the app were mounted there.
    #[must_use]
    pub fn base(mut self, prefix: &str) -> Self {
        prefix.trim_end_matches('/').clone_into(&mut self.base);
        self
    }

    /// Follows so many redirects within the server, as browsers do (RFC 9110 section 15.4). Default: none. Requests that
    /// are opened step by step follow none.
    #[must_use]
    pub fn follow_redirects(mut self, most: u32) -> Self {
        self.redirects = most;
        self
    }

    /// Keeps cookies and sends them back where they belong (RFC 6265), but to a request with a `Cookie` field of its
    /// own. Default: doesn't.
    #[must_use]
    pub fn keep_cookies(mut self) -> Self {
        self.jar = Some(Arc::default());
        self
    }

    /// Begins a GET.
    pub fn get(&self, target: &str) -> Request<'_> {
        self.request("GET", target)
    }

    /// Begins a HEAD.
    pub fn head(&self, target: &str) -> Request<'_> {
        self.request("HEAD", target)
    }

    /// Begins a POST.
    pub fn post(&self, target: &str) -> Request<'_> {
        self.request("POST", target)
    }

    /// Begins a PUT.
    pub fn put(&self, target: &str) -> Request<'_> {
        self.request("PUT", target)
    }

    /// Begins a PATCH.
    pub fn patch(&self, target: &str) -> Request<'_> {
        self.request("PATCH", target)
    }

    /// Begins a DELETE.
    pub fn delete(&self, target: &str) -> Request<'_> {
        self.request("DELETE", target)
    }

    /// Begins an OPTIONS.
    pub fn options(&self, target: &str) -> Request<'_> {
        self.request("OPTIONS", target)
    }

    /// Begins a request of any method.
    pub fn request(&self, method: &str, target: &str) -> Request<'_> {
        let base = if target.starts_with('/') { self.base.as_str() } else { "" };
        Request::new(self, method, format!("{base}{target}"))
    }

    /// Begins the request that a fixture recorded: in memory with the same peer, local address, scheme and mount, and nothing
    /// of the client's own added; a live server sees this client's connection.
    pub fn replay(&self, fixture: &Fixture) -> Request<'_> {
        Request::replayed(self, fixture.outline())
    }

    /// Ends the app in memory as a server does that goes down: begins the drain, then runs the app's `stop`. Of a live
    /// server it only ends the connections.
    pub fn stop(self) {
        self.road().stop();
    }

    fn road(&self) -> MutexGuard<'_, Box<dyn Road>> {
        self.road.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn send(&self, outline: Outline) -> Result<Answer, ClientError> {
        let mut journey = Journey::new(self, outline, self.redirects);
        loop {
            let mut open = journey.depart()?;
            let answer = open.collect()?;
            if let Some(answer) = journey.arrive(answer)? {
                return Ok(answer);
            }
        }
    }

    pub(crate) async fn send_async(&self, outline: Outline) -> Result<Answer, ClientError> {
        let mut journey = Journey::new(self, outline, self.redirects);
        loop {
            let mut open = journey.depart()?;
            let answer = open.collect_async().await?;
            if let Some(answer) = journey.arrive(answer)? {
                return Ok(answer);
            }
        }
    }

    pub(crate) fn open(&self, mut outline: Outline) -> Result<Open, ClientError> {
        for (name, value) in &self.defaults {
            if !outline.has(name) && outline.facts.is_none() {
                outline.fields.push((name.clone(), value.clone()));
            }
        }
        let kept = self.jar.as_ref().filter(|_| outline.facts.is_none());
        let jar = kept.and_then(|jar| Some((Arc::clone(jar), self.url(&outline)?)));
        let cookies = jar.as_ref().and_then(|(jar, url)| jar.field(url));
        if let Some(cookies) = cookies.filter(|_| !outline.has(&header::COOKIE)) {
            outline.fields.push((header::COOKIE, cookies));
        }
        let mut road = self.road();
        if !outline.has(&header::HOST) && outline.facts.is_none() {
            let authority = HeaderValue::from_str(&road.authority());
            let host = authority.unwrap_or_else(|_| HeaderValue::from_static("localhost"));
            outline.fields.insert(0, (header::HOST, host));
        }
        Ok(Open::new(road.open(outline)?, jar))
    }

    /// Where a request goes, as a URL.
    pub(crate) fn url(&self, outline: &Outline) -> Option<Url> {
        if !outline.target.starts_with('/') {
            return Url::parse(&outline.target).ok();
        }
        let road = self.road();
        let own = outline
            .value(&header::HOST)
            .or_else(|| self.defaults.iter().find(|(name, _)| *name == header::HOST).map(|(_, value)| value));
        let host = own.and_then(|host| host.to_str().ok()).map_or_else(|| road.authority(), str::to_owned);
        let scheme = if road.is_secure() { "https" } else { "http" };
        Url::parse(&format!("{scheme}://{host}{}", outline.target)).ok()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("road", &*self.road()).finish_non_exhaustive()
    }
}
