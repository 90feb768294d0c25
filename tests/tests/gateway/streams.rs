//! Streams through each front: event by event, and until the client leaves.

use std::fs;

use rsgi_test::wire::bytes::get;
use rsgi_tests::driving::until;

use crate::fronts::{Front, Speaks};
use crate::standing::Standing;

each_front!(an_event_stream_comes_event_by_event);
each_front!(a_client_that_leaves_a_stream_is_told_to_the_app);

fn an_event_stream_comes_event_by_event(front: &Front) {
    let standing = Standing::of(front);
    let mut client = standing.client();
    client.send(get("/events"));
    assert_eq!(client.head().status, 200);
    let mut came = Vec::new();
    let mut read_until = |event: &str| {
        while !String::from_utf8_lossy(&came).contains(event) {
            came.extend(client.bytes(1));
        }
    };
    // The second isn't made yet: if anybody kept the first one back, this would wait for ever.
    read_until("data: first\n\n");
    fs::write(standing.place.join("go"), "on").unwrap();
    read_until("data: second\n\n");
}

fn a_client_that_leaves_a_stream_is_told_to_the_app(front: &Front) {
    let standing = Standing::of(front);
    let mut told = standing.told();
    let mut client = standing.client();
    client.send(get("/endless"));
    assert_eq!(client.head().status, 200);
    client.bytes(10_000);
    drop(client);
    if front.speaks == Speaks::Cgi {
        // The web server ends the process, which is all that CGI has for it.
        until("end of the process", || standing.memory().is_none().then_some(()));
        return;
    }
    let outcome = told.said("/endless ");
    assert!(outcome.contains("Aborted"), "{outcome}");
}
