//! Sockets that other processes hand over, and files that are locked by processes that die.

use std::io::{self, Read as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use rustix::process::{Signal, kill_process};

use crate::harness::{Named, VARIABLE, child, tell, this_program, told};
use crate::pidfile::PidFile;
use crate::process::Forking;
use crate::process::reap;
use crate::sockets::inherit::{Handed, adopt, standard_input_listens, take_environment};
use crate::sockets::{Place, Worker};

pub(crate) const TESTS: &[Named] = &[
    ("a_socket_handed_over_by_systemds_variables_is_taken_and_they_are_removed", handed),
    ("variables_for_another_process_are_removed_and_not_followed", not_ours),
    ("a_listener_on_descriptor_0_is_taken_and_standard_input_left", standard_input),
    ("a_pid_file_stays_locked_after_a_childs_end_and_is_free_after_its_masters", pid_file),
];

pub(crate) const PARTS: &[Named] = &[
    ("handed_part", handed_part),
    ("not_ours_part", not_ours_part),
    ("standard_input_part", standard_input_part),
];

/// Runs a part with a listener on descriptor 0, after what `script` does in a shell of the same process number.
fn with_listener(script: &str, part: &str) -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let program = this_program(part).get_program().to_owned();
    let status = Command::new("/bin/sh")
        .args(["-c", script])
        .arg(program)
        .env(VARIABLE, part)
        .env("PORT", address.port().to_string())
        .stdin(OwnedFd::from(listener))
        .status();
    status.unwrap().success()
}

fn handed() {
    let script = "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web; exec \"$0\"";
    assert!(with_listener(script, "handed_part"));
}

fn handed_part() {
    let found = take_environment().unwrap();
    assert_eq!(found, [Handed { number: 3, name: Some("web".into()) }]);
    let listener = adopt(3).unwrap();
    TcpStream::connect(("127.0.0.1", std::env::var("PORT").unwrap().parse().unwrap())).unwrap();
    assert!(std::env::vars().all(|(name, _)| !name.starts_with("LISTEN_")));
    // Nor does what the app starts see the descriptor.
    let seen = Command::new("/bin/sh").args(["-c", "test -e /proc/self/fd/3"]).status().unwrap();
    assert!(!seen.success());
    assert!(matches!(listener.place(), Place::Tcp(_)));
}

fn not_ours() {
    let script = "exec 3<&0 </dev/null; export LISTEN_PID=1 LISTEN_FDS=1; exec \"$0\"";
    assert!(with_listener(script, "not_ours_part"));
}

fn not_ours_part() {
    assert_eq!(take_environment().unwrap(), []);
    assert!(std::env::var_os("LISTEN_PID").is_none() && std::env::var_os("LISTEN_FDS").is_none());
}

fn standard_input() {
    assert!(with_listener("exec \"$0\"", "standard_input_part"));
}

fn standard_input_part() {
    let address = ("127.0.0.1", std::env::var("PORT").unwrap().parse::<u16>().unwrap());
    assert!(standard_input_listens());
    let listener = adopt(0).unwrap();
    assert!(!standard_input_listens());
    assert_eq!(io::stdin().read(&mut [0; 8]).unwrap(), 0);
    TcpStream::connect(address).unwrap();
    let socket =
        rustix::fs::fstat(listener.share(Worker { number: 0, of: 1 }).next().unwrap()).unwrap().st_ino;
    assert_eq!(holders(socket), 1);
    drop(listener);
    assert_eq!(holders(socket), 0);
}

/// How many descriptors of this process are this socket.
fn holders(socket: u64) -> usize {
    let links = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    links.filter(|link| link.to_string_lossy() == format!("socket:[{socket}]")).count()
}

fn pid_file() {
    let folder = std::env::temp_dir().join(format!("rsgi-serve-lock-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("app.pid");
    let (mut reader, writer) = io::pipe().unwrap();
    let mut forking = Forking::begin().unwrap();
    let master = child(&mut forking, |_| {
        let file = PidFile::write(&path).unwrap();
        let mut forking = Forking::begin().unwrap();
        let file = std::cell::Cell::new(Some(file));
        let worker = child(&mut forking, |_| drop(file.take()));
        reap::wait_for(worker).unwrap();
        tell(&mut writer.try_clone().unwrap());
        nix::unistd::pause();
    });
    assert_eq!(told(&mut reader), Some(1));
    let text = PidFile::write(&path).unwrap_err().to_string();
    assert!(text.contains(&format!("already running with pid {master}")), "{text}");
    kill_process(master, Signal::KILL).unwrap();
    reap::wait_for(master).unwrap();
    assert!(PidFile::write(&path).unwrap().remove().unwrap());
    std::fs::remove_dir_all(folder).unwrap();
}
