//! The cases that rsgi-hyper fails since hyper decides otherwise; `docs/differences.md` explains them.

use rsgi_test::suite::Difference;

/// All of them.
pub(crate) const HYPER: &[Difference] = &[];
