//! What a worker is and where: its title, its user, its processors.

use std::fs;
use std::io;

use rustix::process::{geteuid, getpid};

use crate::harness::{Named, child, tell, this_program, told};
use crate::process::privileges::{Further, Identity};
use crate::process::reap::{self, Ending};
use crate::process::title::Title;
use crate::process::{Forking, cpu};

pub(crate) const TESTS: &[Named] = &[
    ("titles_of_master_and_worker_show_role_and_name_and_the_environment_stays", title),
    ("a_worker_becomes_the_user_for_good_or_says_why_not", user),
    ("a_worker_is_tied_to_its_processor", processor),
];

pub(crate) const PARTS: &[Named] = &[("title_part", title_part)];

fn title() {
    // With few arguments, so that the title needs the environment's room; and with a long one, so that it fills none of it.
    for argument in [None, Some("x".repeat(500))] {
        let mut program = this_program("title_part");
        program.args(argument).env("KEPT", "as it was").env("EMPTY", "");
        assert!(program.status().unwrap().success());
    }
}

fn title_part() {
    let before: Vec<_> = std::env::vars_os().collect();
    let mut title = Title::take();
    title.set("master", "ping");
    let shown = |pid: &str| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        String::from_utf8(line).unwrap().trim_end_matches('\0').to_owned()
    };
    assert_eq!(shown("self"), "rsgi: master [ping]");
    assert_eq!(std::env::vars_os().collect::<Vec<_>>(), before);
    let (mut reader, writer) = io::pipe().unwrap();
    let (waiting, release) = io::pipe().unwrap();
    let worker = child(&mut Forking::begin().unwrap(), |_| {
        title.set("worker", "ping");
        tell(&mut writer.try_clone().unwrap());
        assert_eq!(told(&mut waiting.try_clone().unwrap()), Some(1));
        assert_eq!(std::env::var("KEPT").as_deref(), Ok("as it was"));
    });
    assert_eq!(told(&mut reader), Some(1));
    assert_eq!(shown(&worker.to_string()), "rsgi: worker [ping]");
    assert_eq!(shown("self"), "rsgi: master [ping]");
    tell(&mut { release });
    assert_eq!(reap::wait_for(worker).unwrap(), Ending::Code(0));
    // A variable can still be set, and children get it.
    crate::sys::set_variable("KEPT", Some("changed")).unwrap();
    let echoed = std::process::Command::new("/bin/sh").args(["-c", "echo $KEPT"]).output().unwrap();
    assert_eq!(echoed.stdout, b"changed\n");
}

fn user() {
    let identity = Identity::find(Some("54321"), Some("54322"), Further::None).unwrap();
    let is_root = geteuid().is_root();
    let worker = child(&mut Forking::begin().unwrap(), |token| {
        let changed = identity.assume(&token);
        if !is_root {
            let text = changed.unwrap_err().to_string();
            assert!(text.contains("start as root"), "{text}");
            return;
        }
        changed.unwrap();
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        // Real, effective, saved, and of the file system.
        assert_eq!(line("Uid:"), ["54321"; 4]);
        assert_eq!(line("Gid:"), ["54322"; 4]);
        assert_eq!(line("Groups:"), ["54322"]);
        assert!(nix::unistd::setuid(nix::unistd::Uid::from_raw(0)).is_err());
        // Again is no change.
        identity.assume(&token).unwrap();
    });
    assert_eq!(reap::wait_for(worker).unwrap(), Ending::Code(0));
    // The master stays who it was.
    assert_eq!(geteuid().is_root(), is_root);
}

fn processor() {
    let all = cpu::allowed().unwrap();
    let worker = child(&mut Forking::begin().unwrap(), |token| {
        let chosen = cpu::pin(&token, 1, 1).unwrap();
        assert_eq!(chosen, [all[1 % all.len()]]);
        assert_eq!(cpu::allowed().unwrap(), chosen);
    });
    assert_eq!(reap::wait_for(worker).unwrap(), Ending::Code(0));
    assert_eq!(cpu::allowed().unwrap(), all);
}
