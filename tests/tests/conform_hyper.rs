//! The conformance test of rsgi-hyper, on one runtime and on a runtime for each core.

use std::process::ExitCode;

use rsgi_hyper::{Builder, Cores, Server};
use rsgi_test::suite::{Ground, run_tests};

#[path = "differences/hyper.rs"]
mod hyper;

fn main() -> ExitCode {
    let separate = Ground::new("rsgi-hyper-separate", |config, app| {
        Builder::new(config).cores(Cores::Separate).reactors(2).start(app)
    });
    run_tests([Ground::of::<Server>(), separate].map(|ground| ground.differs(hyper::HYPER)))
}
