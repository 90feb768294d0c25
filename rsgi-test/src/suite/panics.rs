//! What a panic says, and where: kept for the report instead of printed, on the threads that run cases.
//!
//! The hook is set once for the process and hands every other panic on, such as those of apps.

use std::cell::{Cell, RefCell};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static TOLD: RefCell<Option<String>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// While it lives, panics of this thread are kept.
pub(super) struct Quiet;

/// Keeps the panics of this thread.
pub(super) fn quiet() -> Quiet {
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                return before(panic);
            }
            let place = panic.location().map(|it| format!(" ({}:{})", it.file(), it.line()));
            let text = panic.payload_as_str().unwrap_or("a panic without words");
            TOLD.set(Some(format!("{text}{}", place.unwrap_or_default())));
        }));
    });
    QUIET.set(true);
    Quiet
}

/// Takes what the last panic said.
pub(super) fn told() -> Option<String> {
    TOLD.take()
}

impl Drop for Quiet {
    fn drop(&mut self) {
        QUIET.set(false);
    }
}
