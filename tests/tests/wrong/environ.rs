//! Wrong servers about what an app is told of the request line and both ends: rules 1 to 28.

use crate::Wrong;

pub(crate) const WRONG: &[Wrong] = &[];
