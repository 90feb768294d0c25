//! Wrong servers about HTTP/2: rules 149 to 154, and what only its streams show.

use crate::Wrong;

pub(crate) const WRONG: &[Wrong] = &[];
