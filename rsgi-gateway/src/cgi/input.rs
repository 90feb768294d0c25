//! [`PipeInput`]: the request's content, read from a pipe that only blocks.
//!
//! Blocking code reads it where it stands. For what is polled a thread of its own reads, one piece for each that is asked
//! for, so that the app's other work goes on.
//!
//! Invariant: never more is read than `CONTENT_LENGTH` says (RFC 3875 section 4.2). Next: `process.rs`.

use std::io::{self, Read};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use bytes::Bytes;
use rsgi_core::http_body::Frame;
use rsgi_core::{InputError, InputErrorKind, InputLength, InputSource};

/// The content of a request.
pub(super) struct PipeInput<R> {
    reader: Reader<R>,
    /// What is left of the length; `None` for all until the end.
    left: Option<u64>,
}

enum Reader<R> {
    /// Taken by the thread once something polls.
    Here(Option<R>),
    Elsewhere(Arc<Desk>),
}

/// Where the thread and who polls meet.
#[derive(Default)]
struct Desk {
    state: Mutex<State>,
    asked: Condvar,
}

#[derive(Default)]
struct State {
    /// The size of the piece that is asked for; 0 for none.
    wanted: usize,
    piece: Option<io::Result<Bytes>>,
    waker: Option<Waker>,
    /// Whether nobody will ask any more.
    over: bool,
}

impl<R: Read + Send + Unpin + 'static> PipeInput<R> {
    pub(super) fn new(reader: R, length: InputLength) -> Self {
        let left = match length {
            InputLength::Known(length) => Some(length),
            InputLength::None => Some(0),
            _ => None,
        };
        Self { reader: Reader::Here(Some(reader)), left }
    }

    /// How much to read next; 0 at the end.
    fn size(&self) -> usize {
        self.left.map_or(PIECE, |left| usize::try_from(left).unwrap_or(PIECE).min(PIECE))
    }

    fn take(&mut self, read: io::Result<Bytes>) -> Option<Result<Frame<Bytes>, InputError>> {
        match read {
            Ok(piece) if piece.is_empty() => {
                let missing = self.left.replace(0).is_some();
                missing.then(|| Err(InputError::new(InputErrorKind::Truncated)))
            }
            Ok(piece) => {
                self.left = self.left.map(|left| left.saturating_sub(piece.len() as u64));
                Some(Ok(Frame::data(piece)))
            }
            Err(error) => Some(Err(InputError::new(InputErrorKind::Other).with_source(error))),
        }
    }

    /// Has a thread do the reading from now on.
    fn desk(&mut self) -> io::Result<&Desk> {
        if let Reader::Here(reader) = &mut self.reader {
            let Some(reader) = reader.take() else { return Err(io::ErrorKind::BrokenPipe.into()) };
            let desk = Arc::new(Desk::default());
            let theirs = Arc::clone(&desk);
            thread::Builder::new().name("rsgi-cgi-input".into()).spawn(move || theirs.serve(reader))?;
            self.reader = Reader::Elsewhere(desk);
        }
        match &self.reader {
            Reader::Elsewhere(desk) => Ok(desk),
            Reader::Here(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl<R: Read + Send + Unpin + 'static> InputSource for PipeInput<R> {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        let size = self.size();
        if size == 0 {
            return Poll::Ready(None);
        }
        let read = match self.desk() {
            Ok(desk) => match desk.poll(size, context) {
                Poll::Ready(read) => read,
                Poll::Pending => return Poll::Pending,
            },
            Err(error) => Err(error),
        };
        Poll::Ready(self.take(read))
    }

    fn wait_frame(mut self: Pin<&mut Self>) -> Option<Result<Frame<Bytes>, InputError>> {
        let size = self.size();
        if let Reader::Here(Some(reader)) = &mut self.reader {
            if size == 0 {
                return None;
            }
            let read = read_piece(reader, size);
            return self.take(read);
        }
        rsgi_core::wait(std::future::poll_fn(|context| self.as_mut().poll_frame(context)))
    }
}

impl<R> Drop for PipeInput<R> {
    fn drop(&mut self) {
        if let Reader::Elsewhere(desk) = &self.reader {
            desk.lock().over = true;
            desk.asked.notify_one();
        }
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self, size: usize, context: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let mut state = self.lock();
        if let Some(piece) = state.piece.take() {
            return Poll::Ready(piece);
        }
        state.waker = Some(context.waker().clone());
        if state.wanted == 0 {
            state.wanted = size;
            self.asked.notify_one();
        }
        Poll::Pending
    }

    /// Reads a piece for each that is asked for.
    fn serve(&self, mut reader: impl Read) {
        loop {
            let idle = |state: &mut State| state.wanted == 0 && !state.over;
            let state = self.asked.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
            if state.over {
                return;
            }
            let size = state.wanted;
            drop(state);
            let piece = read_piece(&mut reader, size);
            let waker = {
                let mut state = self.lock();
                (state.wanted, state.piece) = (0, Some(piece));
                state.waker.take()
            };
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

/// Reads what is there, up to `size`; nothing at the end.
fn read_piece(reader: &mut impl Read, size: usize) -> io::Result<Bytes> {
    let mut buffer = vec![0; size];
    loop {
        match reader.read(&mut buffer) {
            Ok(length) => {
                buffer.truncate(length);
                return Ok(buffer.into());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// As much as a pipe holds.
const PIECE: usize = 64 * 1024;
