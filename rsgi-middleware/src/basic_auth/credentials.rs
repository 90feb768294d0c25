//! [`Credentials`] as a client sent them, and their reading from `Authorization` (RFC 7617 section 2).
//!
//! Invariant: nothing here shows a password, neither `Debug` nor an error.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsgi_core::http::header::{AUTHORIZATION, HeaderMap};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The user name and password that a client sent.
///
/// # Examples
///
/// ```
/// use rsgi_middleware::Credentials;
///
/// let credentials = Credentials::new("ada", "secret");
/// assert!(credentials.user_is("ada") && credentials.password_is("secret"));
/// assert!(!format!("{credentials:?}").contains("secret"));
/// ```
#[derive(Clone)]
pub struct Credentials {
    user: String,
    password: String,
}

impl Credentials {
    /// Makes credentials, as a test of a verifier does.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into() }
    }

    /// The user's name.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password, for a hash that is slow on purpose; compare a plain one by [`password_is`](Self::password_is).
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Compares the name in a time that doesn't depend on where the two differ.
    #[must_use]
    pub fn user_is(&self, expected: &str) -> bool {
        same(&digest(&self.user), &digest(expected)).into()
    }

    /// Compares the password in a time that doesn't depend on where the two differ.
    #[must_use]
    pub fn password_is(&self, expected: &str) -> bool {
        same(&digest(&self.password), &digest(expected)).into()
    }

    /// Reads the one `Authorization` field of a request; `None` if it isn't there, is another scheme's, or broken.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let mut fields = headers.get_all(AUTHORIZATION).into_iter();
        // Two say two things, and whoever reads the other one would see another user.
        let (Some(field), None) = (fields.next(), fields.next()) else { return None };
        // The scheme is compared whatever its case (RFC 9110 section 11.1).
        let (scheme, token) = field.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(token.trim_matches(' ')).ok()?).ok()?;
        // RFC 7617 section 2: the name ends at the first colon, and neither part has control characters.
        let (user, password) = text.split_once(':')?;
        (!text.contains(char::is_control)).then(|| Self::new(user, password))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The name neither: people type their password into the wrong field.
        formatter.write_str("Credentials(..)")
    }
}

/// Names and passwords that are known at boot, kept as digests of one length, so that comparing tells no length.
pub(super) struct Users(Vec<([u8; 32], [u8; 32])>);

impl Users {
    pub(super) fn new<U: AsRef<str>, P: AsRef<str>>(users: impl IntoIterator<Item = (U, P)>) -> Self {
        let digests =
            users.into_iter().map(|(user, password)| (digest(user.as_ref()), digest(password.as_ref())));
        Self(digests.collect())
    }

    /// Looks at every entry, so that the time doesn't tell which names there are.
    pub(super) fn holds(&self, credentials: &Credentials) -> bool {
        let (user, password) = (digest(&credentials.user), digest(&credentials.password));
        let nobody = subtle::Choice::from(0);
        let found = self.0.iter().fold(nobody, |found, (known_user, known_password)| {
            found | (same(known_user, &user) & same(known_password, &password))
        });
        found.into()
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn same(one: &[u8; 32], other: &[u8; 32]) -> subtle::Choice {
    one.ct_eq(other)
}
