//! The conformance test of rsgi-middleware: the probe inside each middleware must answer as it does alone.
//!
//! A row is a middleware in a setting in which it changes nothing; what it changes all the same is marked, with the
//! reason (`Within::differs`). In memory, as what the adapters do is tested by their own: rule 108 among the rest.

use std::process::ExitCode;

use rsgi_middleware::BodyLimit;
use rsgi_test::suite::{Subject, Within, run_tests_on};

/// The middleware, in the order of their names.
fn rows() -> Vec<Within> {
    vec![Within::new("BodyLimit", || BodyLimit::bytes(1 << 30))]
}

fn main() -> ExitCode {
    run_tests_on(rows().into_iter().map(Subject::Middleware))
}
