//! [`Mutex`] and [`Condvar`]: the checker's, but a wait with a time limit ends by itself.
//!
//! The checkers' own never time out, so a watchdog would never tick. Here a limited wait is a moment in which the others
//! may run, as long or short as the checker makes it.
//!
//! Invariant: a guard has the checker's guard but for the moment within a wait.

use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};
use std::time::Duration;

use super::checker;

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(checker::Mutex<T>);

#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T> {
    held: Option<checker::MutexGuard<'a, T>>,
    of: &'a Mutex<T>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(checker::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        Ok(self.guard(self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    pub(crate) fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(held) => Ok(self.guard(held)),
            Err(TryLockError::Poisoned(poisoned)) => Ok(self.guard(poisoned.into_inner())),
            Err(TryLockError::WouldBlock) => {
                // Whoever tries again until it is free must let the others run, or a checker would follow it for ever.
                checker::thread::yield_now();
                Err(TryLockError::WouldBlock)
            }
        }
    }

    fn guard<'a>(&'a self, held: checker::MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        MutexGuard { held: Some(held), of: self }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.held.as_ref().expect("a guard outside of a wait has the lock")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_mut().expect("a guard outside of a wait has the lock")
    }
}

#[derive(Debug, Default)]
pub(crate) struct Condvar(checker::Condvar);

impl Condvar {
    pub(crate) fn wait<'a, T>(&self, mut guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let held = guard.held.take().expect("a guard outside of a wait has the lock");
        guard.held = Some(self.0.wait(held).unwrap_or_else(PoisonError::into_inner));
        Ok(guard)
    }

    /// Lets the others run, and then is over; that it was over in time nobody asks.
    pub(crate) fn wait_timeout<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        _time: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        guard.held = None;
        checker::thread::yield_now();
        Ok((guard.of.lock().unwrap_or_else(PoisonError::into_inner), ()))
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}
