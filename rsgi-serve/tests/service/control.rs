//! Who gets at the control socket, and whose it is.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Stdio;

use crate::driving::{PATIENCE, SERVERS, Service, bare, scratch, workers_of};

#[test]
fn a_stale_control_socket_is_replaced_and_a_live_one_and_a_file_are_left() {
    for server in SERVERS {
        let place = scratch(&format!("control-{server}"));
        let path = place.join("app.ctl");
        drop(UnixListener::bind(&path).unwrap());
        let mut first = controlled(server, &path, &[]);
        first.said("1 worker ready");
        assert!(shown(&path).contains("running, 1 of 1 workers ready"));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);

        let (code, said) = controlled(server, &path, &[]).ended();
        assert!(code == Some(1) && said.contains("another master answers there"), "{said}");
        assert!(shown(&path).contains("running"), "the first one's still");

        let file = place.join("precious");
        std::fs::write(&file, "precious").unwrap();
        let (code, said) = controlled(server, &file, &[]).ended();
        assert!(code == Some(1) && said.contains("no socket"), "{said}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");

        first.signal("TERM");
        assert_eq!(first.code(), Some(0));
        assert!(!path.exists());
        std::fs::remove_dir_all(place).unwrap();
    }
}

#[test]
fn neither_the_control_socket_nor_its_clients_are_inherited() {
    for server in SERVERS {
        let place = scratch(&format!("control-heirs-{server}"));
        let path = place.join("app.ctl");
        let mut service = controlled(server, &path, &["--status-bind", "127.0.0.1:0"]);
        service.said("1 worker ready");
        // A client whose connection the master has, while it forks.
        let mut client = BufReader::new(UnixStream::connect(&path).unwrap());
        client.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
        let ask = |client: &mut BufReader<UnixStream>, line: &str| {
            client.get_mut().write_all(line.as_bytes()).unwrap();
            let mut answer = String::new();
            client.read_line(&mut answer).unwrap();
            assert!(answer.contains("\"ok\":true"), "{answer}");
        };
        ask(&mut client, "{\"rsgi\":1,\"command\":\"facts\"}\n");
        ask(&mut client, "{\"rsgi\":1,\"command\":\"scale\",\"to\":2}\n");
        ask(&mut client, "{\"rsgi\":1,\"command\":\"reload\"}\n");
        service.said("Reloaded: 1 worker ready");
        // Unix sockets that have the path: the listener, and the master's end of the connection.
        let table = std::fs::read_to_string("/proc/net/unix").unwrap();
        let named =
            table.lines().filter(|line| line.ends_with(path.to_str().unwrap()) || line.contains("app.ctl."));
        let inodes: Vec<String> =
            named.filter_map(|line| Some(format!("socket:[{}]", line.split_whitespace().nth(6)?))).collect();
        assert!(!inodes.is_empty() && inodes.iter().any(|it| holds(service.pid(), it)), "{table}");
        for child in workers_of(service.pid()) {
            assert!(!inodes.iter().any(|inode| holds(child, inode)), "{child} has one of {inodes:?}");
        }
        ask(&mut client, "{\"rsgi\":1,\"command\":\"stop\"}\n");
        assert_eq!(service.code(), Some(0));
        std::fs::remove_dir_all(place).unwrap();
    }
}

#[test]
fn another_users_commands_are_refused_though_the_file_lets_them_in() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root may change the user");
        return;
    }
    for server in SERVERS {
        let place = scratch(&format!("control-stranger-{server}"));
        std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = place.join("app.ctl");
        // The program where every user can run it.
        let copy = place.join("trouble");
        std::fs::copy(crate::driving::program(), &copy).unwrap();
        let mut service = controlled(server, &path, &["--control-socket-mode", "666"]);
        service.said("1 worker ready");
        assert_eq!(path.metadata().unwrap().uid(), 0);
        for words in [&["show"][..], &["stop", "--quick"], &["scale", "3"]] {
            let mut command = std::process::Command::new(&copy);
            command.args(words).arg("--control-socket").arg(&path).uid(65_534).gid(65_534).current_dir("/");
            let output = command.stdin(Stdio::null()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{words:?} {said}");
            assert!(said.contains("from root only") && output.stdout.is_empty(), "{words:?} {said}");
        }
        let line = service.said("Control socket: refused 1 of other users");
        assert!(line.contains("WARNING"), "{line}");
        assert!(shown(&path).contains("running, 1 of 1 workers ready"));
        std::fs::remove_dir_all(place).unwrap();
    }
}

/// A service of one worker with its control socket there.
fn controlled(server: &str, path: &Path, arguments: &[&str]) -> Service {
    let mut command = bare(&["--server", server, "-w", "1", "-b", "127.0.0.1:0", "--control-socket"]);
    Service::of(command.arg(path).args(arguments))
}

fn shown(path: &Path) -> String {
    let output = bare(&["show", "--control-socket"]).arg(path).stdout(Stdio::piped()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Whether a process has this open; one that has ended since it was found, as a worker of before a reload may have, has nothing.
fn holds(pid: u32, what: &str) -> bool {
    let Ok(open) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    open.filter_map(|it| std::fs::read_link(it.ok()?.path()).ok()).any(|it| it.to_string_lossy() == what)
}
