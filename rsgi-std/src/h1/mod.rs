//! The HTTP/1 codec: request bytes to heads and bodies, answers to bytes, with no I/O.
//!
//! Every function takes a buffer and returns what it found; who reads, waits, times out and writes is the connection.
//! Framing is decided by RFC 9112 section 6 alone, limits have names ([`HeadLimits`], [`BodyLimits`]), and a refused
//! head is a [`Reject`] that names the broken rule. It is public so that benches and fuzzers reach it; it isn't
//! promised to stay as it is.
//!
//! Invariant: however the bytes are split over reads, the result is the same.
//! Reading order: `head`, `progress`, `framing`, `target`, `body`, `chunked`, `trailers`, `encode`, and the table in
//! `reject`.

mod body;
mod chunked;
mod date;
mod diagnose;
mod encode;
mod framing;
mod head;
mod limits;
mod progress;
mod quick;
mod reject;
mod target;
mod trailers;

pub use self::body::{BodyDecoder, BodyError, BodyErrorKind, Decoded};
pub use self::date::StandingFields;
pub use self::encode::{
    AnswerFraming, AnswerHead, CHUNK_END, CONTINUE, ConnectionField, encode_body_error, encode_chunk,
    encode_chunk_size, encode_error, encode_head, encode_informational, encode_last_chunk, encode_reject,
};
pub use self::framing::{Expectation, Framing, Persistence, TrailerSupport, UpgradeOffer, offered_protocols};
pub use self::head::{HeadParser, RequestHead};
pub use self::limits::{BodyLimits, HeadLimits};
pub use self::progress::HeadProgress;
pub use self::reject::Reject;
pub use self::target::Target;
pub use self::trailers::Trailers;

#[cfg(test)]
mod tests;
