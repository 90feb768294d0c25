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
    SPARE.try_with(Cell::take).ok().flatten().unwrap_or_default()
}

/// Empties a box and keeps it; its header map goes to the next answer.
#[inline]
pub(super) fn give(mut inner: Box<Option<Inner>>) {
    if let Some(map) = inner.as_mut().as_mut().and_then(|inner| inner.headers.take()) {
        spare_map::give(map);
    }
    *inner = None;
    // During a thread's end there is no place for it: then it is dropped.
    let _ended = SPARE.try_with(|spare| spare.set(Some(inner)));
}
