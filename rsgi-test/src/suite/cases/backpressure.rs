//! Slow readers: what a server holds for a client that doesn't read, and for an app that doesn't.
//!
//! Over unix sockets, whose kernel buffer doesn't grow: what the app produced beyond it the server holds. The bounds
//! are sums of settings, so that a buffer nobody named shows.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rsgi_core::http::StatusCode;
use rsgi_core::server::Config;
use rsgi_core::{App, Body, Capabilities, Environ, StartResponse, app_fn};

use crate::suite::apps::{TEXT, plain};
use crate::suite::case::Case;
use crate::suite::folder::Folder;
use crate::suite::ground::{Ground, Server};
use crate::wire::RawClient;
use crate::wire::bytes::{get, noise, request};
use crate::wire::deadline::{Gate, events, settled};

pub(super) const CASES: &[Case] = &[
    Case::hosted("a_client_that_does_not_read_holds_back_every_kind_of_body", &[99], |ground| {
        for (kind, make) in BODIES {
            let folder = Folder::new();
            let given = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&given);
            let answer = plain(move |_, start_response| {
                Ok(start_response.start(StatusCode::OK, TEXT)?.body(make(Arc::clone(&counter))))
            });
            let server = on_unix(ground, answer, &folder);
            let mut client = RawClient::unix(&server.path());
            client.send(get("/"));
            let held = settled("the body is held back", || given.load(Ordering::Relaxed));
            let kernel = kernel();
            assert!(held <= kernel + HELD_MOST, "{kind}: {held} bytes with a kernel of {kernel}");
            client.bytes(2 * held);
            assert!(given.load(Ordering::Relaxed) > held, "{kind}: it goes on when the client reads");
        }
    }),
    Case::hosted("an_app_that_does_not_read_holds_back_its_client", &[99], |ground| {
        let folder = Folder::new();
        let gate = Gate::new();
        let held = gate.clone();
        let app = app_fn(move |mut environ: Environ, start_response: StartResponse| {
            let held = held.clone();
            async move {
                held.opened().await;
                let whole = environ.input_mut().collect(u64::MAX).await?;
                Ok(start_response.start(StatusCode::OK, TEXT)?.body(whole.len().to_string()))
            }
        });
        let server = on_unix(ground, app, &folder);
        let mut client = RawClient::unix(&server.path());
        let size = 8 << 20;
        client.send(request("POST", "/", &[("content-length", &size.to_string())], b""));
        let taken = client.stuff(&noise(PIECE), size);
        assert!(taken <= kernel() + (128 << 10), "{taken} bytes were taken");
        gate.open();
        client.send(vec![b'x'; size - taken]);
        assert_eq!(client.answer().text(), size.to_string());
    }),
    Case::hosted("an_upgraded_stream_is_held_back", &[99, 145], |ground| {
        let folder = Folder::new();
        let given = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&given);
        let answer = plain(move |environ, start_response| {
            let upgrade = environ.upgrade()?.ok_or("no offer")?;
            Ok(start_response.upgrade(upgrade, "flood")?.body(async_push(Arc::clone(&counter))))
        });
        let server = on_unix(ground, answer, &folder);
        let mut client = RawClient::unix(&server.path());
        client.send(request("GET", "/", &[("connection", "upgrade"), ("upgrade", "flood")], b""));
        let held = settled("the stream is held back", || given.load(Ordering::Relaxed));
        assert!(held <= kernel() + HELD_MOST, "{held} bytes");
        client.head();
        client.bytes(2 * held);
    })
    .needs(Capabilities::UPGRADE),
    // An unread answer in memory, and a body that is held back, keep no other client waiting.
    Case::hosted("unread_answers_hold_no_thread", &[99], |ground| {
        let (teller, asked) = events();
        let answer = plain(move |environ: Environ, start_response: StartResponse| {
            let body = match environ.path_info() {
                "/large" => Body::from(vec![b'x'; 32 << 20]),
                "/async" => async_push(Arc::default()),
                _ => Body::from("pong"),
            };
            teller.tell(());
            Ok(start_response.start(StatusCode::OK, TEXT)?.body(body))
        });
        let server = ground.serve_with(answer, |config| config.threads(1));
        let mut unread: Vec<RawClient> = (0..6).map(|_| server.client()).collect();
        for (index, client) in unread.iter_mut().enumerate() {
            client.send(get(if index % 2 == 0 { "/large" } else { "/async" }));
            asked.next("the app's call");
        }
        let mut client = server.client();
        for _ in 0..10 {
            assert_eq!(client.ask(get("/ping")).text(), "pong");
        }
    }),
];

/// What the kernel takes of a unix socket's stream: its buffer counts more than the payload.
fn kernel() -> usize {
    let text = std::fs::read_to_string("/proc/sys/net/core/wmem_default").unwrap();
    text.trim().parse().unwrap()
}

const WRITE_BUFFER: usize = 32 << 10;
const PIECE: usize = 4 << 10;

/// What a server may hold beside the kernel: its write buffer, or a head's size where one buffer serves both; and
/// 64 KiB for each of the two queues of core that an async push body, or a blocking one on an async server, passes.
const HELD_MOST: usize = WRITE_BUFFER + (64 << 10) + 2 * (64 << 10) + 4 * PIECE;

fn on_unix(ground: &Ground, app: impl App, folder: &Folder) -> Server {
    let path = folder.file("app.sock");
    let config = Config::new().bind(&format!("unix:{}", path.display())).unwrap().threads(4);
    ground.start(config.limits(|limits| limits.write_buffer = WRITE_BUFFER), app).unwrap()
}

/// A body that counts what it gave.
type Counting = fn(Arc<AtomicUsize>) -> Body;

const BODIES: [(&str, Counting); 5] = [
    ("iterator", |given| {
        Body::iter(std::iter::repeat_with(move || {
            given.fetch_add(PIECE, Ordering::Relaxed);
            vec![b'x'; PIECE]
        }))
    }),
    ("reader", |given| Body::reader(Endless(given))),
    ("push", |given| {
        Body::push(move |writer| {
            loop {
                writer.write_bytes(vec![b'x'; PIECE])?;
                given.fetch_add(PIECE, Ordering::Relaxed);
            }
        })
    }),
    ("copying push", |given| {
        Body::push(move |writer| {
            loop {
                Write::write_all(writer, &[b'x'; PIECE])?;
                given.fetch_add(PIECE, Ordering::Relaxed);
            }
        })
    }),
    ("async push", async_push),
];

fn async_push(given: Arc<AtomicUsize>) -> Body {
    Body::send(async move |sender| {
        loop {
            sender.send(vec![b'x'; PIECE]).await?;
            given.fetch_add(PIECE, Ordering::Relaxed);
        }
    })
}

struct Endless(Arc<AtomicUsize>);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(PIECE);
        self.0.fetch_add(length, Ordering::Relaxed);
        buffer[..length].fill(b'x');
        Ok(length)
    }
}
