//! Wrong servers about bodies of answers and their framing: rules 89 to 109.

use crate::Wrong;

pub(crate) const WRONG: &[Wrong] = &[];
