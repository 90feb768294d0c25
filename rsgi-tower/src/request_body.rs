//! A request's body of any kind as an app's input.
//!
//! An input that no layer touched is itself again. Anything else is read frame by frame; its errors stay input errors
//! where they were.

use std::any::Any;
use std::pin::Pin;
use std::task::{Context, Poll};

use rsgi_core::bytes::{Buf, Bytes};
use rsgi_core::http_body::{Body, Frame};
use rsgi_core::{Error, Input, InputError, InputErrorKind, InputLength, InputSource};

/// Makes an input of a request's body.
pub(crate) fn into_input<B>(body: B) -> Input
where
    B: Body + Send + 'static,
    B::Data: Buf,
    B::Error: Into<Error>,
{
    let mut own = Some(body);
    if let Some(input) = (&mut own as &mut dyn Any).downcast_mut::<Option<Input>>() {
        return input.take().unwrap_or_default();
    }
    let Some(body) = own else { return Input::empty() };
    if body.is_end_stream() {
        return Input::empty();
    }
    let length = body.size_hint().exact().map_or(InputLength::Unknown, InputLength::Known);
    Input::new(Wrapped(Box::pin(body)), length, None)
}

/// A body, asked as an adapter's source is.
struct Wrapped<B>(Pin<Box<B>>);

impl<B> InputSource for Wrapped<B>
where
    B: Body + Send,
    B::Data: Buf,
    B::Error: Into<Error>,
{
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        self.0.as_mut().poll_frame(context).map(|frame| {
            frame.map(|frame| match frame {
                Ok(frame) => Ok(frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))),
                Err(error) => Err(input_error(error.into())),
            })
        })
    }
}

/// The input's own error, if it is one or holds one.
fn input_error(error: Error) -> InputError {
    match error.downcast::<InputError>() {
        Ok(own) => *own,
        Err(error) => {
            let kind = InputError::find(&*error).map_or(InputErrorKind::Other, InputError::kind);
            InputError::new(kind).with_source(error)
        }
    }
}
