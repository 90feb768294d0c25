//! The conformance test of rsgi-middleware: the probe inside each middleware must answer as it does alone.
//!
//! A row is a middleware in a setting in which it changes nothing; what it changes all the same is marked, with the
//! reason (`Within::differs`). In memory, as what the adapters do is tested by their own: rule 108 among the rest.

use std::process::ExitCode;
use std::time::Duration;

use rsgi_core::Mount;
use rsgi_core::trust::Trust;
use rsgi_middleware::{BodyLimit, Cascade, MethodOverride, RequestId, Timeout, TrustedProxies};
use rsgi_test::suite::{Difference, Subject, Within, run_tests_on};

/// The middleware, in the order of their names.
fn rows() -> Vec<Within> {
    vec![
        Within::new("BodyLimit", || BodyLimit::bytes(1 << 30)),
        Within::new("Cascade", || Cascade::new().then(nowhere())),
        Within::new("MethodOverride", MethodOverride::new),
        Within::new("RequestId", RequestId::new).differs(NAMED),
        Within::new("Timeout", || Timeout::after(LONG).between_pieces(LONG)),
        Within::new("TrustedProxies", || TrustedProxies::new(Trust::nobody())),
    ]
}

/// Longer than any case takes.
const LONG: Duration = Duration::from_hours(1);

const NAMED: &[Difference] = &[
    Difference {
        case: "every_way_tells_the_same_environ_but_for_the_version",
        instead: "the request has one more field, its name",
        reason: "what is inside, a gateway to another service say, finds the name there",
    },
    Difference {
        case: "under_a_prefix_an_app_sees_the_same_but_for_the_split",
        instead: "two requests differ in their names",
        reason: "a name belongs to one request",
    },
];

/// An app that knows nothing.
fn nowhere() -> Mount {
    Mount::new()
}

fn main() -> ExitCode {
    run_tests_on(rows().into_iter().map(Subject::Middleware))
}
