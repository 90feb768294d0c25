//! [`Paced`]: an answer's pieces, as HTTP/2 frames of which only so many a second are small.
//!
//! Why: a client on the h2 crate keeps a budget for DATA frames of less than 256 bytes that its user hasn't read, against
//! those who flood it. Each takes what is missing to 256, by default from half the connection's window (32,767: 128 frames of
//! a byte), and a client without any left ends the connection (`ENHANCE_YOUR_CALM`). Core joins what is there without
//! waiting (`Outgoing::in_pieces`), so an app that makes its pieces a little slower than they are taken would send each as a
//! frame.
//!
//! So a stream may send [`AT_ONCE`] small frames at once and earns one more each [`EARNED`]; meanwhile small pieces are joined.
//!
//! Invariants: a piece waits no longer than that, and for nothing the app does; what ends the answer gives what is kept
//! back at once. A body whose pieces are large, or in memory, has no timer and reads no clock. Next: `body_out.rs`.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rsgi_core::bytes::{Bytes, BytesMut};
use rsgi_core::http_body::{Body, Frame, SizeHint};
use rsgi_core::{Outgoing, OutgoingError};
use tokio::time::{Instant, Sleep, sleep_until};

/// An answer's body, paced.
#[derive(Debug)]
pub(crate) struct Paced {
    outgoing: Outgoing,
    pace: Pace,
    /// `None` until a piece has to wait.
    kept: Option<Box<Kept>>,
}

/// What waits.
#[derive(Debug)]
struct Kept {
    /// Small pieces, joined. Whatever came behind them waits for them.
    joined: BytesMut,
    behind: Option<Given>,
    /// When the next small frame is earned, while something is joined.
    earned: Pin<Box<Sleep>>,
}

/// How many small frames may go: a bucket that is told by when it is full again.
#[derive(Debug, Default)]
struct Pace {
    full_at: Option<Instant>,
}

type Given = Result<Frame<Bytes>, OutgoingError>;

impl Paced {
    pub(crate) fn new(outgoing: Outgoing) -> Self {
        Self { outgoing, pace: Pace::default(), kept: None }
    }

    pub(crate) fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Given>> {
        if let Some(behind) = self.kept.as_mut().and_then(|kept| kept.behind.take()) {
            return Poll::Ready(Some(behind));
        }
        loop {
            let Poll::Ready(frame) = Pin::new(&mut self.outgoing).poll_frame(context) else {
                return self.poll_earned(context);
            };
            let frame = match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(bytes))) => match self.take(bytes) {
                    Some(bytes) => Some(Ok(Frame::data(bytes))),
                    None => continue,
                },
                Some(Ok(Err(trailers))) => Some(self.behind_kept(Ok(trailers))),
                Some(Err(error)) => Some(self.behind_kept(Err(error))),
                None => self.joined().map(|kept| Ok(Frame::data(kept.joined.split().freeze()))),
            };
            return Poll::Ready(frame);
        }
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        let keeps = |kept: &Kept| !kept.joined.is_empty() || kept.behind.is_some();
        self.outgoing.is_end_stream() && !self.kept.as_deref().is_some_and(keeps)
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        let Some(exact) = self.outgoing.size_hint().exact() else { return SizeHint::default() };
        let kept = self.kept.as_deref().map_or(0, |kept| {
            let behind = kept.behind.as_ref().and_then(|given| given.as_ref().ok()?.data_ref());
            kept.joined.len() + behind.map_or(0, Bytes::len)
        });
        SizeHint::with_exact(exact + kept as u64)
    }

    /// Takes a piece in; gives what may go now.
    fn take(&mut self, mut bytes: Bytes) -> Option<Bytes> {
        // The frame that ends a stream is none of many.
        let is_last = self.outgoing.is_end_stream();
        let Some(kept) = self.joined() else {
            if is_last || bytes.len() >= SMALL {
                return Some(bytes);
            }
            match self.pace.spend(Instant::now()) {
                Ok(()) => return Some(bytes),
                Err(earned) => self.keep(&bytes, earned),
            }
            return None;
        };
        if bytes.len() < ENOUGH {
            kept.joined.extend_from_slice(&bytes);
            return (is_last || kept.joined.len() >= ENOUGH).then(|| kept.joined.split().freeze());
        }
        // So much of it that the frame before it isn't a small one; the rest isn't copied.
        let missing = SMALL.saturating_sub(kept.joined.len());
        kept.joined.extend_from_slice(&bytes.split_to(missing));
        kept.behind = Some(Ok(Frame::data(bytes)));
        Some(kept.joined.split().freeze())
    }

    /// Keeps a piece back until a frame is earned.
    fn keep(&mut self, bytes: &Bytes, earned: Instant) {
        let kept = self.kept.get_or_insert_with(|| {
            let earned = Box::pin(sleep_until(earned));
            Box::new(Kept { joined: BytesMut::new(), behind: None, earned })
        });
        kept.earned.as_mut().reset(earned);
        kept.joined.reserve(2 * ENOUGH);
        kept.joined.extend_from_slice(bytes);
    }

    /// What is kept back, if anything is.
    fn joined(&mut self) -> Option<&mut Kept> {
        self.kept.as_deref_mut().filter(|kept| !kept.joined.is_empty())
    }

    /// Gives what is kept back before what came behind it.
    fn behind_kept(&mut self, given: Given) -> Given {
        let Some(kept) = self.joined() else { return given };
        kept.behind = Some(given);
        Ok(Frame::data(kept.joined.split().freeze()))
    }

    /// Nothing more is there: what is kept back goes once that is earned.
    fn poll_earned(&mut self, context: &mut Context<'_>) -> Poll<Option<Given>> {
        let Some(kept) = self.joined() else { return Poll::Pending };
        ready!(kept.earned.as_mut().poll(context));
        let joined = kept.joined.split().freeze();
        if joined.len() < SMALL {
            // The clock that rang may be a hair behind the one that is asked: earned it is.
            let _earned = self.pace.spend(Instant::now());
        }
        Poll::Ready(Some(Ok(Frame::data(joined))))
    }
}

impl Pace {
    /// Takes a small frame out of the bucket, or tells when there will be one.
    fn spend(&mut self, now: Instant) -> Result<(), Instant> {
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now));
        let missing = full_at.duration_since(now) + EARNED;
        if let Some(early) = missing.checked_sub(EARNED * AT_ONCE).filter(|early| !early.is_zero()) {
            return Err(now + early);
        }
        self.full_at = Some(full_at + EARNED);
        Ok(())
    }
}

/// How many small frames may go at once: an eighth of what a client on h2 takes, as others of the connection's streams
/// have as many.
const AT_ONCE: u32 = 16;

/// How long it takes until one more may. Nobody sees a delay of that, and a client that reads nothing for a second has been
/// sent 116 small frames of a stream, still within its budget.
const EARNED: Duration = Duration::from_millis(10);

/// What h2 calls a small frame: below so many bytes it takes from the budget, and above it gives back.
const SMALL: usize = 256;

/// From so many bytes on joined pieces go at once.
pub(crate) const ENOUGH: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_so_many_at_once_and_one_more_at_a_time() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        for _ in 0..AT_ONCE {
            assert_eq!(pace.spend(start), Ok(()));
        }
        assert_eq!(pace.spend(start), Err(start + EARNED));
        assert_eq!(pace.spend(start + EARNED / 2), Err(start + EARNED), "asking costs nothing");
        assert_eq!(pace.spend(start + EARNED), Ok(()));
        assert_eq!(pace.spend(start + EARNED), Err(start + EARNED * 2));
    }

    #[test]
    fn a_bucket_is_never_more_than_full() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        assert_eq!(pace.spend(start), Ok(()));
        let later = start + EARNED * 1000;
        for _ in 0..AT_ONCE {
            assert_eq!(pace.spend(later), Ok(()));
        }
        assert_eq!(pace.spend(later), Err(later + EARNED));
    }
}
