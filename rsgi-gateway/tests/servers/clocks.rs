//! The clocks: what a slow web server gets, and what becomes of its request.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use rsgi_core::http::StatusCode;
use rsgi_core::server::{Config, Timeouts};
use rsgi_core::{Body, Delivery, Environ, StartResponse, app_fn, blocking};

use crate::served::{Host, Served, next, told};
use crate::wire::{End, FastCgi, Request, Wire, begin};

const SHORT: Duration = Duration::from_millis(200);

/// One clock short, as what is waited for is that one.
fn with(change: impl FnOnce(&mut Timeouts)) -> Config {
    Config::new().timeouts(change)
}

fn a_connection_that_says_nothing_is_closed<H: Host, W: Wire>() {
    let served = Served::<H, W>::with(
        with(|timeouts| timeouts.head = Some(SHORT)),
        blocking(|_: Environ, start_response: StartResponse| {
            Ok(start_response.status(StatusCode::OK).body("never"))
        }),
    );
    let start = Instant::now();
    let (mut silent, mut slow) = (served.connect(), served.connect());
    let head = W::head(&Request::get("/").variables);
    slow.send(&head[..head.len() / 2]);
    silent.closed();
    slow.closed();
    assert!(start.elapsed() >= SHORT && silent.streams.is_empty());
    served.until(|load| load.connections == 0);
    served.end();
}

fn a_kept_connection_at_rest_is_closed<H: Host>() {
    let served = Served::<H, FastCgi>::with(
        with(|timeouts| timeouts.keep_alive = Some(SHORT)),
        blocking(|_: Environ, start_response: StartResponse| {
            Ok(start_response.status(StatusCode::OK).body("answer"))
        }),
    );
    let mut client = served.connect();
    for _ in 0..3 {
        assert_eq!(client.get("/").answer().text(), "answer");
    }
    let start = Instant::now();
    assert_eq!(client.closed(), End::Closed);
    assert!(start.elapsed() >= SHORT / 2);
    served.end();
}

/// A head that began on a kept connection has its own clock.
fn a_head_that_stays_unfinished_on_a_kept_connection_ends_it<H: Host>() {
    let served = Served::<H, FastCgi>::with(
        with(|timeouts| timeouts.head = Some(SHORT)),
        blocking(|_: Environ, start_response: StartResponse| {
            Ok(start_response.status(StatusCode::OK).body("answer"))
        }),
    );
    let mut client = served.connect();
    assert_eq!(client.get("/").answer().text(), "answer");
    client.send(&begin(1, true)).closed();
    served.end();
}

fn content_that_stops_coming_is_answered_with_408<H: Host, W: Wire>() {
    let (telling, outcomes) = channel();
    let also = telling.clone();
    let config = || with(|timeouts| timeouts.body_progress = Some(SHORT));
    let served = [
        Served::<H, W>::with(
            config(),
            blocking(move |mut environ: Environ, start_response: StartResponse| {
                told(&environ, &telling);
                let mut content = Vec::new();
                environ.input_mut().read_to_end(&mut content)?;
                Ok(start_response.status(StatusCode::OK).body("whole"))
            }),
        ),
        Served::<H, W>::with(
            config(),
            app_fn(move |mut environ: Environ, start_response: StartResponse| {
                told(&environ, &also);
                async move {
                    let input = environ.input_mut();
                    while let Some(piece) = std::future::poll_fn(|context| input.poll_piece(context)).await {
                        piece?;
                    }
                    Ok(start_response.status(StatusCode::OK).body("whole"))
                }
            }),
        ),
    ];
    for served in served {
        let mut client = served.connect();
        client.head(&Request::post("/", 10)).send(&W::content(b"some", 4));
        assert_eq!(client.answer().status, 408);
        let (_, outcome) = next(&outcomes);
        assert_eq!(outcome.status, Some(StatusCode::REQUEST_TIMEOUT), "{outcome:?}");
        served.end();
    }
}

/// Counts what an app has produced, for a peer that reads none of it.
fn endless(
    served: impl FnOnce(Config, Arc<AtomicU64>, std::sync::mpsc::Sender<(String, rsgi_core::Outcome)>) -> u64,
) {
    let config =
        with(|timeouts| timeouts.write = Some(SHORT)).limits(|limits| limits.write_buffer = 64 * 1024);
    let (telling, outcomes) = channel();
    let produced = Arc::new(AtomicU64::new(0));
    let taken = served(config, Arc::clone(&produced), telling);
    let (_, outcome) = next(&outcomes);
    assert_eq!(outcome.delivery, Delivery::TimedOut, "{outcome:?}");
    let held = produced.load(Ordering::SeqCst).saturating_sub(taken);
    // What the kernel holds at both ends isn't ours.
    assert!(held < 20 << 20, "{held} bytes were produced for nobody");
}

const PIECE: usize = 32 * 1024;

fn a_peer_that_does_not_read_is_cut_off_and_holds_little<H: Host, W: Wire>() {
    endless(|config, produced, telling| {
        let served = Served::<H, W>::with(
            config,
            blocking(move |environ: Environ, start_response: StartResponse| {
                told(&environ, &telling);
                let produced = Arc::clone(&produced);
                let pieces = std::iter::repeat_with(move || {
                    produced.fetch_add(PIECE as u64, Ordering::SeqCst);
                    vec![b'x'; PIECE]
                });
                Ok(start_response.status(StatusCode::OK).body(Body::iter(pieces)))
            }),
        );
        let mut client = served.connect();
        client.get("/").content(1, 1);
        served.until(|load| load.connections == 0);
        assert_eq!(client.closed(), End::Reset);
        served.end();
        client.streams[&1].out.len() as u64
    });
    endless(|config, produced, telling| {
        let served = Served::<H, W>::with(
            config,
            app_fn(move |environ: Environ, start_response: StartResponse| {
                told(&environ, &telling);
                let produced = Arc::clone(&produced);
                let body = Body::send(async move |sender| {
                    loop {
                        sender.send(vec![b'x'; PIECE]).await?;
                        produced.fetch_add(PIECE as u64, Ordering::SeqCst);
                    }
                });
                async move { Ok(start_response.status(StatusCode::OK).body(body)) }
            }),
        );
        let mut client = served.connect();
        client.get("/").content(1, 1);
        served.until(|load| load.connections == 0);
        assert_eq!(client.closed(), End::Reset);
        served.end();
        client.streams[&1].out.len() as u64
    });
}

everywhere!(
    a_connection_that_says_nothing_is_closed,
    content_that_stops_coming_is_answered_with_408,
    a_peer_that_does_not_read_is_cut_off_and_holds_little,
);
on_both!(a_kept_connection_at_rest_is_closed, a_head_that_stays_unfinished_on_a_kept_connection_ends_it);
