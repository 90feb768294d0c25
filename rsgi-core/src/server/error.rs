//! The one error type of starting and running a server.
//!
//! Not for requests: what goes wrong in one request is answered and logged, and never ends a server. An error
//! here ends it, and its text is written for whoever starts the server: which setting, which value, what is
//! wrong, what to do.
//!
//! Invariant: the message is whole without its sources: a `main` that prints it says enough.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;

use super::bind::Bind;

/// Tells why a server didn't start, or stopped.
///
/// # Examples
///
/// ```
/// use rsgi_core::server::{Bind, ServeError, ServeErrorKind};
///
/// let bind: Bind = "127.0.0.1:8000".parse()?;
/// let error = ServeError::opening(&bind, std::io::ErrorKind::AddrInUse.into());
/// assert_eq!(error.kind(), ServeErrorKind::AddressInUse);
/// let (problem, remedy) = ("bind 127.0.0.1:8000: address already in use", error.remedy());
/// assert_eq!(remedy, "stop the other server or choose another address with --bind");
/// assert_eq!(error.to_string(), format!("{problem}; {remedy}"));
/// # Ok::<(), ServeError>(())
/// ```
pub struct ServeError {
    /// Boxed, so that a `Result` on the way up stays one word wide.
    inner: Box<Inner>,
}

/// The kinds of [`ServeError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServeErrorKind {
    /// A setting's value isn't allowed.
    BadSetting,
    /// Another socket has the address.
    AddressInUse,
    /// This machine doesn't have the address, or the name resolves to none.
    AddressNotAvailable,
    /// The system forbids it, such as a port below 1024 or a folder one may not write to.
    PermissionDenied,
    /// An inherited descriptor isn't open, or is no listening socket.
    BadDescriptor,
    /// A certificate, key or list of authorities can't be read or used.
    Certificate,
    /// The application needs something that this server can't do.
    MissingCapability,
    /// Anything else that the system refused.
    Io,
}

/// The parts of the message `subject value: problem; remedy`, of which value and remedy may be empty.
struct Inner {
    kind: ServeErrorKind,
    subject: Cow<'static, str>,
    value: String,
    problem: Cow<'static, str>,
    remedy: Cow<'static, str>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ServeError {
    /// Refuses the value of the setting `name`; the remedy says what is allowed or what to write.
    pub fn bad_setting(
        name: &'static str,
        value: impl fmt::Display,
        problem: impl Into<Cow<'static, str>>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(ServeErrorKind::BadSetting, name, value.to_string(), problem, remedy)
    }

    /// Tells why opening a listener failed, with the remedy that fits the system's answer.
    pub fn opening(bind: &Bind, error: io::Error) -> Self {
        let (kind, problem, remedy) = match (error.kind(), bind) {
            (_, Bind::Fd(_)) => (
                ServeErrorKind::BadDescriptor,
                "this descriptor is no listening socket of this process",
                "check what the parent hands over (systemd: LISTEN_FDS, from 3 up)",
            ),
            (io::ErrorKind::AddrInUse, _) => (
                ServeErrorKind::AddressInUse,
                "address already in use",
                "stop the other server or choose another address with --bind",
            ),
            (io::ErrorKind::PermissionDenied, Bind::Unix(_)) => (
                ServeErrorKind::PermissionDenied,
                "permission denied",
                "choose a folder that this user may write to",
            ),
            (io::ErrorKind::PermissionDenied, _) => (
                ServeErrorKind::PermissionDenied,
                "permission denied",
                "choose a port from 1024 up, or inherit the listener with --bind fd://N",
            ),
            (io::ErrorKind::NotFound, Bind::Unix(_)) => (
                ServeErrorKind::AddressNotAvailable,
                "its folder doesn't exist",
                "create it or choose another path",
            ),
            (io::ErrorKind::AddrNotAvailable, _) => (
                ServeErrorKind::AddressNotAvailable,
                "this machine has no such address",
                "choose one it has, or 0.0.0.0 for every one",
            ),
            _ => return Self::io(format!("bind {bind}"), error),
        };
        Self::new(kind, "bind", bind.to_string(), problem, remedy).with_source(error)
    }

    /// Tells that a host name of a listener has no address.
    pub fn unresolved(bind: &Bind, error: io::Error) -> Self {
        let remedy = "check the name, or write an address such as 127.0.0.1";
        Self::new(
            ServeErrorKind::AddressNotAvailable,
            "bind",
            bind.to_string(),
            "the name has no address",
            remedy,
        )
        .with_source(error)
    }

    /// Tells what is wrong with a certificate, key or authorities file.
    pub fn certificate(
        path: &Path,
        problem: impl Into<Cow<'static, str>>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(ServeErrorKind::Certificate, "certificate", path.display().to_string(), problem, remedy)
    }

    /// Tells that the application requires what this server lacks.
    pub fn missing_capability(missing: impl fmt::Display, server: &str) -> Self {
        let problem = format!("the application requires it, {server} doesn't have it");
        let remedy = "choose a server that has it";
        Self::new(ServeErrorKind::MissingCapability, "capability", missing.to_string(), problem, remedy)
    }

    /// Tells that the system refused something else; `doing` says what was tried.
    pub fn io(doing: impl Into<Cow<'static, str>>, error: io::Error) -> Self {
        let problem = error.to_string();
        Self::new(ServeErrorKind::Io, doing, String::new(), problem, "").with_source(error)
    }

    /// Adds the error that this one comes from.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// Returns what went wrong, as a value to decide by.
    pub fn kind(&self) -> ServeErrorKind {
        self.inner.kind
    }

    /// Returns the name of the setting concerned, where it is one.
    pub fn setting(&self) -> Option<&str> {
        match self.inner.kind {
            ServeErrorKind::MissingCapability | ServeErrorKind::Io => None,
            _ => Some(&self.inner.subject),
        }
    }

    /// Returns what to do about it; empty where nothing general can be said.
    pub fn remedy(&self) -> &str {
        &self.inner.remedy
    }

    fn new(
        kind: ServeErrorKind,
        subject: impl Into<Cow<'static, str>>,
        value: String,
        problem: impl Into<Cow<'static, str>>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (subject, problem, remedy) = (subject.into(), problem.into(), remedy.into());
        Self { inner: Box::new(Inner { kind, subject, value, problem, remedy, source: None }) }
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { subject, value, problem, remedy, .. } = &*self.inner;
        f.write_str(subject)?;
        if !value.is_empty() {
            f.write_str(" ")?;
            shortened(value, f)?;
        }
        write!(f, ": {problem}")?;
        if remedy.is_empty() { Ok(()) } else { write!(f, "; {remedy}") }
    }
}

impl fmt::Debug for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ServeError");
        debug.field("kind", &self.inner.kind).field("message", &self.to_string());
        debug.field("source", &self.inner.source).finish()
    }
}

impl Error for ServeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source: &(dyn Error + 'static) = self.inner.source.as_deref()?;
        Some(source)
    }
}

/// Writes a value so that it stays on one line: control characters escaped, a long one cut.
fn shortened(value: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (count, character) in value.chars().enumerate() {
        if count == SHOWN_CHARACTERS {
            return f.write_str("...");
        }
        if character.is_control() {
            write!(f, "{}", character.escape_default())?;
        } else {
            write!(f, "{character}")?;
        }
    }
    Ok(())
}

/// How much of a wrong value a message shows.
const SHOWN_CHARACTERS: usize = 120;
