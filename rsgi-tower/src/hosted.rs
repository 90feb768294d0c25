//! An app on a server of others: answered by core's `respond`, its outcome told when the body has been taken.
//!
//! The host frames and sends; what HEAD, 204 and a length mean is settled before it sees the response.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderValue, Request, Response, Version, header};
use rsgi_core::http_body::{Body, Frame, SizeHint};
use rsgi_core::{
    AcceptedBy, App, Cause, Connection, Delivery, Endpoint, Environ, Error, Exchange, Input, Outgoing,
    Pulled, Server, respond,
};

use crate::threads::own;

/// What is known of the host.
#[derive(Debug, Clone)]
pub(crate) struct Host(Arc<Server>);

impl Host {
    pub(crate) fn new() -> Self {
        let mut server = Server::new("rsgi-tower", env!("CARGO_PKG_VERSION"));
        server.multithread = true;
        server.offload = own();
        Self::of(server)
    }

    pub(crate) fn of(server: Server) -> Self {
        Self(Arc::new(server))
    }

    /// Answers a request of the host's.
    pub(crate) async fn serve<A: App>(
        self,
        app: Arc<A>,
        request: Request<Input>,
    ) -> Result<Response<Hosted>, Infallible> {
        static CONNECTIONS: AtomicU64 = AtomicU64::new(1);
        let id = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        let unnamed = Endpoint::unix(None, None);
        let exchange = Exchange::new(Arc::new(Connection::new(self.0, id, unnamed.clone(), unnamed)));
        let mut watch = Watched { exchange: Arc::clone(&exchange), over: false };
        let (head, input) = request.into_parts();
        let version = head.version;
        let answer = respond(&app, Environ::new(head, input, exchange)).await;
        let closes = answer.body().close_after() && version <= Version::HTTP_11;
        let mut response = answer.map(|outgoing| {
            // A host that drops the body of an answer without content has sent all of it.
            watch.over = outgoing.is_end_stream();
            if watch.over {
                watch.exchange.tell(Delivery::Whole(AcceptedBy::Caller));
            }
            Hosted(Kind::Served(outgoing, watch))
        });
        if closes {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }
}

/// Tells the outcome, once.
#[derive(Debug)]
struct Watched {
    exchange: Arc<Exchange>,
    over: bool,
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.over {
            self.exchange.disconnect(Cause::Closed);
            self.exchange.tell(Delivery::Aborted(Cause::Closed));
        }
    }
}

/// The body of an app's answer, as a service gives it.
#[derive(Debug)]
pub struct Hosted(Kind);

#[derive(Debug)]
enum Kind {
    /// On a server of ours, which knows the rest.
    Passing(Pulled),
    /// On a server of others.
    Served(Outgoing, Watched),
}

impl Hosted {
    pub(crate) fn of(body: Pulled) -> Self {
        Self(Kind::Passing(body))
    }

    /// The app's own body, where nobody has pulled it.
    pub(crate) fn into_body(self) -> rsgi_core::Body {
        match self.0 {
            Kind::Passing(body) => body.into_body(),
            served @ Kind::Served(..) => rsgi_core::Body::http(Self(served)),
        }
    }
}

/// Without content: what a layer answers with by itself.
impl Default for Hosted {
    fn default() -> Self {
        Self::of(Pulled::default())
    }
}

impl Body for Hosted {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let (outgoing, watch) = match &mut self.0 {
            Kind::Passing(body) => return Pin::new(body).poll_frame(context),
            Kind::Served(outgoing, watch) => (outgoing, watch),
        };
        let frame = Pin::new(&mut *outgoing).poll_frame(context);
        let delivery = match &frame {
            Poll::Ready(Some(Err(_))) => Some(Delivery::Failed),
            Poll::Ready(_) if outgoing.is_end_stream() => Some(Delivery::Whole(AcceptedBy::Caller)),
            _ => None,
        };
        if let Some(delivery) = delivery
            && !watch.over
        {
            watch.over = true;
            watch.exchange.tell(delivery);
        }
        frame.map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Passing(body) => body.is_end_stream(),
            Kind::Served(outgoing, _) => outgoing.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Passing(body) => body.size_hint(),
            Kind::Served(outgoing, _) => outgoing.size_hint(),
        }
    }
}
