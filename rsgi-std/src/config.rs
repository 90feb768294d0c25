//! Settings: core's common ones as this server's parts need them, and the few that only this server has.
//!
//! The numbers and their meaning stand with core's `Config`; here they are only handed on, so that no other file asks
//! which setting means what.
//!
//! Invariant: made of a `Config` that has passed its own `check`. Next: `server.rs`.

use std::time::Duration;

use http::HeaderValue;
use rsgi_core::Capabilities;
use rsgi_core::proxy_protocol::ProxyProtocol;
use rsgi_core::server::{Config, HalfClose, Limits, ServerField, Timeouts};
use rsgi_threads::{PollerKind, Runtime};

use crate::h1::{BodyLimits, HeadLimits};

/// What only this server has; `Options::default()` serves well.
///
/// # Examples
///
/// ```
/// use rsgi_std::{Options, Poller};
///
/// let options = Options::default().poller(Poller::Portable);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Options {
    poller: Poller,
    tick: Option<Duration>,
    copies_files: bool,
}

/// Which way of waiting for many sockets is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Poller {
    /// The best one of the platform: epoll on Linux, elsewhere the portable one.
    #[default]
    Native,
    /// `poll(2)`, which every unix has. Its cost grows with the number of connections; for tests and small machines.
    Portable,
}

impl Options {
    /// Sets how sockets are waited for. Default: [`Poller::Native`].
    #[must_use]
    pub fn poller(mut self, poller: Poller) -> Self {
        self.poller = poller;
        self
    }

    /// Sets how soon gathered output is sent and a thread that is held up relieved. Default: 0.5 ms.
    ///
    /// Longer saves wake-ups of a busy server, shorter lets an event stream's pieces flow sooner. A thread that is held up
    /// out of the blue, after a while in which none was, is relieved after up to four of it.
    #[must_use]
    pub fn tick(mut self, tick: Duration) -> Self {
        self.tick = Some(tick);
        self
    }

    /// Sets whether the system sends files (`sendfile(2)`), where it can: on Linux, in the clear. Default: true. Without it files are copied
    /// as any other body is, and the capability isn't offered; for file systems on which it is known to fail.
    #[must_use]
    pub fn sendfile(mut self, sendfile: bool) -> Self {
        self.copies_files = !sendfile;
        self
    }

    /// Whether the system sends files.
    fn sends_files(&self) -> bool {
        crate::sendfile::HERE && !self.copies_files
    }

    /// The engine's settings.
    pub(crate) fn engine(&self, config: &Config) -> rsgi_threads::Config {
        let poller = match self.poller {
            Poller::Native => PollerKind::Native,
            Poller::Portable => PollerKind::Portable,
        };
        let engine = rsgi_threads::Config::of_server(config).poller(poller).thread_name("rsgi-std");
        match self.tick {
            Some(tick) => engine.tick(tick),
            None => engine,
        }
    }
}

/// What this server can do, with these threads and settings.
pub(crate) fn capabilities(config: &Config, options: &Options) -> Capabilities {
    let mut capabilities = Capabilities::TRAILERS
        | Capabilities::INFORMATIONAL
        | Capabilities::UPGRADE
        | Capabilities::DUPLEX
        | Capabilities::UNIX_PEER;
    if options.sends_files() {
        capabilities |= Capabilities::SENDFILE;
    }
    if config.tls.is_some() && crate::tls::HERE {
        capabilities |= Capabilities::TLS;
    }
    if Runtime::HERE {
        capabilities |= Capabilities::TOKIO;
    }
    capabilities
}

/// The settings, by the parts that need them.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) head: HeadLimits,
    pub(crate) body: BodyLimits,
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) half_close: HalfClose,
    pub(crate) server_field: Option<HeaderValue>,
    pub(crate) proxy: ProxyProtocol,
    /// Whether the system sends files.
    pub(crate) sendfile: bool,
}

impl Settings {
    pub(crate) fn of(config: &Config, options: &Options) -> Self {
        let limits = config.limits.clone();
        let head = HeadLimits {
            head_bytes: limits.head_bytes,
            field_count: limits.header_count,
            field_bytes: limits.header_bytes,
            target_bytes: limits.target_bytes,
            ..HeadLimits::default()
        };
        let body = BodyLimits {
            // Core's input counts content, for an app may change the limit of its request.
            body_bytes: u64::MAX,
            extension_bytes: limits.chunk_extension_bytes,
            extensions_total: limits.chunk_extension_bytes,
            trailer_bytes: limits.trailer_bytes,
            ..BodyLimits::default()
        };
        let server_field = match &config.server_field {
            ServerField::Named(value) => Some(value.clone()),
            _ => None,
        };
        Self {
            head,
            body,
            limits,
            timeouts: config.timeouts.clone(),
            half_close: config.half_close,
            server_field,
            proxy: config.proxy_protocol,
            sendfile: options.sends_files(),
        }
    }
}
