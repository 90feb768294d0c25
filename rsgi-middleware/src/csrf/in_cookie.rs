//! The secret in a cookie of its own: what is sent back must agree with it (double submit).

use std::sync::{Mutex, MutexGuard, PoisonError};

use rsgi_core::http::header::{COOKIE, SET_COOKIE};
use rsgi_core::{Environ, Error, Scheme, Started};

use super::Keeper;
use super::error::{CsrfError, CsrfErrorKind};
use super::token::{Keep, Secret};
use crate::cookies::{Cookies, keep_from_caches, named};
use crate::vary::vary_by;

/// The cookie that secrets are kept in.
#[derive(Debug, Clone, Copy)]
pub(super) struct InCookie {
    pub(super) readable: Readable,
}

/// Who reads the cookie beside the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readable {
    ByNobody,
    ByScripts,
}

impl Keeper for InCookie {
    fn of(&self, environ: &Environ) -> Result<std::sync::Arc<dyn Keep>, CsrfError> {
        // By this prefix the browser vouches that no other host and no plain connection set it (RFC 6265bis section
        // 4.1.3.2).
        let is_secure = environ.trusted().scheme == Scheme::Https;
        let name = if is_secure { "__Host-csrf" } else { "csrf" };
        let mut values = named(environ.headers(), name);
        // Of two one may be another host's, which only the browser knows.
        let known = match (values.next(), values.next()) {
            (Some(value), None) => Secret::read(value),
            _ => None,
        };
        let hidden = if self.readable == Readable::ByScripts { "" } else { "; HttpOnly" };
        let secure = if is_secure { "; Secure" } else { "" };
        let attributes = format!("{hidden}; SameSite=Lax{secure}; Path=/");
        let state = State { known, ..State::default() };
        Ok(std::sync::Arc::new(Kept { name, attributes, state: Mutex::new(state) }))
    }
}

struct Kept {
    name: &'static str,
    attributes: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<Secret>,
    is_fresh: bool,
    is_told: bool,
    is_over: bool,
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keep for Kept {
    fn secret(&self) -> Option<Secret> {
        self.lock().known
    }

    fn keep(&self, secret: Secret) -> Result<(), CsrfError> {
        let mut state = self.lock();
        if state.is_over {
            let text = "token asked for after the answer's head was made: ask before";
            return Err(CsrfError::new(CsrfErrorKind::TooLate, text));
        }
        (state.known, state.is_fresh) = (Some(secret), true);
        Ok(())
    }

    fn told(&self) {
        self.lock().is_told = true;
    }

    fn settle(&self, started: &mut Started) -> Result<(), Error> {
        let mut state = self.lock();
        state.is_over = true;
        if !state.is_told {
            return Ok(());
        }
        let fields = started.fields_mut();
        vary_by(fields, &COOKIE)?;
        let fresh = state.known.filter(|_| state.is_fresh);
        keep_from_caches(fields, if fresh.is_some() { Cookies::Set } else { Cookies::Read })?;
        if let Some(secret) = fresh {
            fields.append(SET_COOKIE, format!("{}={}{}", self.name, secret.text(), self.attributes))?;
        }
        Ok(())
    }
}
