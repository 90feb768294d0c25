//! Memory of environs that goes round: the box of one request holds the next.
//!
//! A boxed environ is moved by one word through app and middleware; kept a thread, one box, it costs no allocation
//! where requests follow one another. Measured by `bin/instructions` of the benches.

use std::cell::Cell;

use http::request::Request;
use http::{Method, Uri};

use super::{Again, Inner};
use crate::{Input, spare_map};

thread_local! {
    static SPARE: Cell<Option<Box<Option<Inner>>>> = const { Cell::new(None) };
}

/// Gives a box, a used one if there is one: empty, or with an empty head in it.
#[inline(always)]
pub(super) fn take() -> Box<Option<Inner>> {
    SPARE.try_with(|spare| spare.take().unwrap_or_default()).unwrap_or_default()
}

/// Puts an empty head into a box.
#[cold]
pub(super) fn furnish(room: &mut Option<Inner>) -> &mut Inner {
    let (head, ()) = Request::new(()).into_parts();
    let input = Input::empty();
    room.insert(Inner { head, input, exchange: None, script_end: 0, extra: None, again: Again::Filled })
}

/// Empties a box and keeps it; its header map goes to the next answer.
#[inline]
pub(super) fn give(mut inner: Box<Option<Inner>>) {
    match &mut *inner {
        Some(filled) if filled.again == Again::Filled => clear(filled),
        moved => {
            if let Some(Inner { head, input, extra, .. }) = moved.take() {
                spare_map::give(head.headers);
                input.discard();
                match extra {
                    Some(extra) => drop(extra),
                    // Nothing to drop, which a drop would call a function to find out.
                    none => std::mem::forget(none),
                }
            }
        }
    }
    // During a thread's end there is no place for it: then it is dropped.
    let _ended = SPARE.try_with(|spare| spare.set(Some(inner)));
}

/// Keeps a box whose head was exchanged for an empty one, and whose rest was taken.
#[inline]
pub(super) fn keep(mut boxed: Box<Option<Inner>>) {
    if boxed.as_ref().as_ref().is_some_and(|inner| inner.again == Again::Moved) {
        // It owns nothing any more, which a drop would call functions to find out.
        std::mem::forget(boxed.take());
    }
    let _ended = SPARE.try_with(|spare| spare.set(Some(boxed)));
}

/// Empties a head where it lies, which is cheaper than to move it out and another in.
#[inline]
fn clear(inner: &mut Inner) {
    spare_map::give(std::mem::take(&mut inner.head.headers));
    std::mem::take(&mut inner.input).discard();
    inner.exchange = None;
    inner.head.uri = Uri::default();
    if inner.head.method != Method::GET {
        inner.head.method = Method::GET;
    }
    if !inner.head.extensions.is_empty() {
        inner.head.extensions.clear();
    }
    inner.script_end = 0;
    if inner.extra.is_some() {
        inner.extra = None;
    }
}
