//! How much a server takes from a client, each bound by its name.
//!
//! Sizes and counts only; times are in `timeouts.rs`. What a limit means is the same on every adapter: bytes
//! are counted as they come from the wire, chunked or not, and the answer that each gives is in its
//! documentation.
//!
//! Invariant: nothing that a peer sends grows without one of these.

/// Bounds what one client can make a server hold or do.
///
/// # Examples
///
/// ```
/// use rsgi_core::server::Config;
///
/// let config = Config::new().limits(|limits| limits.body_bytes = Some(2 << 30));
/// assert_eq!(config.limits.body_bytes, Some(2 << 30));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a request's head: request line and fields together, on HTTP/2 as they are unpacked. Over it: 431,
    /// or on HTTP/2 far over it the connection is closed (CVE-2024-27316). Default: 64 KiB.
    ///
    /// Lower it to hold less for each slow client; raise it for clients with very many cookies.
    pub head_bytes: usize,
    /// Bytes of the request target. Over it: 414. Default: 8 KiB; RFC 9110 section 4.1
    /// recommends at least 8,000.
    ///
    /// Raise it for forms that put much into a query.
    pub target_bytes: usize,
    /// Fields in a head, each line counted. Over it: 431. Default: 100. At most
    /// [`HEADER_COUNT_MOST`](Self::HEADER_COUNT_MOST).
    ///
    /// Raise it behind proxies that add many fields.
    pub header_count: usize,
    /// Bytes of one field, name and value together. Over it: 431. Default: 16 KiB.
    ///
    /// Raise it for large tokens, such as Kerberos tickets.
    pub header_bytes: usize,
    /// Bytes of a request's body. Over it: 413, or a typed error from the input once the app reads. Default:
    /// 16 MiB.
    ///
    /// Large enough for forms and photographs; small enough that an app which reads whole bodies into memory
    /// survives a few dozen at once. Raise it, or set it to `None`, where the app streams its uploads; bodies
    /// are never held whole by a server.
    pub body_bytes: Option<u64>,
    /// Bytes of the fields after a chunked body. Over it: 400 or a broken connection, by what is sent
    /// already. Default: 8 KiB. Trailers are rare: there is little reason to raise it.
    pub trailer_bytes: usize,
    /// Bytes of chunk extensions in one body (RFC 9112 section 7.1.1 asks for a bound). Over it: 400.
    /// Default: 16 KiB.
    ///
    /// Extensions are dropped; the bound keeps a client from sending a body of nothing else.
    pub chunk_extension_bytes: usize,
    /// Requests on one connection; the last answer closes it. Default: `None`, no limit.
    ///
    /// Lower it to make clients spread over the servers behind a balancer again.
    pub requests_per_connection: Option<u64>,
    /// Open connections, idle ones included. Over it: new ones wait in the kernel. Default: 16,384.
    ///
    /// An idle connection costs a descriptor and little memory, no thread. Keep it below the process's limit
    /// of descriptors (`ulimit -n`).
    pub connections: usize,
    /// Requests that wait for a thread. Over it: 503 at once. Default: `None`, no other bound than
    /// `connections`.
    ///
    /// Lower it where a late answer is worth less than a quick refusal.
    pub pending_requests: Option<usize>,
    /// Requests at work at once above which no new connections are accepted, until one is done; kept connections are
    /// served on. Default: `None`, accept whatever comes.
    ///
    /// For a process that shares a listener with others (SPEC, S86): what it doesn't accept, they do. A server whose
    /// threads bound its work (rsgi-std) is full, with this set, at the latest when they are all held. A server alone
    /// has nobody to leave connections to: there they only wait in the kernel.
    pub running_requests: Option<usize>,
    /// Bytes of a body read before the app is called, if the whole body fits. Default: 0, call it at once.
    ///
    /// Set it (64 KiB, say) where blocking apps read small bodies from slow clients: the upload then holds no
    /// thread. Never applied with `Expect: 100-continue` or an upgrade.
    pub request_buffer: usize,
    /// Bytes of an answer that a server holds for a client that doesn't read. Default: 128 KiB.
    ///
    /// Above it the app's body isn't asked for more: this is the backpressure. On HTTP/2 it is for each stream,
    /// beside one piece that waits for the client's window. Raise it for throughput over
    /// slow, long paths; lower it for many slow clients.
    pub write_buffer: usize,
    /// Bytes of an unread request body that are read and thrown away so that the connection can go on, or so
    /// that the answer isn't lost in a reset (RFC 9112 section 9.6). Default: 256 KiB.
    pub discard_bytes: u64,
    /// The bounds that only HTTP/2 has.
    pub http2: Http2Limits,
}

/// Bounds what only HTTP/2 has (RFC 9113).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Http2Limits {
    /// Requests at once on a connection (`SETTINGS_MAX_CONCURRENT_STREAMS`). Over it: a stream is refused.
    /// Default: 100, the least that RFC 9113 section 6.5.2 recommends.
    ///
    /// Bounds as well how many requests that the client has reset may still be at work for it, as a blocking call
    /// can't be ended; over it the connection is closed. Lower it for apps with costly requests.
    pub concurrent_streams: u32,
    /// Streams that a client reset before the server got to them. Over it: the connection is closed
    /// (`ENHANCE_YOUR_CALM`). Default: 20. This is the bound against rapid resets (CVE-2023-44487).
    pub pending_reset_streams: usize,
    /// Streams that the server reset for the client's errors or refused, in a connection's whole life. Over it:
    /// the connection is closed (`ENHANCE_YOUR_CALM`). Default: 1024. This is the bound against resets that a
    /// client provokes (CVE-2025-8671).
    pub error_reset_streams: usize,
    /// Bytes of one request body that may be under way unread (the stream's window). Over it: the stream is reset
    /// or the connection closed. Default: 64 KiB. Less than 65,535 holds once the client has acknowledged it.
    ///
    /// Raise it for fast uploads over long paths.
    pub stream_window: u32,
    /// The same for all bodies of one connection together. Default: 1 MiB.
    pub connection_window: u32,
    /// Bytes of a frame's payload that are accepted. Default: 16 KiB, the least and usual.
    pub frame_bytes: u32,
}

impl Limits {
    /// The most fields that may be allowed in a head: what one `http::HeaderMap` holds without growing past
    /// its bound.
    pub const HEADER_COUNT_MOST: usize = 24_576;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 64 * KIB,
            target_bytes: 8 * KIB,
            header_count: 100,
            header_bytes: 16 * KIB,
            body_bytes: Some(16 << 20),
            trailer_bytes: 8 * KIB,
            chunk_extension_bytes: 16 * KIB,
            requests_per_connection: None,
            connections: 16_384,
            pending_requests: None,
            running_requests: None,
            request_buffer: 0,
            write_buffer: 128 * KIB,
            discard_bytes: 256 << 10,
            http2: Http2Limits::default(),
        }
    }
}

impl Default for Http2Limits {
    fn default() -> Self {
        Self {
            concurrent_streams: 100,
            pending_reset_streams: 20,
            error_reset_streams: 1024,
            stream_window: 64 << 10,
            connection_window: 1 << 20,
            frame_bytes: 16 << 10,
        }
    }
}

const KIB: usize = 1024;
