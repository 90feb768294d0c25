//! The conformance test of rsgi-std, over the system's poller and over `poll(2)`.

use std::process::ExitCode;

use rsgi_std::{Options, Poller, Server};
use rsgi_test::suite::{Ground, run_tests};

fn main() -> ExitCode {
    let portable = Options::default().poller(Poller::Portable);
    let portable =
        Ground::new("rsgi-std-portable", move |config, app| Server::start_with(&config, &portable, app));
    run_tests([Ground::of::<Server>(), portable])
}
