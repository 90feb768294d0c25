//! What the builder asks of sessions, where the feature `sessions` is off: nothing.

use crate::builder::Builder;
use crate::config::Settings;

/// Leaves the app as it is.
pub(crate) fn by_config(builder: Builder, _: &Settings, _: &mut [String]) -> Builder {
    builder
}
