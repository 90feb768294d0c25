//! [`Csrf`]: no page of another site makes a client's browser change anything here.
//!
//! Two lines: what the browser says of where a request comes from (`origin.rs`), and a token that only this site's pages
//! have (`token.rs`), kept in a cookie of its own or in the session, and sent back in a field or a form (`form.rs`).
//!
//! Invariant: the app is called with a method that isn't safe only after both have passed.

mod origin;

mod error;
mod token;

mod in_cookie;
#[cfg(feature = "sessions")]
mod in_session;

mod form;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use rsgi_core::http::{HeaderName, Method, StatusCode};
use rsgi_core::{App, Capabilities, Environ, Error, Middleware, StartResponse, Started};

pub use error::{CsrfError, CsrfErrorKind};
use in_cookie::{InCookie, Readable};
use origin::{Origin, origin};
pub use token::CsrfToken;
use token::Keep;

/// Refuses requests that another site had a client's browser make.
///
/// GET, HEAD, OPTIONS and TRACE pass: they must change nothing (RFC 9110 section 9.2.1), and so does CONNECT, which no page
/// can make but for a WebSocket. Of any other method it wants two things, else it answers 403:
///
/// 1. `Sec-Fetch-Site` says `same-origin` or `none`; or, of a browser that doesn't send it, `Origin` is this host's, as
///    far as is trusted. A client that sends neither is left to the second.
/// 2. A token of [`CsrfToken`], in the field `X-CSRF-Token` or in the field `csrf_token` of a form, urlencoded or multipart.
///    A form is read up to a bound and left to the app whole; in one with an upload the token comes before it.
///
/// The secret behind the tokens is in a cookie of its own (`__Host-csrf` by https, else `csrf`), or in the session by
/// [`in_session`](Self::in_session), which is stronger. An answer whose app asked for a token varies by `Cookie` and is
/// kept from caches.
///
/// A WebSocket is opened by GET: its app compares `Origin` itself.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{app_fn, Stack};
/// use rsgi_middleware::{Csrf, CsrfToken};
/// use rsgi_test::Client;
///
/// let app = app_fn(|environ, start_response| async move {
///     let token = environ.get::<CsrfToken>().ok_or("no Csrf around this app")?.value()?;
///     Ok(start_response.status(StatusCode::OK).body(token))
/// });
/// let client = Client::new(Stack::new().then(Csrf::new()).app(app)).keep_cookies();
///
/// let token = client.get("/").answer().text().to_owned();
/// assert_eq!(client.post("/").form(&[("csrf_token", &token)]).answer().status(), 200);
/// assert_eq!(client.post("/").header("x-csrf-token", &token).answer().status(), 200);
/// assert_eq!(client.post("/").answer().status(), 403);
/// ```
#[derive(Clone)]
pub struct Csrf {
    settings: Arc<Settings>,
}

type Exempt = dyn Fn(&Environ) -> bool + Send + Sync;

#[derive(Clone)]
struct Settings {
    keeper: Arc<dyn Keeper>,
    origins: Vec<String>,
    header: HeaderName,
    field: String,
    form_bytes: u64,
    exempt: Option<Arc<Exempt>>,
}

/// Where clients' secrets are kept.
trait Keeper: Send + Sync {
    fn of(&self, environ: &Environ) -> Result<Arc<dyn Keep>, CsrfError>;
}

impl Csrf {
    /// Makes it with its defaults.
    #[must_use]
    pub fn new() -> Self {
        let settings = Settings {
            keeper: Arc::new(InCookie { readable: Readable::ByNobody }),
            origins: Vec::new(),
            header: HeaderName::from_static("x-csrf-token"),
            field: "csrf_token".to_owned(),
            form_bytes: 64 << 10,
            exempt: None,
        };
        Self { settings: Arc::new(settings) }
    }

    fn set(mut self, set: impl FnOnce(&mut Settings)) -> Self {
        set(Arc::make_mut(&mut self.settings));
        self
    }

    fn kept_by(self, keeper: Arc<dyn Keeper>) -> Self {
        self.set(|settings| settings.keeper = keeper)
    }

    /// Keeps the secret in a cookie that this site's scripts can read, to send it back in the field. Default: one that
    /// they can't (`HttpOnly`), as a page bears its token.
    #[must_use]
    pub fn readable_cookie(self) -> Self {
        self.kept_by(Arc::new(InCookie { readable: Readable::ByScripts }))
    }

    /// Takes requests of this other origin for this site's own, such as `https://admin.example.com`; they need a token all
    /// the same. Default: none.
    #[must_use]
    pub fn origin(self, origin: impl Into<String>) -> Self {
        let origin = origin.into();
        self.set(|settings| settings.origins.push(origin))
    }

    /// Names the request's field. Default: `x-csrf-token`.
    #[must_use]
    pub fn header(self, name: HeaderName) -> Self {
        self.set(|settings| settings.header = name)
    }

    /// Names the form's field. Default: `csrf_token`.
    #[must_use]
    pub fn form_field(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.set(|settings| settings.field = name)
    }

    /// Looks for the token in so many bytes of a form at most, which are in memory until the app has read them. Default: 64
    /// KiB.
    #[must_use]
    pub fn form_bytes(self, bytes: u64) -> Self {
        self.set(|settings| settings.form_bytes = bytes)
    }

    /// Lets requests through unasked that this says yes to: an API's, whose clients bear tokens of their own and no
    /// cookies. Default: none.
    #[must_use]
    pub fn exempt(self, exempt: impl Fn(&Environ) -> bool + Send + Sync + 'static) -> Self {
        self.set(|settings| settings.exempt = Some(Arc::new(exempt)))
    }
}

impl Default for Csrf {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Csrf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { origins, header, field, form_bytes, .. } = &*self.settings;
        let mut debug = formatter.debug_struct("Csrf");
        debug.field("origins", origins).field("header", header).field("field", field);
        debug.field("form_bytes", form_bytes).finish_non_exhaustive()
    }
}

impl Settings {
    fn asks(&self, environ: &Environ) -> bool {
        let is_safe = matches!(
            *environ.method(),
            Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::CONNECT
        );
        !is_safe && !self.exempt.as_ref().is_some_and(|exempt| exempt(environ))
    }

    /// Gives the reason of a refusal, if there is one.
    async fn refusal(&self, environ: &mut Environ, keep: &dyn Keep) -> Result<Option<&'static str>, Error> {
        if origin(environ, &self.origins) == Origin::Foreign {
            return Ok(Some(FOREIGN));
        }
        let Some(secret) = keep.secret() else { return Ok(Some(NO_SECRET)) };
        let in_field = environ.headers().get(&self.header).map(|token| token.as_bytes().to_vec());
        let token = match in_field {
            Some(token) => Some(token),
            None => form::field(environ, &self.field, self.form_bytes).await?,
        };
        Ok(match token {
            None => Some(NO_TOKEN),
            Some(token) if secret.made(&token) => None,
            Some(_) => Some(WRONG_TOKEN),
        })
    }
}

const FOREIGN: &str = "refused: another site had your browser make this request\n";
const NO_SECRET: &str =
    "refused: your browser sent no cookie of ours; allow cookies and load the form again\n";
const NO_TOKEN: &str =
    "refused: the request bears no token; it belongs into the form, before any upload, or into a field\n";
const WRONG_TOKEN: &str = "refused: the token isn't yours or has ended; load the form again\n";

impl<A: App> Middleware<A> for Csrf {
    type App = CsrfApp<A>;

    fn wrap(self, inner: A) -> Self::App {
        CsrfApp { settings: self.settings, inner }
    }
}

/// An app behind [`Csrf`].
#[derive(Clone)]
pub struct CsrfApp<A> {
    settings: Arc<Settings>,
    inner: A,
}

impl<A: fmt::Debug> fmt::Debug for CsrfApp<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CsrfApp").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<A: App> App for CsrfApp<A> {
    async fn call(&self, mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        let keep = self.settings.keeper.of(&environ)?;
        if self.settings.asks(&environ)
            && let Some(reason) = self.settings.refusal(&mut environ, &*keep).await?
        {
            tracing::debug!(target: "rsgi", reason = reason.trim_end(), "request refused as forged");
            let head = start_response.status(StatusCode::FORBIDDEN);
            return Ok(head.header("content-type", "text/plain; charset=utf-8")?.body(reason));
        }
        environ.insert(CsrfToken::new(Arc::clone(&keep)));
        let mut started = self.inner.call(environ, start_response).await?;
        keep.settle(&mut started)?;
        Ok(started)
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}
