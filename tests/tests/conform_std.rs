//! The conformance test of rsgi-std, over the system's poller and over `poll(2)`.

use std::process::ExitCode;

use rsgi_test::suite::run_tests;
use rsgi_tests::adapters;

fn main() -> ExitCode {
    run_tests([adapters::std(), adapters::std_portable()])
}
