//! The cases that rsgi-hyper fails since hyper decides otherwise; `docs/differences.md` explains them.

use rsgi_test::suite::Difference;

/// All of them.
pub(crate) const HYPER: &[Difference] = &[
    Difference {
        case: "another_coding_before_chunked_is_not_implemented",
        instead: "serves it, with the coding still on the content",
        reason: "hyper takes the chunks off and leaves the other coding to the app, which sees its field",
    },
    Difference {
        case: "chunked_twice_is_refused",
        instead: "serves it, as the last coding is chunked",
        reason: "hyper looks at the last coding alone; where the content ends is no question",
    },
];
