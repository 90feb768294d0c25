//! What the gateway's servers owe: cases that fail through web servers and needn't. A mark here is work, and goes with it.

use super::Mark;

pub(crate) const MARKS: &[Mark] = &[Mark {
    on: &["nginx_fastcgi", "nginx_scgi", "nginx_uwsgi"],
    instead: "passes values on with the tabs round them, which nginx leaves",
    reason: "the whitespace round a value is none of it, whoever sends it",
    cases: &["whitespace_round_a_value_is_none_of_it"],
}];

/// Failures by chance.
pub(crate) const UNSTEADY: &[Mark] = &[Mark {
    on: &[],
    instead: "tells `Failed` of an answer whose body met the end of the connection, as of one that is broken by the app",
    reason: "it was the client that left: `Aborted`",
    cases: &["a_body_stops_once_when_its_client_leaves", "a_body_stops_once_when_its_client_vanishes"],
}];
