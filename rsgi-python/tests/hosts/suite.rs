//! The conformance suite through each host.

use rsgi_core::Capabilities;
use rsgi_test::suite::{Endpoint, Reach, Remote};
use rsgi_tests::through;

use crate::marks;
use crate::standing::Standing;
use crate::table::{Between, Host};

each_host!(the_suite_passes_but_for_what_is_marked);

fn the_suite_passes_but_for_what_is_marked(host: &Host) {
    let Some(standing) = Standing::of(host, "probe") else { return };
    let endpoint = Endpoint { reach: Reach::Tcp(standing.address), prefix: String::new() };
    let (marks, chances) = marks::of(host);
    let remote = Remote::of(endpoint).named(host.name).differs(marks).without(Capabilities::HTTP2);
    through::run(remote, &chances);
    let said = standing.said();
    // By the log that there is without a subscriber of the app's.
    for logged in ["app failed: answered 500", "app panicked: answered 500", "body failed: connection ended"]
    {
        assert!(said.contains(logged), "{} doesn't say {logged:?}", host.name);
    }
    if host.between == Between::Validator {
        let found = said
            .lines()
            .filter(|line| line.contains("AssertionError: ") || line.contains("garbage collected without"));
        let found: Vec<&str> =
            found.filter(|line| !OF_HOSTS.iter().any(|text| line.contains(text))).collect();
        assert!(found.is_empty(), "{found:#?}");
    }
}

/// What the validator finds of hosts' own environs: targets that are no paths (`OPTIONS *`, CONNECT), and a length that is none.
const OF_HOSTS: [&str; 2] = ["PATH_INFO doesn't start with /", "Invalid CONTENT_LENGTH"];
