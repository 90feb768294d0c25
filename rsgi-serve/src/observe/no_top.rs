//! `top` in a program that is built without it: tells so.
//!
//! With the feature `top` the folder `top/` is in its place.

use std::path::Path;

/// Tells what to do instead.
pub(crate) fn run(_: &Path) -> Result<String, String> {
    Err("top isn't built into this program; build it with rsgi-serve's feature top, or use show".to_owned())
}
