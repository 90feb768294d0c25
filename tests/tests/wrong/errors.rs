//! Wrong servers about errors, aborts and lifetimes: rules 110 to 123.

use std::sync::{Mutex, PoisonError};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{Method, StatusCode};
use rsgi_core::server::{Config, HalfClose};
use rsgi_core::{BoxApp, Environ, Middleware, Next, StartResponse, around};

use crate::Wrong;
use crate::bytes::replacing;
use crate::http2::{in_frames, kind};
use crate::outputs::{ended_well, resulting};
use crate::tamper::Pass;

pub(crate) const WRONG: &[Wrong] = &[
    Wrong::app(110, "answers an error of the app by 200", |app| {
        resulting(app, |result, start_response| {
            result.or_else(|_| Ok(start_response.status(StatusCode::OK).body("sorry")))
        })
    }),
    Wrong::outbound(111, "resets the connection at a panic", || {
        Box::new(
            |piece| {
                if piece.starts_with(b"HTTP/1.1 500 ") { Pass::Reset } else { Pass::On(piece.to_vec()) }
            },
        )
    }),
    Wrong::outbound(112, "ends a broken answer like a whole one", ended_well),
    Wrong::app(113, "shows the error's text to the client", |app| {
        resulting(app, |result, start_response| {
            result.or_else(|error| {
                let head = start_response.status(StatusCode::INTERNAL_SERVER_ERROR);
                Ok(head.body(error.to_string()))
            })
        })
    }),
    Wrong::config(114, "waits for an app that nobody waits for", answers_everybody),
    Wrong::app(115, "lets no app hear of its client", unconnected),
    Wrong::app(116, "keeps what it sent", |app| {
        resulting(app, |result, _| {
            if let Some(bytes) = result.as_ref().ok().and_then(|started| started.body().as_bytes()) {
                KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(bytes.clone());
            }
            result
        })
    }),
    Wrong::config(117, "takes no FIN for an end", answers_everybody),
    Wrong::config(117, "takes a FIN for an end whatever is set", |config| config.half_close(HalfClose::Gone)),
    Wrong::inbound(118, "ends the connection at a reset of a stream", || {
        in_frames(|frame| (frame.kind != kind::RST_STREAM).then_some(frame))
    })
    .on_hyper(),
    Wrong::app(119, "never drops a body that HEAD left out", |app| {
        let middleware = around(async |environ: Environ, start_response: StartResponse, next: Next| {
            let is_head = environ.method() == Method::HEAD;
            let mut started = next.call(environ, start_response).await?;
            if is_head {
                let length = started.body().length();
                std::mem::forget(started.take_body());
                started = started.map_body(|empty| match length {
                    Some(length) => empty.with_length(length),
                    None => empty.map(Ok),
                });
            }
            Ok(started)
        });
        BoxApp::new(middleware.wrap(app))
    }),
    Wrong::app(120, "never calls back", unconnected),
    Wrong::app(121, "tells no fault of a failed app", |app| {
        resulting(app, |result, start_response| {
            result.or_else(|_| Ok(start_response.status(StatusCode::INTERNAL_SERVER_ERROR).empty()))
        })
    }),
    Wrong::outbound(122, "takes a slow client for a broken one", || {
        replacing(b" 408 Request Timeout", b" 400 Bad Request")
    }),
];

static KEPT: Mutex<Vec<Bytes>> = Mutex::new(Vec::new());

fn answers_everybody(config: Config) -> Config {
    config.half_close(HalfClose::Answered)
}

/// Gives the app an exchange that nobody ever tells anything.
fn unconnected(app: BoxApp) -> BoxApp {
    let middleware = around(async |environ: Environ, start_response: StartResponse, next: Next| {
        let mut request = environ.into_request();
        // With the real exchange, which would be found again.
        request.extensions_mut().clear();
        next.call(Environ::from_request(request), start_response).await
    });
    BoxApp::new(middleware.wrap(app))
}
