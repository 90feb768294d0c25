//! Stands in for `router.rs` where the feature `axum` is off.

/// The service as it is.
pub(crate) fn prepared<S>(service: S) -> S {
    service
}
