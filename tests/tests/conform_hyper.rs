//! The conformance test of rsgi-hyper, on one runtime and on a runtime for each core.

use std::process::ExitCode;

use rsgi_test::suite::run_tests;
use rsgi_tests::adapters;

fn main() -> ExitCode {
    run_tests([adapters::hyper(), adapters::hyper_separate()])
}
