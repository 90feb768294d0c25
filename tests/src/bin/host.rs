//! A server in a process of its own, for cases about descriptors, threads and wake-ups of a whole process.
//!
//! `host ADAPTER THREADS [NAME=VALUE]...` serves on a free port, writes the address in one line, and ends when its input
//! does. The names are `descriptors` and `connections` (limits), `head` (seconds) and `log` (1: the log goes to the standard
//! error). `/complain` writes to the error stream, `/panic` panics, all else is `pong`. Started by `rsgi_tests::host`,
//! which see; nobody else has a use for it.

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::server::Config;
use rsgi_core::{App, Environ, StartResponse};
use rsgi_test::suite::apps::plain;
use rsgi_tests::adapters;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [adapter, threads, settings @ ..] = arguments.as_slice() else { return ExitCode::FAILURE };
    let Some(ground) = adapters::named(adapter) else { return ExitCode::FAILURE };
    let most = getrlimit(Resource::Nofile).maximum;
    let setting = |name: &str| {
        let value = settings.iter().find_map(|setting| setting.strip_prefix(name)?.strip_prefix('='));
        value.and_then(|value| value.parse::<u64>().ok())
    };
    let descriptors = setting("descriptors").or(most);
    if setrlimit(Resource::Nofile, Rlimit { current: descriptors, maximum: most }).is_err() {
        return ExitCode::FAILURE;
    }
    if setting("log").is_some() {
        tracing_subscriber::fmt().with_writer(io::stderr).init();
    }
    let mut config = Config::new().bind("127.0.0.1:0").expect("a good address");
    config = config.threads(threads.parse().unwrap_or(8));
    if let Some(most) = setting("connections") {
        config = config.limits(|limits| limits.connections = usize::try_from(most).unwrap_or(usize::MAX));
    }
    if let Some(seconds) = setting("head") {
        config = config.timeouts(|timeouts| timeouts.head = Some(Duration::from_secs(seconds)));
    }
    let server = ground.start(config, app());
    let server = server.unwrap_or_else(|error| panic!("doesn't start: {error}"));
    let mut output = io::stdout();
    if writeln!(output, "{}", server.address()).and_then(|()| output.flush()).is_err() {
        return ExitCode::FAILURE;
    }
    let _until_the_end = io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}

fn app() -> impl App {
    plain(|environ: Environ, start_response: StartResponse| {
        match environ.target().as_ref() {
            "/complain" => writeln!(environ.errors(), "something is wrong")?,
            "/panic" => panic!("on demand"),
            _ => {}
        }
        Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body("pong"))
    })
}
