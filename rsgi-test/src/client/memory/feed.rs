//! The input of a request in memory: what the test gives, as an adapter's source.
//!
//! It ends by itself, tells a truncated content from a whole one, asks for the content by `100 Continue` when the app
//! first reads (RFC 9110 section 10.1.1), and goes on as the raw inbound stream after an upgrade.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderMap, StatusCode};
use rsgi_core::http_body::Frame;
use rsgi_core::{Exchange, InputError, InputErrorKind, InputSource, Link, wait};

use super::lock;
use super::said::Said;
use crate::client::outline::Content;

type Next = Poll<Option<Result<Frame<Bytes>, InputError>>>;
type Pieces = Box<dyn Iterator<Item = Bytes> + Send>;

#[derive(Default)]
struct State {
    content: VecDeque<Bytes>,
    more: Option<Pieces>,
    /// No more content will be given.
    ended: bool,
    trailers: Option<HeaderMap>,
    /// What is missing of the declared length.
    left: Option<u64>,
    broken: Option<InputErrorKind>,
    /// The bytes behind the content, for an upgraded stream.
    raw: VecDeque<Bytes>,
    raw_ended: bool,
    waker: Option<Waker>,
}

/// The test's side.
#[derive(Default)]
pub(super) struct Feed(Mutex<State>);

impl Feed {
    /// Makes the feed of a content whose length may be declared.
    pub(super) fn new(content: Content, trailers: Option<HeaderMap>, declared: Option<u64>) -> Self {
        let mut state = State { trailers, left: declared, ended: true, ..State::default() };
        match content {
            Content::None => {}
            Content::Bytes(bytes) => state.content.push_back(bytes),
            Content::Pieces(pieces) => state.more = Some(pieces),
            Content::ByHand => state.ended = false,
        }
        Self(Mutex::new(state))
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let waker = {
            let mut state = lock(&self.0);
            change(&mut state);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn feed(&self, piece: Bytes) {
        self.change(
            |state| if state.ended { state.raw.push_back(piece) } else { state.content.push_back(piece) },
        );
    }

    pub(super) fn end(&self, trailers: Option<HeaderMap>) {
        self.change(|state| {
            if state.ended {
                state.raw_ended = true;
            }
            state.ended = true;
            state.trailers = trailers.or(state.trailers.take());
        });
    }

    /// Ends the content, unless it has ended: what follows is the stream's.
    pub(super) fn switch(&self) {
        self.change(|state| state.ended = true);
    }

    pub(super) fn fail(&self, kind: InputErrorKind) {
        self.change(|state| {
            state.broken.get_or_insert(kind);
        });
    }
}

impl State {
    fn next_content(&mut self) -> Option<Next> {
        if self.left == Some(0) {
            return None;
        }
        let piece = self.content.pop_front().or_else(|| self.more.as_mut()?.next());
        if let Some(mut piece) = piece {
            if let Some(left) = &mut self.left {
                piece.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= piece.len() as u64;
            }
            return Some(Poll::Ready(Some(Ok(Frame::data(piece)))));
        }
        if !self.ended {
            return Some(Poll::Pending);
        }
        // The declared length never came.
        self.left.map(|_| Poll::Ready(Some(Err(InputError::new(InputErrorKind::Truncated)))))
    }

    fn next(&mut self, is_upgraded: bool) -> Next {
        if let Some(kind) = self.broken {
            return Poll::Ready(Some(Err(InputError::new(kind))));
        }
        while let Some(content) = self.next_content() {
            if is_upgraded && matches!(content, Poll::Ready(Some(Ok(_)))) {
                // What the app left unread before it took the stream over isn't part of that.
                continue;
            }
            return content;
        }
        if let Some(trailers) = self.trailers.take().filter(|_| !is_upgraded) {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        match self.raw.pop_front() {
            Some(piece) if is_upgraded => Poll::Ready(Some(Ok(Frame::data(piece)))),
            Some(early) => {
                self.raw.push_front(early);
                Poll::Ready(None)
            }
            None if is_upgraded && !self.raw_ended => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

/// The app's side.
pub(super) struct Source {
    pub(super) feed: Arc<Feed>,
    pub(super) said: Arc<Said>,
    pub(super) exchange: Arc<Exchange>,
    pub(super) expects: bool,
    /// Whether the app may run on the thread that feeds.
    pub(super) inline: bool,
}

impl InputSource for Source {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        if std::mem::take(&mut self.expects) && !self.exchange.head_is_final() {
            self.said.informational(StatusCode::CONTINUE, &HeaderMap::new());
        }
        let mut state = lock(&self.feed.0);
        let next = state.next(self.exchange.is_upgraded());
        if next.is_pending() {
            state.waker = Some(context.waker().clone());
        }
        next
    }

    /// On a thread of its own it waits; inline nobody could feed it meanwhile, so that it says so.
    fn wait_frame(mut self: Pin<&mut Self>) -> Option<Result<Frame<Bytes>, InputError>> {
        if !self.inline {
            return wait(std::future::poll_fn(|context| self.as_mut().poll_frame(context)));
        }
        match self.poll_frame(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(frame) => frame,
            Poll::Pending => Some(Err(InputError::new(InputErrorKind::Other).with_source(UNFED))),
        }
    }
}

const UNFED: &str =
    "a blocking app reads what the test hasn't fed yet: feed it before, or use `Memory::threads`";
