//! `start_response` and what comes of it: [`StartResponse`] -> [`Head`] -> [`Started`].
//!
//! PEP 3333's callable as a chain of types. An answer can be made only from a head, a head only from
//! `start_response`, and each is moved along: so there is no answer without a head and none with two. Nothing is
//! transmitted here; that is `respond`'s part. An error handler simply starts again (PEP 3333's `exc_info`): the
//! handle can be duplicated, and what it started first is dropped with its body.

use http::{HeaderMap, StatusCode};

use crate::body::Body;
use crate::fields::{FieldName, FieldValue, Fields};
use crate::start_error::{StartError, StartErrorKind};
use crate::upgrade::{Upgrade, UpgradeAnswer};
use crate::watch::Watch;

/// The callable that takes a status and header fields and gives back the only thing an answer can be made from.
///
/// PEP 3333, "The `start_response()` Callable".
///
/// # Examples
///
/// ```
/// use rsgi_core::http::{header, StatusCode};
/// use rsgi_core::{Environ, Error, StartResponse, Started};
///
/// async fn app(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     let head = start_response
///         .start(StatusCode::OK, [("content-type", "text/html; charset=utf-8")])?
///         .header(header::CACHE_CONTROL, "no-store")?;
///     Ok(head.body("<p>hello</p>"))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct StartResponse {
    _only_from_core: (),
}

impl StartResponse {
    /// For `respond`, and for whoever calls an app by hand, as a test does.
    #[must_use]
    pub fn new() -> Self {
        Self { _only_from_core: () }
    }

    /// Begins an answer with a status and fields, given as an array of pairs or anything that iterates over such.
    ///
    /// # Errors
    ///
    /// A [`StartError`] that names the status or the field at fault: see [`StartErrorKind`].
    #[inline(always)]
    pub fn start<N: FieldName, V: FieldValue>(
        self,
        status: StatusCode,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Head, StartError> {
        let mut head = Head::new(check_status(status)?);
        for (name, value) in fields {
            head.fields.append(name, value)?;
        }
        Ok(head)
    }

    /// Begins an answer with a status alone. A status outside 200 to 599 becomes 500 in `respond`, with a log line;
    /// use [`start`](Self::start) to get the error instead.
    #[inline(always)]
    pub fn status(self, status: StatusCode) -> Head {
        Head::new(status)
    }

    /// Takes over the byte stream: 101 on HTTP/1, 200 for an extended CONNECT.
    ///
    /// After it the input goes on as the raw inbound bytes, and the answer's body is the outbound half.
    ///
    /// # Examples
    ///
    /// ```
    /// use rsgi_core::http::StatusCode;
    /// use rsgi_core::{Body, Environ, Error, StartResponse, Started};
    ///
    /// async fn echo(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    ///     let Some(offer) = environ.upgrade()?.filter(|offer| offer.offers("echo")) else {
    ///         let refusal = start_response.status(StatusCode::UPGRADE_REQUIRED).offer_upgrade("echo")?;
    ///         return Ok(refusal.body("speak echo\n"));
    ///     };
    ///     let stream = Body::duplex(environ.take_input(), async |mut input, sender| {
    ///         while let Some(piece) = input.piece().await {
    ///             sender.send(piece?).await?;
    ///         }
    ///         Ok(())
    ///     });
    ///     Ok(start_response.upgrade(offer, "echo")?.body(stream))
    /// }
    /// # fn is_app(_: impl rsgi_core::App) {}
    /// # is_app(echo);
    /// ```
    ///
    /// # Errors
    ///
    /// [`StartErrorKind::Upgrade`] if the client didn't offer `protocol`.
    pub fn upgrade(self, upgrade: Upgrade, protocol: &str) -> Result<Head, StartError> {
        let status = upgrade.kind().status();
        let answer = upgrade.accept(protocol)?;
        Ok(Head::new(status).with_upgrade(answer))
    }
}

impl Default for StartResponse {
    fn default() -> Self {
        Self::new()
    }
}

#[inline(always)]
fn check_status(status: StatusCode) -> Result<StatusCode, StartError> {
    if (200..600).contains(&status.as_u16()) {
        Ok(status)
    } else {
        Err(StartError::new(StartErrorKind::InvalidStatus, status.as_str()))
    }
}

/// What an answer asks of the server beside its fields.
#[derive(Debug, Default, Clone)]
pub(crate) struct Options {
    pub(crate) close: bool,
    pub(crate) head_at_once: bool,
    pub(crate) upgrade: Option<Box<UpgradeAnswer>>,
}

/// A started head that waits for its body.
#[derive(Debug)]
#[must_use = "a head is no answer yet: give it a body"]
pub struct Head {
    status: StatusCode,
    fields: Fields,
    options: Options,
}

impl Head {
    #[inline(always)]
    fn new(status: StatusCode) -> Self {
        Self::with_fields(status, Fields::new())
    }

    /// With fields that were checked already.
    #[inline(always)]
    pub(crate) fn with_fields(status: StatusCode, fields: Fields) -> Self {
        Self { status, fields, options: Options::default() }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Adds one field, beside those of the same name.
    ///
    /// # Errors
    ///
    /// A [`StartError`] that names the field at fault.
    #[inline(always)]
    pub fn header(mut self, name: impl FieldName, value: impl FieldValue) -> Result<Self, StartError> {
        self.fields.append(name, value)?;
        Ok(self)
    }

    /// Asks the server to close the connection after this answer. Default: it is kept where it can be.
    pub fn close(mut self) -> Self {
        self.options.close = true;
        self
    }

    /// Asks for the head to go out before the body's first piece is there. Default: with the first piece, or at
    /// once where the body isn't ready (an event stream's head needs no asking).
    pub fn head_at_once(mut self) -> Self {
        self.options.head_at_once = true;
        self
    }

    /// Names the protocols that the client may upgrade to, in an ordinary answer: a 426 must, and is the usual
    /// refusal of a request that offered none of them (RFC 9110 sections 7.8, 15.5.22). The server sends `Upgrade`
    /// and its `Connection` option on HTTP/1.1; other versions know neither.
    ///
    /// # Errors
    ///
    /// [`StartErrorKind::InvalidValue`] if `protocols` can't be a field's value.
    pub fn offer_upgrade(self, protocols: impl FieldValue) -> Result<Self, StartError> {
        Ok(self.with_upgrade(UpgradeAnswer::Offered(protocols.into_value()?)))
    }

    /// Takes over what an answer of this status asked for; the stream only if the status is still that one.
    pub(crate) fn with_options(mut self, options: Options, status: StatusCode) -> Self {
        let keeps = status == self.status;
        self.options = options;
        if let Some(UpgradeAnswer::Accepted { .. }) = self.options.upgrade.as_deref()
            && !keeps
        {
            self.options.upgrade = None;
        }
        self
    }

    pub(crate) fn with_upgrade(mut self, answer: UpgradeAnswer) -> Self {
        self.options.upgrade = Some(Box::new(answer));
        self
    }

    /// Completes the answer with its body.
    #[inline(always)]
    pub fn body(self, body: impl Into<Body>) -> Started {
        Started { status: self.status, fields: self.fields, body: body.into(), options: self.options }
    }

    /// Completes the answer with an empty body.
    #[inline(always)]
    pub fn empty(self) -> Started {
        self.body(Body::empty())
    }
}

/// A complete answer: the body that PEP 3333's application returns, with the head it was started with.
///
/// Middleware works on this value: it may read and change the head, and map or replace the body. Dropping it drops
/// the body, which is PEP 3333's `close()`.
#[derive(Debug)]
#[must_use = "an answer is sent by returning it"]
pub struct Started {
    status: StatusCode,
    fields: Fields,
    body: Body,
    options: Options,
}

/// The parts of a [`Started`], for `respond`.
pub(crate) struct StartedParts {
    pub(crate) status: StatusCode,
    pub(crate) fields: Fields,
    pub(crate) body: Body,
    pub(crate) options: Options,
}

impl Started {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Changes the status. An answer that took over the byte stream becomes an ordinary one by it: a refusal.
    ///
    /// # Errors
    ///
    /// [`StartErrorKind::InvalidStatus`] outside 200 to 599.
    pub fn set_status(&mut self, status: StatusCode) -> Result<(), StartError> {
        self.status = check_status(status)?;
        if self.is_upgrade() {
            self.options.upgrade = None;
        }
        Ok(())
    }

    /// The header fields, to be read.
    pub fn headers(&self) -> &HeaderMap {
        self.fields.map()
    }

    /// The header fields, to be changed by checked methods.
    pub fn fields_mut(&mut self) -> &mut Fields {
        &mut self.fields
    }

    /// The body, to be asked for its length and kind.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Takes the body out, leaving an empty one; a `Content-Length` stays and is the caller's to mend.
    pub fn take_body(&mut self) -> Body {
        std::mem::take(&mut self.body)
    }

    /// Puts another body in the place of this one, made of it: mapped piece by piece by [`Body::map`], say. What is
    /// known of the new one's length counts, so a `Content-Length` is removed.
    pub fn map_body(mut self, change: impl FnOnce(Body) -> Body) -> Self {
        self.body = change(self.body);
        self.fields.remove(&http::header::CONTENT_LENGTH);
        self
    }

    /// Has `watch` see what happens to the body: see [`Body::watch`]. Nothing of the answer changes.
    pub fn watch(&mut self, watch: impl Watch) {
        self.body = self.take_body().watch(watch);
    }

    /// Asks the server to close the connection after this answer.
    pub fn close(&mut self) {
        self.options.close = true;
    }

    /// Tells whether the answer takes over the byte stream.
    pub fn is_upgrade(&self) -> bool {
        matches!(self.options.upgrade.as_deref(), Some(UpgradeAnswer::Accepted { .. }))
    }

    #[inline(always)]
    pub(crate) fn into_parts(self) -> StartedParts {
        StartedParts { status: self.status, fields: self.fields, body: self.body, options: self.options }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_final_status_lies_between_200_and_599() {
        for code in [100, 101, 103, 199, 600, 999] {
            let status = StatusCode::from_u16(code).unwrap();
            let error = StartResponse::new().start(status, [("x-a", "1")]).unwrap_err();
            assert_eq!(error.kind(), StartErrorKind::InvalidStatus);
        }
        for code in [200, 204, 304, 404, 500, 599] {
            let status = StatusCode::from_u16(code).unwrap();
            let _head = StartResponse::new().start(status, [("x-a", "1")]).unwrap();
        }
    }

    #[test]
    fn an_error_handler_starts_again_with_a_duplicate() {
        let start_response = StartResponse::new();
        let first = start_response.clone().start(StatusCode::OK, [("x-a", "1")]).unwrap().body("lost");
        drop(first);
        let second = start_response.start(StatusCode::NOT_FOUND, [("x-b", "2")]).unwrap().empty();
        assert_eq!(second.status(), StatusCode::NOT_FOUND);
    }
}
