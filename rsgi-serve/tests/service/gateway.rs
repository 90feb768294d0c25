//! Web servers' own protocols under the launcher: FastCGI, SCGI and uwsgi on both servers, one request by CGI, and a listener on
//! descriptor 0.
//!
//! What the protocols mean is tested in rsgi-gateway; here is what the launcher adds. The client is `webserver.rs`.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Output, Stdio};
use std::thread::{self, JoinHandle};

use crate::driving::{PATIENCE, SERVERS, Service, bare, command, scratch, signal, until, workers_of};
use crate::gate::Gate;
use crate::load::{Load, Target};
use crate::watched::Watched;
use crate::webserver::{After, Answer, Heard, Tongue};

#[test]
fn each_protocol_is_served_by_both_servers_and_is_named_and_noted() {
    for server in SERVERS {
        for (name, tongue) in Tongue::GATEWAYS {
            let arguments = [
                "-w",
                "2",
                "--protocol",
                name,
                "--access-logfile",
                "stderr",
                "--access-logformat",
                "%(h)s %(m)s %(s)s %(U)s",
            ];
            assert_eq!(Service::check(server, &arguments), Some(0), "{server} {name}");
            let mut service = Service::start(server, &arguments);
            service.said(&format!("Listening at: {name}://127.0.0.1:"));
            service.said(&format!("Using worker: {server}, speaking {name}"));
            service.said("2 workers ready");
            let answer = ask(service.address(), tongue, "/word").unwrap();
            assert!(answer.is_ok() && answer.errors.is_empty(), "{answer:?}");
            service.said("192.0.2.7 GET 200 /word");
            let mut http = TcpStream::connect(service.address()).unwrap();
            http.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
            let mut heard = Vec::new();
            // It is cut off or closed: whatever it is, it is no answer.
            let _ = http.read_to_end(&mut heard);
            assert!(!heard.starts_with(b"HTTP/"), "{server} {name}: {heard:?}");
            service.signal("TERM");
            assert_eq!(service.code(), Some(0));
        }
    }
}

#[test]
fn reloads_upgrades_and_more_or_fewer_workers_lose_nothing_that_a_web_server_does_not_ask_again() {
    for server in SERVERS {
        for (name, tongue) in Tongue::GATEWAYS {
            let mut service = Service::ready(server, &["-w", "2", "--protocol", name]);
            let load = Load::speaking(tongue, &Target::Tcp(service.address().to_owned()), 6);
            for _ in 0..5 {
                service.signal("HUP");
                service.said("Reloaded: 2 workers ready");
                load.goes_on(50);
                service.signal("USR2");
                service.said("Upgraded: 2 workers ready");
                load.goes_on(50);
                service.signal("TTIN");
                service.said("2 -> 3 workers");
                load.goes_on(50);
                service.signal("TTOU");
                service.said("3 -> 2 workers");
                load.goes_on(50);
            }
            let tally = load.end();
            println!("{server}, {name}: {} answers, {} asked again", tally.answers(), tally.again);
            tally.assert_whole();
            assert!(tongue == Tongue::FastCgi || tally.again == 0, "{tally}");
        }
    }
}

#[test]
fn a_request_in_hand_is_shown_counted_and_answered_before_the_end() {
    for server in SERVERS {
        for (name, tongue) in Tongue::GATEWAYS {
            let gate = Gate::new(&format!("gateway-{server}-{name}"));
            let variable = gate.variable();
            let arguments = ["-w", "1", "--protocol", name, "--env", &variable];
            let mut watched = Watched::ready(server, &format!("gateway-{name}"), &arguments);
            let address = watched.service.address().to_owned();
            for _ in 0..3 {
                ask(&address, tongue, "/word").unwrap();
            }
            let held = aside(&address, tongue, "/gate");
            until("the request is shown", || {
                watched.done(&["show"]).contains("GET /gate from 192.0.2.7:4711")
            });
            assert_eq!(watched.facts()["traffic"]["requests"], 3, "{server} {name}");
            watched.service.signal("TERM");
            watched.service.said("Handling signal: term");
            gate.pass(1);
            assert!(held.join().unwrap().unwrap().is_ok());
            assert_eq!(watched.service.code(), Some(0));
        }
    }
}

#[test]
fn whoever_is_not_named_may_not_connect_and_whoever_is_on_a_unix_socket_may() {
    for server in SERVERS {
        for (name, tongue) in Tongue::GATEWAYS {
            let place = scratch(&format!("gateway-peers-{server}-{name}"));
            let socket = place.join("socket");
            let unix = format!("unix:{}", socket.display());
            let arguments = [
                "-w",
                "1",
                "--protocol",
                name,
                "--uwsgi-allow-from",
                "192.0.2.1",
                "-b",
                "127.0.0.1:0",
                "-b",
                &unix,
            ];
            let mut service = Service::ready(server, &arguments);
            let refused = ask(service.address(), tongue, "/word");
            assert!(refused.is_err(), "{refused:?}");
            service.said("its peer isn't among those allowed");
            let load = Load::speaking(tongue, &Target::Unix(socket), 2);
            load.goes_on(10);
            load.end().assert_whole();
            drop(service);
            std::fs::remove_dir_all(place).unwrap();
        }
    }
}

#[test]
fn a_listener_on_descriptor_0_is_fastcgis_through_reloads_and_upgrades() {
    for server in SERVERS {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut command = bare(&["--server", server, "-w", "2", "--no-control-socket"]);
        // As its specification has them at the start (section 2.2), but for the standard error.
        command
            .stdin(OwnedFd::from(listener))
            .stdout(Stdio::null())
            .env("FCGI_WEB_SERVER_ADDRS", "127.0.0.1");
        let mut service = Service::of(&mut command);
        service.said(&format!("Listening at: fastcgi://{address} "));
        service.said("2 workers ready");
        for (order, done) in [("HUP", "Reloaded: 2 workers ready"), ("USR2", "Upgraded: 2 workers ready")] {
            ask(&address, Tongue::FastCgi, "/word").unwrap();
            service.signal(order);
            service.said(done);
        }
        service.signal("HUP");
        service.said("Reloaded: 2 workers ready");
        ask(&address, Tongue::FastCgi, "/word").unwrap();
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
    }
}

#[test]
fn one_request_is_answered_by_cgi_whatever_the_arguments_say() {
    for server in SERVERS {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = listener.local_addr().unwrap().to_string();
        let query = ["--bind", &taken, "--protocol", "http", "check"];
        let said = cgi(server, &query, &[("PATH_INFO", "/arguments"), ("QUERY_STRING", "--bind")]);
        let (out, errors) = (text(&said.stdout), text(&said.stderr));
        assert!(said.status.success() && errors.is_empty(), "{errors}");
        let (head, _) = out.split_once("\n\n").or_else(|| out.split_once("\r\n\r\n")).unwrap();
        assert!(head.to_ascii_lowercase().starts_with("status: 200"), "{out}");
        // The app's error is the client's 500; the program did what it was started for.
        let said = cgi(server, &[], &[("PATH_INFO", "/no-such-trouble")]);
        assert!(said.status.success(), "{said:?}");
    }
}

#[test]
fn what_keeps_a_cgi_program_from_answering_is_said_in_the_error_log_and_told_by_its_code() {
    for (variable, code, reason) in [
        (("RSGI_SERVER", "hipster"), 1, "server \"hipster\""),
        (("RSGI_CONFIG", "fails.toml"), 4, "is there"),
    ] {
        let place = scratch(&format!("cgi-{code}"));
        std::fs::write(place.join("fails.toml"), "[app]\nfails_if = \"/\"\n").unwrap();
        let mut command = environment("std", &[variable]);
        let said = command.current_dir(&place).output().unwrap();
        assert_eq!((said.status.code(), text(&said.stdout)), (Some(code), ""), "{}", text(&said.stderr));
        assert!(text(&said.stderr).contains(reason), "{}", text(&said.stderr));
        std::fs::remove_dir_all(place).unwrap();
    }
}

#[test]
fn a_service_that_a_cgi_program_starts_serves_where_the_variable_says_what() {
    let mut command = command("std", &["-w", "1"]);
    command.envs([("GATEWAY_INTERFACE", "CGI/1.1"), ("REQUEST_METHOD", "GET"), ("RSGI_PROTOCOL", "scgi")]);
    let mut service = Service::of(&mut command);
    service.said("1 worker ready");
    ask(service.address(), Tongue::Scgi, "/word").unwrap();
    let worker = workers_of(service.pid())[0];
    signal(worker, "KILL");
    service.said("was sent SIGKILL");
    service.signal("TERM");
    assert_eq!(service.code(), Some(0));
}

/// Asks for a path, on a connection of its own.
fn ask(address: &str, tongue: Tongue, path: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&tongue.request(path, After::Closes))?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let _ = stream.shutdown(Shutdown::Both);
    match tongue.heard(&bytes, true) {
        Heard::Whole(answer) => Ok(answer),
        other => Err(io::Error::other(format!("{other:?} in {bytes:?}"))),
    }
}

/// The same on a thread of its own.
fn aside(address: &str, tongue: Tongue, path: &'static str) -> JoinHandle<io::Result<Answer>> {
    let address = address.to_owned();
    thread::spawn(move || ask(&address, tongue, path))
}

/// Starts the program as a web server starts a CGI program.
fn cgi(server: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    environment(server, variables).args(arguments).output().unwrap()
}

fn environment(server: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = bare(&[]);
    let request = [
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("REQUEST_METHOD", "GET"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_NAME", "test"),
        ("SERVER_PORT", "80"),
        ("REMOTE_ADDR", "192.0.2.7"),
        ("SCRIPT_NAME", "/cgi-bin/trouble"),
        ("RSGI_SERVER", server),
    ];
    command.envs(request).envs(variables.iter().copied());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}
