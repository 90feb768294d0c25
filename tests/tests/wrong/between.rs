//! What stands between server and app and lies to the app: about the request, the connection it came by, its content.
//!
//! The answer is left alone. A lie about the connection is told by an exchange of its own, so that what the app would
//! hear of the real one (its end, its outcome) is lost: it is for cases that ask what an environ says.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::Request;
use rsgi_core::http_body::Frame;
use rsgi_core::{
    BoxApp, Connection, Environ, Exchange, Input, InputError, InputLength, InputSource, Middleware, Next,
    StartResponse, around,
};

/// A lie about each request.
#[derive(Clone, Copy)]
pub(crate) enum Lie {
    /// By what an environ lets middleware change.
    Environ(fn(&mut Environ)),
    /// By its head, whatever stands there.
    Request(fn(&mut Request<Input>)),
    /// By the facts of connection and server.
    Connection(fn(&mut Connection)),
}

/// What becomes of a piece of content, or of its end.
pub(crate) type Change =
    Box<dyn FnMut(Option<Result<Bytes, InputError>>) -> Option<Result<Bytes, InputError>> + Send>;

impl Lie {
    /// The app that is lied to.
    pub(crate) fn to(self, app: BoxApp) -> BoxApp {
        let middleware = around(move |environ: Environ, start_response: StartResponse, next: Next| {
            let told = self.told(environ);
            async move { next.call(told, start_response).await }
        });
        BoxApp::new(middleware.wrap(app))
    }

    fn told(self, mut environ: Environ) -> Environ {
        match self {
            Self::Environ(change) => {
                change(&mut environ);
                environ
            }
            Self::Request(change) => {
                let mut request = environ.into_request();
                change(&mut request);
                Environ::from_request(request)
            }
            Self::Connection(change) => {
                let mut connection = copied(environ.exchange().connection());
                change(&mut connection);
                let (mut head, input) = environ.into_request().into_parts();
                // With the real exchange, which would be found again.
                head.extensions.clear();
                Environ::new(head, input, Exchange::new(Arc::new(connection)))
            }
        }
    }
}

fn copied(right: &Connection) -> Connection {
    let (server, id) = (Arc::clone(&right.server), right.id);
    let mut copy = Connection::at(server, id, right.peer.clone(), Arc::clone(&right.local));
    copy.tls.clone_from(&right.tls);
    copy.scheme = right.scheme;
    copy.accepted = right.accepted;
    copy.link.clone_from(&right.link);
    copy
}

/// Changes the content piece by piece; trailers are lost by it. A request without content is left as it is.
pub(crate) fn content(environ: &mut Environ, make: impl FnOnce(InputLength) -> Change) {
    let length = environ.input_length();
    if length == InputLength::None {
        return;
    }
    let changed = Changed { right: environ.take_input(), change: make(length) };
    environ.set_input(Input::new(changed, length, None));
}

struct Changed {
    right: Input,
    change: Change,
}

impl InputSource for Changed {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        let piece = ready!(self.right.poll_piece(context));
        Poll::Ready((self.change)(piece).map(|piece| piece.map(Frame::data)))
    }
}

/// Content that never comes, nor ends.
pub(crate) struct Never;

impl InputSource for Never {
    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        Poll::Pending
    }
}

/// Content that an async app reads, and a blocking one doesn't.
pub(crate) struct AsyncOnly(pub(crate) Input);

impl InputSource for AsyncOnly {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        let piece = ready!(self.0.poll_piece(context));
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn wait_frame(self: Pin<&mut Self>) -> Option<Result<Frame<Bytes>, InputError>> {
        None
    }
}
