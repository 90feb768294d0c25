//! Sessions: values that a client keeps from request to request, by rsgi-middleware's [`Sessions`], as an argument of handlers.
//!
//! What a session is, and what its cookie holds, is that crate's. Read next: `flash.rs`, `by_config.rs`.

mod by_config;
mod flash;
#[cfg(test)]
mod tests;

use std::any::TypeId;

use rsgi_core::{BoxApp, Middleware as _};
use rsgi_middleware::{Session, Sessions};

pub(crate) use by_config::by_config;
pub use flash::{Flashes, Message, flash};

use crate::builder::Builder;
use crate::error::Error;
use crate::extract::FromRequest;
use crate::handler::Boot;
use crate::request::Request;

impl Builder {
    /// Gives each request its client's [`Session`]: around everything else of the app, so that middleware finds it, too. In place of what
    /// was given before.
    ///
    /// # Examples
    ///
    /// ```
    /// use frasco::{App, BuildError, Error, Session, SessionKey, Sessions};
    ///
    /// async fn visits(session: Session) -> Result<String, Error> {
    ///     let visits = session.get::<u32>("visits")?.unwrap_or(0) + 1;
    ///     session.insert("visits", visits)?;
    ///     Ok(format!("visit {visits}"))
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = SessionKey::new(b"from the settings: 32 random bytes or more")?;
    /// let app = App::builder("visits").sessions(Sessions::new(key)).get("/", visits).build()?;
    /// let client = rsgi_test::Client::new(app).keep_cookies();
    /// assert_eq!(client.get("/").answer().text(), "visit 1");
    /// assert_eq!(client.get("/").answer().text(), "visit 2");
    ///
    /// let error = App::builder("visits").get("/", visits).build().unwrap_err();
    /// assert!(error.to_string().contains(".sessions(...)"), "{error}");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn sessions(mut self, sessions: Sessions) -> Self {
        self.slots.insert(TypeId::of::<Session>());
        self.around = Some(Box::new(move |app| BoxApp::new(sessions.wrap(app))));
        self
    }
}

/// The client's session; see [`Builder::sessions`].
///
/// An app whose sessions come from middleware around it, as those of several apps together, takes it out of the request:
/// `request.get::<Session>()`.
impl FromRequest for Session {
    async fn from_request(request: &Request) -> Result<Self, Error> {
        of(request)
    }

    fn check(boot: &Boot<'_>) -> Result<(), String> {
        check(boot, "Session")
    }
}

/// The session of a request.
fn of(request: &Request) -> Result<Session, Error> {
    let session = request.get::<Session>().cloned();
    session.ok_or_else(|| Error::msg(missing("Session")))
}

fn check(boot: &Boot<'_>, what: &str) -> Result<(), String> {
    if boot.has_slot::<Session>() { Ok(()) } else { Err(missing(what)) }
}

fn missing(what: &str) -> String {
    format!(
        "it wants {what}, and the app has no sessions: set `secret_key` in its config, or add .sessions(...) to the builder"
    )
}
