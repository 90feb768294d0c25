//! Middleware on the trait itself: each wraps any app, on any server.
//!
//! What only the contract is needed for is always there; what brings a crate along is a feature, and `full` is all of them.
//! Each is a [`Middleware`](rsgi_core::Middleware), for [`Stack`](rsgi_core::Stack) or by its own `wrap`; none collects a
//! stream or holds up a reactor, and the conformance suite is run inside each of them (`tests/tests/conform_middleware.rs`).
//!
//! | middleware | what it does | feature | tower-http's |
//! |---|---|---|---|
//! | `AccessLog` | a line an answer, by Gunicorn's atoms or as JSON, also for what failed or was never read | `access-log` | `trace` ends with the body's last piece, before the flush; a line's form is the program's to write |
//! | `BasicAuth` | a name and a password, from a list or a verifier | `basic-auth` | deprecated there as too basic: one user, compared by its field |
//! | [`BodyLimit`] | the largest request body, for what is inside | | `limit` is another type of body; a route inside it can't allow more |
//! | [`Cascade`] | apps in order, until one knows | | none; a fallback is the router's or the service's own |
//! | `Compression` | `zstd`, `br`, `gzip`, flushed piece by piece | `compression` | `compression` leaves event streams out by default |
//! | `Csrf` | no page of another site changes anything: where from, and a token | `csrf` | `csrf` looks at where from, and at no token |
//! | [`DevelopmentErrors`] | what failed, shown to clients of this machine | | `catch_panic` for panics; errors are somebody else's |
//! | `Files` | a folder's files, with ranges and conditions, and no way out of the folder | `files` | `fs` needs tokio, and follows links wherever they lead |
//! | [`MethodOverride`] | PUT, PATCH and DELETE of forms | | none |
//! | [`RequestId`] | a name for each request, in environ, answer and log | | `request_id` keeps what any client sends, and is two layers |
//! | `Sessions` | values that a client keeps, sealed | `sessions` | none |
//! | [`Timeout`] | an answer begun in time, pauses bounded, on any server | | `timeout` needs tokio's clock; work on other threads isn't told |
//! | [`TrustedProxies`] | whose word about the client counts, for what is inside | | none |
//! | [`Mount`](rsgi_core::Mount), in core | apps at prefixes | | none; a router's own |
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
#[cfg(all(test, any(feature = "compression", feature = "files")))]
mod elsewhere;
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
pub use files::{Files, FilesApp, OpenFile};
pub use method_override::{MethodOverride, MethodOverrideApp, OriginalMethod};
pub use request_id::{CurrentRequestId, RequestId, RequestIdApp};
#[cfg(feature = "sessions")]
pub use sessions::{SameSite, Session, SessionError, SessionErrorKind, SessionKey, Sessions, SessionsApp};
pub use timeout::{Timeout, TimeoutApp};
pub use trusted_proxies::{TrustedProxies, TrustedProxiesApp};
