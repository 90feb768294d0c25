//! What an app says beside its answer: informational heads, and lines for the error stream.
//!
//! One a connection, emptied for each request on it.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::task::Waker;

use rsgi_core::http::{HeaderMap, StatusCode};
use rsgi_core::{ErrorSink, Link, Told};

use super::lock;
use crate::client::answer::Informational;

#[derive(Debug, Default)]
struct State {
    heads: VecDeque<Informational>,
    errors: Vec<u8>,
    /// Whoever waits for the next head.
    waker: Option<Waker>,
}

/// What was said and not yet heard.
#[derive(Debug, Default)]
pub(super) struct Said(Mutex<State>);

impl Said {
    pub(super) fn forget(&self) {
        *lock(&self.0) = State::default();
    }

    pub(super) fn next_head(&self) -> Option<Informational> {
        lock(&self.0).heads.pop_front()
    }

    pub(super) fn wake(&self, waker: &Waker) {
        lock(&self.0).waker = Some(waker.clone());
    }

    pub(super) fn errors(&self) -> Vec<u8> {
        lock(&self.0).errors.clone()
    }
}

impl Link for Said {
    fn informational(&self, status: StatusCode, fields: &HeaderMap) -> Told {
        let waker = {
            let mut state = lock(&self.0);
            state.heads.push_back(Informational { status, headers: fields.clone() });
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Told::Sent
    }
}

impl ErrorSink for Said {
    fn write(&self, text: &[u8]) {
        lock(&self.0).errors.extend_from_slice(text);
    }
}
