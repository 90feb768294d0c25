//! The protocols at the application's side of a connection, without I/O: bytes in, events out; answers in, bytes out.
//!
//! One file a protocol. A codec knows records, lengths and request ids; it knows no socket, no app and no HTTP but the two
//! forms of an answer's head.
//!
//! Invariant: whatever bytes come, in whatever pieces, `decode` never panics, and holds no more than the [`Bounds`] allow.
//! Next: `variables.rs`, `out.rs`, then the protocols.

mod bounds;
mod fastcgi;
pub(crate) mod head;
mod malformed;
mod out;
mod scgi;
mod single;
#[cfg(test)]
mod told;
mod uwsgi;
mod variables;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};

pub use bounds::Bounds;
pub use fastcgi::FastCgi;
pub use malformed::{Malformed, MalformedKind};
pub use out::Out;
pub use scgi::Scgi;
pub use uwsgi::Uwsgi;
pub use variables::{BadLength, Variables};

/// Names a request among those that are under way on its connection. Protocols with one request at a time use 1.
pub type RequestId = u16;

/// A gateway protocol at the application's side of one connection.
///
/// # Contract
///
/// One value a connection. [`decode`](Self::decode) is called with what has been read until it asks for more; the other
/// methods encode the answers, each request's in the order head, content, end, the requests' among each other in any order.
pub trait Codec: Default + Send + 'static {
    /// What the adapter calls itself, such as `rsgi-fastcgi`.
    const NAME: &'static str;

    /// Whether the protocol carries an error stream. Default: it doesn't.
    const ERRORS: bool = false;

    /// Whether the protocol tells the end of content whose length wasn't told. Default: it doesn't, and there is none.
    const STREAMS: bool = false;

    /// Takes the next event off the front of `input`; `None` if it needs more bytes. What it doesn't understand yet stays
    /// in `input`; content is split off without a copy.
    ///
    /// # Errors
    ///
    /// What came breaks the protocol: nothing more can be read on this connection, and it is to be closed.
    fn decode(&mut self, input: &mut BytesMut, bounds: &Bounds) -> Result<Option<Event>, Malformed>;

    /// Tells whether a peer that ends the connection here loses nothing: no request is begun, or the only one that the connection carries has
    /// come whole.
    fn is_idle(&self) -> bool;

    /// Tells whether the peer may be sending what nobody waits for any more, such as the rest of a request that was answered early:
    /// whoever closes the connection without reading it breaks it off, and an unread answer is lost. Default: whenever it
    /// isn't [idle](Self::is_idle).
    fn may_send_more(&self) -> bool {
        !self.is_idle()
    }

    /// Begins an answer: its status and fields, with a `Content-Length` if `length` is told and the fields have none.
    fn head(
        &mut self,
        id: RequestId,
        status: StatusCode,
        fields: &HeaderMap,
        length: Option<u64>,
        out: &mut Out,
    );

    /// Goes on with an answer's content, of any length.
    fn content(&mut self, id: RequestId, piece: Bytes, out: &mut Out);

    /// The same, of a piece that is copied.
    fn copy(&mut self, id: RequestId, piece: &[u8], out: &mut Out);

    /// Sends text for the web server's error log; tells whether the protocol has a way to.
    fn errors(&mut self, id: RequestId, text: &[u8], out: &mut Out) -> bool;

    /// Ends an answer.
    fn end(&mut self, id: RequestId, ending: Ending, out: &mut Out) -> After;

    /// Refuses a request that was begun and won't be answered, for a want of room; no head of it was sent.
    fn refuse(&mut self, id: RequestId, out: &mut Out) -> After {
        self.head(id, StatusCode::SERVICE_UNAVAILABLE, &HeaderMap::new(), Some(0), out);
        self.end(id, Ending::Whole, out)
    }
}

/// What a codec found.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A request, of which all variables are there. Its content follows, and its end.
    Begin {
        /// Its id.
        id: RequestId,
        /// What the web server says of it.
        variables: Variables,
    },
    /// A request that can't be served: it is to be answered with this status, and nothing of it follows.
    Refused {
        /// Its id.
        id: RequestId,
        /// 400, 411, 431.
        status: StatusCode,
        /// Why, for the log.
        reason: &'static str,
    },
    /// A piece of a request's content, never empty.
    Content {
        /// Its id.
        id: RequestId,
        /// The piece.
        bytes: Bytes,
    },
    /// The end of a request's content; told of each request that begun, also of one without content.
    End {
        /// Its id.
        id: RequestId,
    },
    /// The web server gives the request up, and wants its end told (FastCGI's `ABORT_REQUEST`).
    Abort {
        /// Its id.
        id: RequestId,
    },
    /// The protocol's own answer, which is to be sent.
    Reply(Bytes),
    /// The connection is to be closed once everything was sent.
    Close,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "codecs must know each")]
pub enum Ending {
    /// All of it was produced.
    Whole,
    /// It can't go on: the web server must be able to tell.
    Broken,
    /// The web server gave the request up ([`Event::Abort`]), and waits for no more than the end.
    Aborted,
}

/// What becomes of the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "hosts must handle each")]
pub enum After {
    /// It goes on: for other requests under way, or a next one.
    Keep,
    /// It is closed once everything was sent.
    Close,
    /// It is reset: where its end ends the content, nothing else tells a broken answer from a whole one.
    Reset,
}
