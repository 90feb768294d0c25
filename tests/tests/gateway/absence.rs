//! What a front says while nobody is behind it, and after.

use rsgi_test::wire::bytes::get;

use crate::fronts::Front;
use crate::standing::{Between, Setup, Standing};

each_front!(without_a_server_it_is_502_or_503_and_with_one_again_it_is_served);
each_front!(over_a_unix_socket_it_is_served_as_well);

fn without_a_server_it_is_502_or_503_and_with_one_again_it_is_served(front: &Front) {
    if front.speaks.is_started_by_it() {
        println!("{}: the web server starts the server behind it", front.name);
        return;
    }
    let mut standing = Standing::without_server(front, Setup::default());
    let status = |standing: &Standing| standing.client().ask(get("/seen")).status();
    for _ in 0..2 {
        let absent = status(&standing);
        assert!([502, 503].contains(&absent), "{absent}");
        standing.start_server();
        // lighttpd asks no server for a second that it found absent.
        rsgi_test::wire::deadline::until("an answer", || status(&standing) == 200);
        standing.stop_server();
    }
}

fn over_a_unix_socket_it_is_served_as_well(front: &Front) {
    if front.speaks.is_started_by_it() {
        println!("{}: what lies between is the web server's own", front.name);
        return;
    }
    let standing = Standing::with(front, Setup { between: Between::Unix, ..Setup::default() });
    assert_eq!(standing.client().ask(get("/seen")).status(), 200);
}
