//! Watching a body or an input: whoever watches sees everything, and nothing else can tell.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderMap, HeaderName, StatusCode};
use rsgi_core::http_body::Frame;
use rsgi_core::{
    Body, Error, Input, InputError, InputErrorKind, InputLength, InputSource, Seen, StartResponse, Watch,
    app_fn, may_block, wait,
};

use crate::asking::{ask_both, get};
use crate::watched::file;

#[derive(Clone, Default)]
struct Notes(Arc<Mutex<String>>);

impl Notes {
    fn watch(&self) -> Noting {
        Noting(self.clone())
    }

    fn note(&self, letter: &str) {
        self.0.lock().unwrap().push_str(letter);
    }

    fn take(&self) -> String {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Writes what it sees, a word for each, and that it was dropped.
struct Noting(Notes);

impl Watch for Noting {
    fn see(&mut self, seen: Seen<'_>) {
        self.0.note(&match seen {
            Seen::Asked { .. } => "?".to_owned(),
            Seen::NotReady => "~".to_owned(),
            Seen::Piece(piece) => String::from_utf8_lossy(piece).into_owned(),
            Seen::Trailers(trailers) => format!("+{}", trailers.len()),
            Seen::Failed(error) => format!("!{error}"),
            Seen::Ended => "$".to_owned(),
            _ => String::new(),
        });
    }
}

impl Drop for Noting {
    fn drop(&mut self) {
        self.0.note(".");
    }
}

fn seen(body: Body) -> String {
    let notes = Notes::default();
    let mut started = StartResponse::new().status(StatusCode::OK).body(body);
    let (length, blocks) = (started.body().length(), started.body().blocks());
    started.watch(notes.watch());
    assert_eq!((started.body().length(), started.body().blocks()), (length, blocks));
    let started = Mutex::new(Some(started));
    let app = app_fn(move |_, _| {
        let started = started.lock().unwrap().take();
        async move { started.ok_or(Error::from("asked twice")) }
    });
    let environ = rsgi_core::Environ::on_server(get(), crate::asking::plain());
    crate::asking::ask_on(&app, environ, crate::asking::Road::Driven);
    notes.take()
}

#[test]
fn a_watcher_sees_every_kind_of_body_to_its_end_and_its_drop() {
    assert_eq!(seen(Body::iter(["ab", "c"])), "?ab?c?$.");
    assert_eq!(seen(Body::reader(&b"abc"[..])), "?abc?$.");
    assert_eq!(seen(Body::push(|writer| Ok(writer.write_bytes("abc")?))), "?abc$.");
    assert_eq!(seen(Body::file(file(b"abc")).unwrap()), "?abc?$.");
    assert_eq!(seen(Body::send(async |sender| sender.send("abc").await)), "?abc?$.");
    let trailed = Body::iter(["a"]).with_trailers([HeaderName::from_static("x-sum")], HeaderMap::new);
    assert_eq!(seen(trailed), "?a?+0$.");
    assert_eq!(seen(Body::iter([Ok("a"), Err("broken")])), "?a?!broken.");
}

#[test]
fn content_in_memory_stays_there_unwatched() {
    let notes = Notes::default();
    assert_eq!(Body::from("abc").watch(notes.watch()).as_bytes().unwrap(), "abc");
    assert_eq!(Body::empty().watch(notes.watch()).length(), Some(0));
    assert_eq!(notes.take(), "..");
}

#[test]
fn an_answer_is_the_same_watched_or_not() {
    let answer_of = |watched: bool| {
        let app = app_fn(move |_, start_response: StartResponse| async move {
            let body = Body::file(file(b"0123456789"))?;
            let mut started = start_response.start(StatusCode::OK, [("content-length", 10_u64)])?.body(body);
            if watched {
                started.watch(|_: Seen<'_>| ());
            }
            Ok(started)
        });
        let answer = ask_both(&app, get);
        format!("{:?}", (answer.headers, answer.framing, answer.body, answer.error))
    };
    assert_eq!(answer_of(true), answer_of(false));
}

#[test]
fn a_write_that_is_refused_is_no_failure_of_the_body() {
    // The surplus is refused by the meter, and the iterator stops for it.
    assert_eq!(seen(Body::iter(["abc", "d"]).with_length(2)), "?abc.");
}

#[test]
fn announced_trailers_can_be_asked_for() {
    let name = HeaderName::from_static("x-sum");
    assert_eq!(Body::iter(["a"]).announce_trailers([name.clone()]).announced_trailers(), [name]);
    assert!(Body::from("a").announced_trailers().is_empty());
}

/// Nothing at first, then a piece, then an error.
struct Halting(u8);

impl InputSource for Halting {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        self.0 += 1;
        match self.0 {
            1 => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            2 => Poll::Ready(Some(Ok(Frame::data("abc".into())))),
            _ => Poll::Ready(Some(Err(InputError::new(InputErrorKind::Truncated)))),
        }
    }
}

#[test]
fn an_input_is_watched_on_both_roads() {
    let polled = Notes::default();
    let mut input = Input::new(Halting(0), InputLength::Known(5), Some(9)).watch(polled.watch());
    assert_eq!(input.length(), InputLength::Known(5));
    assert!(wait(input.collect(9)).is_err());
    assert!(polled.take().starts_with("?~?abc?!"));

    let read = Notes::default();
    let mut input = Input::new(Halting(0), InputLength::Unknown, None).watch(read.watch());
    assert!(may_block(|| std::io::copy(&mut input, &mut std::io::sink())).is_err());
    assert!(read.take().starts_with("?abc?!"));
}

/// Whoever looks at a body's beginning and puts it back, as middleware does, hides nothing of it from who watches behind.
#[test]
fn what_was_put_back_before_is_seen_and_counts_as_it_did() {
    let begun = || {
        let mut input = Input::new(Halting(1), InputLength::Unknown, Some(3));
        let first = wait(input.piece()).unwrap().unwrap();
        input.put_back(first);
        input
    };
    let polled = Notes::default();
    let mut input = begun().watch(polled.watch());
    assert!(!input.is_begun());
    assert_eq!(wait(input.piece()).unwrap().unwrap(), "abc", "as much as the limit allows");
    assert_eq!(polled.take(), "?abc");

    let read = Notes::default();
    let mut input = begun().watch(read.watch());
    let mut two = [0; 2];
    may_block(|| std::io::Read::read_exact(&mut input, &mut two)).unwrap();
    assert_eq!((&two, read.take().as_str()), (b"ab", "?abc"));
    // What a read left over hasn't been given to anybody.
    let again = Notes::default();
    let mut input = input.watch(again.watch());
    assert_eq!(wait(input.piece()).unwrap().unwrap(), "c");
    assert_eq!(again.take(), "?c");
}

#[test]
fn what_is_put_back_behind_a_watcher_was_seen_by_it() {
    let seen = Notes::default();
    let mut input = Input::new(Halting(1), InputLength::Unknown, None).watch(seen.watch());
    let first = wait(input.piece()).unwrap().unwrap();
    input.put_back(first);
    assert_eq!(wait(input.piece()).unwrap().unwrap(), "abc");
    assert_eq!(seen.take(), "?abc");
}

#[test]
fn a_watched_input_keeps_its_limit() {
    let mut input = Input::new(Halting(1), InputLength::Unknown, Some(2)).watch(|_: Seen<'_>| ());
    let error = wait(input.collect(9)).unwrap_err();
    assert_eq!(error.kind(), InputErrorKind::Limit);
}
