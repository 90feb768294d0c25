//! The cases that rsgi-hyper fails since hyper decides otherwise; `docs/differences.md` explains them.

use rsgi_test::suite::Difference;

/// All of them.
pub const HYPER: &[Difference] = &[
    Difference {
        case: "chunk_extensions_are_bounded",
        instead: "takes up to 16 KiB of them in a body, whatever the setting says",
        reason: "hyper drops them itself, within a bound of its own that is no setting",
    },
    Difference {
        case: "the_request_buffer_keeps_slow_uploads_off_the_app",
        instead: "calls the app at once, and says at the start that the setting does nothing",
        reason: "an async app that waits for an upload holds no thread there",
    },
];
