//! What goes wrong in a handler: whatever it is, it is said with the request in hand, and the master survives.

use std::io::Read as _;
use std::process::Stdio;
use std::thread;

use rustix::process::{Signal, kill_process};

use crate::driving::{Folder, Service};

const APP: &str = "
import ctypes, os, sys, threading, time
def application(environ, start_response):
    path = environ['PATH_INFO']
    if path == '/raises':
        1 / 0
    if path == '/exits':
        sys.exit(3)
    if path == '/interrupts':
        raise KeyboardInterrupt
    if path == '/hangs':
        threading.Event().wait()
    if path == '/holds':
        import re
        re.match('(a+)+$', 'a' * 64 + 'b')
    if path == '/crashes':
        ctypes.string_at(0)
    if path == '/leaves':
        os._exit(7)
    if path.startswith('/tells/'):
        for line in range(int(path[7:])):
            environ['wsgi.errors'].write('x' * 500 + '\\n')
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [str(os.getpid()).encode()]
";

#[test]
fn an_exception_is_logged_with_its_traceback_and_answered_500_by_a_worker_that_lives() {
    let folder = Folder::new("raises", &[("app.py", APP)]);
    for server in ["std", "hyper"] {
        let mut service = folder.served(&["app", "-w", "1", "--server", server]);
        let worker = service.get("/");
        for (path, parts) in [
            (
                "/raises",
                ["GET /raises HTTP/1.1: the application raised ZeroDivisionError", "in application", "1 / 0"],
            ),
            (
                "/exits",
                ["GET /exits HTTP/1.1: the application called exit (3)", "in application", "SystemExit: 3"],
            ),
            (
                "/interrupts",
                [
                    "GET /interrupts HTTP/1.1: the application raised KeyboardInterrupt",
                    "in application",
                    "raise KeyboardInterrupt",
                ],
            ),
        ] {
            let answer = service.answer(path).unwrap();
            assert!(answer.starts_with("HTTP/1.1 500 ") && !answer.contains("Error:"), "{answer}");
            for part in parts {
                service.said(part);
            }
        }
        assert_eq!(service.get("/"), worker);
        service.stopped();
    }
}

#[test]
fn a_handler_that_hangs_ends_its_worker_with_request_and_tracebacks_in_the_log() {
    let folder = Folder::new("hangs", &[("app.py", APP)]);
    // The second never gives the interpreter's lock back.
    for (path, inside) in [("/hangs", "in wait"), ("/holds", "in match")] {
        let mut service = folder.served(&["app", "-w", "1", "--timeout", "2"]);
        let worker = service.get("/");
        assert_eq!(service.answer(path).unwrap(), "");
        service.said("WORKER TIMEOUT (pid:");
        service.said(&format!("was answering GET {path} of 127.0.0.1"));
        service.said("Fatal Python error: Aborted");
        service.said(inside);
        service.said("in application");
        service.said("was sent SIGABRT");
        service.said("Booting worker with pid: ");
        assert_ne!(service.get("/"), worker);
        service.stopped();
    }
}

#[test]
fn a_worker_that_crashes_or_leaves_is_replaced_and_its_request_named() {
    let folder = Folder::new("crashes", &[("app.py", APP)]);
    let mut service = folder.served(&["app", "-w", "1"]);
    for (path, said) in [
        (
            "/crashes",
            &["Fatal Python error: Segmentation fault", "in string_at", "in application", "was sent SIGSEGV"]
                [..],
        ),
        ("/leaves", &["exited with code 7"]),
    ] {
        let worker = service.get("/");
        assert_eq!(service.answer(path).unwrap(), "");
        for part in said {
            service.said(part);
        }
        service.said(&format!("was answering GET {path} of 127.0.0.1"));
        service.said("Booting worker with pid: ");
        assert_ne!(service.get("/"), worker);
    }
    service.stopped();
}

/// The log is a pipe that nobody reads, or a full disk.
#[test]
fn errors_that_nobody_takes_hold_nobody_up() {
    let folder = Folder::new("full", &[("app.py", APP)]);
    for full in [false, true] {
        let place = folder.path().join("socket");
        let bind = format!("unix:{}", place.display());
        let mut command =
            folder.program(&["app", "-w", "1", "--no-control-socket", "--timeout", "10", "--bind", &bind]);
        let mut unread = None;
        if full {
            command.stderr(std::fs::File::options().write(true).open("/dev/full").unwrap());
        } else {
            let (reader, writer) = std::io::pipe().unwrap();
            command.stderr(writer);
            unread = Some(reader);
        }
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        drop(command);
        crate::driving::until("it listens", || std::os::unix::net::UnixStream::connect(&place).is_ok());
        // Far more than a pipe holds.
        let worker = ask(&place, "/tells/1000");
        assert_eq!((ask(&place, "/tells/1000"), ask(&place, "/")), (worker.clone(), worker));
        kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
        // A master that leaves may say so again.
        let reading = unread.map(|mut pipe| thread::spawn(move || pipe.read_to_end(&mut Vec::new())));
        assert_eq!(child.wait().unwrap().code(), Some(0));
        if let Some(reading) = reading {
            assert!(reading.join().unwrap().unwrap() > 0);
        }
    }
}

fn ask(place: &std::path::Path, path: &str) -> String {
    use std::io::Write as _;
    let mut stream = std::os::unix::net::UnixStream::connect(place).unwrap();
    stream.set_read_timeout(Some(crate::driving::PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    body.to_owned()
}

#[test]
fn a_worker_that_always_crashes_is_started_ever_more_slowly_and_the_master_ends_well() {
    let folder = Folder::new("crashloop", &[("app.py", APP)]);
    let mut service: Service = folder.served(&["app", "-w", "1"]);
    for _ in 0..2 {
        assert_eq!(service.answer("/crashes").unwrap(), "");
        service.said("was sent SIGSEGV");
    }
    service.said("Workers die soon after their start: the next one is started in ");
    service.stopped();
}
