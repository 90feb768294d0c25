//! Informational heads (1xx) on HTTP/1: encoded by the app's call, written by the transport, always before the final
//! head.
//!
//! hyper can't send one. So the heads lie here until hyper flushes, and the final head is held back until they are
//! written. A thread of the offload may send one at any time; `open` and `waiting` decide together, so that none
//! slips in behind the final head.
//!
//! Invariant: after [`poll_close`](Heads::poll_close) no head is added until the next [`open`](Heads::open).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderMap, StatusCode};
use rsgi_core::{Link, Told};

/// The informational heads of one connection that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    /// The final head is not on its way yet.
    open: AtomicBool,
    /// There are heads to write, or being written.
    waiting: AtomicBool,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: Vec<u8>,
    /// The connection's task.
    task: Option<Waker>,
}

impl Heads {
    /// A request begins: its informational heads may come.
    #[inline]
    pub(crate) fn open(&self) {
        self.open.store(true, Ordering::Relaxed);
    }

    /// Its final head is there: no more may come, and it must wait until those that have come are written.
    #[inline]
    pub(crate) fn poll_close(&self, context: &mut Context<'_>) -> Poll<()> {
        self.open.store(false, Ordering::SeqCst);
        if !self.waiting.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        self.watch(context);
        if self.waiting.load(Ordering::SeqCst) { Poll::Pending } else { Poll::Ready(()) }
    }

    /// As [`poll_close`](Self::poll_close), where nobody is left who could send one more. Tells whether none waits.
    #[inline]
    pub(crate) fn close_alone(&self) -> bool {
        self.open.store(false, Ordering::Relaxed);
        !self.waiting.load(Ordering::Relaxed)
    }

    /// Remembers the connection's task, to be woken when a head is there or written.
    pub(crate) fn watch(&self, context: &mut Context<'_>) {
        let mut queue = self.lock();
        if !queue.task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            queue.task = Some(context.waker().clone());
        }
    }

    /// Takes what is to be written, for the transport.
    #[inline]
    pub(crate) fn take(&self) -> Option<Bytes> {
        if !self.waiting.load(Ordering::Acquire) {
            return None;
        }
        let bytes = std::mem::take(&mut self.lock().bytes);
        (!bytes.is_empty()).then(|| bytes.into())
    }

    /// What was taken is written.
    pub(crate) fn written(&self) {
        let mut queue = self.lock();
        if queue.bytes.is_empty() {
            self.waiting.store(false, Ordering::SeqCst);
            let task = queue.task.take();
            drop(queue);
            if let Some(task) = task {
                task.wake();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link for Heads {
    fn informational(&self, status: StatusCode, fields: &HeaderMap) -> Told {
        let mut queue = self.lock();
        let waited = self.waiting.swap(true, Ordering::SeqCst);
        if !self.open.load(Ordering::SeqCst) {
            self.waiting.store(waited, Ordering::SeqCst);
            return Told::TooLate;
        }
        if queue.bytes.len() > BYTES_MOST {
            // The client takes nothing: what is optional mustn't fill the memory.
            return Told::Gone;
        }
        encode(status, fields, &mut queue.bytes);
        let task = queue.task.clone();
        drop(queue);
        if let Some(task) = task {
            task.wake();
        }
        Told::Sent
    }
}

fn encode(status: StatusCode, fields: &HeaderMap, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(b"HTTP/1.1 ");
    bytes.extend_from_slice(status.as_str().as_bytes());
    bytes.push(b' ');
    bytes.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    bytes.extend_from_slice(b"\r\n");
    for (name, value) in fields {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
}

/// The most bytes of informational heads that wait for a client.
const BYTES_MOST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use rsgi_core::http::HeaderValue;

    use super::*;

    fn hint(heads: &Heads) -> Told {
        let fields = HeaderMap::from_iter([(
            rsgi_core::http::header::LINK,
            HeaderValue::from_static("</a.css>; rel=preload"),
        )]);
        heads.informational(StatusCode::EARLY_HINTS, &fields)
    }

    #[test]
    fn the_final_head_waits_for_those_before_it() {
        let heads = Heads::default();
        let mut context = Context::from_waker(Waker::noop());
        heads.open();
        assert_eq!(hint(&heads), Told::Sent);
        assert_eq!(hint(&heads), Told::Sent);
        assert!(heads.poll_close(&mut context).is_pending());
        let bytes = heads.take().unwrap();
        let one = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n";
        assert_eq!(bytes, format!("{one}{one}").as_bytes());
        assert!(heads.poll_close(&mut context).is_pending(), "taken is not yet written");
        heads.written();
        assert!(heads.poll_close(&mut context).is_ready());
    }

    #[test]
    fn none_follows_the_final_head() {
        let heads = Heads::default();
        assert_eq!(hint(&heads), Told::TooLate);
        heads.open();
        assert!(heads.poll_close(&mut Context::from_waker(Waker::noop())).is_ready());
        assert_eq!(hint(&heads), Told::TooLate);
        assert!(heads.take().is_none());
    }

    #[test]
    fn a_client_that_reads_nothing_holds_a_bounded_number_of_bytes() {
        let heads = Heads::default();
        heads.open();
        while hint(&heads) == Told::Sent {}
        assert!(heads.take().unwrap().len() <= BYTES_MOST + 100);
    }
}
