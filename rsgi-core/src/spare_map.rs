//! Header maps that go round: the map of a request that ended holds the fields of the next answer.
//!
//! A header map's two allocations are the only ones of a small answer. Handing them on spares a request about 200 of
//! hyper's 5,200 instructions; and boxed, a map is moved by one word from the app to the end of `respond`, which spares
//! about 100 (`bin/instructions` of the benches). Kept a thread: one map with memory and one box without, and never a
//! large map.

use std::cell::Cell;

use http::HeaderMap;

/// A map that held more fields than this isn't kept: their memory would be kept with it.
const KEPT: usize = 64;

thread_local! {
    /// A map without fields, but with their memory.
    static SPARE: Cell<Option<Box<HeaderMap>>> = const { Cell::new(None) };
    /// The box of a map that was moved out of it.
    static EMPTY: Cell<Option<Box<HeaderMap>>> = const { Cell::new(None) };
}

/// Gives an empty map, a used one if there is one.
#[inline(always)]
#[expect(clippy::unnecessary_box_returns, reason = "the box is what goes round")]
pub(crate) fn take() -> Box<HeaderMap> {
    SPARE.try_with(Cell::take).ok().flatten().unwrap_or_default()
}

/// Keeps a map's memory, not its fields.
#[inline(always)]
pub(crate) fn give(mut map: HeaderMap) {
    if map.len() <= KEPT {
        map.clear();
        // During a thread's end there is no place for it: then it is dropped.
        let _ended = SPARE.try_with(|spare| spare.set(Some(boxed(map))));
    }
}

/// Moves a map into a box, a used one if there is one.
#[inline(always)]
pub(crate) fn boxed(map: HeaderMap) -> Box<HeaderMap> {
    match EMPTY.try_with(Cell::take).ok().flatten() {
        Some(mut boxed) => {
            // It owns nothing; its drop would still cost 50 instructions.
            std::mem::forget(std::mem::replace(&mut *boxed, map));
            boxed
        }
        None => Box::new(map),
    }
}

/// Moves a map out of its box, and keeps that.
#[inline(always)]
pub(crate) fn empty(mut boxed: Box<HeaderMap>) -> HeaderMap {
    let map = std::mem::take(&mut *boxed);
    let _ended = EMPTY.try_with(|empty| empty.set(Some(boxed)));
    map
}
