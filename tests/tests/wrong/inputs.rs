//! Wrong servers about request fields and request bodies: rules 29 to 68.

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderMap, HeaderName, HeaderValue, header};
use rsgi_core::{
    BoxApp, Environ, Input, InputError, InputErrorKind, InputLength, Middleware, Next, StartResponse, around,
};

use crate::Wrong;
use crate::between::{AsyncOnly, Never, content};
use crate::bytes::{in_heads, replacing};
use crate::tamper::{Pass, Tamper};

pub(crate) const WRONG: &[Wrong] = &[
    // Fields.
    Wrong::inbound(29, "takes names in upper case for other names", || {
        replacing(b"\r\nX-M", b"\r\nX-Upper-M")
    }),
    Wrong::environ(30, "joins fields that are repeated", |environ| {
        each_name(environ, |values| vec![values.join(", ".as_bytes())]);
    }),
    Wrong::environ(30, "turns the order of repeated fields", |environ| {
        each_name(environ, |values| values.iter().rev().map(|value| value.to_vec()).collect());
    }),
    Wrong::environ(31, "gives cookies crumb by crumb", |environ| {
        let crumbs = |cookie: &HeaderValue| -> Vec<HeaderValue> {
            cookie.to_str().unwrap().split("; ").map(|crumb| crumb.parse().unwrap()).collect()
        };
        let cookies: Vec<_> = environ.header_all(header::COOKIE).flat_map(crumbs).collect();
        environ.headers_mut().remove(header::COOKIE);
        for crumb in cookies {
            environ.headers_mut().append(header::COOKIE, crumb);
        }
    })
    .on_hyper(),
    Wrong::environ(32, "replaces bytes that are no ASCII", |environ| {
        each_value(environ, |value| {
            value.iter().map(|byte| if byte.is_ascii() { *byte } else { b'?' }).collect()
        });
    }),
    Wrong::environ(33, "keeps whitespace behind a value", |environ| {
        each_value(environ, |value| [value, b" "].concat());
    }),
    Wrong::inbound(34, "takes a name with whitespace behind it", || replacing(b"x-a : 1", b"x-a: 1")),
    Wrong::inbound(35, "takes a folded line for a field", || {
        replacing(b"\r\n folded\r\n", b"\r\nfolded: 1\r\n")
    }),
    Wrong::inbound(36, "drops a zero from a value", || replacing(b"1\x002", b"12")),
    Wrong::inbound(36, "takes a bare CR for whitespace", || replacing(b"1\r2", b"1 2")),
    Wrong::inbound(37, "skips whitespace before the first field", || replacing(b"\r\n host:", b"\r\nhost:")),
    Wrong::inbound(38, "takes an empty line for a request", || {
        Box::new(|piece| match piece.strip_prefix(b"\r\n") {
            Some(rest) if rest.starts_with(b"GET ") => Pass::On([b"empty\r\n", rest].concat()),
            _ => Pass::On(piece.to_vec()),
        })
    }),
    Wrong::config(39, "takes a target of any length", |config| {
        config.limits(|limits| limits.target_bytes = 60_000)
    }),
    Wrong::config(39, "counts no fields", |config| config.limits(|limits| limits.header_count = 1000)),
    Wrong::outbound(39, "says 400 for too large a head", || replacing(b" 431 ", b" 400 ")),
    Wrong::config(40, "has no room for a field of 8 KiB", |config| {
        config.limits(|limits| limits.header_bytes = 8000)
    }),
    Wrong::environ(41, "shows underscores as hyphens", |environ| {
        let headers = environ.headers_mut();
        let shown: Vec<_> = headers.iter().map(|(name, value)| (hyphens(name), value.clone())).collect();
        headers.clear();
        for (name, value) in shown {
            headers.append(name, value);
        }
    }),
    Wrong::environ(42, "keeps Authorization to itself", |environ| {
        environ.headers_mut().remove(header::AUTHORIZATION);
    }),
    Wrong::environ(43, "has the type of the content under another name", |environ| {
        if let Some(value) = environ.headers_mut().remove(header::CONTENT_TYPE) {
            environ.headers_mut().insert("http-content-type", value);
        }
    }),
    Wrong::environ(44, "gives the chunks' sizes for content", |environ| {
        if environ.input_length() == InputLength::Unknown {
            content(environ, |_| {
                Box::new(|piece| {
                    let framed = |piece: Bytes| format!("{:x}\r\n{}\r\n", piece.len(), piece.escape_ascii());
                    piece.map(|piece| piece.map(|piece| framed(piece).into()))
                })
            });
        }
    }),
    Wrong::environ(44, "takes a field that Connection names for one of content", |environ| {
        if environ.headers().contains_key("x-hop") {
            environ.set_input(Input::from_bytes(Bytes::from_static(b"hop")));
        }
    }),
    // Content.
    Wrong::environ(45, "waits for content where none is", |environ| {
        if environ.input_length() == InputLength::None {
            environ.set_input(Input::new(Never, InputLength::None, None));
        }
    }),
    Wrong::environ(46, "ends content a byte early", up_to_the_last),
    Wrong::environ(47, "takes an unknown length for none", |environ| {
        if environ.input_length() == InputLength::Unknown {
            environ.set_input(Input::empty());
        }
    }),
    Wrong::inbound(48, "knows no line's end that comes in two pieces", || {
        Box::new(|piece| {
            let rest = piece.strip_prefix(b"\n");
            Pass::On(rest.map_or(piece.to_vec(), |rest| [b"x", rest].concat()))
        })
    }),
    Wrong::inbound(49, "refuses extensions of chunks", || replacing(b"3;name=", b"3!name=")),
    Wrong::config(49, "bounds no extensions of chunks", |config| {
        config.limits(|limits| limits.chunk_extension_bytes = 1 << 30)
    }),
    Wrong::inbound(50, "takes any letter for a digit of a size", || replacing(b"g\r\nabc", b"3\r\nabc")),
    Wrong::inbound(50, "takes the stream's end for the last chunk", || {
        let mut is_whole = false;
        Box::new(move |piece| {
            if piece.is_empty() && is_whole {
                return Pass::End(b"0\r\n\r\n".to_vec());
            }
            is_whole = piece.ends_with(b"\r\n3\r\nabc\r\n");
            Pass::On(piece.to_vec())
        })
    }),
    Wrong::environ(51, "ends content that breaks off", |environ| {
        content(environ, |_| Box::new(|piece| piece.filter(Result::is_ok)));
    }),
    Wrong::inbound(52, "takes content that was left for a request", || {
        lengths(|head, length| if head.contains("/a ") { 0 } else { length })
    }),
    Wrong::inbound(53, "goes by the length beside chunks", || {
        replacing(b"content-length: 4\r\ntransfer-encoding: chunked\r\n", b"content-length: 4\r\n")
    }),
    Wrong::inbound(53, "goes on behind a length beside chunks", || {
        replacing(b"content-length: 4\r\ntransfer-encoding: chunked\r\n", b"transfer-encoding: chunked\r\n")
    }),
    Wrong::inbound(54, "takes the last of lengths that differ", || {
        replacing(b"content-length: 4\r\ncontent-length: 5\r\n", b"content-length: 5\r\n")
    }),
    Wrong::inbound(54, "overlooks a sign before a length", || {
        replacing(b"content-length: +4", b"content-length: 4")
    }),
    Wrong::inbound(55, "reads chunks of HTTP/1.0", || replacing(b" HTTP/1.0\r\n", b" HTTP/1.1\r\n")),
    Wrong::inbound(55, "takes a coding that it can't decode for none", || {
        replacing(b"transfer-encoding: gzip, chunked", b"transfer-encoding: chunked")
    }),
    Wrong::inbound(55, "looks for chunked anywhere", || replacing(b": chunked, gzip", b": chunked")),
    Wrong::environ(56, "changes a byte of large content", |environ| {
        content(environ, |_| {
            let mut seen = 0;
            Box::new(move |piece| Some(piece?.map(|piece| spoiled(piece, &mut seen, 90_000))))
        });
    }),
    Wrong::config(57, "bounds no content", |config| config.limits(|limits| limits.body_bytes = None)),
    Wrong::environ(57, "bounds announced lengths alone", |environ| {
        if environ.input_length() == InputLength::Unknown {
            environ.input_mut().set_limit(u64::MAX);
        }
    }),
    Wrong::config(58, "waits for content without end", |config| {
        config.timeouts(|timeouts| timeouts.body_progress = None)
    }),
    Wrong::environ(58, "takes a slow client for one that is gone", |environ| {
        content(environ, |_| {
            Box::new(|piece| {
                let told = |error: InputError| match error.kind() {
                    InputErrorKind::TimedOut => InputError::new(InputErrorKind::Disconnected),
                    _ => error,
                };
                piece.map(|piece| piece.map_err(told))
            })
        });
    }),
    Wrong::outbound(59, "resets where content is left", || {
        Box::new(
            |piece| {
                if piece.starts_with(b"HTTP/1.1 413") { Pass::Reset } else { Pass::On(piece.to_vec()) }
            },
        )
    }),
    Wrong::inbound(60, "takes content that was ignored for a request", || {
        lengths(|head, length| if head.contains("/none ") { 0 } else { length })
    }),
    Wrong::inbound(61, "takes the rest of content for a request", || {
        lengths(|head, length| if head.contains("/part ") { 1000 } else { length })
    }),
    Wrong::app(62, "asks for content before the app reads", reading_ahead),
    Wrong::outbound(63, "asks for content behind the app's back", || continued(b"HTTP/1.1 403 ")),
    Wrong::outbound(64, "asks whoever expects it", || continued(b"HTTP/1.1 200 ")),
    Wrong::outbound(65, "says 400 to what it doesn't know to expect", || replacing(b" 417 ", b" 400 ")),
    Wrong::environ(66, "drops trailers", |environ| content(environ, |_| Box::new(|piece| piece))),
    Wrong::inbound(66, "takes a trailer that is forbidden for another", || {
        replacing(b"\r\nauthorization: x\r\n", b"\r\nx-authorization: x\r\n")
    }),
    Wrong::config(66, "bounds no trailers", |config| {
        config.limits(|limits| limits.trailer_bytes = limits.head_bytes)
    }),
    Wrong::environ(68, "gives content to async apps alone", |environ| {
        let length = environ.input_length();
        if length != InputLength::None {
            let right = environ.take_input();
            environ.set_input(Input::new(AsyncOnly(right), length, None));
        }
    }),
];

/// Changes the values of each name together.
fn each_name(environ: &mut Environ, change: fn(&[&[u8]]) -> Vec<Vec<u8>>) {
    let right = std::mem::take(environ.headers_mut());
    for name in right.keys() {
        let values: Vec<&[u8]> = right.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        append(environ.headers_mut(), name, change(&values));
    }
}

/// Changes each value by itself; those that say which case it is are left alone.
fn each_value(environ: &mut Environ, change: fn(&[u8]) -> Vec<u8>) {
    let right = std::mem::take(environ.headers_mut());
    for (name, value) in &right {
        let value = value.as_bytes();
        let told = if name.as_str().starts_with("x-") { change(value) } else { value.to_vec() };
        append(environ.headers_mut(), name, vec![told]);
    }
}

fn append(headers: &mut HeaderMap, name: &HeaderName, values: Vec<Vec<u8>>) {
    for value in values {
        headers.append(name, HeaderValue::from_bytes(&value).unwrap());
    }
}

fn hyphens(name: &HeaderName) -> HeaderName {
    name.as_str().replace('_', "-").parse().unwrap()
}

/// Takes the last byte off content of a known length.
fn up_to_the_last(environ: &mut Environ) {
    content(environ, |length| {
        let InputLength::Known(mut left) = length else { return Box::new(|piece| piece) };
        Box::new(move |piece| {
            let piece = piece?.map(|mut piece| {
                left = left.saturating_sub(piece.len() as u64);
                if left == 0 {
                    piece.truncate(piece.len() - 1);
                }
                piece
            });
            Some(piece)
        })
    });
}

/// Changes the byte at a place.
fn spoiled(piece: Bytes, seen: &mut usize, at: usize) -> Bytes {
    let here = at.checked_sub(*seen).filter(|here| *here < piece.len());
    *seen += piece.len();
    let Some(here) = here else { return piece };
    let mut bytes = piece.to_vec();
    bytes[here] ^= 1;
    bytes.into()
}

/// Changes the length that a head announces, where a piece is one.
fn lengths(change: fn(&str, usize) -> usize) -> Tamper {
    const NAME: &str = "content-length: ";
    Box::new(move |piece| {
        let text = String::from_utf8_lossy(piece);
        let announced = text.split_once("\r\n\r\n").and_then(|(head, _)| {
            let (start, rest) = head.split_once(NAME)?;
            let digits = rest.split("\r\n").next()?;
            Some((head, start.len() + NAME.len(), digits, digits.parse().ok()?))
        });
        let Some((head, at, digits, length)) = announced else { return Pass::On(piece.to_vec()) };
        let told = change(head, length).to_string();
        Pass::On([&piece[..at], told.as_bytes(), &piece[at + digits.len()..]].concat())
    })
}

/// Sends 100 before each head that begins so.
fn continued(start: &'static [u8]) -> Tamper {
    in_heads(move |head| {
        let asked: &[u8] = if head.starts_with(start) { b"HTTP/1.1 100 Continue\r\n\r\n" } else { b"" };
        [asked, head].concat()
    })
}

/// Reads all of the content before it calls the app.
fn reading_ahead(app: BoxApp) -> BoxApp {
    let middleware = around(async |mut environ: Environ, start_response: StartResponse, next: Next| {
        let whole = environ.input_mut().collect(u64::MAX).await?;
        environ.set_input(Input::from_bytes(whole));
        next.call(environ, start_response).await
    });
    BoxApp::new(middleware.wrap(app))
}
