//! Bodies of every kind: they flow piece by piece, on threads that may block where they block, and are let go of there.

use std::io::{self, Cursor, Read, Write as _};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use rsgi_core::http::StatusCode;
use rsgi_core::{Body, Environ, Error, StartResponse, Started, app_fn, blocking, thread_may_block};

use crate::served::{Host, Served, next, nothing_more};
use crate::wire::{Wire, pattern};

const LENGTH: usize = 3 << 20;

/// Whether its drop was on a thread that may block.
struct Dropped(Sender<bool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        // A test that has failed doesn't listen.
        let _gone = self.0.send(thread_may_block());
    }
}

struct Slow {
    content: Cursor<Vec<u8>>,
    _dropped: Dropped,
}

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        assert!(thread_may_block());
        self.content.read(buffer)
    }
}

fn each_kind(dropped: Sender<bool>) -> impl Fn(&Environ) -> Body + Send + Sync + Clone + 'static {
    let dropped = Arc::new(Mutex::new(dropped));
    move |environ| {
        let held = Dropped(dropped.lock().unwrap().clone());
        let content = pattern(LENGTH);
        match environ.path_info() {
            "/bytes" => {
                drop(held);
                Body::from(content)
            }
            "/iter" => {
                let mut pieces: Vec<_> = content.chunks(1000).map(<[u8]>::to_vec).collect();
                pieces.reverse();
                Body::iter(std::iter::from_fn(move || {
                    let _held = &held;
                    assert!(thread_may_block());
                    pieces.pop()
                }))
            }
            "/reader" => Body::reader(Slow { content: Cursor::new(content), _dropped: held }),
            "/push" => Body::push(move |writer| {
                let _held = held;
                assert!(thread_may_block());
                for piece in content.chunks(7000) {
                    writer.write_all(piece)?;
                }
                Ok(())
            }),
            "/send" => Body::send(async move |sender| {
                drop(held);
                for piece in content.chunks(50_000) {
                    sender.send(piece.to_vec()).await?;
                }
                Ok(())
            }),
            other => panic!("{other}"),
        }
    }
}

fn bodies_of_every_kind_are_whole<H: Host, W: Wire>() {
    let (dropped, drops) = channel();
    let body = each_kind(dropped);
    let (from_async, from_blocking) = (body.clone(), body);
    let served = [
        Served::<H, W>::new(app_fn(move |environ: Environ, start_response: StartResponse| {
            let body = from_async(&environ);
            async move { Ok(start_response.status(StatusCode::OK).body(body)) }
        })),
        Served::<H, W>::new(blocking(move |environ: Environ, start_response: StartResponse| {
            Ok(start_response.status(StatusCode::OK).body(from_blocking(&environ)))
        })),
    ];
    for served in served {
        for kind in ["bytes", "iter", "reader", "push", "send"] {
            let answer = served.connect().get(&format!("/{kind}")).answer();
            assert!(answer.content == pattern(LENGTH), "{kind}: {} bytes", answer.content.len());
            let may_block = next(&drops);
            assert!(
                may_block || ["bytes", "send"].contains(&kind),
                "{kind} was dropped where it can't block"
            );
        }
        served.end();
    }
}

/// An app whose pieces come when a test says so, each once the one before was seen.
fn gated(gate: Receiver<()>) -> impl Fn(&Environ) -> Body + Send + Sync {
    let gate = Arc::new(Mutex::new(gate));
    move |environ| {
        let gate = Arc::clone(&gate);
        let mut left = vec!["three", "two", "one"];
        let mut next = move || {
            let piece = left.pop()?;
            gate.lock().unwrap().recv_timeout(crate::served::PATIENCE).unwrap();
            Some(piece)
        };
        match environ.path_info() {
            "/iter" => Body::iter(std::iter::from_fn(next)),
            "/push" => Body::push(move |writer| {
                while let Some(piece) = next() {
                    writer.write_all(piece.as_bytes())?;
                }
                Ok(())
            }),
            "/flush" => Body::push(move |writer| {
                while let Some(piece) = next() {
                    writer.write_all(piece.as_bytes())?;
                    writer.flush()?;
                }
                Ok(())
            }),
            other => panic!("{other}"),
        }
    }
}

fn pieces_of_blocking_bodies_arrive_one_by_one<H: Host, W: Wire>() {
    for kind in ["/iter", "/push", "/flush"] {
        let (open, gate) = channel();
        let body = gated(gate);
        let served = Served::<H, W>::new(blocking(move |environ: Environ, start_response: StartResponse| {
            Ok(start_response.status(StatusCode::OK).body(body(&environ)))
        }));
        let mut client = served.connect();
        client.get(kind);
        for seen in ["one", "onetwo", "onetwothree"] {
            open.send(()).unwrap();
            assert_eq!(client.content(1, seen.len()), seen.as_bytes(), "{kind}");
        }
        client.answer();
        served.end();
    }
}

fn pieces_of_async_bodies_arrive_one_by_one<H: Host, W: Wire>() {
    let (open, gate) = tokio::sync::mpsc::unbounded_channel::<&'static str>();
    let gate = Mutex::new(Some(gate));
    let served = Served::<H, W>::new(app_fn(move |_: Environ, start_response: StartResponse| {
        let mut gate = gate.lock().unwrap().take().unwrap();
        let body = Body::send(async move |sender| {
            while let Some(piece) = gate.recv().await {
                sender.send(piece).await?;
            }
            Ok(())
        });
        async move { Ok(start_response.status(StatusCode::OK).body(body)) }
    }));
    let mut client = served.connect();
    client.get("/");
    for (piece, seen) in [("one", "one"), ("two", "onetwo"), ("three", "onetwothree")] {
        open.send(piece).unwrap();
        assert_eq!(client.content(1, seen.len()), seen.as_bytes());
    }
    drop(open);
    client.answer();
    served.end();
}

/// Reads and answers at once, piece by piece.
fn an_answer_may_flow_while_the_content_does<H: Host, W: Wire>() {
    async fn echo(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        let mut input = environ.take_input();
        let body = Body::send(async move |sender| {
            while let Some(piece) = std::future::poll_fn(|context| input.poll_piece(context)).await {
                sender.send(piece?).await?;
            }
            Ok(())
        });
        Ok(start_response.status(StatusCode::OK).body(body))
    }
    let served = Served::<H, W>::new(app_fn(echo));
    let mut client = served.connect();
    client.head(&crate::wire::Request::post("/", 30));
    for round in 1..=10 {
        client.send(&W::content(b"abc", 3));
        assert_eq!(client.content(1, 3 * round), "abc".repeat(round).as_bytes());
    }
    client.send(&W::end());
    client.answer();
    served.end();
}

/// A peer that has gone takes the body with it, wherever that blocks.
fn the_body_of_a_peer_that_has_gone_is_dropped_where_it_may_block<H: Host, W: Wire>() {
    let (dropped, drops) = channel();
    let dropped = Mutex::new(dropped);
    let served = Served::<H, W>::new(blocking(move |_: Environ, start_response: StartResponse| {
        let held = Dropped(dropped.lock().unwrap().clone());
        let pieces = std::iter::repeat_with(move || {
            let _held = &held;
            vec![b'x'; 65_536]
        });
        Ok(start_response.status(StatusCode::OK).body(Body::iter(pieces)))
    }));
    for _ in 0..4 {
        let mut client = served.connect();
        client.get("/");
        client.content(1, 1);
        drop(client);
        assert!(next(&drops));
    }
    served.end();
    nothing_more(&drops);
}

everywhere!(
    bodies_of_every_kind_are_whole,
    pieces_of_blocking_bodies_arrive_one_by_one,
    pieces_of_async_bodies_arrive_one_by_one,
    an_answer_may_flow_while_the_content_does,
    the_body_of_a_peer_that_has_gone_is_dropped_where_it_may_block,
);
