//! The fields that every answer ends with, prepared once a second: Server and Date.
//!
//! One value a worker thread; an answer that sets neither field itself copies one ready slice. It doesn't read the
//! clock: the caller says what time it is ([`StandingFields::refresh`]), once an event-loop turn say, for even a
//! cheap clock costs as much as encoding a small head.
//!
//! Invariant: the slice is whole field lines, CRLF included, followed by the head's empty line.
//! Next: `encode.rs`.

use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;

/// Server and Date, ready to send.
#[derive(Debug)]
pub struct StandingFields {
    /// Seconds since 1970 of the date in `lines`.
    second: u64,
    /// `server: …`, `date: …` and the empty line.
    lines: Vec<u8>,
    /// Where the date line begins.
    date_at: usize,
}

impl StandingFields {
    /// Prepares the fields; without `server` there is no Server field but an app's own (RFC 9110 10.2.4).
    pub fn new(server: Option<&HeaderValue>, now: SystemTime) -> Self {
        let mut lines = Vec::with_capacity(64);
        if let Some(server) = server {
            lines.extend_from_slice(b"server: ");
            lines.extend_from_slice(server.as_bytes());
            lines.extend_from_slice(b"\r\n");
        }
        let date_at = lines.len();
        let mut fields = Self { second: 0, lines, date_at };
        fields.write_date(now);
        fields
    }

    /// Brings the date up to `now`; costs next to nothing within the same second.
    #[inline]
    pub fn refresh(&mut self, now: SystemTime) {
        if seconds(now) != self.second {
            self.write_date(now);
        }
    }

    /// All lines and the empty line.
    #[inline]
    pub(super) fn all(&self) -> &[u8] {
        &self.lines
    }

    /// The server line, which may be empty.
    pub(super) fn server_line(&self) -> &[u8] {
        &self.lines[..self.date_at]
    }

    /// The date line, without the empty line.
    pub(super) fn date_line(&self) -> &[u8] {
        &self.lines[self.date_at..self.lines.len() - 2]
    }

    fn write_date(&mut self, now: SystemTime) {
        // What `httpdate` can't write, it panics over: years before 1970 and after 9999.
        let second = seconds(now).min(LAST_SECOND);
        let date = httpdate::fmt_http_date(UNIX_EPOCH + std::time::Duration::from_secs(second));
        self.second = seconds(now);
        self.lines.truncate(self.date_at);
        self.lines.extend_from_slice(b"date: ");
        self.lines.extend_from_slice(date.as_bytes());
        self.lines.extend_from_slice(b"\r\n\r\n");
    }
}

fn seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// 31 December 9999, 23:59:59.
const LAST_SECOND: u64 = 253_402_300_799;
