//! The server made wrong on purpose, so that it can be shown that a run fails by it.
//!
//! Invariant: each kind breaks one promise and nothing else.

use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rsgi_core::{App, Body, Environ, Error, StartResponse, Started};

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// Nothing.
    None,
    /// One byte of one answer in a thousand.
    Byte,
    /// 64 KiB of each connection are never freed.
    Memory,
    /// One descriptor is never closed.
    Descriptor,
    /// One thread never ends.
    Thread,
}

impl Sabotage {
    /// All of them, by their names.
    pub(crate) const ALL: [(&str, Self); 5] = [
        ("none", Self::None),
        ("byte", Self::Byte),
        ("memory", Self::Memory),
        ("descriptor", Self::Descriptor),
        ("thread", Self::Thread),
    ];

    /// The one of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, sabotage)| *sabotage)
    }
}

/// An app with the fault built in.
pub(crate) struct Sabotaged<A> {
    inner: A,
    sabotage: Sabotage,
    answers: AtomicU64,
    is_done: AtomicBool,
}

impl<A> Sabotaged<A> {
    /// Builds it in.
    pub(crate) fn new(inner: A, sabotage: Sabotage) -> Self {
        Self { inner, sabotage, answers: AtomicU64::new(0), is_done: AtomicBool::new(false) }
    }

    /// Loses what is to be lost for a request; the warm-up isn't a time for it.
    fn lose(&self, environ: &Environ) {
        if self.answers.fetch_add(1, Ordering::Relaxed) < AFTER {
            return;
        }
        match self.sabotage {
            Sabotage::Memory if environ.request_id().1 == FIRST => std::mem::forget(vec![1_u8; 64 << 10]),
            Sabotage::Descriptor if !self.is_done.swap(true, Ordering::Relaxed) => {
                File::open("/dev/null").into_iter().for_each(std::mem::forget);
            }
            Sabotage::Thread if !self.is_done.swap(true, Ordering::Relaxed) => {
                std::thread::spawn(|| {
                    loop {
                        std::thread::park();
                    }
                });
            }
            _ => {}
        }
    }
}

impl<A: App> App for Sabotaged<A> {
    async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        if self.sabotage != Sabotage::None {
            self.lose(&environ);
        }
        let mut started = self.inner.call(environ, start_response).await?;
        if self.sabotage == Sabotage::Byte && self.answers.load(Ordering::Relaxed).is_multiple_of(1000) {
            let body = started.take_body();
            let changed = body.as_bytes().filter(|bytes| !bytes.is_empty()).map(|bytes| {
                let mut bytes = bytes.to_vec();
                let last = bytes.len() - 1;
                bytes[last] ^= 1;
                Body::from(bytes)
            });
            return Ok(started.map_body(|_| changed.unwrap_or(body)));
        }
        Ok(started)
    }
}

/// Requests that the warm-up makes, and a few of the load.
const AFTER: u64 = 200;
/// The number of a connection's first request.
const FIRST: u64 = 1;
