//! A service's response as an answer: an app's own body is found again, and small content goes out whole.
//!
//! A body of another type is wrapped. One that says it is small is asked once first: content that is there already is
//! sent with its head in one write, and costs the server no more than an app's own.

use std::any::Any;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use rsgi_core::bytes::{Buf, Bytes};
use rsgi_core::http::Response;
use rsgi_core::http_body::{Body as HttpBody, Frame, SizeHint};
use rsgi_core::{Body, Error, Pulled, StartResponse, Started};

use crate::app_service::Failed;
use crate::hosted::Hosted;
use crate::known;

pin_project! {
    /// A response that is awaited, and becomes an answer in the poll in which it comes: moved once, not from future to
    /// future (`rsgi-hyper-axum` of the benches).
    pub(crate) struct Answered<T> {
        #[pin]
        response: T,
        start_response: StartResponse,
    }
}

/// Awaits a service's response, and makes an answer of it.
pub(crate) fn answered<T>(response: T, start_response: StartResponse) -> Answered<T> {
    Answered { response, start_response }
}

impl<T, R, E> Future for Answered<T>
where
    T: Future<Output = Result<Response<R>, E>>,
    R: HttpBody + Send + 'static,
    R::Data: Buf,
    R::Error: Into<Error>,
    E: Into<Error>,
{
    type Output = Result<Started, Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.response.poll(context)).map_err(Into::into)?;
        Poll::Ready(answer(response, this.start_response.clone(), context))
    }
}

/// Makes the answer of a response.
#[inline]
fn answer<R>(
    mut response: Response<R>,
    start_response: StartResponse,
    context: &mut Context<'_>,
) -> Result<Started, Error>
where
    R: HttpBody + Send + 'static,
    R::Data: Buf,
    R::Error: Into<Error>,
{
    if let Some(error) = Failed::taken(response.extensions_mut()) {
        return Err(error);
    }
    Ok(start_response.respond(response.map(|body| into_body(body, context)))?)
}

/// A response's body as an answer's.
fn into_body<R>(body: R, context: &mut Context<'_>) -> Body
where
    R: HttpBody + Send + 'static,
    R::Data: Buf,
    R::Error: Into<Error>,
{
    let mut own = Some(body);
    if let Some(pulled) = (&mut own as &mut dyn Any).downcast_mut::<Option<Pulled>>() {
        return pulled.take().map_or_else(Body::empty, Pulled::into_body);
    }
    if let Some(hosted) = (&mut own as &mut dyn Any).downcast_mut::<Option<Hosted>>() {
        return hosted.take().map_or_else(Body::empty, Hosted::into_body);
    }
    if let Some(body) = known::unpinned(&mut own) {
        return match small(&body) {
            Some(length) => asked(body, length, context),
            None => Body::http(body),
        };
    }
    let Some(body) = own else { return Body::empty() };
    match small(&body) {
        // Where it lies it can be asked only if it is pinned for good.
        Some(length) => asked(Box::pin(body), length, context),
        None => Body::http(body),
    }
}

/// How much content a body has that has not ended, if it says so and that is little.
fn small(body: &impl HttpBody) -> Option<u64> {
    let length = (!body.is_end_stream()).then(|| body.size_hint().exact())?;
    length.filter(|length| (1..=SMALL).contains(length))
}

/// Asks a body once for all of its content.
fn asked<R>(mut body: R, length: u64, context: &mut Context<'_>) -> Body
where
    R: HttpBody + Send + Unpin + 'static,
    R::Data: Buf,
    R::Error: Into<Error>,
{
    let first = match Pin::new(&mut body).poll_frame(context) {
        Poll::Pending => None,
        Poll::Ready(None) => Some(None),
        Poll::Ready(Some(Err(error))) => Some(Some(Err(error.into()))),
        Poll::Ready(Some(Ok(frame))) => {
            let frame = frame.map_data(|mut data| data.copy_to_bytes(data.remaining()));
            match frame.into_data() {
                Ok(data) if data.len() as u64 == length && body.is_end_stream() => return data.into(),
                Ok(data) => Some(Some(Ok(Frame::data(data)))),
                Err(frame) => Some(Some(Ok(frame))),
            }
        }
    };
    Body::http(Begun { first, body, length })
}

type Next = Option<Result<Frame<Bytes>, Error>>;

/// A body whose first frame was taken already.
struct Begun<R> {
    first: Option<Next>,
    body: R,
    /// What it said before.
    length: u64,
}

impl<R> HttpBody for Begun<R>
where
    R: HttpBody + Send + Unpin,
    R::Data: Buf,
    R::Error: Into<Error>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Next> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(first);
        }
        Pin::new(&mut self.body).poll_frame(context).map(|frame| {
            frame.map(|frame| {
                let frame = frame.map_err(Into::into)?;
                Ok(frame.map_data(|mut data| data.copy_to_bytes(data.remaining())))
            })
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

/// Up to so many bytes, content that is there is taken at once.
const SMALL: u64 = 64 * 1024;
