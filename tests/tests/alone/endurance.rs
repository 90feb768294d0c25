//! That an endurance run can fail: each of its promises is broken by a server made wrong, and the run says so.
//!
//! That it passes where nothing is wrong takes a minute, and is the gate `endurance` of `./check`.

use std::process::Command;

const ENDURANCE: &str = env!("CARGO_BIN_EXE_endurance");

#[test]
fn one_wrong_byte_in_a_thousand_answers_fails_a_run() {
    expect_fault("byte", "2", "Wrong: content of ");
}

#[test]
fn memory_kept_of_each_connection_fails_a_run() {
    expect_fault("memory", "6", "FAULT memory: ");
}

#[test]
fn one_descriptor_lost_fails_a_run() {
    expect_fault("descriptor", "2", "FAULT descriptors: ");
}

#[test]
fn one_thread_lost_fails_a_run() {
    expect_fault("thread", "2", "FAULT threads: ");
}

/// The fault is in the app, so one adapter does for all.
fn expect_fault(sabotage: &str, seconds: &str, fault: &str) {
    let arguments = ["--server", "std", "--seconds", seconds, "--sabotage", sabotage];
    let output = Command::new(ENDURANCE).args(arguments).output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && text.contains(fault), "{sabotage}: {text}");
}
