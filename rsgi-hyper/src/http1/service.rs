//! One HTTP/1 request as hyper gives it, and the answer as hyper takes it.
//!
//! The app's future is made before anything is polled and borrows the app, which the connection's task owns: a
//! request costs no reference count for it. What hyper needs beside core's finished answer (whether to close, what
//! HTTP/1.0 expects) is added here.
//!
//! Invariant: the answer reaches hyper only after every informational head before it is written.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use pin_project_lite::pin_project;
use rsgi_core::bytes::Bytes;
use rsgi_core::http::header::{self, HeaderValue};
use rsgi_core::http::{Request, Response, Version};
use rsgi_core::http_body::Body;
use rsgi_core::{App, Environ, Error, Framing, Input, Outgoing, Respond, Started, respond};
use tokio::sync::mpsc::Sender;

use super::wire::Wire;
use crate::setting::{self, Setting};
use crate::body_out::Http1Body;
use crate::request::{self, refused};
use crate::upgrade::{self, Slot};

/// What the requests of a connection share beside the app.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shared<'a> {
    pub(crate) wire: &'a Wire,
    pub(crate) upgrade: &'a Slot,
    pub(crate) setting: &'a Setting,
}

/// Begins to answer a request.
#[inline]
pub(crate) fn answer<'a, A: App>(
    app: &'a A,
    shared: Shared<'a>,
    request: Request<Incoming>,
) -> Answer<'a, impl Future<Output = Result<Started, Error>> + Send + use<'a, A>> {
    let exchange = shared.wire.begin();
    let (mut head, body) = request.into_parts();
    let is_old = head.version < Version::HTTP_11;
    let wants_kept = is_old && request::wants_keep_alive(&head.headers);
    if let Err(status) = request::check(&mut head, &shared.setting.head) {
        let response = refused(Environ::new(head, Input::empty(), exchange), status);
        return Answer { stage: Stage::Answered { response: Some(response) }, shared, input: None, wants_kept };
    }
    let mut sender = None;
    let input = if head.extensions.remove::<OnUpgrade>().is_some() {
        let (raw, receiver) = upgrade::channel();
        sender = Some(raw);
        shared.setting.body.upgradable(body, shared.wire.expect_body(), exchange.clone(), receiver)
    } else if body.is_end_stream() {
        Input::empty()
    } else {
        shared.setting.body.input(body, shared.wire.expect_body())
    };
    let future = respond(app, Environ::new(head, input, exchange));
    Answer { stage: Stage::Running { future }, shared, input: sender, wants_kept }
}

pin_project! {
    /// The future of [`answer`].
    pub(crate) struct Answer<'a, F> {
        #[pin]
        stage: Stage<F>,
        shared: Shared<'a>,
        // Where the raw bytes go if the app takes the stream over.
        input: Option<Sender<Bytes>>,
        // A client of HTTP/1.0 asked to keep the connection.
        wants_kept: bool,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F> {
        Running { #[pin] future: Respond<F> },
        // Waits until the informational heads are written.
        Answered { response: Option<Response<Outgoing>> },
    }
}

impl<F> Future for Answer<'_, F>
where
    F: Future<Output = Result<Started, Error>>,
{
    type Output = Result<Response<Http1Body>, Infallible>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let StageProjection::Running { future } = this.stage.as_mut().project() {
            let Poll::Ready(response) = future.poll(context) else {
                this.shared.wire.heads.watch(context);
                return Poll::Pending;
            };
            if this.shared.wire.heads.poll_close(context).is_ready() {
                return Poll::Ready(Ok(finish(response, *this.shared, this.input, *this.wants_kept)));
            }
            this.shared.wire.hold();
            this.stage.set(Stage::Answered { response: Some(response) });
            return Poll::Pending;
        }
        if let StageProjection::Answered { response } = this.stage.project() {
            ready!(this.shared.wire.heads.poll_close(context));
            if let Some(response) = response.take() {
                this.shared.wire.release();
                return Poll::Ready(Ok(finish(response, *this.shared, this.input, *this.wants_kept)));
            }
        }
        Poll::Pending
    }
}

/// Makes hyper's answer of core's.
#[inline]
fn finish(
    mut response: Response<Outgoing>,
    shared: Shared<'_>,
    input: &mut Option<Sender<Bytes>>,
    wants_kept: bool,
) -> Response<Http1Body> {
    if let (Framing::Upgraded(_), Some(input)) = (response.body().framing(), input.take()) {
        return hand_over(response, shared, input);
    }
    let closes = response.body().close_after() || shared.wire.requests() >= shared.setting.requests;
    if closes {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    } else if wants_kept && !matches!(response.body().framing(), Framing::Unknown) {
        // RFC 9112 section 9.3: HTTP/1.0 keeps a connection only if both sides say so.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("keep-alive"));
    }
    setting::add_server_field(response.headers_mut(), shared.setting);
    let claimed = Http1Body::claimed(&response);
    response.map(|outgoing| claimed.unwrap_or(Http1Body::Outgoing(outgoing)))
}

/// The app took the stream over: hyper writes the head and lets go of the stream, which the connection then has.
#[cold]
fn hand_over(
    response: Response<Outgoing>,
    shared: Shared<'_>,
    input: Sender<Bytes>,
) -> Response<Http1Body> {
    let (head, outgoing) = response.into_parts();
    // Its outcome is told by whoever moves the bytes, not after the head's flush.
    if let Some(exchange) = shared.wire.leave() {
        shared.upgrade.put(upgrade::Accepted { exchange, outgoing, input });
    }
    Response::from_parts(head, Http1Body::Empty)
}
