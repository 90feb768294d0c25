//! An input that is lent to a service, and taken back when the service accepts the stream.
//!
//! What comes behind the request is read through the same input, which the service has got with its request.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use rsgi_core::bytes::Bytes;
use rsgi_core::http_body::{Body, Frame};
use rsgi_core::{Input, InputError, InputSource};

/// The owner's end.
pub(super) struct Kept(Arc<Mutex<Input>>);

impl Kept {
    /// The input, with what nobody has read of it.
    pub(super) fn into_input(self) -> Input {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Lends an input. Whoever has it may go on with the stream behind it, as an app inside the service does that accepts
/// the offer itself.
pub(super) fn lend(input: Input) -> (Input, Kept) {
    let length = input.length();
    let shared = Arc::new(Mutex::new(input));
    (Input::new(Lent(Arc::clone(&shared)), length, None), Kept(shared))
}

struct Lent(Arc<Mutex<Input>>);

impl InputSource for Lent {
    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        let mut input = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *input).poll_frame(context)
    }
}
