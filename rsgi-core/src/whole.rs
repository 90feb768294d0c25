//! [`Whole`]: a body's pieces put together, for whoever wants it in memory.
//!
//! Not here: the limit and the waiting (`input.rs`).
//!
//! Invariant: a body that came as one piece isn't copied.

use bytes::Bytes;

/// Pieces so far.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    first: Bytes,
    /// The first and all others, once there are others.
    joined: Vec<u8>,
}

impl Whole {
    /// Adds a piece, which isn't empty.
    pub(crate) fn push(&mut self, piece: Bytes) {
        if self.first.is_empty() && self.joined.is_empty() {
            self.first = piece;
            return;
        }
        if self.joined.is_empty() {
            self.joined.reserve(self.first.len() + piece.len());
            self.joined.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.joined.extend_from_slice(&piece);
    }

    /// All of it.
    pub(crate) fn finish(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.into() }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use http_body::Frame;

    use super::*;
    use crate::offload::may_block;
    use crate::{Input, InputError, InputErrorKind, InputLength, InputSource};

    struct Pieces(Vec<Bytes>);

    impl InputSource for Pieces {
        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
            Poll::Ready((!self.0.is_empty()).then(|| Ok(Frame::data(self.0.remove(0)))))
        }
    }

    fn input(pieces: &[Bytes]) -> Input {
        Input::new(Pieces(pieces.to_vec()), InputLength::Unknown, None)
    }

    fn collected(mut input: Input) -> Bytes {
        let mut context = Context::from_waker(Waker::noop());
        match pin!(input.collect(100)).poll(&mut context) {
            Poll::Ready(whole) => whole.unwrap(),
            Poll::Pending => panic!("all of it was there"),
        }
    }

    #[test]
    fn pieces_are_joined_and_one_alone_is_given_as_it_is() {
        let pieces = ["ab", "c", "def"].map(Bytes::from);
        for count in 0..=3 {
            let expected = pieces[..count].concat();
            assert_eq!(collected(input(&pieces[..count])), expected);
            assert_eq!(may_block(|| input(&pieces[..count]).read_whole(6)).unwrap(), expected);
        }
        let one = &pieces[..1];
        assert_eq!(collected(input(one)).as_ptr(), one[0].as_ptr());
        assert_eq!(may_block(|| input(one).read_whole(2)).unwrap().as_ptr(), one[0].as_ptr());
    }

    #[test]
    fn reading_the_whole_needs_a_thread_that_may_block_and_keeps_the_limit() {
        let pieces = ["ab", "c"].map(Bytes::from);
        assert_eq!(input(&pieces).read_whole(9).unwrap_err().kind(), InputErrorKind::WouldBlock);
        let over = may_block(|| input(&pieces).read_whole(2)).unwrap_err();
        assert_eq!(over.kind(), InputErrorKind::Limit);
        assert_eq!(may_block(|| Input::empty().read_whole(0)).unwrap(), "");
    }
}
