//! One HTTP/2 request as hyper gives it, and the answer as hyper takes it.
//!
//! Invariant: the environ is the one that the same request has on HTTP/1, but for the version.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use rsgi_core::bytes::Bytes;
use rsgi_core::http::{Request, Response};
use rsgi_core::http_body::Body;

use super::streams::{Stream, Streams};
use rsgi_core::{
    AcceptedBy, App, Cause, ConnectProtocol, Delivery, Environ, Framing, Input, Outgoing, respond,
};

use crate::body_out::Http2Body;
use crate::request::{self, refused};
use crate::setting::{self, Setting};
use crate::upgrade;

/// What the requests of a connection share.
#[derive(Debug)]
pub(crate) struct Shared<A> {
    pub(crate) app: Arc<A>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) setting: Arc<Setting>,
}

impl<A> Clone for Shared<A> {
    fn clone(&self) -> Self {
        Self { app: self.app.clone(), streams: self.streams.clone(), setting: self.setting.clone() }
    }
}

/// Answers a request.
pub(crate) fn answer<A: App>(
    shared: Shared<A>,
    mut request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Http2Body>, Infallible>> + Send {
    // Now and not at the first poll: a stream counts from its head on.
    let stream = shared.streams.begin();
    async move {
        let checked = request::check_http2(&mut request, &shared.setting.head);
        let (mut head, body) = request.into_parts();
        let exchange = Arc::clone(stream.exchange());
        let protocol = head.extensions.remove::<Protocol>();
        let taken_over = head.extensions.remove::<OnUpgrade>();
        if let Err(status) = checked {
            // One bad request is no reason to end the others' connection, so its wish to close isn't passed on.
            let response = refused(Environ::new(head, Input::empty(), exchange), status);
            return Ok(response.map(|outgoing| Http2Body::new(outgoing, stream)));
        }
        let Some(taken_over) = taken_over else {
            let input = if body.is_end_stream() {
                Input::empty()
            } else {
                shared.setting.body.input(body, Arc::default())
            };
            let environ = Environ::new(head, input, exchange);
            let response = respond(&*shared.app, environ).await;
            return Ok(finish(response, stream, &shared));
        };
        let (sender, receiver) = upgrade::channel();
        let (input, _) =
            shared.setting.body.upgradable(body, Arc::default(), Arc::clone(&exchange), receiver);
        let mut environ = Environ::new(head, input, exchange);
        if let Some(protocol) = protocol {
            environ.insert(ConnectProtocol(protocol.as_str().to_owned()));
        }
        let response = respond(&*shared.app, environ).await;
        if !matches!(response.body().framing(), Framing::Upgraded(_)) {
            return Ok(finish(response, stream, &shared));
        }
        let (head, outgoing) = response.into_parts();
        stream.left();
        tokio::spawn(take_over(taken_over, outgoing, sender, Arc::clone(&stream), shared.setting));
        Ok(Response::from_parts(head, Http2Body::empty(stream)))
    }
}

fn finish<A>(
    mut response: Response<Outgoing>,
    stream: Arc<Stream>,
    shared: &Shared<A>,
) -> Response<Http2Body> {
    if response.body().close_after() {
        shared.streams.close();
    }
    setting::add_server_field(response.headers_mut(), &shared.setting);
    response.map(|outgoing| Http2Body::new(outgoing, stream))
}

/// Moves the bytes of a stream that the app took over. It holds `stream`, so that the connection isn't idle.
async fn take_over(
    taken_over: OnUpgrade,
    outgoing: Outgoing,
    input: tokio::sync::mpsc::Sender<Bytes>,
    stream: Arc<Stream>,
    setting: Arc<Setting>,
) {
    let exchange = Arc::clone(stream.exchange());
    match taken_over.await {
        Ok(upgraded) => {
            let accepted = upgrade::Accepted { exchange, outgoing, input };
            let stream = TokioIo::new(upgraded);
            upgrade::run(stream, Bytes::new(), accepted, AcceptedBy::Protocol, &setting.timeouts).await;
        }
        Err(error) => {
            tracing::debug!(target: "rsgi", %error, "a stream was lost before it was taken over");
            exchange.disconnect(Cause::Reset);
            exchange.tell(Delivery::Aborted(Cause::Reset));
        }
    }
}
