//! The conformance test of rsgi-middleware: the probe inside each middleware must answer as it does alone.
//!
//! A row is a middleware in a setting in which it changes nothing; what it changes all the same is marked, with the
//! reason (`Within::differs`). In memory, as what the adapters do is tested by their own: rule 108 among the rest.

use std::process::ExitCode;
use std::time::Duration;

use rsgi_core::Mount;
use rsgi_core::trust::Trust;
use rsgi_middleware::{
    BodyLimit, Cascade, DevelopmentErrors, MethodOverride, RequestId, Timeout, TrustedProxies,
};
use rsgi_test::suite::{Difference, Subject, Within, run_tests_on};

/// The middleware, in the order of their names.
fn rows() -> Vec<Within> {
    vec![
        Within::new("BodyLimit", || BodyLimit::bytes(1 << 30)),
        Within::new("Cascade", || Cascade::new().then(nowhere())),
        Within::new("DevelopmentErrors", DevelopmentErrors::new).differs(SHOWN),
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

/// The cases in which an app fails before its head.
const SHOWN: &[Difference] = &[
    shown("a_500_has_nothing_of_the_answer_that_failed"),
    shown("a_500_to_head_has_no_content"),
    shown("a_body_is_dropped_exactly_once_whatever_becomes_of_it"),
    shown("a_failed_app_is_told_as_such"),
    shown("a_panic_of_async_code_is_a_500_and_the_server_lives"),
    shown("a_panic_of_blocking_code_is_a_500_and_the_server_lives"),
    shown("a_panic_of_offloaded_work_is_the_apps"),
    shown("a_panic_of_the_call_itself_is_a_500"),
    shown("an_error_before_the_head_is_a_500_and_the_connection_lives"),
    shown("blocking_code_runs_where_it_may_block"),
    shown("the_outcome_of_a_panic_is_told"),
    shown("what_a_failed_app_held_is_dropped"),
];

const fn shown(case: &'static str) -> Difference {
    Difference {
        case,
        instead: "the answer and the log's line show what failed, and the lint behind the middleware sees no error",
        reason: "that is what it is for",
    }
}

/// An app that knows nothing.
fn nowhere() -> Mount {
    Mount::new()
}

fn main() -> ExitCode {
    run_tests_on(rows().into_iter().map(Subject::Middleware))
}
