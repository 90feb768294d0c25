//! The rules for a finished answer, each where an RFC puts it on the server: HEAD, statuses without content,
//! lengths, trailers, upgrades. Called by `respond` alone.

use std::task::Poll;

use http::{HeaderValue, Response, StatusCode, Version, header};

use crate::body::{Body, Kind as BodyKind};
use crate::capabilities::Capabilities;
use crate::fields::Fields;
use crate::outcome::Trailers;
use crate::outgoing::{Framing, Outgoing, TrailerRule, discard};
use crate::respond::{Kind, Request, refused};
use crate::start_response::{Options, Started, StartedParts};
use crate::trailer::is_forbidden;
use crate::upgrade::{UpgradeAnswer, UpgradeKind};

/// An answer on its way to an adapter, made where it will lie: each move costs about 35 instructions.
pub(crate) type Place<B, E> = Poll<Result<Response<B>, E>>;

/// Makes the server's answer of the app's, with a body that `into` makes of core's.
#[inline(always)]
pub(crate) fn finish<B, E>(
    request: &Request,
    started: Started,
    into: impl FnOnce(Outgoing) -> B,
    place: &mut Place<B, E>,
) {
    let parts = started.into_parts();
    let plain = parts.options.upgrade.is_none() && request.method == Kind::Other;
    match parts.body.0 {
        // The common case first: content in memory, a status that may have some.
        BodyKind::Bytes(bytes) if plain && has_content(parts.status) => {
            let length = bytes.len() as u64;
            if parts.fields.content_length().is_some_and(|declared| declared != length) {
                let body = Body::from(bytes);
                let why = "content-length contradicts the body's length";
                *place = Poll::Ready(Ok(refused(request, StartedParts { body, ..parts }, why).map(into)));
                return;
            }
            request.exchange.head(parts.status);
            let mut outgoing = Outgoing::whole(bytes, &request.exchange);
            outgoing.options(parts.options.close, parts.options.head_at_once);
            *place = Poll::Ready(Ok(Response::new(into(outgoing))));
            if let Poll::Ready(Ok(response)) = place {
                fill(response, parts.status, parts.fields);
            }
        }
        kind => {
            let parts = StartedParts { body: Body(kind), ..parts };
            *place = Poll::Ready(Ok(finish_any(request, parts).map(into)));
        }
    }
}

/// Gives an answer without fields its status and fields.
#[inline(always)]
fn fill<B>(response: &mut Response<B>, status: StatusCode, fields: Fields) {
    *response.status_mut() = status;
    let empty = std::mem::replace(response.headers_mut(), fields.into_map());
    // It owns nothing; its drop would still cost 50 instructions.
    std::mem::forget(empty);
}

/// Tells whether a final status may carry content and isn't special (RFC 9110 sections 6.4.1, 15.3.6).
#[inline(always)]
fn has_content(status: StatusCode) -> bool {
    !matches!(status.as_u16(), 204 | 205 | 304) && (200..600).contains(&status.as_u16())
}

#[inline(never)]
pub(crate) fn finish_any(request: &Request, mut parts: StartedParts) -> Response<Outgoing> {
    if let Some((kind, protocol)) = accepted(request, &mut parts) {
        // A conversion from `http::Response`, and a 2xx to CONNECT, come without the client's offer in hand.
        return if request.offer.as_ref().is_some_and(|offer| offer.holds(kind, &protocol)) {
            finish_upgrade(request, parts, kind, protocol)
        } else {
            refused(
                request,
                parts,
                "the client didn't offer this upgrade, or the server can't hand over its stream",
            )
        };
    }
    if !(200..600).contains(&parts.status.as_u16()) {
        return refused(request, parts, "a final status lies between 200 and 599");
    }
    match parts.status.as_u16() {
        // RFC 9110 section 8.6: no Content-Length in a 204; a 304's is that of the 200 it stands for.
        204 => {
            if parts.fields.remove(&header::CONTENT_LENGTH) {
                tracing::warn!(target: "rsgi", "content-length of a 204 removed");
            }
            return without_content(request, parts, Framing::None);
        }
        304 => return without_content(request, parts, Framing::None),
        // RFC 9110 section 15.3.6: a 205 has no content, and says so.
        205 => {
            let _typed = parts.fields.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
            return without_content(request, parts, Framing::Length(0));
        }
        _ => {}
    }
    let known = parts.body.length();
    if let (Some(declared), Some(known)) = (parts.fields.content_length(), known)
        && declared != known
        && !(request.method == Kind::Head && known == 0)
    {
        return refused(request, parts, "content-length contradicts the body's length");
    }
    if request.method == Kind::Head {
        // RFC 9110 section 9.3.2: the fields of GET. An app's own empty body for HEAD doesn't say what GET's is.
        if let (None, Some(known @ 1..)) = (parts.fields.content_length(), known) {
            let _typed = parts.fields.insert(header::CONTENT_LENGTH, known);
        }
        return without_content(request, parts, Framing::None);
    }
    with_content(request, parts, known)
}

fn without_content(request: &Request, parts: StartedParts, framing: Framing) -> Response<Outgoing> {
    let lost = parts.body.length().is_none_or(|length| length > 0);
    if lost && request.method != Kind::Head && parts.status != StatusCode::NOT_MODIFIED {
        let status = parts.status.as_u16();
        tracing::warn!(target: "rsgi", "content of a {status} dropped: that status has none");
    }
    discard(&request.exchange, parts.body);
    request.exchange.ended();
    build(request, parts.status, parts.fields, Outgoing::nothing(framing), &parts.options)
}

fn with_content(request: &Request, mut parts: StartedParts, known: Option<u64>) -> Response<Outgoing> {
    let length = parts.fields.content_length().or(known);
    let outgoing = match parts.body.0 {
        BodyKind::Empty => {
            request.exchange.ended();
            Outgoing::nothing(Framing::Length(0))
        }
        BodyKind::Bytes(bytes) => Outgoing::whole(bytes, &request.exchange),
        BodyKind::Streaming(streaming) => {
            let rule = trailer_rule(request, streaming.announced, length, &mut parts.fields);
            Outgoing::live(streaming.source, length, rule, &request.exchange)
        }
    };
    build(request, parts.status, parts.fields, outgoing, &parts.options)
}

/// Decides whether trailers can be sent, and announces them (RFC 9110 sections 6.5.1, 6.6.2).
fn trailer_rule(
    request: &Request,
    announced: Vec<header::HeaderName>,
    length: Option<u64>,
    fields: &mut Fields,
) -> TrailerRule {
    let has_place = request.exchange.connection().server.capabilities.contains(Capabilities::TRAILERS);
    if has_place && request.version > Version::HTTP_11 {
        announce(&announced, fields);
        return TrailerRule::Send;
    }
    if has_place && request.takes_trailers && length.is_none() && !announced.is_empty() {
        announce(&announced, fields);
        return TrailerRule::Announced(announced);
    }
    if !announced.is_empty() {
        request.exchange.trailers(Trailers::NotSent);
    }
    TrailerRule::Drop
}

fn announce(announced: &[header::HeaderName], fields: &mut Fields) {
    // A forbidden one is reported when it comes.
    for name in announced.iter().filter(|name| !is_forbidden(name)) {
        fields.announce(name);
    }
}

/// Takes out the upgrade that the app accepted: by `StartResponse::upgrade`, or by a 2xx to CONNECT. One that it
/// only offers becomes fields, where the version has them (RFC 9110 section 7.8; RFC 9113 section 8.2.2 has none).
fn accepted(request: &Request, parts: &mut StartedParts) -> Option<(UpgradeKind, HeaderValue)> {
    match parts.options.upgrade.take().map(|upgrade| *upgrade) {
        Some(UpgradeAnswer::Accepted { kind, protocol }) => return Some((kind, protocol)),
        Some(UpgradeAnswer::Offered(protocols)) if request.version == Version::HTTP_11 => {
            parts.fields.name_upgrade(protocols);
        }
        Some(UpgradeAnswer::Offered(_)) | None => {}
    }
    let connected = request.method == Kind::Connect && parts.status.is_success();
    let kind = request.offer.as_ref().map_or(UpgradeKind::Connect, |offer| offer.kind());
    connected.then(|| (kind, HeaderValue::from_static("")))
}

fn finish_upgrade(
    request: &Request,
    mut parts: StartedParts,
    kind: UpgradeKind,
    protocol: HeaderValue,
) -> Response<Outgoing> {
    // RFC 9110 sections 8.6 and 9.3.6: neither a 101 nor a 2xx to CONNECT has a length.
    parts.fields.remove(&header::CONTENT_LENGTH);
    if kind == UpgradeKind::Http1 {
        parts.fields.name_upgrade(protocol);
    }
    request.exchange.upgrade();
    let outgoing = Outgoing::upgraded(parts.body, kind, &request.exchange);
    build(request, parts.status, parts.fields, outgoing, &parts.options)
}

fn build(
    request: &Request,
    status: StatusCode,
    fields: Fields,
    mut outgoing: Outgoing,
    options: &Options,
) -> Response<Outgoing> {
    request.exchange.head(status);
    outgoing.options(options.close, options.head_at_once);
    let mut response = Response::new(outgoing);
    fill(&mut response, status, fields);
    response
}
