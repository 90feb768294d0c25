//! Wrong servers about HTTP/2: rules 149 to 154, and the tampering with frames that others use.
//!
//! A server that accepts what is malformed is a right one behind a proxy that mends it: a name is changed into another
//! of the same length, as the frames that cases make by hand hold their fields as they are.

use rsgi_core::http::Version;
use rsgi_core::{BoxApp, Environ, Middleware, Next, StartResponse, around};
use rsgi_test::wire::frames::{Frame, block, flag, frame};

use crate::Wrong;
use crate::bytes::replaced;
use crate::tamper::{Pass, Tamper};

pub(crate) use rsgi_test::wire::frames::kind;

pub(crate) const WRONG: &[Wrong] = &[
    Wrong::inbound(149, "takes Connection for a field like any", || {
        in_fields(|payload| replaced(payload, b"connection", b"konnection"))
    })
    .on_hyper(),
    Wrong::inbound(150, "takes names in upper case", || {
        in_fields(|payload| replaced(payload, b"X-Upper", b"x-upper"))
    })
    .on_hyper(),
    Wrong::inbound(151, "believes the content against its length", || {
        in_fields(|payload| replaced(payload, b"content-length", b"kontent-length"))
    })
    .on_hyper(),
    Wrong::outbound(152, "sends fields of the connection", || {
        in_fields(|payload| [payload, &block(&[("connection", "close")])].concat())
    })
    .on_hyper(),
    Wrong::inbound(153, "ends the stream with its trailers whatever they say", || {
        in_frames(|mut frame| {
            if frame.kind == kind::HEADERS && replaced(&frame.payload, b"x-t", b"") != frame.payload {
                frame.flags |= flag::END_STREAM;
            }
            Some(frame)
        })
    })
    .on_hyper(),
    Wrong::app(154, "drops a field on HTTP/2", |app| {
        let middleware = around(async |mut environ: Environ, start_response: StartResponse, next: Next| {
            if environ.version() == Version::HTTP_2 {
                environ.headers_mut().remove("x-a");
            }
            next.call(environ, start_response).await
        });
        BoxApp::new(middleware.wrap(app))
    })
    .on_hyper(),
];

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Changes the fields of each head and trailer section.
fn in_fields(change: fn(&[u8]) -> Vec<u8>) -> Tamper {
    in_frames(move |mut frame| {
        if frame.kind == kind::HEADERS {
            frame.payload = change(&frame.payload);
        }
        Some(frame)
    })
}

/// Changes each frame of a connection of HTTP/2, or resets the connection at it; one of HTTP/1 passes as it is.
pub(crate) fn in_frames(mut change: impl FnMut(Frame) -> Option<Frame> + Send + 'static) -> Tamper {
    let (mut held, mut begun) = (Vec::new(), false);
    Box::new(move |piece| {
        held.extend_from_slice(piece);
        let mut out = Vec::new();
        if !begun && (held.starts_with(b"HTTP/1") || !PREFACE.starts_with(&held[..held.len().min(24)])) {
            // No client of HTTP/2; a server's frames begin with the length of its settings.
            if held.first() != Some(&0) {
                return Pass::On(std::mem::take(&mut held));
            }
            begun = true;
        }
        if !begun && held.starts_with(PREFACE) {
            out.extend(held.drain(..PREFACE.len()));
            begun = true;
        }
        while let Some(whole) = begun.then(|| next(&mut held)).flatten() {
            let Some(Frame { kind, flags, stream, payload }) = change(whole) else { return Pass::Reset };
            out.extend(frame(kind, flags, stream, &payload));
        }
        Pass::On(out)
    })
}

/// Takes a whole frame off.
fn next(held: &mut Vec<u8>) -> Option<Frame> {
    let [high, middle, low, kind, flags, stream @ ..] = held.first_chunk::<9>()?;
    let length = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
    let (kind, flags, stream) = (*kind, *flags, u32::from_be_bytes(*stream));
    (held.len() >= 9 + length).then(|| {
        let payload = held.drain(..9 + length).skip(9).collect();
        Frame { kind, flags, stream, payload }
    })
}

/// Settings without `SETTINGS_ENABLE_CONNECT_PROTOCOL` (RFC 8441 section 3).
pub(crate) fn without_extended_connect(settings: &Frame) -> Frame {
    let kept = settings.payload.chunks(6).filter(|it| it[..2] != [0, 8]);
    Frame { payload: kept.flatten().copied().collect(), ..settings.clone() }
}
