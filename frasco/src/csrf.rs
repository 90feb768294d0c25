//! [`CsrfToken`] as an argument of handlers: rsgi-middleware's [`Csrf`](rsgi_middleware::Csrf) around the app gives it.

use rsgi_middleware::CsrfToken;

use crate::error::Error;
use crate::extract::FromRequest;
use crate::request::Request;

/// The token that a form has to send back. The app needs `Csrf` around it: by [`Builder::middleware`](crate::Builder::middleware), or as part of a stack,
/// so it is only seen by the first request whether it has one.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Csrf, CsrfToken, Error, SessionKey, Sessions};
///
/// async fn form(token: CsrfToken) -> Result<String, Error> {
///     Ok(token.value()?)
/// }
///
/// async fn sent() -> &'static str {
///     "sent"
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("app")
///     .sessions(Sessions::new(SessionKey::generate()))
///     .middleware(Csrf::new().in_session())
///     .get("/", form)
///     .post("/", sent)
///     .build()?;
/// let client = rsgi_test::Client::new(app).keep_cookies();
/// let token = client.get("/").answer().text().to_owned();
/// assert_eq!(client.post("/").answer().status(), 403);
/// assert_eq!(client.post("/").form(&[("csrf_token", &token)]).answer().text(), "sent");
/// # Ok(())
/// # }
/// ```
impl FromRequest for CsrfToken {
    async fn from_request(request: &Request) -> Result<Self, Error> {
        let token = request.get::<Self>().cloned();
        token.ok_or_else(|| {
            Error::msg("a handler wants CsrfToken, and no Csrf is around the app: add .middleware(Csrf::new()) to the builder")
        })
    }
}
