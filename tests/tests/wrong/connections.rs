//! Wrong servers about connections and optional capabilities: rules 124 to 148.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::proxy_protocol::ProxyProtocol;
use rsgi_core::trust::{ForwardedHeaders, Trust};
use rsgi_core::{BoxApp, Disconnect, Environ, Middleware, Next, StartResponse, app_fn, around};

use crate::Wrong;
use crate::bytes::{head_with, replaced, replacing};
use crate::http2::{in_frames, kind, without_extended_connect};
use crate::tamper::{Pass, Tamper};

pub(crate) const WRONG: &[Wrong] = &[
    Wrong::outbound(124, "says close in each answer", || head_with("connection: close\r\n")),
    Wrong::outbound(125, "says nothing of the close", || replacing(b"connection: close\r\n", b"")),
    Wrong::config(125, "closes no connection behind its last request", |config| {
        config.limits(|limits| limits.requests_per_connection = None)
    }),
    Wrong::inbound(126, "answers the quicker request first", || {
        Box::new(|piece| {
            let piece = replaced(piece, b"/slow ", b"/later ");
            Pass::On(replaced(&replaced(&piece, b"/fast ", b"/slow "), b"/later ", b"/fast "))
        })
    }),
    Wrong::app(127, "refuses a stream beside another", one_at_a_time).on_hyper(),
    Wrong::outbound(128, "closes behind an answer without content", || {
        Box::new(|piece| {
            let piece = piece.to_vec();
            if piece.starts_with(b"HTTP/1.1 204 ") { Pass::End(piece) } else { Pass::On(piece) }
        })
    }),
    Wrong::outbound(129, "resets under a client that still sends", || {
        Box::new(
            |piece| {
                if piece.starts_with(b"HTTP/1.1 413 ") { Pass::Reset } else { Pass::On(piece.to_vec()) }
            },
        )
    }),
    Wrong::config(130, "waits for a head without end", |config| {
        config.timeouts(|timeouts| timeouts.head = None)
    }),
    Wrong::config(130, "holds more connections than it may", |config| {
        config.limits(|limits| limits.connections = 1000)
    }),
    Wrong::config(131, "cuts off what is in flight", |config| {
        config.timeouts(|timeouts| timeouts.graceful = Some(Duration::from_millis(1)))
    }),
    Wrong::config(132, "serves its first listener alone", |mut config| {
        config.binds.truncate(1);
        config
    }),
    Wrong::app(134, "refuses a request beside another", one_at_a_time),
    Wrong::config(135, "has four threads whatever is set", |config| config.threads(4)),
    Wrong::outbound(136, "sends each hint twice", || {
        Box::new(|piece| {
            let hint = piece.starts_with(b"HTTP/1.1 103 ") && piece.ends_with(b"\r\n\r\n");
            Pass::On(if hint { piece.repeat(2) } else { piece.to_vec() })
        })
    }),
    Wrong::inbound(137, "takes HTTP/1.0 for HTTP/1.1", || {
        replacing(b" HTTP/1.0\r\n", b" HTTP/1.1\r\nhost: test\r\n")
    }),
    Wrong::outbound(138, "sends the hint that was refused", || {
        Box::new(|piece| {
            let hint: &[u8] = if piece.starts_with(b"HTTP/1.1 200 ") {
                b"HTTP/1.1 103 Early Hints\r\nx-b: 2\r\n\r\n"
            } else {
                b""
            };
            Pass::On([hint, piece].concat())
        })
    }),
    Wrong::app(139, "serves nobody once a client has gone", |app| {
        let earlier = Arc::new(Mutex::new(Vec::<Disconnect>::new()));
        let middleware = around(move |environ: Environ, start_response: StartResponse, next: Next| {
            let mut earlier = earlier.lock().unwrap_or_else(PoisonError::into_inner);
            let broken = earlier.iter().any(Disconnect::is_gone);
            earlier.push(environ.disconnect());
            async move {
                if broken {
                    return Ok(start_response.status(StatusCode::SERVICE_UNAVAILABLE).empty());
                }
                next.call(environ, start_response).await
            }
        });
        BoxApp::new(middleware.wrap(app))
    }),
    Wrong::outbound(140, "leaves Upgrade out of a 101", || replacing(b"upgrade: echo\r\n", b"")),
    Wrong::inbound(140, "loses what came with the head", lost_behind_an_offer),
    Wrong::inbound(141, "offers the app what the client did not", || {
        replacing(b"upgrade: echo\r\n", b"upgrade: echo, other\r\n")
    }),
    Wrong::outbound(142, "switches before it says to go on", || {
        replacing(b" 100 Continue\r\n", b" 101 Switching Protocols\r\n")
    }),
    Wrong::outbound(143, "switches though the app refused", || {
        replacing(b" 200 OK\r\n", b" 101 Switching Protocols\r\n")
    }),
    Wrong::inbound(143, "reads on as if it had switched", lost_behind_an_offer),
    Wrong::outbound(144, "never says that it takes extended CONNECT", || {
        in_frames(|frame| {
            Some(if frame.kind == kind::SETTINGS { without_extended_connect(&frame) } else { frame })
        })
    })
    .on_hyper(),
    Wrong::outbound(145, "ends both halves with the first", || replacing(b"bye", b"")),
    Wrong::config(146, "reads no PROXY header", |config| config.proxy_protocol(ProxyProtocol::Off)),
    Wrong::config(146, "reads a PROXY header from anybody", |config| {
        config.trust(Trust::new(ForwardedHeaders::Standard).danger_everyone())
    }),
    Wrong::app(147, "asks no app what it needs", |app| {
        BoxApp::new(app_fn(move |environ: Environ, start_response: StartResponse| {
            let app = app.clone();
            async move { rsgi_core::App::call(&app, environ, start_response).await }
        }))
    }),
    Wrong::inbound(148, "advertises trailers and sends none", || replacing(b"te: trailers\r\n", b"")),
];

/// What came in one piece with the head of an offer, lost.
fn lost_behind_an_offer() -> Tamper {
    Box::new(|piece| {
        let end = piece.windows(4).position(|it| it == b"\r\n\r\n").map(|at| at + 4);
        let offers = piece.windows(13).any(|it| it == b"upgrade: echo");
        Pass::On(piece[..end.filter(|_| offers).unwrap_or(piece.len())].to_vec())
    })
}

/// An app that is called for one request at a time; others are refused.
fn one_at_a_time(app: BoxApp) -> BoxApp {
    struct Left(Arc<AtomicBool>);
    impl Drop for Left {
        fn drop(&mut self) {
            self.0.store(false, Ordering::SeqCst);
        }
    }
    let inside = Arc::new(AtomicBool::new(false));
    let middleware = around(move |environ: Environ, start_response: StartResponse, next: Next| {
        let inside = Arc::clone(&inside);
        async move {
            if inside.swap(true, Ordering::SeqCst) {
                return Ok(start_response.status(StatusCode::SERVICE_UNAVAILABLE).empty());
            }
            let _left = Left(inside);
            next.call(environ, start_response).await
        }
    });
    BoxApp::new(middleware.wrap(app))
}
