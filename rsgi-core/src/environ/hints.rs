//! What a request says of how it wants to be treated: its priority, and whether it may be a replay.
//!
//! Hints, to be followed or not; the raw fields stay in the head.

use super::Environ;

/// How urgent a request is to its client, by its `Priority` field (RFC 9218 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Priority {
    /// From 0, the most urgent, to 7; 3 where the client says nothing.
    pub urgency: u8,
    /// Whether a part of the answer is of use before the rest.
    pub incremental: bool,
}

impl Default for Priority {
    fn default() -> Self {
        Self { urgency: 3, incremental: false }
    }
}

impl Environ {
    /// How urgent the request is to its client. What can't be read counts as unsaid (RFC 9218 section 4).
    ///
    /// # Examples
    ///
    /// ```
    /// use rsgi_core::Environ;
    /// use rsgi_core::http::Request;
    ///
    /// let environ = Environ::for_test(Request::get("/hero.avif").header("priority", "u=1, i").body(())?);
    /// assert_eq!((environ.priority().urgency, environ.priority().incremental), (1, true));
    /// # Ok::<(), rsgi_core::Error>(())
    /// ```
    pub fn priority(&self) -> Priority {
        let mut priority = Priority::default();
        let values = self.header_all("priority").filter_map(|value| value.to_str().ok());
        for member in values.flat_map(|value| value.split(',')) {
            // Parameters of a member, which the RFC has none of, are passed over.
            match member.split(';').next().unwrap_or_default().trim() {
                "i" | "i=?1" => priority.incremental = true,
                "i=?0" => priority.incremental = false,
                other => {
                    let urgency = other.strip_prefix("u=").and_then(|digits| digits.parse().ok());
                    priority.urgency = urgency.filter(|urgency| *urgency <= 7).unwrap_or(priority.urgency);
                }
            }
        }
        priority
    }

    /// Tells whether the request may be a replay that an attacker made: it came as early data of TLS, here or, by its
    /// `Early-Data` field, at a proxy before. An app that must not act twice answers 425 (RFC 8470 section 5); the
    /// client then asks again after the handshake.
    pub fn is_early_data(&self) -> bool {
        // Anybody may write the field; believing it makes an app but more careful.
        self.tls().is_some_and(|tls| tls.early_data) || self.header("early-data") == Some("1")
    }
}
