//! An environ from and to `http::Request`, for frameworks that think in http's types, and for tests.
//!
//! On the way out everything that a request has no place for travels in its extensions, so that the way back
//! loses nothing.

use std::sync::{Arc, Mutex, PoisonError};

use http::{Request, Uri};

use super::extra::Extra;
use super::{Environ, Inner, gone, target_of};
use crate::Input;
use crate::connection::{Connection, Server};
use crate::endpoint::Endpoint;
use crate::exchange::Exchange;

/// What an `http::Request` can't hold, as one of its extensions. Clones share it; the first to turn back gets it.
#[derive(Clone)]
struct Carried(Arc<Mutex<Option<Rest>>>);

struct Rest {
    exchange: Arc<Exchange>,
    uri: Uri,
    script_end: u16,
    extra: Option<Box<Extra>>,
}

impl Environ {
    /// Turns the environ into an `http::Request` whose body is the input. [`Environ::from_request`] gets all of it
    /// back, also after the request's head was changed: a path that was rewritten stays mounted if it lies under the
    /// script name still, and the target stays that of the client.
    pub fn into_request(self) -> Request<Input> {
        let Inner { mut head, input, exchange, script_end, extra, .. } = self.into_inner();
        let exchange = exchange.unwrap_or_else(|| gone());
        let rest = Rest { exchange, uri: head.uri.clone(), script_end, extra };
        head.extensions.insert(Carried(Arc::new(Mutex::new(Some(rest)))));
        Request::from_parts(head, input)
    }

    /// Turns a request back into the environ it came from. One that came from no environ gets a connection of its
    /// own, within this process: peer and local are an unnamed unix socket.
    pub fn from_request(request: Request<Input>) -> Self {
        let (mut head, input) = request.into_parts();
        let carried = head.extensions.remove::<Carried>();
        let rest =
            carried.and_then(|carried| carried.0.lock().unwrap_or_else(PoisonError::into_inner).take());
        match rest {
            Some(Rest { exchange, uri, script_end, extra }) => {
                let rewritten = head.uri != uri;
                let mut environ = Self::new(head, input, exchange);
                let inner = environ.inner_mut();
                (inner.script_end, inner.extra) = (script_end, extra);
                if rewritten {
                    environ.rewritten(&uri);
                }
                environ
            }
            None => Self::new(head, input, Exchange::new(in_process(Server::new("in-process", VERSION)))),
        }
    }

    /// Splits a path anew that was changed meanwhile: it is still mounted where it was if it lies under that, else at
    /// the root. The target stays that of the client.
    fn rewritten(&mut self, original: &Uri) {
        let inner = self.inner_mut();
        let path = inner.head.uri.path();
        let extra = inner.extra.get_or_insert_default();
        let script_name = match &extra.split {
            Some((script_name, _)) => script_name,
            None => original.path().get(..usize::from(inner.script_end)).unwrap_or_default(),
        };
        let under = |rest: &&str| rest.is_empty() || rest.starts_with('/');
        let kept =
            if path.strip_prefix(script_name).as_ref().is_some_and(under) { script_name.len() } else { 0 };
        if extra.split.is_some() {
            let (script_name, path_info) = path.split_at(kept);
            extra.split = Some((script_name.to_owned(), path_info.to_owned()));
        } else {
            inner.script_end = u16::try_from(kept).unwrap_or(0);
        }
        extra.target.get_or_insert_with(|| target_of(original).into_owned());
    }

    fn into_inner(mut self) -> Inner {
        self.0.take().and_then(|inner| *inner).unwrap_or_else(|| gone())
    }

    /// Makes an environ for a test from a request without a body, on a server that runs blocking work inline.
    pub fn for_test(request: Request<()>) -> Self {
        Self::from_request(request.map(|()| Input::empty()))
    }

    /// Makes an environ for a request that never crossed a socket, on a server of the caller's description.
    pub fn on_server(request: Request<Input>, server: Server) -> Self {
        let (head, input) = request.into_parts();
        Self::new(head, input, Exchange::new(in_process(server)))
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn in_process(server: Server) -> Arc<Connection> {
    let unnamed = Endpoint::unix(None, None);
    Arc::new(Connection::new(Arc::new(server), 0, unnamed.clone(), unnamed))
}
