//! Wrong servers about heads of answers: rules 69 to 88.

use rsgi_core::http::{Method, header};
use rsgi_core::{BoxApp, Environ, Middleware, Next, StartResponse, around};

use crate::Wrong;
use crate::bytes::{head_with, in_heads, replacing};
use crate::tamper::Pass;

pub(crate) const WRONG: &[Wrong] = &[
    Wrong::outbound(69, "sends 200 whatever the app says", || replacing(b" 404 Not Found", b" 200 OK")),
    Wrong::outbound(70, "sends 103 as the final answer", || {
        replacing(b" 500 Internal Server Error", b" 103 Early Hints")
    }),
    Wrong::outbound(72, "keeps the first status when the app starts again", || {
        replacing(b" 404 Not Found", b" 200 OK")
    }),
    Wrong::outbound(74, "sends a field called status", || head_with("status: 200\r\n")),
    Wrong::outbound(75, "sends what stood behind a line's end in a value", || head_with("x-evil: 1\r\n")),
    Wrong::outbound(76, "sends only the first of repeated fields", || {
        replacing(b"set-cookie: a=2, c\r\n", b"")
    }),
    Wrong::outbound(77, "sends the app's Keep-Alive", || head_with("keep-alive: timeout=5\r\n")),
    Wrong::outbound(78, "sends no Date", || replacing(b"\r\ndate: ", b"\r\nx-date: ")),
    Wrong::outbound(79, "sends its own Server beside the app's", || head_with("server: wrong\r\n")),
    Wrong::outbound(80, "holds the head back until the body begins", || {
        let mut held = Vec::new();
        Box::new(move |piece| {
            held.extend_from_slice(piece);
            if !piece.is_empty() && held.ends_with(b"\r\n\r\n") {
                return Pass::On(Vec::new());
            }
            Pass::On(std::mem::take(&mut held))
        })
    }),
    Wrong::outbound(81, "sends the length of a 204", || {
        replacing(b" 204 No Content\r\n", b" 204 No Content\r\ncontent-length: 0\r\n")
    }),
    Wrong::outbound(82, "sends the content of a 204", || {
        in_heads(|head| {
            let mut head = head.to_vec();
            if head.starts_with(b"HTTP/1.1 204") {
                head.extend_from_slice(b"not to be sent");
            }
            head
        })
    }),
    Wrong::outbound(83, "says no length of a 205", || replacing(b"content-length: 0\r\n", b"")),
    Wrong::app(84, "drops a field from answers to HEAD", |app| {
        let middleware = around(async |environ: Environ, start_response: StartResponse, next: Next| {
            let is_head = environ.method() == Method::HEAD;
            let mut started = next.call(environ, start_response).await?;
            if is_head {
                started.fields_mut().remove(&header::CONTENT_TYPE);
            }
            Ok(started)
        });
        BoxApp::new(middleware.wrap(app))
    }),
    Wrong::outbound(85, "invents a length of 0 for HEAD", || length_zero()),
    Wrong::inbound(86, "asks the app for GET when the client says HEAD", || replacing(b"HEAD /", b"GET /")),
    Wrong::outbound(87, "says a length in a 2xx to CONNECT", || length_zero()),
];

/// Adds `Content-Length: 0` to every head that says nothing of its content.
fn length_zero() -> crate::tamper::Tamper {
    in_heads(|head| {
        let text = String::from_utf8_lossy(head);
        let says = text.contains("content-length") || text.contains("transfer-encoding");
        let mut head = head.to_vec();
        if !says {
            head.truncate(head.len() - 2);
            head.extend_from_slice(b"content-length: 0\r\n\r\n");
        }
        head
    })
}
