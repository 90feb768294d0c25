//! Values that tell what becomes of them: how often they were dropped, and on which thread.

use std::fs::File;
use std::io::{Seek, Write};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread::ThreadId;

/// Counts the drops of the guards it made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watched(Arc<Mutex<Vec<ThreadId>>>);

impl Watched {
    /// An iterator over `pieces` whose drop is counted.
    pub(crate) fn guard<const N: usize>(&self, pieces: [&'static str; N]) -> Guarded {
        Guarded { pieces: Box::new(pieces.into_iter()), _guard: Box::new(self.value()) }
    }

    /// A value whose drop is counted.
    pub(crate) fn value(&self) -> Guard {
        Guard(self.clone())
    }

    pub(crate) fn drops(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The threads that the guards were dropped on.
    pub(crate) fn threads(&self) -> Vec<ThreadId> {
        self.0.lock().unwrap().clone()
    }
}

#[derive(Debug)]
pub(crate) struct Guard(Watched);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().push(std::thread::current().id());
    }
}

/// An iterator whose drop is told.
pub(crate) struct Guarded {
    pieces: Box<dyn Iterator<Item = &'static str> + Send + Sync>,
    _guard: Box<dyn std::any::Any + Send + Sync>,
}

impl Guarded {
    /// One piece, and a panic when it is dropped.
    pub(crate) fn exploding() -> Self {
        Self { pieces: Box::new(["one"].into_iter()), _guard: Box::new(Bomb) }
    }
}

impl Iterator for Guarded {
    type Item = &'static str;

    fn next(&mut self) -> Option<&'static str> {
        self.pieces.next()
    }
}

/// Panics when it is dropped.
#[derive(Debug)]
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a panic in a drop");
    }
}

/// Is pending once.
pub(crate) async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A file without a name that holds `content`.
pub(crate) fn file(content: &[u8]) -> File {
    let name = format!("rsgi-core-{}-{:?}", std::process::id(), std::thread::current().id());
    let path = std::env::temp_dir().join(name);
    let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file.write_all(content).unwrap();
    file.rewind().unwrap();
    file
}
