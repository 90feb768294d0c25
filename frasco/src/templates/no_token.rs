//! Where the feature `csrf` is off: no tokens.

use minijinja::Value;

use crate::request::Request;

pub(super) fn own(_: &Request, _: &str) -> Option<Value> {
    None
}
