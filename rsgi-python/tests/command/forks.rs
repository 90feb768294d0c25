//! Nothing of Python's is shared between workers, whether each imports the application or the master did.

use std::collections::BTreeSet;

use crate::driving::{Folder, Service, until};

const APP: &str = "
import os, random, threading, uuid
imported_in = os.getpid()
turns = []
lock = threading.Lock()
# Held over the fork by nobody: what a module does at its import is over.
os.register_at_fork(before=lambda: turns.append(('before', os.getpid())),
    after_in_parent=lambda: turns.append(('parent', os.getpid())),
    after_in_child=lambda: turns.append(('child', os.getpid())))
def application(environ, start_response):
    start_response('200 OK', [])
    path = environ['PATH_INFO']
    with lock:
        facts = {'/pid': os.getpid(), '/imported': imported_in, '/random': random.random(), '/hash': hash('word'),
            '/uuid': uuid.uuid4(), '/children': [pid for turn, pid in turns if turn == 'child'],
            '/order': [turn for turn, pid in turns], '/main': threading.main_thread().ident == threading.get_ident()}
    return [f'{os.getpid()} {facts[path]}'.encode()]
";

/// What each worker answers, with its process.
fn asked(service: &Service, path: &str) -> Vec<(u32, String)> {
    let mut left: BTreeSet<u32> = service.workers().into_iter().collect();
    let mut answers = Vec::new();
    until("every worker has answered", || {
        let answer = service.get(path);
        let (pid, said) = answer.split_once(' ').unwrap();
        if left.remove(&pid.parse().unwrap()) {
            answers.push((pid.parse().unwrap(), said.to_owned()));
        }
        left.is_empty()
    });
    answers
}

fn different(answers: &[(u32, String)]) -> usize {
    answers.iter().map(|(_, said)| said).collect::<BTreeSet<_>>().len()
}

#[test]
fn a_process_that_a_handler_forks_is_an_ordinary_one() {
    let source = "
import multiprocessing, signal, time
def application(environ, start_response):
    process = multiprocessing.get_context('fork').Process(target=time.sleep, args=(1000,))
    process.start()
    process.terminate()
    process.join()
    start_response('200 OK', [])
    return [str(process.exitcode).encode()]
";
    let folder = Folder::new("children", &[("app.py", source)]);
    for arguments in [&["app", "-w", "1"][..], &["app", "-w", "1", "--preload"]] {
        let mut service = folder.served(arguments);
        let workers = service.workers();
        assert_eq!(service.get("/"), "-15");
        assert_eq!(service.workers(), workers);
        service.stopped();
    }
}

#[test]
fn each_worker_has_an_interpreter_a_seed_and_a_random_of_its_own() {
    let folder = Folder::new("own", &[("app.py", APP)]);
    let mut service = folder.served(&["app", "-w", "3"]);
    for (pid, imported) in asked(&service, "/imported") {
        assert_eq!(imported, pid.to_string());
    }
    for path in ["/random", "/hash", "/uuid"] {
        assert_eq!(different(&asked(&service, path)), 3, "{path}");
    }
    assert!(asked(&service, "/order").iter().all(|(_, turns)| turns == "[]"), "nothing forked");
    service.stopped();
}

#[test]
fn a_preloaded_application_is_imported_once_and_hears_of_each_fork() {
    let folder = Folder::new("preload", &[("app.py", APP)]);
    let mut service = folder.served(&["app", "-w", "3", "--preload"]);
    for (_, imported) in asked(&service, "/imported") {
        assert_eq!(imported, service.pid().to_string());
    }
    assert_eq!(different(&asked(&service, "/hash")), 1, "one interpreter, copied");
    for path in ["/random", "/uuid"] {
        assert_eq!(different(&asked(&service, path)), 3, "{path}");
    }
    for (pid, children) in asked(&service, "/children") {
        assert_eq!(children, format!("[{pid}]"));
    }
    // The first worker has one turn before and one in the child; the next ones have what the master heard meanwhile, too.
    let orders: BTreeSet<String> = asked(&service, "/order").into_iter().map(|(_, turns)| turns).collect();
    for turns in &orders {
        assert!(turns.ends_with("'before', 'child']"), "{turns}");
        let earlier = turns.trim_end_matches("'before', 'child']").trim_start_matches('[');
        assert!(earlier.split("'before', 'parent', ").all(str::is_empty), "{turns}");
    }
    assert_eq!(orders.len(), 3, "{orders:?}");
    let workers = service.workers();
    // A fork long after the start.
    service.signal(rustix::process::Signal::TTIN);
    until("there is a fourth", || service.workers().len() == workers.len() + 1);
    assert_eq!(asked(&service, "/children").len(), 4);
    service.stopped();
}
