//! The test client's own road against the suite: what it tells an app is what a server tells.

use std::process::ExitCode;

use rsgi_test::suite::{Subject, run_tests_on};

fn main() -> ExitCode {
    run_tests_on([Subject::Memory])
}
