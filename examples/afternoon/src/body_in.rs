//! A request's body as the app reads it: polled, with the watching thread to wake it, or waited for.
//!
//! Also the raw bytes of an upgraded connection, which follow the body's end.

use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::task::{Context, Poll};
use std::time::Instant;

use rsgi_core::bytes::Bytes;
use rsgi_core::http_body::Frame;
use rsgi_core::{Cause, InputError, InputErrorKind, InputSource};

use crate::chunked::Step;
use crate::conn::Conn;
use crate::watch::Watched;

type Piece = Option<Result<Frame<Bytes>, InputError>>;

/// The source of one request's input.
pub(crate) struct Incoming {
    pub(crate) conn: Arc<Conn>,
    pub(crate) watched: Arc<Watched>,
    pub(crate) number: u64,
    /// Since when somebody waits for the next byte.
    pub(crate) since: Option<Instant>,
    /// Dropped with this, for who waits for that.
    pub(crate) _alive: Sender<()>,
}

impl Incoming {
    /// Gives what is there; `None` if nothing is.
    fn try_next(&mut self) -> Option<Piece> {
        let Self { conn, watched, .. } = self;
        let mut inbound = conn.inbound();
        if inbound.number != self.number {
            return Some(Some(error(InputErrorKind::Disconnected)));
        }
        if std::mem::take(&mut inbound.expects) {
            // A late one, behind the final head, isn't sent.
            let _told = conn.wire.send_early(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        loop {
            let is_raw = match inbound.next(&conn.shared.config.limits) {
                Err(kind) => return Some(Some(error(kind))),
                Ok(Step::Data(data)) => return Some(Some(Ok(Frame::data(data)))),
                Ok(Step::Trailers(trailers)) => return Some(Some(Ok(Frame::trailers(trailers)))),
                Ok(Step::End) if !watched.exchange.is_upgraded() => return Some(None),
                Ok(Step::End) if !inbound.buffer.is_empty() => {
                    return Some(Some(Ok(Frame::data(inbound.raw()))));
                }
                Ok(Step::End) => true,
                Ok(Step::More) => false,
            };
            match inbound.fill(&conn.wire) {
                Ok(1..) => {}
                Ok(0) if is_raw => return Some(None),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Ok(0) => {
                    inbound.failed = true;
                    let was_cut_off = watched.exchange.cause().is_some();
                    let kinds = [InputErrorKind::Truncated, InputErrorKind::Disconnected];
                    return Some(Some(error(kinds[usize::from(was_cut_off)])));
                }
                Err(_) => {
                    inbound.failed = true;
                    watched.exchange.disconnect(Cause::Reset);
                    return Some(Some(error(InputErrorKind::Disconnected)));
                }
            }
        }
    }

    /// Until when a byte must come; an upgraded stream may be silent.
    fn deadline(&mut self) -> Option<Instant> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let time = self.conn.shared.config.timeouts.body_progress?;
        (!self.watched.exchange.is_upgraded()).then_some(since + time)
    }

    fn ended(&mut self, piece: Piece) -> Piece {
        self.since = None;
        match &piece {
            Some(Err(_)) => self.watched.read_failed(),
            _ => self.watched.read_ended(),
        }
        piece
    }

    fn timed_out(&mut self) -> Piece {
        self.conn.inbound().failed = true;
        self.ended(Some(error(InputErrorKind::TimedOut)))
    }
}

impl InputSource for Incoming {
    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Piece> {
        if let Some(piece) = self.try_next() {
            return Poll::Ready(self.ended(piece));
        }
        let deadline = self.deadline();
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Poll::Ready(self.timed_out());
        }
        self.watched.read_waits(context.waker().clone(), deadline);
        self.conn.shared.watcher.ring();
        Poll::Pending
    }

    fn wait_frame(mut self: Pin<&mut Self>) -> Piece {
        self.watched.read_blocks();
        loop {
            if let Some(piece) = self.try_next() {
                return self.ended(piece);
            }
            let deadline = self.deadline();
            if self.conn.wire.wait(deadline).is_err() {
                return self.timed_out();
            }
        }
    }
}

fn error(kind: InputErrorKind) -> Result<Frame<Bytes>, InputError> {
    Err(InputError::new(kind))
}
