//! Header maps that go round: the map of a request that ended holds the fields of the next answer.
//!
//! A header map's two allocations are the only ones of a small answer. Handing them on spares a request about 200 of
//! hyper's 5,200 instructions (`bin/instructions` of the benches); kept a thread, one map, and never a large one.

use std::cell::Cell;

use http::HeaderMap;

/// A map that held more fields than this isn't kept: their memory would be kept with it.
const KEPT: usize = 64;

thread_local! {
    static SPARE: Cell<Option<HeaderMap>> = const { Cell::new(None) };
}

/// Gives an empty map, a used one if there is one.
#[inline]
pub(crate) fn take() -> HeaderMap {
    SPARE.try_with(Cell::take).ok().flatten().unwrap_or_default()
}

/// Keeps a map's memory, not its fields.
#[inline]
pub(crate) fn give(mut map: HeaderMap) {
    if map.len() <= KEPT {
        map.clear();
        // During a thread's end there is no place for it: then it is dropped.
        let _ended = SPARE.try_with(|spare| spare.set(Some(map)));
    }
}
