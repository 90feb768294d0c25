//! Memory of environs that goes round: the box of one request holds the next.
//!
//! A boxed environ is moved by one word through app and middleware; kept a thread, one box, it costs no allocation
//! where requests follow one another. Measured by `bin/instructions` of the benches.

use std::cell::Cell;

use super::Inner;
use crate::spare_map;

thread_local! {
    static SPARE: Cell<Option<Box<Option<Inner>>>> = const { Cell::new(None) };
}

/// Gives an empty box, a used one if there is one.
#[inline(always)]
pub(super) fn take() -> Box<Option<Inner>> {
    SPARE.try_with(|spare| spare.take().unwrap_or_default()).unwrap_or_default()
}

/// Empties a box and keeps it; its header map goes to the next answer.
#[inline]
pub(super) fn give(mut inner: Box<Option<Inner>>) {
    if let Some(Inner { head, input, extra, .. }) = inner.take() {
        spare_map::give(head.headers);
        input.discard();
        match extra {
            Some(extra) => drop(extra),
            // Nothing to drop, which a drop would call a function to find out.
            none => std::mem::forget(none),
        }
    }
    // During a thread's end there is no place for it: then it is dropped.
    let _ended = SPARE.try_with(|spare| spare.set(Some(inner)));
}
