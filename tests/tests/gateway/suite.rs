//! The conformance suite through each front.

use rsgi_core::Capabilities;
use rsgi_test::suite::{Endpoint, Reach, Remote};
use rsgi_tests::through;

use crate::fronts::Front;
use crate::standing::Standing;

each_front!(the_suite_passes_but_for_what_is_marked);

fn the_suite_passes_but_for_what_is_marked(front: &Front) {
    let standing = Standing::of(front);
    let endpoint = Endpoint { reach: Reach::Tcp(standing.address), prefix: String::new() };
    // What clients of a web server speak with it is its own matter.
    let remote = Remote::of(endpoint).named(front.name).differs(front.marks()).without(Capabilities::HTTP2);
    let chances: Vec<_> = front.chances().collect();
    through::run(remote, &chances);
}
