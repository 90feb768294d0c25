//! An input that is counted until its request is upgraded; what comes then is the raw stream, and has no limit.
//!
//! Servers give such requests no limit at all, so that a client could send any body by offering an upgrade with it.

use std::io::BufRead;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rsgi_core::bytes::Bytes;
use rsgi_core::http_body::{Body, Frame};
use rsgi_core::{Exchange, Input, InputError, InputErrorKind, InputLength, InputSource};

pub(super) struct UntilUpgraded {
    input: Input,
    exchange: Arc<Exchange>,
    /// What may still be read.
    left: u64,
    /// Whether the trailers were given: they are the last frame, and come once.
    trailed: bool,
}

type Given = Option<Result<Frame<Bytes>, InputError>>;

impl UntilUpgraded {
    pub(super) fn new(input: Input, exchange: Arc<Exchange>, limit: u64) -> Self {
        Self { input, exchange, left: limit, trailed: false }
    }

    /// Whether the body was announced longer than the limit.
    fn is_too_long(&self) -> bool {
        matches!(self.input.length(), InputLength::Known(length) if length > self.left)
            && !self.exchange.is_upgraded()
    }

    fn count(&mut self, given: Given) -> Given {
        if let Some(Ok(frame)) = &given
            && let Some(data) = frame.data_ref()
            && !self.exchange.is_upgraded()
        {
            match self.left.checked_sub(data.len() as u64) {
                Some(left) => self.left = left,
                None => return Some(Err(over())),
            }
        }
        given
    }

    fn wait(&mut self) -> Given {
        let piece = match self.input.fill_buf() {
            Ok(piece) => Bytes::copy_from_slice(piece),
            Err(error) => {
                let kind = InputError::find(&error).map_or(InputErrorKind::Other, InputError::kind);
                return Some(Err(InputError::new(kind).with_source(error)));
            }
        };
        if piece.is_empty() {
            let trailers = if self.trailed { None } else { self.input.trailers() };
            self.trailed |= trailers.is_some();
            return trailers.map(|trailers| Ok(Frame::trailers(trailers.clone())));
        }
        self.input.consume(piece.len());
        Some(Ok(Frame::data(piece)))
    }
}

impl InputSource for UntilUpgraded {
    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Given> {
        let this = &mut *self;
        if this.is_too_long() {
            return Poll::Ready(Some(Err(over())));
        }
        let given = ready!(Pin::new(&mut this.input).poll_frame(context));
        Poll::Ready(this.count(given))
    }

    fn wait_frame(mut self: Pin<&mut Self>) -> Given {
        let this = &mut *self;
        if this.is_too_long() {
            return Some(Err(over()));
        }
        let given = this.wait();
        this.count(given)
    }
}

fn over() -> InputError {
    InputError::new(InputErrorKind::Limit)
}
