//! Wrong servers about errors, aborts, lifetimes: rules 110 to 123.

use crate::Wrong;

pub(crate) const WRONG: &[Wrong] = &[];
