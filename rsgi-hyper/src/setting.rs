//! The settings that every connection of a server shares, resolved once at the start.
//!
//! Invariant: nothing here changes while the server runs.

use std::time::Duration;

use rsgi_core::http::HeaderMap;
use rsgi_core::http::header::{self, HeaderValue};
use rsgi_core::server::{Config, HalfClose, ServerField, Timeouts};

use crate::body_in::Bounds;
use crate::request::HeadLimits;
use crate::unread::Discard;

/// What connections need of the configuration.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) head: HeadLimits,
    pub(crate) body: Bounds,
    pub(crate) half_close: HalfClose,
    pub(crate) timeouts: Timeouts,
    /// Requests on a connection.
    pub(crate) requests: u64,
    /// Requests at once on a connection of HTTP/2.
    pub(crate) concurrent_streams: usize,
    /// How much of an unread body is read so that the connection goes on, or the answer isn't lost.
    pub(crate) discard: Discard,
    /// Whether there is a field to be added to answers.
    pub(crate) adds_field: bool,
    server_field: Option<HeaderValue>,
}

impl Setting {
    pub(crate) fn of(config: &Config) -> Self {
        let server_field = match &config.server_field {
            ServerField::Named(value) => Some(value.clone()),
            _ => None,
        };
        Self {
            head: HeadLimits::of(config),
            body: Bounds::of(config),
            half_close: config.half_close,
            timeouts: config.timeouts.clone(),
            requests: config.limits.requests_per_connection.unwrap_or(u64::MAX),
            concurrent_streams: usize::try_from(config.limits.http2.concurrent_streams).unwrap_or(usize::MAX),
            discard: Discard { bytes: config.limits.discard_bytes, time: config.timeouts.linger },
            adds_field: server_field.is_some(),
            server_field,
        }
    }

    /// Whether connections are kept after an answer.
    pub(crate) fn keeps(&self) -> bool {
        self.timeouts.keep_alive != Some(Duration::ZERO) && self.requests > 1
    }
}

/// Adds the `Server` field if one is configured and the app has set none.
#[inline]
pub(crate) fn add_server_field(headers: &mut HeaderMap, setting: &Setting) {
    if let Some(value) = &setting.server_field
        && !headers.contains_key(header::SERVER)
    {
        headers.insert(header::SERVER, value.clone());
    }
}
