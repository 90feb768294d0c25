//! Stands in for `known.rs` where the feature `axum` is off: no body of others is known.

use rsgi_core::Pulled;

/// There is none.
pub(crate) const fn taken<R>(_own: &mut Option<R>) -> Option<Pulled> {
    None
}
