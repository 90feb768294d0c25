//! Daemon mode: what the launcher ends with, and what the daemon lets go.

use std::io::{self, Write as _};
use std::process::Output;

use nix::unistd::getsid;
use rustix::process::{Pid, Signal, getpid, kill_process};

use crate::harness::{Named, this_program};
use crate::process::Forking;
use crate::process::daemon::{Detached, Streams, detach};
use crate::sys;

pub(crate) const TESTS: &[Named] = &[
    ("the_launcher_ends_with_0_when_the_daemon_serves_which_lets_the_terminal_go", ready),
    ("the_launcher_ends_with_the_code_of_a_failed_start_and_its_text_is_read", failed),
    ("the_launcher_of_a_daemon_that_dies_does_not_wait_for_ever", dies),
];

pub(crate) const PARTS: &[Named] = &[("daemon_part", daemon)];

fn run(ending: &str) -> Output {
    this_program("daemon_part").env("ENDING", ending).output().unwrap()
}

fn daemon() {
    let ending = std::env::var("ENDING").unwrap();
    let report = match detach(&mut Forking::begin().unwrap()).unwrap() {
        Detached::Launcher(code) => std::process::exit(code.unwrap_or(99).into()),
        Detached::Daemon(report) => report,
    };
    match ending.as_str() {
        "ready" => {
            let session = getsid(None).unwrap();
            let mut output = io::stdout();
            writeln!(output, "{} {session}", getpid()).unwrap();
            report.ready(Streams::Leave).unwrap();
            // Until the test ends it.
            nix::unistd::pause();
        }
        "failed" => {
            let mut output = io::stderr();
            writeln!(output, "no such app").unwrap();
            report.failed(4).unwrap();
        }
        _ => sys::leave(5),
    }
}

fn ready() {
    // Returns only when nobody holds the streams any more, though the daemon lives.
    let output = run("ready");
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<i32> = text.split_whitespace().map(|number| number.parse().unwrap()).collect();
    // It leads no session, so it can't get a terminal, and is in none of ours.
    assert_ne!(numbers[0], numbers[1]);
    // nix's, for 0 is a session that began outside of this pid namespace.
    assert_ne!(numbers[1], getsid(None).unwrap().as_raw());
    kill_process(Pid::from_raw(numbers[0]).unwrap(), Signal::KILL).unwrap();
}

fn failed() {
    let output = run("failed");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(4), &b"no such app\n"[..]));
}

fn dies() {
    assert_eq!(run("dies").status.code(), Some(99));
}
