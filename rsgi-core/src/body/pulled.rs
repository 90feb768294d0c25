//! [`Pulled`]: a body as an `http_body::Body`, for layers and servers that pull one.
//!
//! Core's own servers take a body through `Outgoing`, which knows the request it answers. This is for who stands in
//! between: it counts nothing and reports nothing, and an untouched one turns back into the body it was, kind and all.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::polled::PolledFrame;
use super::{Body, Kind};
use crate::Error;
use crate::closing::close;
use crate::live_source::LiveSource;
use crate::offload::Offload;
use crate::outgoing::on_server;

/// A body that is pulled by polling, from [`Body::pulled`].
///
/// # Examples
///
/// ```
/// use rsgi_core::http_body::Body as _;
/// use rsgi_core::{Body, Offload};
///
/// let pulled = Body::from("hello").pulled(&Offload::Inline);
/// assert_eq!(pulled.size_hint().exact(), Some(5));
/// assert_eq!(pulled.into_body().as_bytes().map(|bytes| bytes.len()), Some(5), "nobody has pulled it");
/// ```
pub struct Pulled {
    state: State,
    offload: Offload,
}

enum State {
    Whole(Body),
    Begun { source: LiveSource, left: Option<u64> },
    Over,
}

impl Pulled {
    pub(super) fn new(body: Body, offload: &Offload) -> Self {
        Self { state: State::Whole(body), offload: offload.clone() }
    }

    /// The body that it was if nobody has pulled a piece of it, else one of what is left.
    #[must_use]
    pub fn into_body(mut self) -> Body {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Whole(body) => body,
            begun @ State::Begun { .. } => {
                self.state = begun;
                Body::http(self)
            }
            State::Over => Body::empty(),
        }
    }
}

/// Without content: what a layer answers with by itself.
impl Default for Pulled {
    fn default() -> Self {
        Body::empty().pulled(&Offload::Inline)
    }
}

impl http_body::Body for Pulled {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> PolledFrame {
        if let State::Whole(body) = &mut self.state {
            match std::mem::take(body).0 {
                Kind::Empty => self.state = State::Over,
                Kind::Bytes(bytes) => {
                    self.state = State::Over;
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Kind::Streaming(streaming) => {
                    let source = on_server(streaming.source, &self.offload);
                    self.state = State::Begun { source, left: streaming.length };
                }
            }
        }
        let State::Begun { source, left } = &mut self.state else { return Poll::Ready(None) };
        let frame = source.poll_frame(context);
        match &frame {
            Poll::Ready(Some(Ok(frame))) => {
                if let (Some(left), Some(data)) = (left, frame.data_ref()) {
                    *left = left.saturating_sub(data.len() as u64);
                }
            }
            Poll::Ready(None | Some(Err(_))) => self.state = State::Over,
            Poll::Pending => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Whole(body) => matches!(body.0, Kind::Empty),
            State::Begun { .. } => false,
            State::Over => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        let left = match &self.state {
            State::Whole(body) => body.length(),
            State::Begun { left, .. } => *left,
            State::Over => Some(0),
        };
        left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for Pulled {
    fn drop(&mut self) {
        if let State::Whole(body) = &mut self.state
            && body.blocks()
        {
            let body = std::mem::take(body);
            self.offload.detach(move || close(body));
        }
    }
}

impl std::fmt::Debug for Pulled {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match &self.state {
            State::Whole(_) => "untouched",
            State::Begun { .. } => "begun",
            State::Over => "over",
        };
        formatter.debug_tuple("Pulled").field(&state).finish()
    }
}
