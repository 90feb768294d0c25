//! An environ from and to `http::Request`, for frameworks that think in http's types, and for tests.
//!
//! On the way out everything that a request has no place for travels in its extensions as a
//! [`Gateway`], so that the way back loses nothing.

use std::mem::{replace, swap, take};
use std::sync::{Arc, LazyLock};

use http::uri::PathAndQuery;
use http::{Extensions, Request, Uri};

use super::gateway::{Gateway, Rest};
use super::kept_target::KeptTarget;
use super::{Environ, gone, spare, target_of};
use crate::Input;
use crate::connection::{Connection, Server};
use crate::endpoint::Endpoint;
use crate::exchange::Exchange;

impl Environ {
    /// Turns the environ into an `http::Request` whose body is the input. [`Environ::from_request`] gets all of it
    /// back, also after the request's head was changed: a path that was rewritten stays mounted if it lies under the
    /// script name still, and the target stays that of the client.
    ///
    /// What a request has no place for is reached through the [`Gateway`] among its extensions.
    pub fn into_request(self) -> Request<Input> {
        self.carried(None)
    }

    /// As [`into_request`](Self::into_request), for a framework that routes by the request's own path and knows of no
    /// mount: the path is the path info, `/` where that is empty. On the way back what the framework cut off the front
    /// of it, as a nested router does, counts as mounted.
    pub fn into_mounted_request(self) -> Request<Input> {
        let is_at_root =
            self.inner().script_end == 0 && self.extra().is_none_or(|extra| extra.split.is_none());
        if is_at_root || self.script_name().is_empty() && self.path_info() == self.uri().path() {
            return self.carried(None);
        }
        let info = if self.path_info().is_empty() { "/" } else { self.path_info() };
        // A path info that is no path, as a gateway may give one, leaves the target as it is.
        let inside = with_path(self.uri(), info);
        self.carried(inside)
    }

    fn carried(mut self, inside: Option<Uri>) -> Request<Input> {
        let mut boxed = self.0.take().unwrap_or_else(|| gone());
        let Some(inner) = boxed.as_mut() else { gone() };
        let target = KeptTarget::of(&inner.head.uri);
        let path = inside.as_ref().and_then(Uri::path_and_query).cloned();
        if let Some(inside) = inside {
            inner.head.uri = inside;
        }
        let exchange = inner.exchange.take().unwrap_or_else(|| gone());
        let extra = inner.extra.take();
        let rest = Rest { target, inside: path, script_end: replace(&mut inner.script_end, 0), extra };
        let mut request = Request::new(take(&mut inner.input));
        // Exchanged for an empty head, piece by piece: moved out in one, a head is copied four times on its way.
        swap(request.method_mut(), &mut inner.head.method);
        swap(request.uri_mut(), &mut inner.head.uri);
        swap(request.headers_mut(), &mut inner.head.headers);
        swap(request.extensions_mut(), &mut inner.head.extensions);
        *request.version_mut() = inner.head.version;
        spare::keep(boxed);
        let extensions = request.extensions_mut();
        if extensions.is_empty() {
            *extensions = ROOMY.clone();
        }
        extensions.insert(Gateway::new(exchange, rest));
        request
    }

    /// Turns a request back into the environ it came from. One that came from no environ gets a connection of its
    /// own, within this process: peer and local are an unnamed unix socket.
    pub fn from_request(request: Request<Input>) -> Self {
        let (mut head, input) = request.into_parts();
        let carried = head.extensions.remove::<Gateway>();
        let Some((exchange, Rest { target, inside, script_end, extra })) = carried.and_then(Gateway::take)
        else {
            return Self::new(head, input, Exchange::new(in_process(Server::new("in-process", VERSION))));
        };
        let is_changed = inside.is_some() || !target.is(&head.uri);
        let given = is_changed.then(|| replace(&mut head.uri, target.into_uri()));
        let mut environ = Self::new(head, input, exchange);
        let inner = environ.inner_mut();
        (inner.script_end, inner.extra) = (script_end, extra);
        match (given, inside) {
            (Some(given), Some(inside)) if given.path_and_query() != Some(&inside) => {
                environ.shortened(&inside, &given);
            }
            (Some(given), None) => {
                let original = replace(&mut environ.inner_mut().head.uri, given);
                environ.rewritten(&original);
            }
            _ => {}
        }
        environ
    }

    /// Takes the path that a framework made of the path info for the rest of it: what it cut off the front is mounted.
    fn shortened(&mut self, inside: &PathAndQuery, given: &Uri) {
        let cut =
            inside.path().strip_suffix(given.path()).filter(|cut| !cut.ends_with('/')).unwrap_or_default();
        let script_name = format!("{}{cut}", self.script_name());
        let target = self.target().into_owned();
        if let Some(uri) = with_query(self.uri(), given.query()) {
            self.inner_mut().head.uri = uri;
        }
        self.set_split(script_name, given.path());
        self.extra_mut().target.get_or_insert(target);
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

/// The same URI with another path.
fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let path_and_query = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")).ok()?,
        None => PathAndQuery::try_from(path).ok()?,
    };
    replaced(uri, path_and_query)
}

/// The same URI with another query.
fn with_query(uri: &Uri, query: Option<&str>) -> Option<Uri> {
    let path_and_query = match query {
        Some(query) => format!("{}?{query}", uri.path()),
        None => uri.path().to_owned(),
    };
    replaced(uri, PathAndQuery::try_from(path_and_query).ok()?)
}

fn replaced(uri: &Uri, path_and_query: PathAndQuery) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query);
    Uri::from_parts(parts).ok()
}

/// Extensions that hold nothing and have room: a copy of them has it, too. By itself http's map grows with its fourth entry;
/// axum makes three, and ours is one more (`rsgi-hyper-axum` of the benches).
static ROOMY: LazyLock<Extensions> = LazyLock::new(|| {
    let mut extensions = Extensions::new();
    extensions.insert([(); 0]);
    extensions.insert([(); 1]);
    extensions.insert([(); 2]);
    extensions.insert([(); 3]);
    extensions.clear();
    extensions
});

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn in_process(server: Server) -> Arc<Connection> {
    let unnamed = Endpoint::unix(None, None);
    Arc::new(Connection::new(Arc::new(server), 0, unnamed.clone(), unnamed))
}
