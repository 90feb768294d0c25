//! Runs each test as a process of its own, with one thread, and talks as much of the usual harness's language as cargo and nextest need.
//!
//! A test is a function that panics if it fails. A part is what a test has this program do after an exec.

use std::env;
use std::io::{self, Read as _, Write as _};
use std::process::{Command, ExitCode, Stdio};

use crate::process::{Child, Forked, Forking};
use crate::sys;
use rustix::process::Pid;

/// A test or a part, with its name.
pub(crate) type Named = (&'static str, fn());

pub(crate) fn run(tests: &[Named], parts: &[Named]) -> ExitCode {
    if let Ok(wanted) = env::var(VARIABLE) {
        let (_, body) =
            tests.iter().chain(parts).find(|(name, _)| *name == wanted).expect("a test of this name");
        body();
        return ExitCode::SUCCESS;
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let mut output = io::stdout();
    // No test is ignored.
    let wanted: Vec<_> =
        tests.iter().filter(|(name, _)| !has("--ignored") && selected(name, &arguments)).collect();
    if has("--list") {
        for (name, _) in wanted {
            let _ = writeln!(output, "{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    let mut failed = 0;
    for (name, _) in wanted {
        let status = this_program(name).status().expect("this program runs");
        let word = if status.success() { "ok" } else { "FAILED" };
        let _ = writeln!(output, "test {name} ... {word}");
        failed += u32::from(!status.success());
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// This program again, as one of its tests or parts.
pub(crate) fn this_program(name: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program has a file"));
    command.env(VARIABLE, name);
    command
}

/// Runs `body` in a forked child, which ends with 0 after it, and with 101 if it panics.
pub(crate) fn child(forking: &mut Forking, body: impl FnOnce(Child)) -> Pid {
    match forking.fork().unwrap() {
        Forked::Parent(pid) => pid,
        Forked::Child(token) => {
            body(token);
            sys::leave(0)
        }
    }
}

/// Waits until the other side of a pipe has written a byte, or is gone.
pub(crate) fn told(pipe: &mut io::PipeReader) -> Option<u8> {
    let mut byte = [0];
    (pipe.read(&mut byte).unwrap() == 1).then_some(byte[0])
}

/// Writes a byte.
pub(crate) fn tell(pipe: &mut io::PipeWriter) {
    pipe.write_all(&[1]).unwrap();
}

fn selected(name: &str, arguments: &[String]) -> bool {
    let exact = arguments.iter().any(|argument| argument == "--exact");
    let mut values =
        arguments.iter().filter(|argument| !argument.starts_with('-') && *argument != "terse").peekable();
    values.peek().is_none()
        || values.any(|value| if exact { name == value } else { name.contains(value.as_str()) })
}

/// The name of the variable that says which one a process is.
pub(crate) const VARIABLE: &str = "RSGI_SERVE_TEST";
