//! Where a service listens: addresses of others, of several families, and sockets that a parent hands over.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::driving::{PATIENCE, SERVERS, Service, ask, bare, program, scratch, workers_of};
use crate::start::everyone_answers;

#[test]
fn an_address_in_use_is_tried_again_and_then_given_up_with_code_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut both = SERVERS.map(|server| listening(server, &[&address]));
    for service in &mut both {
        for _ in 0..4 {
            let line = service.said("Retrying in 1 s");
            assert!(line.contains(&address), "{line}");
        }
        let (code, said) = service.ended();
        assert!(code == Some(1) && said.contains(&address), "{code:?} {said}");
    }
}

#[test]
fn an_address_that_becomes_free_while_it_is_tried_is_taken() {
    for server in SERVERS {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut service = listening(server, &[&taken.local_addr().unwrap().to_string()]);
        service.said("Retrying in 1 s");
        drop(taken);
        service.said("2 workers ready");
        service.get("/");
    }
}

#[test]
fn a_unix_socket_of_a_live_server_and_a_file_are_left_and_an_abandoned_one_is_replaced() {
    let place = scratch("standing");
    let (live, file) = (place.join("live.sock"), place.join("precious"));
    let other = UnixListener::bind(&live).unwrap();
    std::fs::write(&file, "precious").unwrap();
    let mut refused =
        SERVERS.map(|server| (listening(server, &[&unix(&live)]), listening(server, &[&unix(&file)])));
    for (at_live, at_file) in &mut refused {
        let (code, said) = at_file.ended();
        assert!(code == Some(1) && said.contains("a regular file of this name"), "{said}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
        let (code, said) = at_live.ended();
        assert!(code == Some(1) && said.contains("live.sock") && said.contains("in use"), "{said}");
        UnixStream::connect(&live).unwrap();
    }
    drop(other);
    for server in SERVERS {
        let mut service = listening(server, &[&unix(&live)]);
        service.said("2 workers ready");
        assert!(ask_unix(&live).starts_with("HTTP/1.1 200 "));
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        assert!(!live.exists(), "its own file is removed at the end");
        drop(UnixListener::bind(&live).unwrap());
    }
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn a_unix_socket_has_the_mode_and_the_owner_asked_for() {
    let place = scratch("mode");
    let socket = place.join("app.sock");
    let root = rustix::process::geteuid().is_root();
    let owner = if root {
        (12_345, 54_321)
    } else {
        (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
    };
    for server in SERVERS {
        let (user, group) = (owner.0.to_string(), owner.1.to_string());
        let arguments = ["--unix-mode", "620", "--unix-user", &user, "--unix-group", &group];
        let mut service = Service::of(bare(&base(server)).args(["-b", &unix(&socket)]).args(arguments));
        service.said("2 workers ready");
        let file = socket.metadata().unwrap();
        assert!(file.file_type().is_socket());
        assert_eq!(file.permissions().mode() & 0o777, 0o620);
        assert_eq!((file.uid(), file.gid()), owner);
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
    }
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn listeners_of_three_families_are_served_by_all_workers() {
    let place = scratch("families");
    for server in SERVERS {
        let socket = place.join(format!("{server}.sock"));
        let mut service = listening(server, &["127.0.0.1:0", "[::1]:0", &unix(&socket)]);
        let addresses: Vec<String> = (0..2)
            .map(|_| {
                let line = service.said("Listening at: http://");
                let (_, rest) = line.split_once("http://").unwrap();
                rest.split(' ').next().unwrap().to_owned()
            })
            .collect();
        assert!(
            addresses[0].starts_with("127.0.0.1:") && addresses[1].starts_with("[::1]:"),
            "{addresses:?}"
        );
        service.said(&format!("Listening at: unix:{}", socket.display()));
        service.said("2 workers ready");
        let workers = workers_of(service.pid());
        for address in &addresses {
            everyone_answers(address, &workers);
        }
        let mut silent: Vec<String> = workers.iter().map(ToString::to_string).collect();
        crate::driving::until("each worker answers at the unix socket", || {
            // Two at once: one that answers leaves the other to another worker, now and then.
            let two = [(); 2].map(|()| send_unix(&socket, "/sleep/5"));
            let answers = two.map(receive);
            silent.retain(|worker| !answers.iter().any(|answer| answer.ends_with(worker)));
            silent.is_empty()
        });
    }
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn a_listener_that_a_parent_hands_over_by_its_number_is_used_and_stays_over_a_reload() {
    for server in SERVERS {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut arguments = base(server);
        arguments.extend(["-b", "fd://7"]);
        let mut service = handed(listener, "exec 7<&0 </dev/null", &arguments);
        service.said(&format!("Listening at: http://{address} "));
        service.said("2 workers ready");
        ask(&address, "/").unwrap();
        service.signal("HUP");
        service.said("Reloaded: 2 workers ready");
        ask(&address, "/").unwrap();
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        assert!(ask(&address, "/").is_err(), "nobody else has it");
    }
}

#[test]
fn sockets_of_systemd_are_used_by_whom_they_are_for_and_the_app_sees_no_variable() {
    for server in SERVERS {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut arguments = base(server);
        arguments.extend(["-b", "127.0.0.1:0"]);
        let ours = "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web";
        let mut service = handed(listener.try_clone().unwrap(), ours, &arguments);
        let line = service.said("Listening at: ");
        assert!(line.contains(&address), "the settings' address gives way: {line}");
        service.said("2 workers ready");
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] {
            assert_eq!(service.get(&format!("/env/{name}")), "none");
        }
        service.signal("USR2");
        service.said("Upgraded: 2 workers ready");
        assert_eq!(service.get("/env/LISTEN_FDS"), "none");
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));

        let others = "exec 3<&0 </dev/null; export LISTEN_PID=1 LISTEN_FDS=1";
        let mut service = handed(listener, others, &arguments);
        let line = service.said("Listening at: ");
        assert!(!line.contains(&address), "{line}");
        service.said("2 workers ready");
        for name in ["LISTEN_PID", "LISTEN_FDS"] {
            assert_eq!(service.get(&format!("/env/{name}")), "none");
        }
    }
}

#[test]
fn a_listener_on_standard_input_is_served_unless_addresses_are_given() {
    for server in SERVERS {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut arguments = base(server);
        // Without a word it would be FastCGI (gateway.rs).
        arguments.extend(["--protocol", "http"]);
        let mut service = handed(listener.try_clone().unwrap(), ":", &arguments);
        service.said(&format!("Listening at: http://{address} "));
        service.said("2 workers ready");
        everyone_answers(&address, &workers_of(service.pid()));
        service.signal("HUP");
        service.said("Reloaded: 2 workers ready");
        ask(&address, "/").unwrap();
        drop(service);
        let mut arguments = base(server);
        arguments.extend(["-b", "127.0.0.1:0"]);
        let mut service = handed(listener, ":", &arguments);
        let line = service.said("Listening at: ");
        assert!(!line.contains(&address), "{line}");
    }
}

/// Two workers and no control socket, without an address.
fn base(server: &str) -> Vec<&str> {
    vec!["--server", server, "-w", "2", "--no-control-socket"]
}

fn listening(server: &str, binds: &[&str]) -> Service {
    Service::of(bare(&base(server)).args(binds.iter().flat_map(|bind| ["-b", bind])))
}

/// Starts it by a shell that has a listener at its standard input and does this first.
fn handed(listener: TcpListener, first: &str, arguments: &[&str]) -> Service {
    let mut command = Command::new("/bin/sh");
    for (name, _) in bare(&[]).get_envs() {
        command.env_remove(name);
    }
    command.args(["-c", &format!("{first}; exec \"$0\" \"$@\"")]).arg(program()).args(arguments);
    Service::of(command.stdin(OwnedFd::from(listener)).stdout(Stdio::null()))
}

fn unix(path: &Path) -> String {
    format!("unix:{}", path.display())
}

fn ask_unix(path: &Path) -> String {
    receive(send_unix(path, "/"))
}

fn send_unix(path: &Path, target: &str) -> UnixStream {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
    stream
}

fn receive(mut stream: UnixStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
