//! Passwords: kept as Argon2 hashes, and compared in the same time whether a user is there or not.

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Argon2, PasswordHash};
use frasco::Error;

/// The hash of a password, with a salt of its own. Blocks for as long as a hash is meant to take.
pub(crate) fn hash(password: &str) -> Result<String, Error> {
    let hashed = Argon2::default().hash_password(password.as_bytes());
    Ok(hashed.map_err(|error| Error::msg(format!("a password can't be hashed: {error}")))?.to_string())
}

/// Tells whether a password is the one that was hashed; without a hash it takes as long, and isn't.
pub(crate) fn is_right(password: &str, hash: Option<&str>) -> bool {
    let (hash, is_there) = hash.map_or((NOBODYS, false), |hash| (hash, true));
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok() && is_there
}

/// Of no password.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$cnNnaS1ibG9nLW5vYm9keQ$1Yh3fVQK0YtJ0tS1nBzQ3lQw0C6l0sQ8yGkX0m6cZ1k";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_that_was_hashed_is_right() {
        let hashed = hash("correct horse").unwrap();
        assert!(is_right("correct horse", Some(&hashed)));
        assert!(!is_right("battery staple", Some(&hashed)));
        assert!(!is_right("correct horse", None));
        assert!(!is_right("correct horse", Some("no hash")));
        assert_ne!(hashed, hash("correct horse").unwrap(), "a salt of its own");
        assert!(PasswordHash::new(NOBODYS).is_ok(), "nobody's takes as long");
    }
}
