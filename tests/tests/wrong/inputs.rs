//! Wrong servers about request fields and request bodies: rules 29 to 68.

use crate::Wrong;

pub(crate) const WRONG: &[Wrong] = &[];
