//! [`Sessions`]: values that a client keeps from request to request, in a cookie that only the server can make, and read unless
//! it is told otherwise.
//!
//! Nothing is stored on the server, so any process with the keys knows every session; and so none can be ended before its
//! age but by changing the keys. Read next: `session.rs` (what the app holds), `sealing.rs` (what the cookie holds).
//!
//! Invariant: a cookie is opened only for who asks, and sent only if something changed.

mod error;
mod sealing;
mod session;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cookie::Cookie;
use rsgi_core::http::header::{COOKIE, HeaderValue, SET_COOKIE};
use rsgi_core::{App, Capabilities, Environ, Error, Middleware, Scheme, StartResponse, Started};

use crate::cookies::{Cookies, keep_from_caches, named};
use crate::vary::vary_by;
pub use error::{SessionError, SessionErrorKind};
pub use sealing::SessionKey;
pub use session::Session;

use sealing::{Content, Seal};
use session::Close;

/// Gives each request its client's [`Session`].
///
/// The session lies in the client's cookie, encrypted and authenticated (AES-256-GCM), or
/// [signed only](Self::signed_only); what was changed, what no key opens and what has ended is ignored, with a line at `debug` in the log. The cookie is `HttpOnly`,
/// `SameSite=Lax`, `Secure` if the client came by https as far as is trusted, and valid below the mount that this
/// middleware stands at.
///
/// An answer whose app looked at the session varies by `Cookie` and is kept from caches (`Cache-Control: no-store`), unless
/// the app says what caches may do; one that sets the cookie never stays `public`. An app that ends in an error leaves
/// the session as it was.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{app_fn, Stack};
/// use rsgi_middleware::{Session, SessionKey, Sessions};
/// use rsgi_test::Client;
///
/// let app = app_fn(|environ, start_response| async move {
///     let session = environ.get::<Session>().ok_or("no session")?.clone();
///     let visits = session.get::<u32>("visits")?.unwrap_or(0) + 1;
///     session.insert("visits", visits)?;
///     Ok(start_response.status(StatusCode::OK).body(format!("visit {visits}")))
/// });
/// let key = SessionKey::new(b"from the settings: 32 random bytes or more")?;
/// let client = Client::new(Stack::new().then(Sessions::new(key)).app(app)).keep_cookies();
///
/// assert_eq!(client.get("/").answer().text(), "visit 1");
/// assert_eq!(client.get("/").answer().text(), "visit 2");
/// # Ok::<(), rsgi_middleware::SessionError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sessions {
    settings: Arc<Settings>,
}

#[derive(Clone)]
struct Settings {
    /// The first seals; all open.
    keys: Vec<SessionKey>,
    seal: Seal,
    name: String,
    max_age: Duration,
    same_site: SameSite,
    secure: SecureCookie,
    path: Option<String>,
    domain: Option<String>,
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

/// Which requests from other sites bring the cookie along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SameSite {
    /// None.
    Strict,
    /// Only following a link.
    #[default]
    Lax,
    /// All; browsers want such a cookie `Secure`.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SecureCookie {
    ByScheme,
    Always,
}

impl Sessions {
    /// Seals and opens sessions with this key.
    #[must_use]
    pub fn new(key: SessionKey) -> Self {
        let settings = Settings {
            keys: vec![key],
            seal: Seal::Encrypted,
            name: "session".to_owned(),
            max_age: Duration::from_hours(24 * 14),
            same_site: SameSite::default(),
            secure: SecureCookie::ByScheme,
            path: None,
            domain: None,
            clock: Arc::new(SystemTime::now),
        };
        Self { settings: Arc::new(settings) }
    }

    fn set(mut self, set: impl FnOnce(&mut Settings)) -> Self {
        set(Arc::make_mut(&mut self.settings));
        self
    }

    /// Opens what this key sealed, too, and seals nothing with it: the key of before. Take it away after one
    /// [`max_age`](Self::max_age).
    #[must_use]
    pub fn also_open(self, key: SessionKey) -> Self {
        self.set(|settings| settings.keys.push(key))
    }

    /// Signs the cookie and doesn't encrypt it (HMAC-SHA256), as Flask does: nobody can change it or make one, and whoever
    /// holds it can read all that is in it, the client first. Default: encrypted. For values that are no secret, where
    /// something else without the key is to read them. Keys rotate in the same way, and its end is under the signature.
    ///
    /// The value is the session as JSON in URL-safe base64, a dot, and the signature; `v` of the JSON holds the values. One
    /// way opens nothing of the other: to change it ends the sessions that there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use rsgi_core::http::StatusCode;
    /// use rsgi_core::{app_fn, Middleware};
    /// use rsgi_middleware::{Session, SessionKey, Sessions};
    /// use rsgi_test::Client;
    ///
    /// let app = app_fn(|environ, start_response| async move {
    ///     let session = environ.get::<Session>().ok_or("no session")?.clone();
    ///     session.insert("theme", "dark")?;
    ///     Ok(start_response.status(StatusCode::OK).empty())
    /// });
    /// let key = SessionKey::new(b"from the settings: 32 random bytes or more")?;
    /// let answer = Client::new(Sessions::new(key).signed_only().wrap(app)).get("/").answer();
    ///
    /// let cookie = answer.field("set-cookie").ok_or("no cookie")?;
    /// let (payload, _signature) =
    ///     cookie.trim_start_matches("session=").split_once('.').ok_or("not signed")?;
    /// assert!(payload.starts_with("eyJ"), "base64 of JSON");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn signed_only(self) -> Self {
        self.set(|settings| settings.seal = Seal::Signed)
    }

    /// Names the cookie. Default: `session`.
    ///
    /// # Panics
    ///
    /// The name is no token (RFC 6265 section 4.1.1): a mistake in the program, found at boot.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        let is_token = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
        assert!(is_token, "session cookie's name {name:?} must be a token: letters, digits, '-' and '_'");
        self.set(|settings| name.clone_into(&mut settings.name))
    }

    /// Ends a session so long after it was last changed; said in the cookie and within its seal. Default: 14 days.
    #[must_use]
    pub fn max_age(self, age: Duration) -> Self {
        self.set(|settings| settings.max_age = age)
    }

    /// Says which requests from other sites bring the session along. Default: [`SameSite::Lax`].
    #[must_use]
    pub fn same_site(self, same_site: SameSite) -> Self {
        self.set(|settings| settings.same_site = same_site)
    }

    /// Always makes the cookie `Secure`. Default: if the client came by https, as far as is trusted.
    #[must_use]
    pub fn always_secure(self) -> Self {
        self.set(|settings| settings.secure = SecureCookie::Always)
    }

    /// Has browsers send the cookie below this path. Default: where the middleware is mounted.
    ///
    /// # Panics
    ///
    /// The path begins with no slash, or holds what a cookie's attribute can't: a mistake in the program.
    #[must_use]
    pub fn path(self, path: &str) -> Self {
        assert!(
            is_attribute(path) && path.starts_with('/'),
            "session cookie's path {path:?} must begin with '/'"
        );
        self.set(|settings| settings.path = Some(path.to_owned()))
    }

    /// Has browsers send the cookie to all hosts below this one as well. Default: to the host that set it, alone.
    ///
    /// # Panics
    ///
    /// It holds what a cookie's attribute can't: a mistake in the program.
    #[must_use]
    pub fn domain(self, domain: &str) -> Self {
        assert!(is_attribute(domain), "session cookie's domain {domain:?} must be a host's name");
        self.set(|settings| settings.domain = Some(domain.to_owned()))
    }
}

fn is_attribute(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';')
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Settings");
        debug
            .field("keys", &self.keys)
            .field("seal", &self.seal)
            .field("name", &self.name)
            .field("max_age", &self.max_age);
        debug.finish_non_exhaustive()
    }
}

/// The path below which a mounted app lies, for a cookie's `Path`.
fn mount_path(environ: &Environ) -> String {
    // A semicolon, legal in a path, would end the attribute.
    match environ.script_name() {
        mount
            if mount.starts_with('/')
                && mount.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';') =>
        {
            mount.to_owned()
        }
        _ => "/".to_owned(),
    }
}

/// What is known of a request's session before anybody asks.
struct Ticket {
    settings: Arc<Settings>,
    /// The values of all cookies of the session's name: a broader path's or host's may be among them.
    values: Vec<String>,
    path: String,
    is_secure: bool,
}

impl Ticket {
    fn new(settings: &Arc<Settings>, environ: &Environ) -> Self {
        Self {
            settings: Arc::clone(settings),
            values: named(environ.headers(), &settings.name).map(str::to_owned).collect(),
            path: settings.path.clone().unwrap_or_else(|| mount_path(environ)),
            is_secure: settings.secure == SecureCookie::Always || environ.trusted().scheme == Scheme::Https,
        }
    }

    fn has_cookie(&self) -> bool {
        !self.values.is_empty()
    }

    fn now(&self) -> u64 {
        (self.settings.clock)().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    fn open(&self) -> Content {
        let Settings { keys, name, seal, .. } = &*self.settings;
        let now = self.now();
        self.values.iter().find_map(|value| Content::open(*seal, name, value, keys, now)).unwrap_or_default()
    }

    /// How long the whole field is.
    fn cookie_length(&self, content: &Content) -> Result<usize, serde_json::Error> {
        let length = if content.is_empty() { 0 } else { content.sealed_length(self.settings.seal)? };
        Ok(self.cookie(String::new()).to_string().len() + length)
    }

    fn cookie(&self, value: String) -> Cookie<'static> {
        let settings = &self.settings;
        let age = i64::try_from(settings.max_age.as_secs()).unwrap_or(i64::MAX);
        let mut cookie = Cookie::build((settings.name.clone(), value))
            .path(self.path.clone())
            .http_only(true)
            .same_site(match settings.same_site {
                SameSite::Strict => cookie::SameSite::Strict,
                SameSite::Lax => cookie::SameSite::Lax,
                SameSite::None => cookie::SameSite::None,
            })
            .max_age(cookie::time::Duration::seconds(age))
            .build();
        if self.is_secure {
            cookie.set_secure(true);
        }
        if let Some(domain) = &settings.domain {
            cookie.set_domain(domain.clone());
        }
        cookie
    }

    /// Writes what became of the session into the answer's head.
    fn settle(&self, close: Close, started: &mut Started) -> Result<(), Error> {
        let cookie = match close {
            Close::Untouched => return Ok(()),
            Close::Read => None,
            Close::Seal(mut content) => {
                content.expires = self.now().saturating_add(self.settings.max_age.as_secs());
                let Settings { keys, name, seal, .. } = &*self.settings;
                Some(self.cookie(content.seal(*seal, name, &keys[0])?))
            }
            Close::Remove => {
                let mut cookie = self.cookie(String::new());
                cookie.make_removal();
                Some(cookie)
            }
        };
        let fields = started.fields_mut();
        vary_by(fields, &COOKIE)?;
        keep_from_caches(fields, if cookie.is_some() { Cookies::Set } else { Cookies::Read })?;
        if let Some(cookie) = cookie {
            fields.append(SET_COOKIE, HeaderValue::try_from(cookie.to_string())?)?;
        }
        Ok(())
    }
}

impl<A: App> Middleware<A> for Sessions {
    type App = SessionsApp<A>;

    fn wrap(self, inner: A) -> Self::App {
        SessionsApp { settings: self.settings, inner }
    }
}

/// An app behind [`Sessions`].
#[derive(Debug, Clone)]
pub struct SessionsApp<A> {
    settings: Arc<Settings>,
    inner: A,
}

impl<A: App> App for SessionsApp<A> {
    async fn call(&self, mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        let session = Session::new(Ticket::new(&self.settings, &environ));
        environ.insert(session.clone());
        let mut started = self.inner.call(environ, start_response).await?;
        session.settle(&mut started)?;
        Ok(started)
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}
