//! A server in a process of its own, for cases about descriptors, threads and wake-ups of a whole process.
//!
//! `host ADAPTER THREADS [DESCRIPTORS]` serves `/ping` on a free port, writes the address in one line, and ends when
//! its input does. Started by `rsgi_tests::host`, which see; nobody else has a use for it.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use rsgi_core::server::Config;
use rsgi_test::suite::apps::text;
use rsgi_tests::adapters;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [adapter, threads, limits @ ..] = arguments.as_slice() else { return ExitCode::FAILURE };
    let Some(ground) = adapters::named(adapter) else { return ExitCode::FAILURE };
    let most = getrlimit(Resource::Nofile).maximum;
    let descriptors = limits.first().and_then(|limit| limit.parse().ok()).or(most);
    if setrlimit(Resource::Nofile, Rlimit { current: descriptors, maximum: most }).is_err() {
        return ExitCode::FAILURE;
    }
    let config = Config::new().bind("127.0.0.1:0").expect("a good address");
    let server = ground.start(config.threads(threads.parse().unwrap_or(8)), text("pong"));
    let server = server.unwrap_or_else(|error| panic!("doesn't start: {error}"));
    let mut output = io::stdout();
    if writeln!(output, "{}", server.address()).and_then(|()| output.flush()).is_err() {
        return ExitCode::FAILURE;
    }
    let _until_the_end = io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}
