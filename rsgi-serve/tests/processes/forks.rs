//! Forking: who may, what a child begins with, how its end is told.

use std::io;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use rustix::process::Pid;

use crate::harness::{Named, child, tell, this_program, told};
use crate::process::reap::{self, Ended, Ending};
use crate::process::signals::{self, Signals};
use crate::process::{Forked, Forking};

pub(crate) const TESTS: &[Named] = &[
    ("a_process_with_a_second_thread_does_not_fork", second_thread),
    ("a_childs_ending_is_told", ending),
    ("orphans_are_collected_too", orphans),
    ("a_child_starts_with_the_default_actions_and_what_it_starts_dies_of_term", defaults),
    ("a_signal_that_the_parent_ignores_is_not_ignored_in_a_worker", nohup),
    ("signals_of_a_child_do_not_reach_the_masters_descriptor", apart),
    ("a_worker_ends_when_the_master_is_killed", orphaned),
];

pub(crate) const PARTS: &[Named] = &[("ignored_part", nohup_part)];

fn kill(pid: Pid, signal: Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.as_raw_nonzero().get()), signal).unwrap();
}

fn second_thread() {
    let (reader, writer) = io::pipe().unwrap();
    let other = std::thread::spawn(move || told(&mut { reader }));
    let mut forking = Forking::begin();
    assert!(forking.as_ref().unwrap_err().to_string().contains("more than one thread"));
    drop(writer);
    other.join().unwrap();
    forking = Forking::begin();
    assert_eq!(reap::wait_for(child(&mut forking.unwrap(), |_| {})).unwrap(), Ending::Code(0));
}

fn ending() {
    let mut forking = Forking::begin().unwrap();
    let left = child(&mut forking, |_| crate::sys::leave(7));
    assert_eq!(reap::wait_for(left).unwrap(), Ending::Code(7));
    let (mut reader, writer) = io::pipe().unwrap();
    let waiting = child(&mut forking, |_| {
        let mut reader = reader.try_clone().unwrap();
        let _ = told(&mut reader);
    });
    assert_eq!(reap::next().unwrap(), None);
    kill(waiting, Signal::SIGKILL);
    assert_eq!(reap::wait_for(waiting).unwrap(), Ending::Signal { number: 9, dumped: false });
    assert_eq!(reap::next().unwrap(), None);
    drop(writer);
    assert_eq!(told(&mut reader), None);
}

fn orphans() {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).unwrap();
    let mut forking = Forking::begin().unwrap();
    let (mut reader, writer) = io::pipe().unwrap();
    let between = child(&mut forking, |_| {
        // The orphan holds the pipe open until it ends.
        child(&mut Forking::begin().unwrap(), |_| drop(writer.try_clone().unwrap()));
    });
    drop(writer);
    assert_eq!(told(&mut reader), None);
    let mut collected = Vec::new();
    while collected.len() < 2 {
        collected.extend(reap::next().unwrap());
    }
    assert!(collected.iter().any(|ended| ended.pid == between));
    assert!(collected.iter().all(|ended| ended.ending == Ending::Code(0)), "{collected:?}");
}

#[expect(clippy::zombie_processes, reason = "it is waited for by its number")]
fn defaults() {
    let _held = Signals::hold().unwrap();
    let worker = child(&mut Forking::begin().unwrap(), |_| {
        signals::unblock().unwrap();
        let started = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_child(&started);
        kill(pid, Signal::SIGTERM);
        assert_eq!(reap::wait_for(pid).unwrap(), Ending::Signal { number: 15, dumped: false });
    });
    assert_eq!(reap::wait_for(worker).unwrap(), Ending::Code(0));
}

fn nohup() {
    let part = this_program("ignored_part");
    let program = part.get_program();
    let status = Command::new("/bin/sh")
        .args(["-c", "trap '' HUP CHLD; exec \"$0\""])
        .arg(program)
        .env(crate::harness::VARIABLE, "ignored_part")
        .status();
    assert!(status.unwrap().success());
}

fn nohup_part() {
    let held = Signals::hold().unwrap();
    let worker = child(&mut Forking::begin().unwrap(), |_| {
        signals::unblock().unwrap();
        kill(rustix::process::getpid(), Signal::SIGHUP);
    });
    // An ignored CHLD would have taken the status away.
    assert_eq!(reap::wait_for(worker).unwrap(), Ending::Signal { number: 1, dumped: false });
    kill(rustix::process::getpid(), Signal::SIGHUP);
    let mut seen = Vec::new();
    while let Some(received) = held.next().unwrap() {
        seen.push(received.signal);
    }
    assert!(seen.contains(&Signal::SIGHUP) && seen.contains(&Signal::SIGCHLD), "{seen:?}");
}

fn apart() {
    let held = Signals::hold().unwrap();
    let worker = child(&mut Forking::begin().unwrap(), |_| {
        kill(rustix::process::getpid(), Signal::SIGUSR1);
        // It waits in the child, which reads it, and not in the parent.
        assert_eq!(held.next().unwrap().unwrap().signal, Signal::SIGUSR1);
    });
    assert_eq!(reap::wait_for(worker).unwrap(), Ending::Code(0));
    let mut seen = Vec::new();
    while let Some(received) = held.next().unwrap() {
        seen.push(received.signal);
    }
    assert_eq!(seen, [Signal::SIGCHLD]);
}

fn orphaned() {
    let (mut reader, writer) = io::pipe().unwrap();
    let master = child(&mut Forking::begin().unwrap(), |_| {
        let own = rustix::process::getpid();
        let writer = writer.try_clone().unwrap();
        let worker = child(&mut Forking::begin().unwrap(), |token| {
            let signal = rustix::process::Signal::TERM;
            assert_eq!(token.end_with(own, signal).unwrap(), crate::process::Master::Alive);
            tell(&mut writer.try_clone().unwrap());
            // For ever, but for the signal.
            nix::unistd::pause();
        });
        let _ = reap::wait_for(worker);
    });
    drop(writer);
    assert_eq!(told(&mut reader), Some(1));
    kill(master, Signal::SIGKILL);
    assert_eq!(reap::wait_for(master).unwrap(), Ending::Signal { number: 9, dumped: false });
    // The pipe ends when the worker, its last holder, is gone.
    assert_eq!(told(&mut reader), None);
}
