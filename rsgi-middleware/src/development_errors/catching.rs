//! A call whose panic is caught: of the call itself, of a poll, and of the drop after either.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

use rsgi_core::{Error, Started};

/// How a call ended.
pub(super) enum Ended {
    Answered(Started),
    Failed(Error),
    Panicked(String),
}

/// Calls an app and waits for it. Nothing is used again after a panic, so nothing is left half done.
pub(super) async fn catching<F>(call: impl FnOnce() -> F) -> Ended
where
    F: Future<Output = Result<Started, Error>> + Send,
{
    // Boxed: a future that panicked must be dropped where its panic can be caught as well.
    let mut future: Option<Pin<Box<F>>> = match catch_unwind(AssertUnwindSafe(|| Box::pin(call()))) {
        Ok(future) => Some(future),
        Err(panic) => return Ended::Panicked(text(&*panic)),
    };
    poll_fn(move |context| {
        let Some(running) = &mut future else { return Poll::Pending };
        let polled = catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(context)));
        let ended = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Ok(started))) => Ended::Answered(started),
            Ok(Poll::Ready(Err(error))) => Ended::Failed(error),
            Err(panic) => Ended::Panicked(text(&*panic)),
        };
        let dropped = catch_unwind(AssertUnwindSafe(|| future = None));
        Poll::Ready(dropped.map_or_else(|panic| Ended::Panicked(text(&*panic)), |()| ended))
    })
    .await
}

fn text(panic: &(dyn Any + Send)) -> String {
    let literal = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    literal
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without text".into())
}
