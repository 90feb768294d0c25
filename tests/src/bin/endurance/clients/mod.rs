//! The clients: one file a kind, one function a round. What runs together, and how many of each, is said here.

mod aborted;
mod fast;
mod http2;
mod huge;
mod malformed;
mod slow;
mod stalled;
mod streaming;

use crate::load::Round;
use crate::tally::Kind;

/// How many threads make which rounds; `is_http2` if the server speaks HTTP/2 as well.
pub(crate) fn crowd(is_http2: bool) -> Vec<(Kind, usize, Round)> {
    let mut crowd: Vec<(Kind, usize, Round)> = vec![
        (Kind::Fast, 2, fast::round),
        (Kind::Slow, 2, slow::drip),
        (Kind::Slow, 1, slow::read),
        (Kind::Aborted, 2, aborted::round),
        (Kind::Stalled, 1, stalled::round),
        (Kind::Malformed, 1, malformed::round),
        (Kind::Huge, 2, huge::round),
        (Kind::Streaming, 2, streaming::round),
    ];
    if is_http2 {
        crowd.push((Kind::Http2, 1, http2::round));
    }
    crowd
}
