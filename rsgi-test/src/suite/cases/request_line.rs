//! Cases of this subject are still in `tests/`.

use crate::suite::case::Case;

pub(super) const CASES: &[Case] = &[];
