//! WSGI applications under `wsgiref.validate` on every adapter: PEP 3333, clause by clause.
//!
//! A case is an application in Python (`apps/`) and steps of the same name (`cases/`), run in every way in which an
//! application is served (`doors.rs`): in memory with the lint, over HTTP/1 and HTTP/2, behind a web server's protocols, and
//! as a program of CGI's, which is this program itself, started once more for each request. The validator stands between;
//! whatever it finds fails the case, even where an exception of it was swallowed.
//!
//! Names of tests are `case::way`.

mod asked;
mod cases;
mod doors;
mod gateway;
mod python;
mod scene;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use rsgi_test::suite::log;

use scene::{Case, FOUND, TOLD};

fn main() -> ExitCode {
    if let Some(case) = doors::program() {
        return answer(&case);
    }
    log::catch();
    python::load();
    let trials = cases::ALL.iter().flat_map(|cases| cases.iter()).flat_map(|case| {
        case.doors().map(move |door| {
            Trial::test(format!("{}::{}", case.name, door.name()), move || {
                case.run(door);
                Ok(())
            })
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

/// Answers a request by CGI, with the application of a case.
#[expect(clippy::print_stderr, reason = "what a program of CGI's tells goes there")]
fn answer(name: &str) -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    python::load();
    let case: &Case =
        cases::ALL.iter().flat_map(|cases| cases.iter()).find(|case| case.name == name).expect("a case");
    let (app, _told) = python::stage(name, case.is_validated, Some(|what| eprintln!("{TOLD}{what}")));
    let ended = doors::answer(app);
    for finding in python::findings() {
        eprintln!("{FOUND}{}", finding.replace('\n', " "));
    }
    ended
}
