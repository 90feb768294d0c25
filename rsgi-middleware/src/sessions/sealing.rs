//! What a session's cookie holds, and how it is sealed: encrypted and authenticated by the `cookie` crate's private jar,
//! with the cookie's name bound in.
//!
//! Invariant: what isn't whole, isn't ours or has ended opens to nothing.

use std::collections::BTreeMap;
use std::fmt;

use cookie::{Cookie, CookieJar, Key};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::{SessionError, SessionErrorKind};

/// A key that sessions are sealed with.
///
/// # Examples
///
/// ```
/// use rsgi_middleware::SessionKey;
///
/// // From the settings, the same in each process and after a restart.
/// let key = SessionKey::new(b"32 bytes or more, of a secret that nobody can guess")?;
/// assert!(SessionKey::new(b"short").is_err());
/// # let _ = key;
/// # Ok::<(), rsgi_middleware::SessionError>(())
/// ```
#[derive(Clone)]
pub struct SessionKey(Key);

/// The least bytes of a key's secret.
const SECRET_BYTES: usize = 32;

impl SessionKey {
    /// Makes a key of a secret of 32 bytes or more, random ones: `openssl rand -base64 48` prints such.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::ShortKey`] if there are fewer.
    pub fn new(secret: &[u8]) -> Result<Self, SessionError> {
        if secret.len() < SECRET_BYTES {
            let text = format!(
                "session key of {} bytes: a secret has {SECRET_BYTES} or more, random ones",
                secret.len()
            );
            return Err(SessionError::new(SessionErrorKind::ShortKey, text));
        }
        Ok(Self(Key::derive_from(secret)))
    }

    /// Makes a random key, for tests and for what may end with the process: it opens no other process's sessions.
    ///
    /// # Panics
    ///
    /// The system has no random bytes.
    #[must_use]
    pub fn generate() -> Self {
        Self(Key::generate())
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionKey(..)")
    }
}

/// What is sealed; short names, as each byte is sent with every request.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Content {
    /// When it ends, in seconds since 1970: inside the seal, so that a stolen cookie ends as well.
    #[serde(rename = "e")]
    pub(super) expires: u64,
    #[serde(rename = "i")]
    pub(super) id: String,
    #[serde(rename = "v", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) values: BTreeMap<String, Value>,
    /// What ends with the id: other middleware's.
    #[serde(rename = "b", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) bound: BTreeMap<String, String>,
}

impl Content {
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.bound.is_empty()
    }

    /// How long the sealed value is: nonce, content and tag in base64.
    pub(super) fn sealed_length(&self) -> Result<usize, serde_json::Error> {
        // As wide as the time will be.
        let dated = Self { expires: 9_999_999_999, ..self.clone() };
        let sealed = NONCE + serde_json::to_vec(&dated)?.len() + TAG;
        Ok(sealed.div_ceil(3) * 4)
    }

    pub(super) fn seal(&self, name: &str, key: &SessionKey) -> Result<String, serde_json::Error> {
        let mut jar = CookieJar::new();
        let plain = Cookie::new(name.to_owned(), serde_json::to_string(self)?);
        jar.private_mut(&key.0).add(plain);
        Ok(jar.get(name).map(|sealed| sealed.value().to_owned()).unwrap_or_default())
    }

    /// Opens a value by whichever key fits; `None`, with a line in the log, if it is to be ignored.
    pub(super) fn open(name: &str, value: &str, keys: &[SessionKey], now: u64) -> Option<Self> {
        let jar = CookieJar::new();
        let sealed = || Cookie::new(name.to_owned(), value.to_owned());
        let Some(plain) = keys.iter().find_map(|key| jar.private(&key.0).decrypt(sealed())) else {
            tracing::debug!(target: "rsgi", name, "session cookie ignored: no key of ours opens it");
            return None;
        };
        // The error isn't logged: it may show what was sealed.
        let Ok(content) = serde_json::from_str::<Self>(plain.value()) else {
            tracing::debug!(target: "rsgi", name, "session cookie ignored: it holds no session");
            return None;
        };
        if content.expires <= now {
            tracing::debug!(target: "rsgi", name, "session cookie ignored: it has ended");
            return None;
        }
        Some(content)
    }
}

/// Of AES-256-GCM, as the `cookie` crate seals.
const NONCE: usize = 12;
const TAG: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sealed_length_is_known_before() {
        let key = SessionKey::generate();
        for length in 0..50 {
            let values = BTreeMap::from([("k".to_owned(), Value::from("é".repeat(length)))]);
            let content = Content { expires: 1_800_000_000, id: "i".into(), values, bound: BTreeMap::new() };
            assert_eq!(content.seal("s", &key).unwrap().len(), content.sealed_length().unwrap());
        }
    }

    #[test]
    fn a_changed_bit_another_name_or_another_key_opens_nothing() {
        let (key, other) = (SessionKey::generate(), SessionKey::generate());
        let content = Content { expires: 100, id: "i".into(), ..Content::default() };
        let sealed = content.seal("s", &key).unwrap();
        let keys = [other.clone(), key];
        assert_eq!(Content::open("s", &sealed, &keys, 99).unwrap().id, "i");
        assert!(Content::open("s", &sealed, &keys, 100).is_none(), "it has ended");
        assert!(Content::open("t", &sealed, &keys, 0).is_none());
        assert!(Content::open("s", &sealed, &[other], 0).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(Content::open("s", &changed, &keys, 0).is_none(), "byte {at}");
        }
    }
}
