//! Every case of the suite, on this adapter.

use std::process::ExitCode;

use rsgi_test::suite::{Ground, run_tests};

fn main() -> ExitCode {
    run_tests([Ground::of::<rsgi_afternoon::Server>()])
}
