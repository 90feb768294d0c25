//! Stands in for `known.rs` where the feature `axum` is off: nothing is known.

use rsgi_core::Pulled;

/// The service as it is.
pub(crate) fn prepared<S>(service: S) -> S {
    service
}

/// None is.
pub(crate) const fn unpinned<R>(_own: &mut Option<R>) -> Option<Pulled> {
    None
}
