//! The end of a worker: what runs is waited for, handlers of `atexit` run, what was printed is seen; within the graceful time.

use rustix::process::Signal;

use crate::driving::Folder;

const APP: &str = "
import atexit, concurrent.futures, os, sys, threading
executor = concurrent.futures.ThreadPoolExecutor(1)
gate = threading.Event()
def job(word):
    gate.wait()
    print('done:', word)
def application(environ, start_response):
    path = environ['PATH_INFO']
    if path == '/works':
        threading.Thread(target=job, args=('a thread',)).start()
        executor.submit(job, 'an executor')
    if path == '/stays':
        threading.Thread(target=threading.Event().wait, name='the one that stays').start()
    if path == '/background':
        threading.Thread(target=threading.Event().wait, name='a daemon', daemon=True).start()
    start_response('200 OK', [])
    return [threading.current_thread().name.encode()]
@atexit.register
def end():
    print('at exit in', os.getpid())
print('imported')
# Before threads are waited for, and not earlier: what works now works when the worker is told to end.
threading._register_atexit(gate.set)
";

#[test]
fn work_that_a_handler_began_is_finished_and_what_was_printed_is_seen() {
    let folder = Folder::new("works", &[("app.py", APP)]);
    for server in ["std", "hyper"] {
        let mut service = folder.served(&["app", "-w", "1", "--server", server]);
        let worker = service.workers()[0];
        assert_ne!(service.get("/works"), "MainThread");
        service.get("/background");
        let said = service.stopped();
        for part in ["imported", "done: a thread", "done: an executor", &format!("at exit in {worker}")] {
            assert!(said.contains(part), "no {part:?}: {said}");
        }
        assert!(!said.contains("still run"), "{said}");
    }
}

#[test]
fn a_thread_that_stays_is_named_and_ends_with_its_worker() {
    let folder = Folder::new("stays", &[("app.py", APP)]);
    let mut service = folder.served(&["app", "-w", "1", "--graceful-timeout", "1"]);
    service.get("/stays");
    let worker = service.workers()[0];
    service.signal(Signal::HUP);
    service.said("Reloaded: 1 worker ready");
    service.said("threads of Python still run after ");
    service.said(&format!("at exit in {worker}"));
    service.said(&format!("Worker exiting (pid: {worker})"));
    let said = service.stopped();
    assert!(said.contains("and end with this worker: the one that stays\n"), "{said}");
    assert!(!said.contains("a daemon"), "{said}");
}

#[test]
fn a_worker_that_is_told_to_hurry_does_not_wait_for_its_threads() {
    let folder = Folder::new("hurries", &[("app.py", APP)]);
    let mut service = folder.served(&["app", "-w", "1", "--graceful-timeout", "1h"]);
    service.get("/stays");
    service.signal(Signal::QUIT);
    let (code, said) = service.ended();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the one that stays") && said.contains("at exit in"), "{said}");
}

#[test]
fn a_process_without_a_master_ends_python_too() {
    let folder = Folder::new("alone", &[("app.py", APP)]);
    let mut service = crate::driving::Service::of(&mut folder.server(&["app", "-w", "0"]));
    service.said("Listening at");
    crate::driving::until("it answers", || service.answer("/").is_ok());
    let said = service.stopped();
    assert!(said.contains(&format!("at exit in {}", service.pid())), "{said}");
}
