//! What differs between Linux and the other unixes, as whole modules with the same items.
//!
//! Nothing here knows connections. Invariant: a socket that comes out of here is non-blocking and closed on exec.
//! Read on in `listener.rs` and `poller/`, the only users.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;

#[cfg(not(target_os = "linux"))]
mod unix;
#[cfg(not(target_os = "linux"))]
pub(crate) use unix::*;
