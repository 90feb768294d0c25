//! [`Session`]: what the app holds. Opened when it is first asked, changed until the answer's head is made.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsgi_core::{Error, Started};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Ticket;
use super::error::{SessionError, SessionErrorKind};
use super::sealing::Content;

/// A client's session: values by name, kept by the client in a sealed cookie, which it can't read unless that is
/// [signed only](crate::Sessions::signed_only).
///
/// In the environ's slot of this type, behind [`Sessions`](crate::Sessions). A clone is the same session: an app takes
/// one out and may change it until it returns its answer; afterwards every change is an error, as it would be lost.
///
/// # Examples
///
/// ```
/// use rsgi_core::{Environ, Error, StartResponse, Started};
/// use rsgi_core::http::StatusCode;
/// use rsgi_middleware::Session;
///
/// async fn visits(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     let session = environ.get::<Session>().ok_or("this app wants Sessions around it")?.clone();
///     let visits = session.get::<u32>("visits")?.unwrap_or(0) + 1;
///     session.insert("visits", visits)?;
///     Ok(start_response.status(StatusCode::OK).body(format!("visit {visits}\n")))
/// }
/// # fn is_app(_: impl rsgi_core::App) {}
/// # is_app(visits);
/// ```
#[derive(Clone)]
pub struct Session(Arc<Shared>);

struct Shared {
    ticket: Ticket,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `None` until somebody asks.
    content: Option<Content>,
    is_changed: bool,
    is_over: bool,
}

/// What is to be done about a session as its answer leaves.
pub(super) enum Close {
    /// Nobody asked for it.
    Untouched,
    /// It was read.
    Read,
    /// It is to be sealed anew.
    Seal(Content),
    /// It is empty now: the client's cookie goes.
    Remove,
}

impl Session {
    pub(super) fn new(ticket: Ticket) -> Self {
        Self(Arc::new(Shared { ticket, state: Mutex::default() }))
    }

    /// Reads a value; `None` if there is none of that name.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Value`] if it is of another type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        // Taken out first: a type's own code isn't run under the lock.
        let value = self.read(|content| content.values.get(name).cloned());
        value
            .map(serde_json::from_value)
            .transpose()
            .map_err(|error| SessionError::value(format!("session value {name:?} is of another type"), error))
    }

    /// Tells whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.read(|content| content.values.is_empty())
    }

    /// The session's own name, random; `None` for one that holds nothing yet. For what the server keeps about it.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        self.read(|content| Some(content.id.clone()).filter(|id| !id.is_empty()))
    }

    /// Sets a value. One that is there already and equal changes nothing, so that no cookie is sent.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::TooLarge`] if the cookie would be larger than browsers keep: then the session is as it was.
    /// [`SessionErrorKind::Value`] if it can't be written as JSON, [`SessionErrorKind::TooLate`] once the head is made.
    pub fn insert<T: Serialize>(&self, name: &str, value: T) -> Result<(), SessionError> {
        let value = serde_json::to_value(value)
            .map_err(|error| SessionError::value(format!("session value {name:?} is no JSON"), error))?;
        self.change(&format!("session value {name:?}"), |content| {
            if content.values.get(name) == Some(&value) {
                return false;
            }
            content.values.insert(name.to_owned(), value);
            true
        })
    }

    /// Removes a value, and tells whether there was one.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::TooLate`] once the head is made.
    pub fn remove(&self, name: &str) -> Result<bool, SessionError> {
        let mut was_there = false;
        self.change(&format!("session value {name:?}"), |content| {
            was_there = content.values.remove(name).is_some();
            was_there
        })?;
        Ok(was_there)
    }

    /// Removes all, and the client's cookie with it: at logout.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::TooLate`] once the head is made.
    pub fn clear(&self) -> Result<(), SessionError> {
        self.change("session", |content| {
            *content = Content::default();
            true
        })
    }

    /// Gives the session a new id and its whole age, and ends what is bound to the old one, as tokens against forged
    /// requests are; the values stay. At login and at any other change of rights, so that what was known of the session
    /// before is worth nothing.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::TooLate`] once the head is made.
    pub fn regenerate(&self) -> Result<(), SessionError> {
        self.change("session", |content| {
            content.bound.clear();
            content.id.clear();
            true
        })
    }

    /// Has the cookie sent anew, so that the session's age begins again.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::TooLate`] once the head is made.
    pub fn renew(&self) -> Result<(), SessionError> {
        self.change("session", |_| true)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, read: impl FnOnce(&Content) -> T) -> T {
        let mut state = self.lock();
        read(state.content.get_or_insert_with(|| self.0.ticket.open()))
    }

    /// Changes the content, all or nothing; `change` tells whether it did.
    fn change(&self, what: &str, change: impl FnOnce(&mut Content) -> bool) -> Result<(), SessionError> {
        let mut state = self.lock();
        if state.is_over {
            let text = format!("{what} changed after the answer's head was made: change it before");
            return Err(SessionError::new(SessionErrorKind::TooLate, text));
        }
        let content = state.content.get_or_insert_with(|| self.0.ticket.open());
        let mut changed = content.clone();
        if !change(&mut changed) {
            return Ok(());
        }
        if changed.id.is_empty() && !changed.is_empty() {
            changed.id = fresh_id()?;
        }
        let length = self
            .0
            .ticket
            .cookie_length(&changed)
            .map_err(|error| SessionError::value(format!("{what} is no JSON"), error))?;
        if length > COOKIE_BYTES {
            let text = format!(
                "{what} makes the session's cookie {length} bytes long; browsers keep {COOKIE_BYTES}: keep less in it"
            );
            return Err(SessionError::new(SessionErrorKind::TooLarge, text));
        }
        state.content = Some(changed);
        state.is_changed = true;
        Ok(())
    }

    /// Writes what became of the session into the answer's head; nothing can change after it.
    pub(super) fn settle(&self, started: &mut Started) -> Result<(), Error> {
        self.0.ticket.settle(self.close(), started)
    }

    /// Ends the time of changes, and tells what is to be done.
    fn close(&self) -> Close {
        let mut state = self.lock();
        state.is_over = true;
        match &state.content {
            None => Close::Untouched,
            Some(_) if !state.is_changed => Close::Read,
            Some(content) if !content.is_empty() => Close::Seal(content.clone()),
            Some(_) if self.0.ticket.has_cookie() => Close::Remove,
            Some(_) => Close::Read,
        }
    }
}

#[cfg(feature = "csrf")]
impl Session {
    /// What another middleware keeps here; it ends with the session's id.
    pub(crate) fn bound(&self, name: &str) -> Option<String> {
        self.read(|content| content.bound.get(name).cloned())
    }

    /// Keeps something for another middleware.
    pub(crate) fn bind(&self, name: &str, value: String) -> Result<(), SessionError> {
        self.change(&format!("{name:?} of the session"), |content| {
            content.bound.insert(name.to_owned(), value);
            true
        })
    }
}

/// A name that nobody can guess.
fn fresh_id() -> Result<String, SessionError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        SessionError::new(
            SessionErrorKind::NoRandomness,
            format!("no random bytes for a session's id: {error}"),
        )
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What browsers keep of a cookie at least, with its name and attributes (RFC 6265 section 6.1).
const COOKIE_BYTES: usize = 4096;

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values are the client's secrets.
        formatter.write_str("Session(..)")
    }
}
