//! The input over an adapter's pieces: who may read, the limit, trailers, and what is put back.

use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{self, HeaderMap};
use rsgi_core::http_body::Frame;
use rsgi_core::{Input, InputError, InputErrorKind, InputLength, InputSource, may_block, wait};

struct Pieces(Vec<Result<Frame<Bytes>, InputError>>);

impl InputSource for Pieces {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        Poll::Ready(if self.0.is_empty() { None } else { Some(self.0.remove(0)) })
    }
}

fn pieces(texts: &[&'static str], limit: u64) -> Input {
    let frames = texts.iter().map(|text| Ok(Frame::data(Bytes::from_static(text.as_bytes())))).collect();
    Input::new(Pieces(frames), InputLength::Unknown, Some(limit))
}

#[test]
fn reading_needs_a_thread_that_may_block() {
    let mut input = pieces(&["ab"], 10);
    let error = input.read(&mut [0; 4]).unwrap_err();
    assert_eq!(InputError::find(&error).unwrap().kind(), InputErrorKind::WouldBlock);
    let mut text = String::new();
    may_block(|| input.read_to_string(&mut text)).unwrap();
    assert_eq!(text, "ab");
}

#[test]
fn the_limit_counts_bytes_and_ends_the_input() {
    let mut input = pieces(&["abc", "d", "e"], 4);
    let mut text = Vec::new();
    let error = may_block(|| input.read_to_end(&mut text)).unwrap_err();
    assert_eq!(text, b"abcd");
    assert_eq!(InputError::find(&error).unwrap().kind(), InputErrorKind::Limit);
    assert_eq!(may_block(|| input.read(&mut [0; 4])).unwrap(), 0);
}

#[test]
fn a_body_of_exactly_the_limit_passes() {
    let mut text = String::new();
    may_block(|| pieces(&["abc", "d"], 4).read_to_string(&mut text)).unwrap();
    assert_eq!(text, "abcd");
}

#[test]
fn trailers_are_known_at_the_end_and_empty_pieces_are_none() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", http::HeaderValue::from_static("9"));
    let frames = vec![
        Ok(Frame::data(Bytes::new())),
        Ok(Frame::data(Bytes::from_static(b"a"))),
        Ok(Frame::trailers(trailers)),
    ];
    let mut input = Input::new(Pieces(frames), InputLength::Unknown, None);
    let mut text = String::new();
    may_block(|| input.read_to_string(&mut text)).unwrap();
    assert_eq!((text.as_str(), input.trailers().unwrap()["x-sum"].as_bytes()), ("a", &b"9"[..]));
}

// As where a server takes them out itself: nothing is left to tell.
#[test]
fn trailers_that_are_all_forbidden_are_none() {
    let mut trailers = HeaderMap::new();
    trailers.insert(http::header::HOST, http::HeaderValue::from_static("evil"));
    let mut input = Input::new(Pieces(vec![Ok(Frame::trailers(trailers))]), InputLength::Unknown, None);
    may_block(|| input.read_to_string(&mut String::new())).unwrap();
    assert_eq!(input.trailers(), None);
}

#[test]
fn no_body_is_at_its_end_at_once() {
    assert_eq!(Input::empty().read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn what_was_put_back_is_read_again_and_counts_once() {
    let mut input = pieces(&["abc", "d"], 4);
    assert!(!input.is_begun());
    let first = wait(input.piece()).unwrap().unwrap();
    assert!(input.is_begun());
    input.put_back(first);
    assert!(!input.is_begun());
    let mut text = String::new();
    may_block(|| input.read_to_string(&mut text)).unwrap();
    assert_eq!((text.as_str(), input.is_begun()), ("abcd", true));
}

#[test]
fn what_was_put_back_comes_before_what_a_read_left_over() {
    let mut input = pieces(&["abcd"], 4);
    let mut two = [0; 2];
    may_block(|| input.read_exact(&mut two)).unwrap();
    input.put_back(Bytes::copy_from_slice(&two));
    assert!(!input.is_begun());
    assert_eq!(wait(input.collect(4)).unwrap(), "abcd");
}

#[test]
fn an_input_that_failed_is_begun_and_an_empty_one_is_not() {
    let mut input = pieces(&["abc"], 2);
    assert!(wait(input.piece()).unwrap().is_err());
    assert!(input.is_begun());
    let mut empty = Input::empty();
    assert!(wait(empty.piece()).is_none() && !empty.is_begun());
    empty.put_back(Bytes::from_static(b"a"));
    assert_eq!(wait(empty.collect(1)).unwrap(), "a");
}

/// A limit that an app set behind a middleware that had looked at the body held for the rest alone.
#[test]
fn a_limit_set_after_bytes_were_put_back_holds_for_the_whole_body() {
    let put_back = || {
        let mut input = pieces(&["abcd", "ef"], 6);
        let first = wait(input.piece()).unwrap().unwrap();
        input.put_back(first);
        input
    };
    assert_eq!(wait(put_back().collect(6)).unwrap(), "abcdef");
    assert_eq!(wait(put_back().collect(3)).unwrap_err().kind(), InputErrorKind::Limit);
    let mut limited = put_back();
    limited.set_limit(5);
    assert_eq!(wait(limited.collect(100)).unwrap_err().kind(), InputErrorKind::Limit);
    let mut known = Input::from_bytes(Bytes::from_static(b"abc"));
    let whole = wait(known.piece()).unwrap().unwrap();
    known.put_back(whole);
    assert_eq!(http_body::Body::size_hint(&known).exact(), Some(3));
    assert!(wait(known.collect(2)).is_err());
}
