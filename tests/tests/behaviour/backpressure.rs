//! Backpressure: what a server holds for a client that doesn't read, and for an app that doesn't.
//!
//! Over unix sockets, whose kernel buffer doesn't grow: what the app produced beyond it the server holds. The bounds
//! are sums of settings, so that a buffer nobody named shows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rsgi_core::http::StatusCode;
use rsgi_core::server::Config;
use rsgi_core::{App, Body, Environ, StartResponse, app_fn};
use rsgi_tests::bytes::{get, noise, request};
use rsgi_tests::deadline::{Gate, events, settled};
use rsgi_tests::probe::app;
use rsgi_tests::scratch::Folder;
use rsgi_tests::{Client, On, Server, mount};

/// What the kernel takes of a unix socket's stream: its buffer counts more than the payload.
fn kernel() -> usize {
    let text = std::fs::read_to_string("/proc/sys/net/core/wmem_default").unwrap();
    text.trim().parse().unwrap()
}

const WRITE_BUFFER: usize = 32 << 10;
const PIECE: usize = 4 << 10;

/// What a server may hold beside the kernel: its write buffer; hyper never takes less than a head's size for it; and
/// 64 KiB for each of the two queues of core that an async push body, or a blocking one on an async server, passes.
const HELD_MOST: usize = WRITE_BUFFER + (64 << 10) + 2 * (64 << 10) + 4 * PIECE;

fn on_unix(on: On, app: impl App, folder: &Folder) -> Server {
    let path = folder.file("app.sock");
    let config = Config::new().bind(&format!("unix:{}", path.display())).unwrap().threads(4);
    on.start(config.limits(|limits| limits.write_buffer = WRITE_BUFFER), app).unwrap()
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
    ("reader", |given| {
        struct Endless(Arc<AtomicUsize>);
        impl std::io::Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let length = buffer.len().min(PIECE);
                self.0.fetch_add(length, Ordering::Relaxed);
                buffer[..length].fill(b'x');
                Ok(length)
            }
        }
        Body::reader(Endless(given))
    }),
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
                std::io::Write::write_all(writer, &[b'x'; PIECE])?;
                given.fetch_add(PIECE, Ordering::Relaxed);
            }
        })
    }),
    ("async push", |given| {
        Body::send(async move |sender| {
            loop {
                sender.send(vec![b'x'; PIECE]).await?;
                given.fetch_add(PIECE, Ordering::Relaxed);
            }
        })
    }),
];

/// rule(99)
fn a_client_that_does_not_read_holds_back_every_kind_of_body(on: On) {
    for (kind, make) in BODIES {
        let folder = Folder::new();
        let given = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&given);
        let answer = app(move |_, start_response: StartResponse| {
            Ok(start_response.status(StatusCode::OK).body(make(Arc::clone(&counter))))
        });
        let server = on_unix(on, answer, &folder);
        let mut client = Client::unix(&server.path());
        client.send(get("/"));
        let held = settled("the body is held back", || given.load(Ordering::Relaxed));
        assert!(
            held > 0 && held <= kernel() + HELD_MOST,
            "{kind}: {held} bytes with a kernel of {}",
            kernel()
        );
        client.bytes(2 * held);
        assert!(given.load(Ordering::Relaxed) > held, "{kind}: it goes on when the client reads");
    }
}

/// rule(99): an app that doesn't read holds back its client.
fn an_app_that_does_not_read_holds_back_its_client(on: On) {
    let folder = Folder::new();
    let gate = Gate::new();
    let held = gate.clone();
    let server = on_unix(
        on,
        app_fn(move |mut environ: Environ, start_response: StartResponse| {
            let held = held.clone();
            async move {
                held.opened().await;
                let whole = environ.input_mut().collect(u64::MAX).await?;
                Ok(start_response.status(StatusCode::OK).body(whole.len().to_string()))
            }
        }),
        &folder,
    );
    let mut client = Client::unix(&server.path());
    let size = 8 << 20;
    client.send(request("POST", "/", &[("content-length", &size.to_string())], b""));
    let taken = client.stuff(&noise(PIECE), size);
    assert!(taken <= kernel() + (128 << 10), "{taken} bytes were taken");
    gate.open();
    client.send(vec![b'x'; size - taken]);
    assert_eq!(client.answer().text(), size.to_string());
}

/// rule(99): an upgraded stream is held back both ways.
fn an_upgraded_stream_is_held_back(on: On) {
    let folder = Folder::new();
    let given = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&given);
    let answer = app(move |environ: Environ, start_response: StartResponse| {
        let upgrade = environ.upgrade()?.ok_or("no offer")?;
        Ok(start_response.upgrade(upgrade, "flood")?.body(BODIES[4].1(Arc::clone(&counter))))
    });
    let server = on_unix(on, answer, &folder);
    let mut client = Client::unix(&server.path());
    client.send(request("GET", "/", &[("connection", "upgrade"), ("upgrade", "flood")], b""));
    let held = settled("the stream is held back", || given.load(Ordering::Relaxed));
    assert!(held > 0 && held <= kernel() + HELD_MOST, "{held} bytes");
    client.head();
    client.bytes(2 * held);
}

/// rule(99): an unread answer in memory, and a body that is held back, keep no other client waiting.
fn unread_answers_hold_no_thread(on: On) {
    let (teller, asked) = events();
    let answer = app(move |environ: Environ, start_response: StartResponse| {
        let body = match environ.path_info() {
            "/large" => Body::from(vec![b'x'; 32 << 20]),
            "/async" => BODIES[4].1(Arc::default()),
            _ => Body::from("pong"),
        };
        teller.tell(());
        Ok(start_response.status(StatusCode::OK).body(body))
    });
    let server = on.serve_with(answer, |config| config.threads(1));
    let mut unread: Vec<Client> = (0..6).map(|_| server.client()).collect();
    for (index, client) in unread.iter_mut().enumerate() {
        client.send(get(if index % 2 == 0 { "/large" } else { "/async" }));
        asked.next("the app's call");
    }
    let mut client = server.client();
    for _ in 0..10 {
        assert_eq!(client.ask(get("/ping")).text(), "pong");
    }
}

mount!(
    a_client_that_does_not_read_holds_back_every_kind_of_body,
    an_app_that_does_not_read_holds_back_its_client,
    an_upgraded_stream_is_held_back,
    unread_answers_hold_no_thread,
);
