//! [`BasicAuth`]: a name and a password before anything else (RFC 7617).
//!
//! The password travels in the clear: only behind TLS is it worth anything. Not here: sessions, forms, groups.
//!
//! Invariant: the inner app is called only with credentials that were verified, and finds their user in the environ.

mod credentials;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use rsgi_core::http::StatusCode;
use rsgi_core::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use rsgi_core::{App, Capabilities, Environ, Error, Middleware, StartResponse, Started};

pub use credentials::Credentials;
use credentials::Users;

/// Asks for a user's name and password, and lets nobody through without (RFC 7617).
///
/// Who passes is found by the app as [`User`] in the environ. A verifier's own error, a database that is gone say, is
/// the app's error: the server answers 500, not 401.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{app_fn, Stack};
/// use rsgi_middleware::{BasicAuth, User};
/// use rsgi_test::Client;
///
/// let app = app_fn(|environ, start_response| async move {
///     let name = environ.get::<User>().map(|user| user.name().to_owned()).unwrap_or_default();
///     Ok(start_response.status(StatusCode::OK).body(format!("hello {name}")))
/// });
/// let client = Client::new(Stack::new().then(BasicAuth::users("the shop", [("ada", "secret")])).app(app));
///
/// let refused = client.get("/").answer();
/// assert_eq!(refused.status(), 401);
/// assert_eq!(refused.field("www-authenticate"), Some(r#"Basic realm="the shop", charset="UTF-8""#));
/// let answer = client.get("/").header("authorization", "Basic YWRhOnNlY3JldA==").answer();
/// assert_eq!(answer.text(), "hello ada");
/// ```
///
/// A verifier of one's own, async or blocking:
///
/// ```
/// use rsgi_middleware::{BasicAuth, Credentials};
///
/// let by_service = BasicAuth::verified("shop", |credentials: Credentials| async move {
///     Ok(credentials.user_is("ada") && credentials.password_is("secret"))
/// });
/// // A slow hash or a database that blocks: run where blocking is allowed.
/// let by_hash = BasicAuth::verified_blocking("shop", |credentials: &Credentials| {
///     Ok(credentials.user() == "ada" && credentials.password_is("secret"))
/// });
/// # let _ = (by_service, by_hash);
/// ```
#[derive(Clone)]
pub struct BasicAuth {
    challenge: HeaderValue,
    verifier: Verifier,
    vars: Vars,
}

/// The user that [`BasicAuth`] let through; in the environ's slot of this type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct User(String);

impl User {
    /// Makes a user, as a test does, or a middleware that knows users in another way.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

type VerifyBlocking = dyn Fn(&Credentials) -> Result<bool, Error> + Send + Sync;
type Verified = Pin<Box<dyn Future<Output = Result<bool, Error>> + Send>>;

#[derive(Clone)]
enum Verifier {
    Users(Arc<Users>),
    Async(Arc<dyn Fn(Credentials) -> Verified + Send + Sync>),
    Blocking(Arc<VerifyBlocking>),
}

/// Whether the CGI view is told of the user.
#[derive(Debug, Clone, Copy)]
enum Vars {
    Untold,
    Told,
}

impl BasicAuth {
    /// Lets through whom a list names, by name and password; compared in constant time. For a handful of users whose
    /// passwords are in the settings anyway.
    ///
    /// # Panics
    ///
    /// The realm has a control character: a mistake in the program, found at boot.
    pub fn users<U: AsRef<str>, P: AsRef<str>>(realm: &str, users: impl IntoIterator<Item = (U, P)>) -> Self {
        Self::new(realm, Verifier::Users(Arc::new(Users::new(users))))
    }

    /// Lets through whom an async closure says yes to. Compare by [`Credentials::password_is`], not by `==`, whose time
    /// tells how much was right.
    ///
    /// # Panics
    ///
    /// As [`users`](Self::users).
    pub fn verified<F, Fut>(realm: &str, verify: F) -> Self
    where
        F: Fn(Credentials) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<bool, Error>> + Send + 'static,
    {
        Self::new(realm, Verifier::Async(Arc::new(move |credentials| Box::pin(verify(credentials)))))
    }

    /// Lets through whom a closure says yes to that may block, as a password hash does: it runs where the server allows
    /// that. Compare as with [`verified`](Self::verified).
    ///
    /// # Panics
    ///
    /// As [`users`](Self::users).
    pub fn verified_blocking<F>(realm: &str, verify: F) -> Self
    where
        F: Fn(&Credentials) -> Result<bool, Error> + Send + Sync + 'static,
    {
        Self::new(realm, Verifier::Blocking(Arc::new(verify)))
    }

    fn new(realm: &str, verifier: Verifier) -> Self {
        Self { challenge: challenge(realm), verifier, vars: Vars::Untold }
    }

    /// Tells the CGI view, too: `REMOTE_USER` and `AUTH_TYPE` (RFC 3875 sections 4.1.1 and 4.1.11), for apps that come
    /// from there. Default: doesn't, as it copies the variables of the request.
    #[must_use]
    pub fn cgi_vars(mut self) -> Self {
        self.vars = Vars::Told;
        self
    }

    async fn verify(&self, environ: &Environ, credentials: Credentials) -> Result<bool, Error> {
        match &self.verifier {
            Verifier::Users(users) => Ok(users.holds(&credentials)),
            Verifier::Async(verify) => verify(credentials).await,
            Verifier::Blocking(verify) => {
                let verify = Arc::clone(verify);
                environ.offload().run(move || verify(&credentials)).await
            }
        }
    }

    fn admit(&self, environ: &mut Environ, user: String) {
        // Whoever prints the fields from here on prints no password.
        if let Some(field) = environ.headers_mut().get_mut(AUTHORIZATION) {
            field.set_sensitive(true);
        }
        if let Vars::Told = self.vars {
            let kept =
                environ.vars().filter(|(name, _)| !name.starts_with("HTTP_") && !TOLD.contains(&&**name));
            let mut vars: Vec<_> =
                kept.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
            vars.push((TOLD[0].to_owned(), user.clone().into_bytes()));
            vars.push((TOLD[1].to_owned(), b"Basic".to_vec()));
            environ.set_gateway_vars(vars);
        }
        environ.insert(User(user));
    }

    fn refuse(&self, start_response: StartResponse) -> Result<Started, Error> {
        let head = start_response
            .status(StatusCode::UNAUTHORIZED)
            .header(WWW_AUTHENTICATE, self.challenge.clone())?
            .header(CONTENT_TYPE, "text/plain; charset=utf-8")?;
        Ok(head.body("a user name and a password are needed here\n"))
    }
}

const TOLD: [&str; 2] = ["REMOTE_USER", "AUTH_TYPE"];

/// The challenge: a quoted realm, and the encoding that the client is to use (RFC 7617 section 2.1).
fn challenge(realm: &str) -> HeaderValue {
    let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
    let text = format!("Basic realm=\"{quoted}\", charset=\"UTF-8\"");
    HeaderValue::from_str(&text)
        .unwrap_or_else(|_| panic!("realm {realm:?} must not have control characters"))
}

impl fmt::Debug for BasicAuth {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BasicAuth").field("challenge", &self.challenge).finish_non_exhaustive()
    }
}

impl<A: App> Middleware<A> for BasicAuth {
    type App = BasicAuthApp<A>;

    fn wrap(self, inner: A) -> Self::App {
        BasicAuthApp { settings: self, inner }
    }
}

/// An app behind [`BasicAuth`].
#[derive(Debug, Clone)]
pub struct BasicAuthApp<A> {
    settings: BasicAuth,
    inner: A,
}

impl<A: App> App for BasicAuthApp<A> {
    async fn call(&self, mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        let Some(credentials) = Credentials::read(environ.headers()) else {
            return self.settings.refuse(start_response);
        };
        let user = credentials.user().to_owned();
        if !self.settings.verify(&environ, credentials).await? {
            tracing::debug!(target: "rsgi", "credentials refused");
            return self.settings.refuse(start_response);
        }
        self.settings.admit(&mut environ, user);
        self.inner.call(environ, start_response).await
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}
