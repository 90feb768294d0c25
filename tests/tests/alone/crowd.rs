//! Crowds: thousands of idle connections, no descriptors left, and a process that sleeps when nothing happens.
//!
//! The server runs in a process of its own, so that its descriptors, threads and wake-ups can be counted.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rsgi_test::suite::Ground;
use rsgi_test::wire::RawClient;
use rsgi_test::wire::bytes::get;
use rsgi_test::wire::deadline::{events, until};
use rsgi_tests::host::{Host, raise_descriptors};
use rsgi_tests::mount;

const HOST: &str = env!("CARGO_BIN_EXE_host");

/// rule(130, 134): idle connections hold no thread, and a ping among them is answered at once.
fn ten_thousand_idle_connections_hold_no_thread(ground: &Ground) {
    const CROWD: usize = 10_000;
    // One crowd at a time: a runner that has all tests in one process has one limit of descriptors for them.
    static ONE: Mutex<()> = Mutex::new(());
    let _turn = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let most = raise_descriptors();
    assert!(most > 10_200, "this case needs `ulimit -n` of 10,200 or more, the limit is {most}");
    let host = Host::start(HOST, ground, 8, None);
    let mut crowd: Vec<RawClient> = (0..CROWD).map(|_| host.client()).collect();
    // All of them are used once, so that they are kept connections and not merely queued by the kernel.
    for batch in crowd.chunks_mut(500) {
        for client in &mut *batch {
            client.send(get("/ping"));
        }
        for client in batch {
            assert_eq!(client.answer().text(), "pong");
        }
    }
    assert!(host.descriptors() >= CROWD);
    assert!(host.threads() <= 8 + 8, "{} threads", host.threads());
    let mut client = host.client();
    client.patience(Duration::from_secs(2));
    for _ in 0..10 {
        assert_eq!(client.ask(get("/ping")).text(), "pong");
    }
    for index in [0, CROWD / 2, CROWD - 1] {
        assert_eq!(crowd[index].ask(get("/ping")).text(), "pong", "and each of the crowd is still served");
    }
}

/// rule(133)
fn a_server_without_descriptors_goes_on_when_it_has_some_again(ground: &Ground) {
    let host = Host::start(HOST, ground, 4, Some(64));
    let mut served = host.client();
    assert_eq!(served.ask(get("/ping")).text(), "pong");
    let crowd: Vec<RawClient> = (0..150).map(|_| host.client()).collect();
    until("it has no descriptor left", || host.descriptors() >= 60);
    let mut late = host.client();
    late.send(get("/late"));
    assert_eq!(served.ask(get("/ping")).text(), "pong", "those that it has are served");
    drop(crowd);
    assert_eq!(late.answer().text(), "pong");
    assert_eq!(host.client().ask(get("/ping")).text(), "pong");
}

/// rule(130): nothing happens, so nothing wakes; a few waits are left for what had begun before.
fn an_idle_server_makes_no_wake_ups(ground: &Ground) {
    let host = Host::start(HOST, ground, 4, None);
    let mut idle: Vec<RawClient> = (0..20).map(|_| host.client()).collect();
    for client in &mut idle {
        client.ask(get("/ping"));
    }
    let (_teller, nothing) = events::<u64>();
    let mut quietest = u64::MAX;
    // Several short windows: the first may still see the end of the requests.
    for _ in 0..4 {
        let before = host.waits();
        assert_eq!(nothing.within(Duration::from_millis(500)), None);
        quietest = quietest.min(host.waits() - before);
    }
    assert_eq!(quietest, 0, "waits in half a second of idleness");
    assert_eq!(idle[0].ask(get("/ping")).text(), "pong");
}

mount!(
    ten_thousand_idle_connections_hold_no_thread,
    a_server_without_descriptors_goes_on_when_it_has_some_again,
    an_idle_server_makes_no_wake_ups,
);
