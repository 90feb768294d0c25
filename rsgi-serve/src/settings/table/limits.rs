//! How much it takes from a client.

use rsgi_core::server::Limits;

use super::settings;
use crate::settings::kind::Kind;
use crate::settings::setting::Setting;

settings! { "Limits";
    LIMIT_REQUEST_LINE = Setting::new(
        "limit_request_line",
        Kind::Size { least: 0, most: TARGET_MOST },
        "Bytes of a request's target; over it 414; 0 is as many as can be",
    )
    .default("8K");
    LIMIT_REQUEST_FIELDS = Setting::new(
        "limit_request_fields",
        Kind::Number { least: 1, most: Limits::HEADER_COUNT_MOST as u64 },
        "Fields of a request; over it 431",
    )
    .default("100");
    LIMIT_REQUEST_FIELD_SIZE = Setting::new(
        "limit_request_field_size",
        Kind::Size { least: 0, most: MOST },
        "Bytes of one field; over it 431; 0 is as many as the head may have",
    )
    .default("16K");
    LIMIT_REQUEST_HEAD = Setting::new(
        "limit_request_head",
        Kind::Size { least: 256, most: MOST },
        "Bytes of a request's line and fields together; over it 431",
    )
    .default("64K");
    LIMIT_REQUEST_BODY = Setting::new(
        "limit_request_body",
        Kind::Size { least: 0, most: u64::MAX },
        "Bytes of a request's body; over it 413; 0 is no limit",
    )
    .default("16M");
    LIMIT_REQUEST_TRAILERS =
        Setting::new("limit_request_trailers", bytes(), "Bytes of the fields after a request's body").default("8K");
    LIMIT_CHUNK_EXTENSIONS =
        Setting::new("limit_chunk_extensions", bytes(), "Bytes of chunk extensions in one body").default("16K");
    KEEPALIVE_REQUESTS = Setting::new(
        "keepalive_requests",
        Kind::Number { least: 0, most: u64::MAX },
        "Requests on one connection, the last of which closes it; 0 is no limit",
    )
    .default("0");
    REQUEST_BUFFER = Setting::new(
        "request_buffer",
        bytes(),
        "Bytes of a body that are read before the app is called; 0 calls it at once",
    )
    .default("0");
    WRITE_BUFFER = Setting::new(
        "write_buffer",
        Kind::Size { least: 1024, most: MOST },
        "Bytes of an answer that are held for a client that is slow to read",
    )
    .default("128K");
    DISCARD_LIMIT = Setting::new(
        "discard_limit",
        Kind::Size { least: 0, most: u64::MAX },
        "Bytes of a body nobody read that are thrown away to keep the connection",
    )
    .default("256K");
    HTTP2_MAX_CONCURRENT_STREAMS = Setting::new(
        "http2_max_concurrent_streams",
        Kind::Number { least: 1, most: i32::MAX as u64 },
        "Requests at once on an HTTP/2 connection",
    )
    .default("100");
    HTTP2_INITIAL_WINDOW_SIZE =
        Setting::new("http2_initial_window_size", window(1024), "Bytes of one body under way on HTTP/2")
            .default("64K");
    HTTP2_CONNECTION_WINDOW_SIZE = Setting::new(
        "http2_connection_window_size",
        window(65_535),
        "Bytes of all bodies under way on an HTTP/2 connection",
    )
    .default("1M");
    HTTP2_MAX_FRAME_SIZE = Setting::new(
        "http2_max_frame_size",
        Kind::Size { least: 16_384, most: 16_777_215 },
        "Bytes of an HTTP/2 frame that is accepted",
    )
    .default("16K");
    HTTP2_MAX_PENDING_RESETS = Setting::new(
        "http2_max_pending_resets",
        Kind::Number { least: 1, most: u64::MAX },
        "Requests that an HTTP/2 client may take back before they are looked at (CVE-2023-44487)",
    )
    .default("20");
    HTTP2_MAX_ERROR_RESETS = Setting::new(
        "http2_max_error_resets",
        Kind::Number { least: 1, most: u64::MAX },
        "Requests that may be refused on an HTTP/2 connection (CVE-2025-8671)",
    )
    .default("1024");
}

/// What rsgi-core allows for one client's buffer.
const MOST: u64 = 1 << 30;

/// What `http::Uri` can hold.
pub(crate) const TARGET_MOST: u64 = 65_534;

const fn bytes() -> Kind {
    Kind::Size { least: 0, most: MOST }
}

/// RFC 9113 section 6.9.1: a window is at most 2^31 - 1.
const fn window(least: u64) -> Kind {
    Kind::Size { least, most: i32::MAX as u64 }
}
