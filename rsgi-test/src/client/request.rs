//! A request as a test writes it: a builder that ends in sending, or in opening step by step.
//!
//! What is illegal is told when it is sent, so that a chain reads without interruption. Not here: how it travels.

use rsgi_core::bytes::Bytes;
use rsgi_core::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use rsgi_core::http::{Method, Version};
use std::time::Duration;

use crate::client::Client;
use crate::client::answer::Answer;
use crate::client::error::{ClientError, ClientErrorKind};
use crate::client::escape::{form, query};
use crate::client::open::{Open, source};
use crate::client::outline::{Content, Outline};

/// A request that is being made; see [`Client`].
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request<'a> {
    client: &'a Client,
    outline: Outline,
    /// The first thing that is wrong with it.
    wrong: Option<ClientError>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(client: &'a Client, method: &str, target: String) -> Self {
        let parsed = Method::from_bytes(method.as_bytes());
        let wrong =
            parsed.as_ref().err().map(|error| illegal(format!("method {method:?}"), error.to_string()));
        Self { client, outline: Outline::new(parsed.unwrap_or_default(), target), wrong }
    }

    pub(crate) fn replayed(client: &'a Client, outline: Outline) -> Self {
        Self { client, outline, wrong: None }
    }

    fn fail(mut self, error: ClientError) -> Self {
        self.wrong.get_or_insert(error);
        self
    }

    /// Adds a field. `Host` replaces the client's own; all others may be repeated.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        match field(name, value.as_ref()) {
            Ok((name, value)) if name == header::HOST && !self.outline.has(&name) => {
                self.outline.fields.insert(0, (name, value));
                self
            }
            Ok(field) => {
                self.outline.fields.push(field);
                self
            }
            Err(error) => self.fail(error),
        }
    }

    /// Adds names and values to the query, escaped.
    pub fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        let separator = if self.outline.target.contains('?') { '&' } else { '?' };
        self.outline.target.push(separator);
        self.outline.target.push_str(&query(pairs));
        self
    }

    /// Sets the content, whose length is known.
    pub fn body(mut self, bytes: impl Into<Bytes>) -> Self {
        self.outline.content = Content::Bytes(bytes.into());
        self
    }

    /// Sets a form as the content (`application/x-www-form-urlencoded`).
    pub fn form(mut self, pairs: &[(&str, &str)]) -> Self {
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        self.outline.set(header::CONTENT_TYPE, kind);
        self.body(form(pairs))
    }

    /// Sets a text of JSON as the content.
    pub fn json_text(mut self, text: impl Into<String>) -> Self {
        self.outline.set(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.body(text.into())
    }

    /// Sets content of unknown length, pulled as the app reads; on HTTP/1.1 it goes out in chunks.
    pub fn pieces<P, B>(mut self, pieces: P) -> Self
    where
        P: IntoIterator<Item = B>,
        P::IntoIter: Send + 'static,
        B: Into<Bytes> + 'static,
    {
        self.outline.content = Content::Pieces(Box::new(pieces.into_iter().map(Into::into)));
        self
    }

    /// Leaves the content to [`Open::feed`] and [`Open::end_input`]. Its length is unknown, unless a field
    /// `content-length` declares one.
    pub fn by_hand(mut self) -> Self {
        self.outline.content = Content::ByHand;
        self
    }

    /// Asks the server to say when it wants the content (`Expect: 100-continue`, RFC 9110 section 10.1.1).
    pub fn expect_continue(mut self) -> Self {
        self.outline.set(header::EXPECT, HeaderValue::from_static("100-continue"));
        self
    }

    /// Sends fields behind the content, which on HTTP/1.1 goes out in chunks then.
    pub fn trailers(mut self, fields: &[(&str, &str)]) -> Self {
        let mut trailers = HeaderMap::new();
        for (name, value) in fields {
            match field(name, value.as_bytes()) {
                Ok((name, value)) => drop(trailers.append(name, value)),
                Err(error) => return self.fail(error),
            }
        }
        self.outline.trailers = Some(trailers);
        self
    }

    /// Speaks this version; in memory any, live HTTP/1.0 or 1.1. Default: HTTP/1.1, or HTTP/2 over its road.
    pub fn version(mut self, version: Version) -> Self {
        self.outline.version = version;
        self
    }

    /// Makes it an extended CONNECT for this protocol (RFC 8441), on HTTP/2.
    pub fn protocol(mut self, name: &str) -> Self {
        self.outline.protocol = Some(name.to_owned());
        self.outline.version = Version::HTTP_2;
        self
    }

    /// Sets the deadline that the app sees, counted from now, past which [`Open::advance`] ends the request. In memory
    /// only.
    pub fn deadline(mut self, time: Duration) -> Self {
        self.outline.deadline = Some(time);
        self
    }

    fn finish(self) -> Result<(&'a Client, Outline), ClientError> {
        match self.wrong {
            Some(error) => Err(error),
            None => Ok((self.client, self.outline)),
        }
    }

    /// Sends it and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// The request is illegal, the server isn't there, or the answer broke off: then the error holds what came.
    pub fn send(self) -> Result<Answer, ClientError> {
        let (client, outline) = self.finish()?;
        client.send(outline)
    }

    /// Sends it and awaits the whole answer, for apps that need the runtime of the test. A live server is waited for on
    /// the calling thread.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    pub async fn send_async(self) -> Result<Answer, ClientError> {
        let (client, outline) = self.finish()?;
        client.send_async(outline).await
    }

    /// Sends it and waits for the whole answer.
    ///
    /// # Panics
    ///
    /// There is none: [`send`](Self::send) gives the error.
    pub fn answer(self) -> Answer {
        let line = format!("{} {}", self.outline.method, self.outline.target);
        self.send().unwrap_or_else(|error| panic!("{line}: {error}{}", source(&error)))
    }

    /// Begins it, to go on step by step. Redirects aren't followed.
    ///
    /// # Errors
    ///
    /// The request is illegal, or the server isn't there.
    pub fn open(self) -> Result<Open, ClientError> {
        let (client, outline) = self.finish()?;
        client.open(outline)
    }
}

/// Checks a field.
pub(crate) fn field(name: &str, value: &[u8]) -> Result<(HeaderName, HeaderValue), ClientError> {
    let parsed = HeaderName::from_bytes(name.as_bytes());
    let checked = parsed.map_err(|error| illegal(format!("field name {name:?}"), error.to_string()))?;
    let value = HeaderValue::from_bytes(value)
        .map_err(|error| illegal(format!("value of field {name:?}"), error.to_string()))?;
    Ok((checked, value))
}

fn illegal(what: String, why: String) -> ClientError {
    ClientError::new(ClientErrorKind::Request, what).with_source(why)
}
