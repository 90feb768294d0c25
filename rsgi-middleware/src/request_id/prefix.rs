//! What sets the names of one process apart from those of any other: of its siblings, and of itself before a restart.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::process;
use std::sync::OnceLock;

use rsgi_core::Environ;
use rsgi_core::http::HeaderValue;

/// Made when it is first wanted, so that processes which were forked from one that serves nothing each have their own.
#[derive(Debug, Default)]
pub(super) struct Prefix(OnceLock<u64>);

impl Prefix {
    /// The name of a request by the server's numbers.
    pub(super) fn number(&self, environ: &Environ) -> HeaderValue {
        let prefix = self.0.get_or_init(random);
        let (connection, request) = environ.request_id();
        let text = format!("{prefix:016x}-{connection:x}-{request:x}");
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }
}

/// The standard library's keys are the system's random bytes; they are copied by a fork, which the process id mends.
fn random() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(process::id());
    hasher.finish()
}
