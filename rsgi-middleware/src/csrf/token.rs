//! [`CsrfToken`]: what a form carries, and what it is compared with.
//!
//! Invariant: the secret itself is in no answer but its own cookie: a token is the secret under a mask that is new each
//! time, so that the length of compressed answers tells nothing of it (BREACH).

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsgi_core::{Error, Started};
use subtle::ConstantTimeEq as _;

use super::error::{CsrfError, CsrfErrorKind};

/// Bytes of a secret.
const BYTES: usize = 32;

/// What a client's tokens are made of.
#[derive(Clone, Copy)]
pub(crate) struct Secret([u8; BYTES]);

/// Where a client's secret is kept, for one request.
pub(crate) trait Keep: Send + Sync {
    /// The secret that came with the request, or was made for it.
    fn secret(&self) -> Option<Secret>;

    /// Gives the client a new secret with the answer; called once at most, where there is none.
    fn keep(&self, secret: Secret) -> Result<(), CsrfError>;

    /// Notes that the answer bears a token.
    fn told(&self) {}

    /// Writes what became of the secret into the answer's head; after it no secret can be kept.
    fn settle(&self, _: &mut Started) -> Result<(), Error> {
        Ok(())
    }
}

impl Secret {
    fn fresh() -> Result<Self, CsrfError> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(|error| {
            CsrfError::new(CsrfErrorKind::NoRandomness, format!("no random bytes for a token: {error}"))
        })?;
        Ok(Self(bytes))
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        Some(Self(URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?))
    }

    pub(crate) fn text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// A token of this secret: the mask, and the secret under it.
    fn masked(self) -> Result<String, CsrfError> {
        let Self(mask) = Self::fresh()?;
        let mut token = mask.to_vec();
        token.extend(self.0.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
        Ok(URL_SAFE_NO_PAD.encode(token))
    }

    /// Tells in constant time whether a token is one of this secret: masked, or the secret as a script reads it from its
    /// cookie.
    pub(super) fn made(self, token: &[u8]) -> bool {
        let Ok(token) = URL_SAFE_NO_PAD.decode(token.trim_ascii()) else { return false };
        let unmasked: Vec<u8> = match token.len() {
            BYTES => token,
            length if length == 2 * BYTES => {
                let (mask, masked) = token.split_at(BYTES);
                masked.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect()
            }
            _ => return false,
        };
        unmasked.ct_eq(&self.0).into()
    }
}

/// The token that a form has to send back, in the environ's slot of this type behind [`Csrf`](crate::Csrf).
///
/// A clone is the same token: an app may take one into its templates. The client is given a secret with the first answer
/// whose app asked for a token, and none before.
#[derive(Clone)]
pub struct CsrfToken(Arc<dyn Keep>);

impl CsrfToken {
    pub(super) fn new(keep: Arc<dyn Keep>) -> Self {
        Self(keep)
    }

    /// A token as text: letters, digits, `-` and `_`. Another one each time, all of them good until the secret ends.
    ///
    /// # Errors
    ///
    /// A [`CsrfError`]: the client has no secret yet and the answer's head is made, so that none can be given; the session
    /// has no room; the system has no random bytes.
    pub fn value(&self) -> Result<String, CsrfError> {
        let secret = if let Some(secret) = self.0.secret() {
            secret
        } else {
            let fresh = Secret::fresh()?;
            self.0.keep(fresh)?;
            fresh
        };
        self.0.told();
        secret.masked()
    }
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CsrfToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_another_each_time_and_belongs_to_its_secret_alone() {
        let (secret, other) = (Secret::fresh().unwrap(), Secret::fresh().unwrap());
        let (one, two) = (secret.masked().unwrap(), secret.masked().unwrap());
        assert_ne!(one, two);
        for token in [&one, &two, &secret.text(), &format!(" {one}\n")] {
            assert!(secret.made(token.as_bytes()), "{token}");
            assert!(!other.made(token.as_bytes()), "{token}");
        }
        for wrong in ["", "A", &one[1..], &one[..85], &format!("{one}A"), "!!!!", &"A".repeat(86)] {
            assert!(!secret.made(wrong.as_bytes()), "{wrong}");
        }
        assert_eq!(Secret::read(&secret.text()).unwrap().0, secret.0);
        assert!(Secret::read(&one).is_none() && Secret::read("").is_none());
    }
}
