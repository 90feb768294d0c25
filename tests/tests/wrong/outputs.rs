//! Wrong servers about bodies of answers and their framing: rules 89 to 109.
//!
//! What an app between does to a body it does by `Body::map`, which also takes the length away: then only what says
//! the length again has one.

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{Request, header};
use rsgi_core::{BoxApp, Change, Environ, Error, Middleware, Next, StartResponse, Started, around};

use crate::Wrong;
use crate::bytes::replacing;
use crate::tamper::{Pass, Tamper};

pub(crate) const WRONG: &[Wrong] = &[
    Wrong::app(89, "sends a body in memory in chunks", |app| {
        answering(app, |started| match started.body().as_bytes() {
            Some(_) => unmeasured(started),
            None => started,
        })
    }),
    Wrong::app(90, "sends an empty body in chunks", |app| {
        answering(app, |started| match started.body().length() {
            Some(0) => unmeasured(started),
            _ => started,
        })
    }),
    Wrong::outbound(91, "sends pieces without chunks", || {
        replacing(b"transfer-encoding: chunked\r\n", b"connection: close\r\n")
    }),
    Wrong::app(92, "sends chunks though the length is known", |app| answering(app, unmeasured)),
    Wrong::app(93, "sends more than the length in chunks", |app| answering(app, unmeasured)),
    Wrong::app(94, "sends less than the length as if it were all", |app| answering(app, unmeasured)),
    Wrong::app(95, "believes the body against the length", |app| answering(app, unmeasured)),
    Wrong::outbound(96, "ends the answer at an empty piece", || {
        replacing(b"1\r\na\r\n", b"1\r\na\r\n0\r\n\r\n")
    }),
    Wrong::app(97, "keeps all pieces until the last is there", |app| answering(app, kept_back)),
    Wrong::app(98, "sends zeros as spaces", |app| pieces(app, |byte| if byte == 0 { b' ' } else { byte })),
    Wrong::config(99, "has a write buffer of its own size", |config| {
        config.limits(|limits| limits.write_buffer = 32 << 20)
    }),
    Wrong::config(100, "reads the request before it calls the app", |config| {
        config.limits(|limits| limits.request_buffer = 1 << 20)
    }),
    Wrong::app(101, "sends a file as text", |app| {
        pieces(app, |byte| if byte == b'\n' { b' ' } else { byte })
    }),
    Wrong::app(102, "sends one byte less than the range", |app| {
        answering(app, |started| match started.body().length() {
            Some(length @ 1..) => started.map_body(|body| body.map(Cut(length - 1)).with_length(length - 1)),
            _ => started,
        })
    }),
    Wrong::outbound(103, "sends the file and not what was made of it", || {
        replacing(b"LOWER CASE", b"lower case")
    }),
    Wrong::app(104, "fills a short file up", |app| {
        answering(app, |started| match started.body().length() {
            Some(length) => started.map_body(|body| body.map(Filled(length)).with_length(length)),
            None => started,
        })
    }),
    Wrong::outbound(105, "announces no trailers", || replacing(b"trailer: x-sum\r\n", b"")),
    Wrong::inbound(105, "sends trailers to whoever did not ask", || {
        replacing(b" HTTP/1.1\r\n", b" HTTP/1.1\r\nte: trailers\r\nconnection: te\r\n")
    }),
    Wrong::outbound(106, "sends a length as a trailer", || {
        replacing(b"x-sum: 42\r\n", b"x-sum: 42\r\ncontent-length: 7\r\n")
    }),
    Wrong::outbound(107, "takes a body that broke off for whole", ended_well),
    Wrong::app(108, "collects what middleware maps", |app| answering(app, kept_back)),
    Wrong::app(109, "makes each answer twice", |app| {
        let middleware = around(async |environ: Environ, start_response: StartResponse, next: Next| {
            let mut again = Request::new(());
            again.headers_mut().clone_from(environ.headers());
            again.uri_mut().clone_from(environ.uri());
            drop(next.call(Environ::for_test(again), start_response.clone()).await);
            next.call(environ, start_response).await
        });
        BoxApp::new(middleware.wrap(app))
    }),
];

/// Changes each answer of an app.
pub(crate) fn answering(app: BoxApp, change: fn(Started) -> Started) -> BoxApp {
    resulting(app, move |result, _| result.map(change))
}

/// Makes something else of what each call comes to.
pub(crate) fn resulting(
    app: BoxApp,
    change: impl Fn(Result<Started, Error>, StartResponse) -> Result<Started, Error>
    + Copy
    + Send
    + Sync
    + 'static,
) -> BoxApp {
    let middleware = around(move |environ: Environ, start_response: StartResponse, next: Next| async move {
        change(next.call(environ, start_response.clone()).await, start_response)
    });
    BoxApp::new(middleware.wrap(app))
}

/// Ends what broke off by the last chunk.
pub(crate) fn ended_well() -> Tamper {
    Box::new(|piece| Pass::On(if piece.is_empty() { b"0\r\n\r\n".to_vec() } else { piece.to_vec() }))
}

/// Takes the length away.
fn unmeasured(mut started: Started) -> Started {
    started.fields_mut().remove(&header::CONTENT_LENGTH);
    started.map_body(|body| body.map(Ok))
}

/// Sends nothing of a stream before its end.
fn kept_back(started: Started) -> Started {
    match started.body().length() {
        None => started.map_body(|body| body.map(Kept(Vec::new()))),
        Some(_) => started,
    }
}

/// Changes each byte of a body, whose length stays.
fn pieces(app: BoxApp, change: fn(u8) -> u8) -> BoxApp {
    resulting(app, move |result, _| {
        result.map(|started| {
            let length = started.body().length();
            started.map_body(|body| {
                let changed = body
                    .map(move |piece: Bytes| Ok(piece.iter().map(|byte| change(*byte)).collect::<Bytes>()));
                match length {
                    Some(length) => changed.with_length(length),
                    None => changed,
                }
            })
        })
    })
}

/// Keeps all pieces until the end.
struct Kept(Vec<u8>);

impl Change for Kept {
    fn piece(&mut self, piece: Bytes) -> Result<Bytes, Error> {
        self.0.extend_from_slice(&piece);
        Ok(Bytes::new())
    }

    fn finish(&mut self) -> Result<Bytes, Error> {
        Ok(std::mem::take(&mut self.0).into())
    }
}

/// Lets so many bytes pass.
struct Cut(u64);

impl Change for Cut {
    fn piece(&mut self, mut piece: Bytes) -> Result<Bytes, Error> {
        piece.truncate(usize::try_from(self.0)?);
        self.0 -= piece.len() as u64;
        Ok(piece)
    }
}

/// Adds what is missing of so many bytes.
struct Filled(u64);

impl Change for Filled {
    fn piece(&mut self, piece: Bytes) -> Result<Bytes, Error> {
        self.0 = self.0.saturating_sub(piece.len() as u64);
        Ok(piece)
    }

    fn finish(&mut self) -> Result<Bytes, Error> {
        Ok(vec![b'x'; usize::try_from(self.0)?].into())
    }
}
