//! What a session's cookie holds, and how it is sealed: encrypted and authenticated by the `cookie` crate's private jar, or
//! authenticated alone by its signed jar.
//!
//! Invariants: what isn't whole, isn't ours or has ended opens to nothing; the cookie's name and the way of sealing are bound
//! in, so that nothing opens in another's place.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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

/// How a cookie is sealed. A key's secret is expanded to a key of its own for either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seal {
    /// Nobody else can read it: nonce, content and tag of AES-256-GCM in base64.
    Encrypted,
    /// Who holds it can: the content in URL-safe base64, a dot, and HMAC-SHA256 in base64.
    Signed,
}

impl Seal {
    fn close(self, name: &str, plain: String, key: &SessionKey) -> String {
        let mut jar = CookieJar::new();
        match self {
            Self::Encrypted => jar.private_mut(&key.0).add(Cookie::new(name.to_owned(), plain)),
            Self::Signed => {
                let payload = URL_SAFE_NO_PAD.encode(plain);
                // The jar signs the value alone: the name is put before it, for the signature and not for the way.
                let named = format!("{name}={payload}");
                jar.signed_mut(&key.0).add(Cookie::new(name.to_owned(), named));
                let signed = jar.get(name).map(Cookie::value).unwrap_or_default();
                let signature = signed.get(..SIGNATURE).unwrap_or_default();
                return format!("{payload}.{signature}");
            }
        }
        jar.get(name).map(|sealed| sealed.value().to_owned()).unwrap_or_default()
    }

    fn open(self, name: &str, value: &str, key: &SessionKey) -> Option<String> {
        let jar = CookieJar::new();
        match self {
            Self::Encrypted => {
                let sealed = Cookie::new(name.to_owned(), value.to_owned());
                jar.private(&key.0).decrypt(sealed).map(|plain| plain.value().to_owned())
            }
            Self::Signed => {
                let (payload, signature) = value.rsplit_once('.')?;
                if signature.len() != SIGNATURE {
                    return None;
                }
                let signed = Cookie::new(name.to_owned(), format!("{signature}{name}={payload}"));
                jar.signed(&key.0).verify(signed)?;
                String::from_utf8(URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
            }
        }
    }

    /// How long the sealed value is of so many bytes.
    fn length(self, plain: usize) -> usize {
        match self {
            Self::Encrypted => (NONCE + plain + TAG).div_ceil(3) * 4,
            Self::Signed => (plain * 4).div_ceil(3) + 1 + SIGNATURE,
        }
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

    /// How long the sealed value is.
    pub(super) fn sealed_length(&self, seal: Seal) -> Result<usize, serde_json::Error> {
        // As wide as the time will be.
        let dated = Self { expires: 9_999_999_999, ..self.clone() };
        Ok(seal.length(serde_json::to_vec(&dated)?.len()))
    }

    pub(super) fn seal(&self, seal: Seal, name: &str, key: &SessionKey) -> Result<String, serde_json::Error> {
        Ok(seal.close(name, serde_json::to_string(self)?, key))
    }

    /// Opens a value by whichever key fits; `None`, with a line in the log, if it is to be ignored.
    pub(super) fn open(seal: Seal, name: &str, value: &str, keys: &[SessionKey], now: u64) -> Option<Self> {
        let Some(plain) = keys.iter().find_map(|key| seal.open(name, value, key)) else {
            tracing::debug!(target: "rsgi", name, "session cookie ignored: no key of ours opens it");
            return None;
        };
        // The error isn't logged: it may show what was sealed.
        let Ok(content) = serde_json::from_str::<Self>(&plain) else {
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

/// Of HMAC-SHA256 in base64, as the `cookie` crate signs.
const SIGNATURE: usize = 44;

#[cfg(test)]
mod tests {
    use super::*;

    const SEALS: [Seal; 2] = [Seal::Encrypted, Seal::Signed];

    #[test]
    fn the_sealed_length_is_known_before() {
        let key = SessionKey::generate();
        for (seal, length) in SEALS.into_iter().flat_map(|seal| (0..50).map(move |length| (seal, length))) {
            let values = BTreeMap::from([("k".to_owned(), Value::from("é".repeat(length)))]);
            let content = Content { expires: 1_800_000_000, id: "i".into(), values, bound: BTreeMap::new() };
            let sealed = content.seal(seal, "s", &key).unwrap();
            assert_eq!(sealed.len(), content.sealed_length(seal).unwrap());
            // RFC 6265 section 4.1.1, cookie-octet.
            let is_octet = |byte: u8| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte);
            assert!(sealed.bytes().all(is_octet), "{sealed}");
        }
    }

    #[test]
    fn a_changed_bit_another_name_or_another_key_opens_nothing() {
        let (key, other) = (SessionKey::generate(), SessionKey::generate());
        let content = Content { expires: 100, id: "i".into(), ..Content::default() };
        let keys = [other.clone(), key.clone()];
        for seal in SEALS {
            let sealed = content.seal(seal, "s", &key).unwrap();
            let open = |name: &str, sealed: &str, now| Content::open(seal, name, sealed, &keys, now);
            assert_eq!(open("s", &sealed, 99).unwrap().id, "i");
            assert!(open("s", &sealed, 100).is_none(), "it has ended");
            assert!(open("t", &sealed, 0).is_none());
            assert!(Content::open(seal, "s", &sealed, std::slice::from_ref(&other), 0).is_none());
            for at in 0..sealed.len() {
                let mut changed = sealed.clone().into_bytes();
                changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
                let changed = String::from_utf8(changed).unwrap();
                assert!(open("s", &changed, 0).is_none(), "{seal:?}, byte {at}");
                assert!(open("s", &sealed[..at], 0).is_none(), "{seal:?}, {at} bytes");
            }
        }
    }

    #[test]
    fn what_is_signed_can_be_read_by_who_holds_it() {
        let content = Content { expires: 100, id: "i".into(), ..Content::default() };
        let signed = content.seal(Seal::Signed, "s", &SessionKey::generate()).unwrap();
        let (payload, _) = signed.split_once('.').unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(payload).unwrap(), br#"{"e":100,"i":"i"}"#);
    }

    /// Else a name or a content could be cut in another place than where it was signed.
    #[test]
    fn a_part_of_the_name_is_none_of_the_content() {
        let key = SessionKey::generate();
        let content = Content { expires: 100, id: "i".into(), ..Content::default() };
        let signed = content.seal(Seal::Signed, "s", &key).unwrap();
        for (name, value) in
            [("s=", signed.clone()), ("", format!("s={signed}")), ("s", format!("={signed}"))]
        {
            assert!(
                Content::open(Seal::Signed, name, &value, std::slice::from_ref(&key), 0).is_none(),
                "{name:?}"
            );
        }
    }

    #[test]
    fn one_way_opens_nothing_of_the_other() {
        let key = SessionKey::generate();
        let content = Content { expires: 100, id: "i".into(), ..Content::default() };
        for (seal, other) in [(Seal::Encrypted, Seal::Signed), (Seal::Signed, Seal::Encrypted)] {
            let sealed = content.seal(seal, "s", &key).unwrap();
            assert!(Content::open(other, "s", &sealed, std::slice::from_ref(&key), 0).is_none());
        }
    }
}
