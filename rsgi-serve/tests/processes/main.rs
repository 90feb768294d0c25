//! What forks, execs, and dies, tested with real processes.
//!
//! The usual harness runs tests on threads, and a process with threads doesn't fork. So this target has its own (`harness.rs`): each test
//! is a process with one thread. It includes the modules under test by their paths, for they are no part of the crate's public face.
//!
//! No test waits for time: children and parents wait for each other by pipes.
#![allow(
    dead_code,
    unused_imports,
    reason = "the modules under test are included whole, and their unit tests run elsewhere"
)]
#![allow(clippy::unwrap_used, reason = "all of it is tests, though not of the usual harness")]

#[path = "../../src/clock.rs"]
mod clock;
#[path = "../../src/notify/mod.rs"]
mod notify;
#[path = "../../src/page/mod.rs"]
mod page;
#[path = "../../src/pidfile/mod.rs"]
mod pidfile;
#[path = "../../src/process/mod.rs"]
mod process;
#[path = "../../src/sockets/mod.rs"]
mod sockets;
#[path = "../../src/sys.rs"]
mod sys;

mod backgrounds;
mod descriptors;
mod forks;
mod harness;
mod images;
mod pages;
mod surroundings;

/// The words of the fleet that the page uses.
mod fleet {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct SlotId(pub(crate) u16);

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Generation(pub(crate) u32);
}

fn main() -> std::process::ExitCode {
    let tests = [
        forks::TESTS,
        images::TESTS,
        pages::TESTS,
        descriptors::TESTS,
        backgrounds::TESTS,
        surroundings::TESTS,
    ];
    let parts = [forks::PARTS, images::PARTS, descriptors::PARTS, backgrounds::PARTS, surroundings::PARTS];
    harness::run(&tests.concat(), &parts.concat())
}
