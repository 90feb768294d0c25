//! Where the feature `sessions` is off: no messages.

use minijinja::Value;

use crate::request::Request;

pub(super) fn own(_: &Request, _: &str) -> Option<Value> {
    None
}
