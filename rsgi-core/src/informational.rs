//! Informational responses (1xx) before the final head: 103 early hints, 100 on demand, any other but 101.
//!
//! Optional and always ignorable: what became of one is a value ([`Told`]), never a panic. The adapter supplies
//! the way out as a [`Link`]; this file checks what the app wants to send.

use std::sync::Arc;

use http::{HeaderMap, StatusCode, Version};

use crate::exchange::Exchange;
use crate::fields::{FieldName, FieldValue, Fields};
use crate::start_error::{StartError, StartErrorKind};

/// What became of an informational response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Told {
    /// Handed to the connection, which sends it before the final head.
    Sent,
    /// The client speaks HTTP/1.0, which knows no 1xx (RFC 9110 section 15.2).
    IgnoredByVersion,
    /// The final head is on its way already.
    TooLate,
    /// The client has gone.
    Gone,
}

/// The adapter's way of sending what precedes the final head.
///
/// # Contract
///
/// Implemented by adapters, once a connection (or stream). Called by [`Informational::send`] alone, from whatever thread
/// the app runs on, with a status and fields that were checked, and never after the final head was made.
pub trait Link: Send + Sync {
    /// Sends an informational head, in order with those before it. Must not block.
    fn informational(&self, status: StatusCode, fields: &HeaderMap) -> Told;
}

/// Sends informational responses; from [`Environ::informational`](crate::Environ::informational).
///
/// Stays usable through middleware, and does nothing once the final head is on its way.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{Environ, Error, StartResponse, Started};
///
/// async fn app(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     if let Ok(informational) = environ.informational() {
///         informational.send(StatusCode::EARLY_HINTS, [("link", "</style.css>; rel=preload; as=style")])?;
///     }
///     Ok(start_response.status(StatusCode::OK).body("hello"))
/// }
/// ```
#[derive(Clone)]
pub struct Informational {
    exchange: Arc<Exchange>,
    link: Arc<dyn Link>,
    version: Version,
}

impl Informational {
    pub(crate) fn new(exchange: Arc<Exchange>, link: Arc<dyn Link>, version: Version) -> Self {
        Self { exchange, link, version }
    }

    /// Sends one; may be called many times. RFC 8297 for 103.
    ///
    /// # Errors
    ///
    /// The status is no 1xx, or is 101, which is [`StartResponse::upgrade`](crate::StartResponse::upgrade)'s; or a
    /// field is refused as in an answer's head.
    pub fn send<N: FieldName, V: FieldValue>(
        &self,
        status: StatusCode,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Told, StartError> {
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(StartError::new(StartErrorKind::InvalidStatus, status.as_str()));
        }
        let mut checked = Fields::new();
        for (name, value) in fields {
            checked.append(name, value)?;
        }
        if checked.content_length().is_some() {
            // RFC 9110 section 8.6: a server must not send it in a 1xx.
            return Err(StartError::new(StartErrorKind::InvalidName, "content-length"));
        }
        if self.version < Version::HTTP_11 {
            return Ok(Told::IgnoredByVersion);
        }
        if self.exchange.head_is_final() {
            return Ok(Told::TooLate);
        }
        if self.exchange.cause().is_some() {
            return Ok(Told::Gone);
        }
        Ok(self.link.informational(status, checked.map()))
    }
}

impl std::fmt::Debug for Informational {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Informational").field("version", &self.version).finish_non_exhaustive()
    }
}
