//! The rules that settings keep, each alone and with each other.
//!
//! Adapters call [`Config::check`] before they open anything. What only the system can refuse (an address, a
//! file) isn't looked at here.
//!
//! Invariant: a configuration that passes makes no adapter panic, overflow a timer or accept nothing at all.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::bind::Bind;
use super::config::Config;
use super::error::ServeError;
use super::limits::Limits;
use crate::proxy_protocol::ProxyProtocol;

impl Config {
    /// Checks every setting, and those that depend on each other.
    ///
    /// # Errors
    ///
    /// A `BadSetting` for the first that doesn't hold, naming it, its value and what is allowed.
    pub fn check(&self) -> Result<(), ServeError> {
        self.check_listeners()?;
        self.check_limits()?;
        self.check_http2()?;
        self.check_timeouts()?;
        if self.proxy_protocol != ProxyProtocol::Off && self.trust.trusts_nobody() {
            return Err(ServeError::bad_setting(
                "proxy_protocol",
                self.proxy_protocol,
                "no peer is trusted to send it",
                "name the balancer's network in the trust policy",
            ));
        }
        Ok(())
    }

    fn check_listeners(&self) -> Result<(), ServeError> {
        within("backlog", self.backlog.0, 1..=i32::MAX as u32)?;
        if let Some(mode) = self.unix_mode
            && mode > 0o777
        {
            let remedy = "write permission bits in octal, such as 0o660";
            return Err(ServeError::bad_setting(
                "unix_mode",
                format!("{mode:#o}"),
                "there are more bits than 0o777",
                remedy,
            ));
        }
        for (index, bind) in self.binds.iter().enumerate() {
            let any_port = matches!(bind, Bind::Tcp { port: 0, .. });
            if !any_port && self.binds[..index].contains(bind) {
                return Err(ServeError::bad_setting(
                    "bind",
                    bind,
                    "it is named twice",
                    "name each listener once",
                ));
            }
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), ServeError> {
        let limits = &self.limits;
        within("head_bytes", limits.head_bytes, 256..=MOST_BYTES)?;
        within("target_bytes", limits.target_bytes, 1..=TARGET_BYTES_MOST.min(limits.head_bytes))?;
        within("header_count", limits.header_count, 1..=Limits::HEADER_COUNT_MOST)?;
        within("header_bytes", limits.header_bytes, 1..=limits.head_bytes)?;
        within("trailer_bytes", limits.trailer_bytes, 0..=MOST_BYTES)?;
        within("chunk_extension_bytes", limits.chunk_extension_bytes, 0..=MOST_BYTES)?;
        within("requests_per_connection", limits.requests_per_connection.unwrap_or(1), 1..=u64::MAX)?;
        within("connections", limits.connections, 1..=usize::MAX)?;
        within("pending_requests", limits.pending_requests.unwrap_or(1), 1..=usize::MAX)?;
        within("running_requests", limits.running_requests.unwrap_or(1), 1..=usize::MAX)?;
        within("request_buffer", limits.request_buffer, 0..=MOST_BYTES)?;
        within("write_buffer", limits.write_buffer, 1024..=MOST_BYTES)
    }

    fn check_http2(&self) -> Result<(), ServeError> {
        let http2 = &self.limits.http2;
        within("http2.concurrent_streams", http2.concurrent_streams, 1..=i32::MAX as u32)?;
        within("http2.pending_reset_streams", http2.pending_reset_streams, 1..=usize::MAX)?;
        within("http2.error_reset_streams", http2.error_reset_streams, 1..=usize::MAX)?;
        // RFC 9113 section 6.9.1: a window is at most 2^31 - 1, and section 6.5.2 bounds the frame's size.
        // The connection's window starts at 65,535 and can only be raised.
        within("http2.stream_window", http2.stream_window, 1024..=i32::MAX as u32)?;
        within("http2.connection_window", http2.connection_window, 65_535..=i32::MAX as u32)?;
        within("http2.frame_bytes", http2.frame_bytes, 16_384..=16_777_215)
    }

    fn check_timeouts(&self) -> Result<(), ServeError> {
        let timeouts = &self.timeouts;
        let none = Duration::ZERO;
        let some = Duration::from_nanos(1);
        for (name, value, least) in [
            ("handshake", timeouts.handshake, some),
            ("head", timeouts.head, some),
            ("body_progress", timeouts.body_progress, some),
            ("write", timeouts.write, some),
            ("keep_alive", timeouts.keep_alive, none),
            ("linger", timeouts.linger, none),
            ("graceful", timeouts.graceful, none),
        ] {
            if value.is_some_and(|value| value < least || value > LONGEST) {
                let value = format!("{:?}", value.unwrap_or_default());
                let remedy = "choose one above zero and up to a year, or None for no limit";
                return Err(ServeError::bad_setting(name, value, "this time isn't allowed", remedy));
            }
        }
        Ok(())
    }
}

fn within<T: PartialOrd + fmt::Display>(
    name: &'static str,
    value: T,
    allowed: RangeInclusive<T>,
) -> Result<(), ServeError> {
    if allowed.contains(&value) {
        return Ok(());
    }
    let remedy = format!("choose one from {} to {}", allowed.start(), allowed.end());
    Err(ServeError::bad_setting(name, value, "this value isn't allowed", remedy))
}

/// What `http::Uri` can hold; a longer target could be parsed but not represented.
const TARGET_BYTES_MOST: usize = 65_534;

/// More than this for one client's buffer is a slip of the pen, and sums of a few of them must not overflow.
const MOST_BYTES: usize = 1 << 30;

/// A longer time is meant to be none; bounded, so that adding it to an instant can't overflow.
const LONGEST: Duration = Duration::from_hours(366 * 24);
