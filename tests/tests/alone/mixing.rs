//! What one kind of server promises of its threads, and the other can't.
//!
//! What holds on both is in the suite's `mixing.rs` and `mixing_threads.rs`.

use rsgi_core::http::StatusCode;
use rsgi_core::{Environ, Mount, StartResponse, blocking};
use rsgi_test::suite::Ground;
use rsgi_test::suite::apps::plain;
use rsgi_test::wire::RawClient;
use rsgi_test::wire::bytes::get;
use rsgi_test::wire::deadline::{Gate, events};

/// rule(68): as many blocked handlers as there are threads for them delay no async app, which needs none of those.
fn every_blocking_thread_taken_delays_no_async_app(ground: &Ground) {
    let gate = Gate::new();
    let held = gate.clone();
    let (teller, inside) = events();
    let slow = blocking(move |_: Environ, start_response: StartResponse| {
        teller.tell(());
        held.wait();
        Ok(start_response.status(StatusCode::OK).body("slow"))
    });
    let fast = plain(|_, start_response| Ok(start_response.status(StatusCode::OK).body("fast")));
    let app = Mount::new().at("/slow", slow).at("/fast", fast);
    let server = ground.serve_with(app, |config| config.threads(8));
    let mut slow: Vec<RawClient> = (0..8).map(|_| server.client()).collect();
    for client in &mut slow {
        client.send(get("/slow"));
        inside.next("a handler that blocks");
    }
    let mut fast: Vec<RawClient> = (0..100).map(|_| server.client()).collect();
    for client in &mut fast {
        client.send(get("/fast"));
    }
    for client in &mut fast {
        assert_eq!(client.answer().text(), "fast", "while the slow ones are still inside");
    }
    gate.open();
    for client in &mut slow {
        assert_eq!(client.answer().text(), "slow");
    }
}

/// rule(68): without the feature `tokio` (rsgi-hyper always has it) tokio's panic is a 500 whose log line says what to
/// do. With it, a case of the suite says what works.
#[cfg(not(feature = "tokio"))]
fn an_app_that_needs_tokio_is_told_what_it_needs(ground: &Ground) {
    rsgi_test::suite::log::catch();
    let server = ground.serve(rsgi_core::app_fn(|_, start_response: StartResponse| async move {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        Ok(start_response.status(StatusCode::OK).body("slept"))
    }));
    let mut client = server.client();
    for _ in 0..2 {
        assert_eq!(client.ask(get("/")).status(), 500);
    }
    rsgi_test::suite::log::line_with(&["feature `tokio`"]);
}

rsgi_tests::mount_only!(on_hyper, hyper: every_blocking_thread_taken_delays_no_async_app);
rsgi_tests::mount_only!(on_hyper_separate, hyper_separate: every_blocking_thread_taken_delays_no_async_app);
#[cfg(not(feature = "tokio"))]
rsgi_tests::mount_only!(on_std, std: an_app_that_needs_tokio_is_told_what_it_needs);
