//! [`flash`]: messages for the client's next page, kept in its session until they are shown.

use std::sync::Arc;

use rsgi_middleware::{Session, SessionError};
use serde::{Deserialize, Serialize};

use super::{check, of};
use crate::error::Error;
use crate::extract::FromRequest;
use crate::handler::Boot;
use crate::request::Request;

/// Keeps a message until the client's next page shows it by [`Flashes`]. The category is the app's own word, such as `error`; Flask's default is
/// `message`.
///
/// # Errors
///
/// Those of [`Session::insert`]: the session is full, or the answer's head is made.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Error, Flashes, Response, Session, SessionKey, Sessions, flash, redirect};
///
/// async fn save(session: Session) -> Result<Response, Error> {
///     flash(&session, "info", "saved")?;
///     Ok(redirect("/"))
/// }
///
/// async fn index(flashes: Flashes) -> String {
///     flashes.iter().map(|message| format!("{}: {}", message.category, message.text)).collect()
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("app").sessions(Sessions::new(SessionKey::generate())).post("/", save).get("/", index).build()?;
/// let client = rsgi_test::Client::new(app).keep_cookies().follow_redirects(1);
/// assert_eq!(client.post("/").answer().text(), "info: saved");
/// assert_eq!(client.get("/").answer().text(), "", "it was shown");
/// # Ok(())
/// # }
/// ```
pub fn flash(session: &Session, category: &str, text: impl Into<String>) -> Result<(), SessionError> {
    // What isn't ours is replaced: the message is worth more.
    let mut messages: Vec<Message> = session.get(NAME).ok().flatten().unwrap_or_default();
    messages.push(Message { category: category.to_owned(), text: text.into() });
    session.insert(NAME, messages)
}

/// A message of [`flash`].
///
/// # Examples
///
/// ```
/// use frasco::{Flashes, Message};
///
/// fn shown(flashes: &Flashes) -> Vec<String> {
///     flashes.iter().map(|Message { category, text, .. }| format!("{category}: {text}")).collect()
/// }
/// assert!(shown(&Flashes::default()).is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// What kind of message it is, in the app's own words.
    pub category: String,
    /// What it says.
    pub text: String,
}

/// The messages that wait for the client, taken out of its session: those of [`flash`] up to now. Whoever asks again within the same request is
/// given the same.
///
/// As an argument of a handler, or by [`Request::flashes`].
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Error, Flashes, Session, SessionKey, Sessions, flash};
///
/// async fn save(session: Session) -> Result<(), Error> {
///     flash(&session, "error", "no room")?;
///     Ok(flash(&session, "info", "saved")?)
/// }
///
/// async fn errors(flashes: Flashes) -> String {
///     flashes.of("error").collect()
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("app").sessions(Sessions::new(SessionKey::generate())).post("/", save).get("/", errors);
/// let client = rsgi_test::Client::new(app.build()?).keep_cookies();
/// assert_eq!(client.post("/").answer().status(), 204);
/// assert_eq!(client.get("/").answer().text(), "no room");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Flashes(Arc<Vec<Message>>);

impl Flashes {
    /// The messages, the oldest first.
    pub fn iter(&self) -> std::slice::Iter<'_, Message> {
        self.0.iter()
    }

    /// The messages' texts of a category.
    pub fn of<'a>(&'a self, category: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |it| it.category == category).map(|it| it.text.as_str())
    }

    /// Tells whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Flashes {
    type Item = &'a Message;
    type IntoIter = std::slice::Iter<'a, Message>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Request {
    /// Takes the messages of [`flash`] out of the client's session; see [`Flashes`].
    ///
    /// # Errors
    ///
    /// The app has no sessions, or the answer's head is made.
    pub fn flashes(&self) -> Result<Flashes, Error> {
        if let Some(taken) = self.kept::<Flashes>() {
            return Ok((*taken).clone());
        }
        let session = of(self)?;
        let messages: Option<Vec<Message>> = session.get(NAME).ok().flatten();
        if messages.is_some() {
            session.remove(NAME)?;
        }
        let flashes = Flashes(Arc::new(messages.unwrap_or_default()));
        self.keep(flashes.clone());
        Ok(flashes)
    }
}

impl FromRequest for Flashes {
    async fn from_request(request: &Request) -> Result<Self, Error> {
        request.flashes()
    }

    fn check(boot: &Boot<'_>) -> Result<(), String> {
        check(boot, "Flashes")
    }
}

/// The name in the session, as in Flask's.
const NAME: &str = "_flashes";
