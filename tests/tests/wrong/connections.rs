//! Wrong servers about connections and their ends: rules 124 to 148.

use crate::Wrong;

pub(crate) const WRONG: &[Wrong] = &[];
