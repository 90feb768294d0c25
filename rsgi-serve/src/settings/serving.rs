//! Makes the [`Config`] that an adapter is given: limits, the clocks over clients, trust, TLS.
//!
//! Where Gunicorn writes 0 for "no limit", this is where it becomes one.

use std::time::Duration;

use http::HeaderValue;
use rsgi_core::proxy_protocol::ProxyProtocol;
use rsgi_core::server::{
    Config, HalfClose, Http2Limits, Limits, PortSharing, ServerField, Timeouts, TlsFiles,
};
use rsgi_core::trust::{ForwardedHeaders, Trust, XElement, XForwarded};

use super::build::Reader;
use super::config::SocketSettings;
use super::setting::Setting;
use super::table::{self, clocks, http as http_table, limits, proxies, tls, workers};
use super::values::Values;

/// What the adapter is given.
pub(super) fn config(reader: &mut Reader<'_>, sockets: &SocketSettings) -> Config {
    let mut config = Config::new().backlog(sockets.backlog).threads(threads(reader));
    config.binds.clone_from(&sockets.binds);
    config.unix_mode = sockets.unix_mode;
    if sockets.reuse_port {
        config.port_sharing = PortSharing::Shared;
    }
    set_limits(reader, &mut config.limits);
    set_http2(reader, &mut config.limits.http2);
    set_timeouts(reader, &mut config.timeouts);
    config.trust = trust(reader.values);
    config.proxy_protocol = proxy_protocol(reader.values);
    if reader.get::<String>(&http_table::HALF_CLOSE) == "answered" {
        config.half_close = HalfClose::Answered;
    }
    let field = reader.get::<Option<String>>(&http_table::SERVER_HEADER);
    if let Some(field) = field.and_then(|text| HeaderValue::try_from(text).ok()) {
        config.server_field = ServerField::Named(field);
    }
    config.tls = tls_files(reader);
    config
}

/// Whether forwarded fields are read at all.
pub(super) fn reads_forwarded(values: &Values) -> bool {
    forwarded_fields(values).iter().any(|field| field != "off")
}

/// The fields that proxies write.
pub(super) fn forwarded_fields(values: &Values) -> Vec<String> {
    values.read(&proxies::FORWARDED_HEADERS).unwrap_or_default()
}

/// The version of the PROXY protocol.
pub(super) fn proxy_protocol(values: &Values) -> ProxyProtocol {
    match values.read::<String>(&proxies::PROXY_PROTOCOL).as_deref() {
        Some("v1") => ProxyProtocol::V1,
        Some("v2") => ProxyProtocol::V2,
        Some("auto") => ProxyProtocol::Any,
        _ => ProxyProtocol::Off,
    }
}

/// Gunicorn's `sync` has one thread, whatever the server's choice would be.
fn threads(reader: &mut Reader<'_>) -> usize {
    let threads = reader.get(&workers::THREADS);
    let class = reader.get::<Option<String>>(&workers::WORKER_CLASS);
    if class.as_deref() == Some("sync") { 1 } else { threads }
}

fn set_limits(reader: &mut Reader<'_>, limits: &mut Limits) {
    let head: usize = reader.get(&limits::LIMIT_REQUEST_HEAD);
    let or_most = |value: usize, most: usize| if value == 0 { most } else { value };
    let target_most = usize::try_from(limits::TARGET_MOST).unwrap_or(head).min(head);
    limits.head_bytes = head;
    limits.target_bytes = or_most(reader.get(&limits::LIMIT_REQUEST_LINE), target_most);
    limits.header_count = reader.get(&limits::LIMIT_REQUEST_FIELDS);
    limits.header_bytes = or_most(reader.get(&limits::LIMIT_REQUEST_FIELD_SIZE), head);
    limits.body_bytes = Some(reader.get::<u64>(&limits::LIMIT_REQUEST_BODY)).filter(|bytes| *bytes > 0);
    limits.trailer_bytes = reader.get(&limits::LIMIT_REQUEST_TRAILERS);
    limits.chunk_extension_bytes = reader.get(&limits::LIMIT_CHUNK_EXTENSIONS);
    limits.requests_per_connection =
        Some(reader.get::<u64>(&limits::KEEPALIVE_REQUESTS)).filter(|count| *count > 0);
    limits.connections = reader.get(&workers::WORKER_CONNECTIONS);
    limits.pending_requests =
        Some(reader.get::<usize>(&workers::LIMIT_PENDING_REQUESTS)).filter(|count| *count > 0);
    limits.request_buffer = reader.get(&limits::REQUEST_BUFFER);
    limits.write_buffer = reader.get(&limits::WRITE_BUFFER);
    limits.discard_bytes = reader.get(&limits::DISCARD_LIMIT);
}

fn set_http2(reader: &mut Reader<'_>, http2: &mut Http2Limits) {
    http2.concurrent_streams = reader.get(&limits::HTTP2_MAX_CONCURRENT_STREAMS);
    http2.stream_window = reader.get(&limits::HTTP2_INITIAL_WINDOW_SIZE);
    http2.connection_window = reader.get(&limits::HTTP2_CONNECTION_WINDOW_SIZE);
    http2.frame_bytes = reader.get(&limits::HTTP2_MAX_FRAME_SIZE);
    http2.pending_reset_streams = reader.get(&limits::HTTP2_MAX_PENDING_RESETS);
    http2.error_reset_streams = reader.get(&limits::HTTP2_MAX_ERROR_RESETS);
}

fn set_timeouts(reader: &mut Reader<'_>, timeouts: &mut Timeouts) {
    let mut unless_off = |setting: &'static Setting| {
        Some(reader.get::<Duration>(setting)).filter(|time| *time > Duration::ZERO)
    };
    timeouts.handshake = unless_off(&clocks::HANDSHAKE_TIMEOUT);
    timeouts.head = unless_off(&clocks::HEADER_TIMEOUT);
    timeouts.body_progress = unless_off(&clocks::BODY_TIMEOUT);
    timeouts.write = unless_off(&clocks::WRITE_TIMEOUT);
    // Of these zero means "not at all".
    timeouts.keep_alive = Some(reader.get(&clocks::KEEPALIVE));
    timeouts.linger = Some(reader.get(&clocks::LINGER_TIMEOUT));
    timeouts.graceful = Some(reader.get(&clocks::GRACEFUL_TIMEOUT));
}

/// One policy for forwarded fields and the PROXY protocol, as rsgi-core has it. Where both are on, `rules.rs` has seen that
/// their lists are the same, or that only one was set.
fn trust(values: &Values) -> Trust {
    let proxy = proxy_protocol(values) != ProxyProtocol::Off;
    let list = match (reads_forwarded(values), proxy) {
        (false, false) => return Trust::nobody(),
        (true, true) if values.is_given(&proxies::PROXY_ALLOW_IPS) => &proxies::PROXY_ALLOW_IPS,
        (true, _) => &proxies::FORWARDED_ALLOW_IPS,
        (false, true) => &proxies::PROXY_ALLOW_IPS,
    };
    let mut trust = Trust::new(headers(values));
    for item in values.read::<Vec<String>>(list).unwrap_or_default() {
        trust = match table::network(&item) {
            Some(network) => trust.network(network),
            None if table::everyone(&item) => trust.danger_everyone(),
            None if table::is_unix(&item) => trust.unix_peers(),
            None => trust,
        };
    }
    trust.max_hops(values.read(&proxies::FORWARDED_HOPS).unwrap_or(1))
}

fn headers(values: &Values) -> ForwardedHeaders {
    let fields = forwarded_fields(values);
    let has = |name: &str| fields.iter().any(|field| field == name);
    if has("forwarded") {
        return ForwardedHeaders::Standard;
    }
    if !has("x-for") {
        return ForwardedHeaders::Off;
    }
    let mut named = XForwarded::FOR;
    if has("x-proto") {
        named = named.with_proto();
    }
    if has("x-host") {
        named = named.with_host();
    }
    if has("x-port") {
        named = named.with_port();
    }
    if values.read::<String>(&proxies::FORWARDED_ELEMENT).as_deref() == Some("per-hop") {
        named = named.with_element(XElement::PerHop);
    }
    ForwardedHeaders::X(named)
}

fn tls_files(reader: &mut Reader<'_>) -> Option<TlsFiles> {
    let certificate: String = reader.get::<Option<String>>(&tls::CERTFILE)?;
    let key: String = reader.get::<Option<String>>(&tls::KEYFILE)?;
    let files = TlsFiles::new(certificate, key);
    Some(match reader.get::<Option<String>>(&tls::CA_CERTS) {
        Some(authorities) => files.with_client_authorities(authorities),
        None => files,
    })
}
