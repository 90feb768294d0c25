//! A value that can be shared between threads because nobody can look at it without owning it.
//!
//! Streams and readers are often `Send` but not `Sync`, while [`Environ`](crate::Environ) and
//! [`Started`](crate::Started) must be both, or `&environ` couldn't live across an `await`. A mutex that is only
//! ever entered by `get_mut` gives that in safe code; it is never locked.

use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Holds a `Send` value so that the whole is `Sync`; reached only through `&mut`.
pub(crate) struct Exclusive<T: ?Sized>(Mutex<T>);

impl<T> Exclusive<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: ?Sized> Exclusive<T> {
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: ?Sized> fmt::Debug for Exclusive<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Exclusive(..)")
    }
}
