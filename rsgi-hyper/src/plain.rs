//! A hosted app as a plain hyper service, for programs that drive hyper's connections themselves.
//!
//! Requests are checked and answered as everywhere. What needs the byte stream isn't there and is said so: no
//! informational heads, no upgrade ([`NotSupported`](rsgi_core::NotSupported) to the app), no token for a client that
//! vanishes while hyper doesn't read; and the outcome says what hyper was given, not what the system took.
//!
//! Invariant: the outcome is told once, when hyper lets go of the answer's body.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderValue, Request, Response, Version};
use rsgi_core::http_body::{Body, Frame, SizeHint};
use rsgi_core::{
    AcceptedBy, App, Capabilities, Cause, Connection, Delivery, Endpoint, Environ, Exchange, Input, Outgoing,
    OutgoingError, respond,
};

use crate::conn::Host;
use crate::hosted::Hosted;
use crate::request::{self, Known, refused};
use crate::setting;

/// What takes a byte stream of our own to do.
const BEYOND: Capabilities = Capabilities::INFORMATIONAL.union(Capabilities::UPGRADE);

impl<A: App> Hosted<A> {
    /// Makes a hyper service of the app, for the requests of one connection, or of none in particular.
    ///
    /// [`Hosted::serve`] does more; see this module's first lines for what. The time limits of a connection are the
    /// caller's then, by hyper's own settings.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(app: impl rsgi_core::App, io: hyper_util::rt::TokioIo<tokio::net::TcpStream>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// use rsgi_core::Endpoint;
    /// use rsgi_core::server::Config;
    ///
    /// let hosted = rsgi_hyper::Builder::new(Config::new()).host(app)?;
    /// let service = hosted.service(Endpoint::unix(None, None), Endpoint::unix(None, None));
    /// hyper::server::conn::http1::Builder::new().serve_connection(io, service).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn service(
        &self,
        peer: Endpoint,
        local: Endpoint,
    ) -> impl Service<
        Request<Incoming>,
        Response = Response<PlainBody>,
        Error = Infallible,
        Future = impl Future<Output = Result<Response<PlainBody>, Infallible>> + Send + use<A>,
    > + use<A> {
        let mut server = (*self.host.server).clone();
        server.capabilities = server.capabilities.missing_in(BEYOND);
        let connection = Arc::new(Connection::new(Arc::new(server), self.control.number(), peer, local));
        let host = Arc::clone(&self.host);
        service_fn(move |request| answer(Arc::clone(&host), Arc::clone(&connection), request))
    }
}

/// Nothing is known of the requests before.
struct Unknown(OnceLock<HeaderValue>);

impl Known for Unknown {
    fn may_exceed(&self, _: usize) -> bool {
        true
    }

    fn host(&self) -> &OnceLock<HeaderValue> {
        &self.0
    }
}

async fn answer<A: App>(
    host: Arc<Host<A>>,
    connection: Arc<Connection>,
    mut request: Request<Incoming>,
) -> Result<Response<PlainBody>, Infallible> {
    let exchange = Exchange::new(connection);
    let is_http2 = request.version() > Version::HTTP_11;
    let checked = if is_http2 { request::check_http2(&mut request, &host.setting.head) } else { Ok(()) };
    let (mut head, body) = request.into_parts();
    // hyper's own; an app is given core's.
    head.extensions.clear();
    let is_empty = body.is_end_stream();
    let input = if is_empty { Input::empty() } else { host.setting.body.input(body, Arc::default()) };
    let mut environ = Environ::new(head, input, Arc::clone(&exchange));
    let checked = checked.and_then(|()| {
        if is_http2 {
            return Ok(());
        }
        request::check(&mut environ, &Unknown(OnceLock::new()), &host.setting.head)
    });
    let told = Told(exchange);
    let mut response = match checked {
        Ok(()) => respond(&*host.app, environ).await,
        Err(status) => refused(environ, status),
    };
    if response.body().close_after() && !is_http2 {
        response.headers_mut().insert(rsgi_core::http::header::CONNECTION, HeaderValue::from_static("close"));
    }
    setting::add_server_field(response.headers_mut(), &host.setting);
    Ok(response.map(|outgoing| PlainBody { outgoing, _told: told }))
}

/// Tells the outcome when it is dropped: with the answer's body, or with the future of a request that was cancelled.
#[derive(Debug)]
struct Told(Arc<Exchange>);

impl Drop for Told {
    fn drop(&mut self) {
        if self.0.has_ended() {
            self.0.tell(Delivery::Whole(AcceptedBy::Caller));
        } else {
            self.0.disconnect(Cause::Closed);
            self.0.tell(Delivery::Aborted(Cause::Closed));
        }
    }
}

/// The body of an answer given to hyper by [`Hosted::service`].
#[derive(Debug)]
pub struct PlainBody {
    outgoing: Outgoing,
    /// Dropped behind the body.
    _told: Told,
}

impl Body for PlainBody {
    type Data = Bytes;
    type Error = OutgoingError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OutgoingError>>> {
        Pin::new(&mut self.outgoing).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.outgoing.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.outgoing.size_hint()
    }
}
