//! Middleware on the trait itself: each wraps any app, on any server.
//!
//! What only the contract is needed for is always there; what brings a crate along is a feature.
#![forbid(unsafe_code)]

#[cfg(feature = "access-log")]
mod access_log;
#[cfg(feature = "basic-auth")]
mod basic_auth;
mod body_limit;
mod cascade;
#[cfg(any(feature = "compression", feature = "files"))]
mod coding;
#[cfg(feature = "compression")]
mod compression;
#[cfg(any(feature = "csrf", feature = "sessions"))]
mod cookies;
#[cfg(feature = "csrf")]
mod csrf;
mod development_errors;
#[cfg(feature = "files")]
mod files;
#[cfg(feature = "access-log")]
pub mod line;
mod method_override;
mod request_id;
#[cfg(feature = "sessions")]
mod sessions;
mod timeout;
mod trusted_proxies;
#[cfg(any(feature = "compression", feature = "csrf", feature = "files", feature = "sessions"))]
mod vary;

#[cfg(feature = "access-log")]
pub use access_log::{AccessFormat, AccessFormatError, AccessLog, AccessLogApp, Lines};
#[cfg(feature = "basic-auth")]
pub use basic_auth::{BasicAuth, BasicAuthApp, Credentials, User};
pub use body_limit::{BodyLimit, BodyLimitApp};
pub use cascade::Cascade;
#[cfg(any(feature = "compression", feature = "files"))]
pub use coding::Coding;
#[cfg(feature = "compression")]
pub use compression::{Compression, CompressionApp, Effort};
#[cfg(feature = "csrf")]
pub use csrf::{Csrf, CsrfApp, CsrfError, CsrfErrorKind, CsrfToken};
pub use development_errors::{DevelopmentErrors, DevelopmentErrorsApp};
#[cfg(feature = "files")]
pub use files::{Files, FilesApp};
pub use method_override::{MethodOverride, MethodOverrideApp, OriginalMethod};
pub use request_id::{CurrentRequestId, RequestId, RequestIdApp};
#[cfg(feature = "sessions")]
pub use sessions::{SameSite, Session, SessionError, SessionErrorKind, SessionKey, Sessions, SessionsApp};
pub use timeout::{Timeout, TimeoutApp};
pub use trusted_proxies::{TrustedProxies, TrustedProxiesApp};
