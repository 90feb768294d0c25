//! One of several processes at work: it leaves connections to the others while it is full, and tells its load.
//!
//! How one goes is in `leaving.rs`.

use rsgi_core::http::StatusCode;
use rsgi_core::{Environ, StartResponse, blocking};

use crate::suite::apps::text;
use crate::suite::case::Case;
use crate::suite::cases::leaving::{Inherited, gated};
use crate::suite::ground::Ground;
use crate::wire::RawClient;
use crate::wire::bytes::get;
use crate::wire::deadline::{Gate, events, until};

pub(super) const CASES: &[Case] = &[
    Case::hosted(
        "who_is_full_leaves_connections_to_the_others",
        &[160],
        who_is_full_leaves_connections_to_the_others,
    )
    .of_a_worker(),
    Case::hosted("who_has_room_again_accepts_at_once", &[160], who_has_room_again_accepts_at_once)
        .of_a_worker(),
    Case::hosted("who_is_full_serves_kept_connections", &[160], who_is_full_serves_kept_connections)
        .of_a_worker(),
    Case::hosted("the_load_tells_connections_and_requests", &[161], the_load_tells_connections_and_requests)
        .of_a_worker(),
    Case::hosted("the_load_tells_what_waits_for_a_thread", &[161], the_load_tells_what_waits_for_a_thread)
        .of_a_worker(),
];

/// A handler that blocks holds the only thread of the first server: whatever comes is the second one's.
fn who_is_full_leaves_connections_to_the_others(ground: &Ground) {
    let inherited = Inherited::open();
    let gate = Gate::new();
    let held = gate.clone();
    let (teller, inside) = events();
    let blocks = blocking(move |_: Environ, start_response: StartResponse| {
        teller.tell(());
        held.wait();
        Ok(start_response.status(StatusCode::OK).body("first"))
    });
    let alone = inherited.config().threads(1).limits(|limits| limits.running_requests = Some(1));
    let _first = ground.start(alone, blocks).unwrap();
    let mut client = inherited.client();
    client.send(get("/"));
    inside.next("a request inside the first server");
    let second = ground.start(inherited.config(), text("second")).unwrap();
    for _ in 0..50 {
        assert_eq!(inherited.client().ask(get("/")).text(), "second");
    }
    gate.open();
    assert_eq!(client.answer().text(), "first");
    second.stop();
}

fn who_has_room_again_accepts_at_once(ground: &Ground) {
    let (server, gate, inside) =
        gated(ground, |config| config.limits(|limits| limits.running_requests = Some(2)));
    let mut held: Vec<RawClient> = (0..2).map(|_| server.client()).collect();
    for client in &mut held {
        client.send(get("/held"));
        inside.next("a request");
    }
    until("both are seen to run", || server.load().running == 2);
    let mut later: Vec<RawClient> = (0..3).map(|_| server.client()).collect();
    for client in &mut later {
        client.send(get("/later"));
    }
    later[0].expect_silence();
    gate.open();
    for client in &mut later {
        assert_eq!(client.answer().text(), "/later");
    }
    for client in &mut held {
        assert_eq!(client.answer().text(), "/held");
    }
}

fn who_is_full_serves_kept_connections(ground: &Ground) {
    let (server, gate, inside) =
        gated(ground, |config| config.limits(|limits| limits.running_requests = Some(1)));
    let (mut kept, mut held) = (server.client(), server.client());
    kept.ask(get("/"));
    held.send(get("/held"));
    inside.next("the request");
    for _ in 0..3 {
        assert_eq!(kept.ask(get("/kept")).text(), "/kept");
    }
    gate.open();
    assert_eq!(held.answer().text(), "/held");
}

fn the_load_tells_connections_and_requests(ground: &Ground) {
    let (server, gate, inside) = gated(ground, |config| config);
    let (mut idle, mut busy) = (server.client(), server.client());
    idle.ask(get("/"));
    busy.send(get("/held"));
    inside.next("the request");
    until("one of two connections is at work", || {
        let load = server.load();
        (load.connections, load.running, load.waiting, load.accepted) == (2, 1, 0, 2)
    });
    gate.open();
    busy.answer();
    until("nothing is at work", || server.load().is_idle());
    drop((idle, busy));
    until("both have gone", || server.load().connections == 0);
    assert_eq!(server.load().accepted, 2);
}

fn the_load_tells_what_waits_for_a_thread(ground: &Ground) {
    let gate = Gate::new();
    let held = gate.clone();
    let (teller, inside) = events();
    let app = blocking(move |_: Environ, start_response: StartResponse| {
        teller.tell(());
        held.wait();
        Ok(start_response.status(StatusCode::OK).body("x"))
    });
    let server = ground.serve_with(app, |config| config.threads(1));
    let mut clients: Vec<RawClient> = (0..3).map(|_| server.client()).collect();
    for client in &mut clients {
        client.send(get("/"));
    }
    inside.next("one has the thread");
    until("two wait", || server.load().waiting == 2);
    gate.open();
    for client in &mut clients {
        client.answer();
    }
    until("nothing waits", || server.load().is_idle());
}
