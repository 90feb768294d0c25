//! [`Error`]: why an engine could not be set up.
//!
//! Once it serves, nothing a peer or the machine does is an error of the engine: it is logged and survived.
//!
//! Invariant: the text names the setting or address concerned and what to do about it.
//! Read on in `config.rs` and `listener.rs`, where they arise.

use std::fmt;
use std::io;

/// Why an engine could not be set up.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    what: String,
    source: Option<io::Error>,
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting has a value that can't work.
    Setting,
    /// Somebody else listens on the address.
    AddressInUse,
    /// This machine has no such address.
    AddressNotAvailable,
    /// The operating system forbids it: a port below 1024, or a directory that may not be written.
    PermissionDenied,
    /// An inherited descriptor is not a listening stream socket.
    NotAListener,
    /// The operating system refused something else: descriptors, memory, threads.
    System,
}

impl Error {
    pub(crate) fn setting(what: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Setting, what: what.into(), source: None }
    }

    pub(crate) fn not_a_listener(what: impl Into<String>) -> Self {
        Self { kind: ErrorKind::NotAListener, what: what.into(), source: None }
    }

    pub(crate) fn system(what: impl Into<String>, source: impl Into<io::Error>) -> Self {
        let source = source.into();
        let kind = match source.kind() {
            io::ErrorKind::AddrInUse => ErrorKind::AddressInUse,
            io::ErrorKind::AddrNotAvailable => ErrorKind::AddressNotAvailable,
            io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::System,
        };
        Self { kind, what: what.into(), source: Some(source) }
    }

    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        f.write_str(match self.kind {
            ErrorKind::AddressInUse => ": address in use; stop the other server or choose another address",
            ErrorKind::AddressNotAvailable => ": this machine has no such address",
            ErrorKind::PermissionDenied => {
                ": permission denied; choose a port from 1024 up, or another directory"
            }
            ErrorKind::Setting | ErrorKind::NotAListener => "",
            ErrorKind::System => ": refused by the operating system",
        })
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
