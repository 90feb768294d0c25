//! The secret in the client's session, and bound to its id: a token of before a login is worth nothing after it.
//!
//! The session itself sees to the cookie and to caches.

use std::sync::Arc;

use rsgi_core::Environ;

use super::error::{CsrfError, CsrfErrorKind};
use super::token::{Keep, Secret};
use super::{Csrf, Keeper};
use crate::Session;

impl Csrf {
    /// Keeps the secret in the client's [`Session`], so that a token is worth nothing to another one, and ends as the session
    /// is regenerated. Wants [`Sessions`](crate::Sessions) outside of it. Default: a cookie of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use rsgi_core::Stack;
    /// use rsgi_middleware::{Csrf, SessionKey, Sessions};
    ///
    /// let stack = Stack::new().then(Sessions::new(SessionKey::generate())).then(Csrf::new().in_session());
    /// # let _ = stack;
    /// ```
    #[must_use]
    pub fn in_session(self) -> Self {
        self.kept_by(Arc::new(InSession))
    }
}

#[derive(Debug)]
struct InSession;

impl Keeper for InSession {
    fn of(&self, environ: &Environ) -> Result<Arc<dyn Keep>, CsrfError> {
        let session = environ.get::<Session>().cloned().ok_or_else(|| {
            let text = "no session to keep the secret of tokens in: put Sessions before Csrf in the stack";
            CsrfError::new(CsrfErrorKind::NoSession, text)
        })?;
        Ok(Arc::new(Kept(session)))
    }
}

struct Kept(Session);

/// The name in what is bound to the session.
const NAME: &str = "csrf";

impl Keep for Kept {
    fn secret(&self) -> Option<Secret> {
        Secret::read(&self.0.bound(NAME)?)
    }

    fn keep(&self, secret: Secret) -> Result<(), CsrfError> {
        Ok(self.0.bind(NAME, secret.text())?)
    }
}
