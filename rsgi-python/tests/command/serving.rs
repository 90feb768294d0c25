//! What `gunicorn` does: an application by its name, from wherever it is asked for.

use std::collections::BTreeSet;

use rustix::process::Signal;

use crate::driving::{Folder, Service, until};

const APP: &str = "
import os, sys
word = 'first'
def create_app(name='nobody', *, debug=False):
    def application(environ, start_response):
        start_response('200 OK', [('Content-Type', 'text/plain')])
        facts = {'/': word, '/pid': os.getpid(), '/args': (name, debug), '/folder': os.getcwd(),
            '/threads': (environ['wsgi.multithread'], environ['wsgi.multiprocess'], environ['wsgi.run_once']),
            '/executable': sys.executable, '/env': os.environ.get('FROM_RAW_ENV')}
        return [str(facts[environ['PATH_INFO']]).encode()]
    return application
application = create_app()
";

#[test]
fn the_talks_command_serves_with_as_many_workers_as_it_says() {
    let folder = Folder::new("talk", &[("app.py", APP)]);
    let mut service = folder.served(&["app:create_app()", "-w", "3"]);
    let mut workers: BTreeSet<u32> = service.workers().into_iter().collect();
    assert_eq!(workers.len(), 3);
    until("every worker has answered", || {
        workers.remove(&service.get("/pid").parse().unwrap());
        workers.is_empty()
    });
    // As under Gunicorn: no application has to be ready for threads that nobody asked for.
    assert_eq!(service.get("/threads"), "(False, True, False)");
    let executable = service.get("/executable");
    assert!(executable.rsplit('/').next().unwrap().starts_with("python3"), "{executable}");
    service.stopped();
}

#[test]
fn an_application_has_threads_if_it_is_given_some_and_no_processes_without_a_master() {
    let folder = Folder::new("threads", &[("app.py", APP)]);
    for (arguments, said) in [
        (&["app", "-w", "0", "--threads", "4"][..], "(True, False, False)"),
        (&["app", "-w", "1", "--threads", "4"], "(True, True, False)"),
        (&["app", "-w", "1", "--server", "hyper"], "(True, True, False)"),
    ] {
        let mut service = Service::of(&mut folder.server(arguments));
        service.said("Listening at");
        until("it answers", || service.answer("/").is_ok());
        assert_eq!(service.get("/threads"), said);
        service.stopped();
    }
}

#[test]
fn arguments_of_a_factory_are_literals() {
    let folder = Folder::new("arguments", &[("app.py", APP)]);
    let mut service = folder.served(&["app:create_app('shop', debug=True)"]);
    assert_eq!(service.get("/args"), "('shop', True)");
    service.stopped();
}

#[test]
fn the_application_is_found_in_another_folder_and_named_by_file_variable_or_line() {
    let away = Folder::new("away", &[("sub/app.py", APP), ("lib/other.py", APP)]);
    let (sub, lib) = (away.path().join("sub"), away.path().join("lib"));
    let folder = Folder::new("named", &[("app.py", "raise RuntimeError('the wrong one')")]);
    let (sub, lib) = (sub.to_str().unwrap(), lib.to_str().unwrap());
    let mut service = folder.served(&["--chdir", sub, "app", "-e", "FROM_RAW_ENV=x"]);
    assert_eq!((service.get("/folder"), service.get("/env")), (sub.to_owned(), "x".to_owned()));
    service.stopped();
    let settings = format!(
        "[serve]\nworkers = 2\n[app]\nwsgi_app = 'other:create_app(\"of the file\")'\npythonpath = ['{lib}']\n"
    );
    folder.write("rsgi.toml", &settings);
    let mut service = folder.served(&[]);
    assert_eq!((service.get("/args"), service.workers().len()), ("('of the file', False)".to_owned(), 2));
    service.stopped();
    let mut command = folder.server(&["-w", "1"]);
    let mut service = Service::of(command.env("RSGI_APP_WSGI_APP", "other:create_app('of the variable')"));
    service.said(" ready in ");
    assert_eq!(service.get("/args"), "('of the variable', False)");
    service.stopped();
    let shown = folder.program(&["print-config", "other:create_app('of the line')"]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("\"wsgi_app\" = \"other:create_app('of the line')\" # the argument WSGI_APP\n"),
        "{shown}"
    );
}

#[test]
fn a_reload_imports_the_application_anew_and_so_does_an_upgrade() {
    let folder = Folder::new("anew", &[("app.py", APP)]);
    let mut service = folder.served(&["app", "-w", "2"]);
    assert_eq!(service.get("/"), "first");
    for (word, signal, said) in [
        ("second", Signal::HUP, "Reloaded: 2 workers ready"),
        ("third", Signal::USR2, "Upgraded: 2 workers ready"),
    ] {
        folder.write("app.py", &APP.replace("'first'", &format!("'{word}'")));
        service.signal(signal);
        service.said(said);
        // The old ones may take a request that came before they were told.
        until("the new ones answer", || service.get("/") == word);
    }
    service.stopped();
}

#[test]
fn what_the_master_imported_stays_over_a_reload_and_not_over_an_upgrade() {
    let folder = Folder::new("preloaded", &[("app.py", APP)]);
    let mut service = folder.served(&["app", "-w", "2", "--preload"]);
    folder.write("app.py", &APP.replace("'first'", "'second'"));
    let workers = service.workers();
    service.signal(Signal::HUP);
    service.said("Reloaded: 2 workers ready");
    until("the old ones are gone", || service.workers().iter().all(|worker| !workers.contains(worker)));
    assert_eq!(service.get("/"), "first");
    service.signal(Signal::USR2);
    service.said("Upgraded: 2 workers ready");
    until("the new ones answer", || service.get("/") == "second");
    service.stopped();
}

#[test]
fn a_request_by_cgi_is_answered_with_the_application_that_the_variable_names() {
    let folder = Folder::new(
        "cgi",
        &[(
            "app.py",
            &format!("{APP}\nimport atexit\natexit.register(lambda: print('the end', file=sys.stderr))\n"),
        )],
    );
    let mut command = folder.program(&["--bind", "0.0.0.0:1"]);
    command.env("RSGI_APP_WSGI_APP", "app:create_app('cgi')").env("GATEWAY_INTERFACE", "CGI/1.1");
    command.envs([
        ("REQUEST_METHOD", "GET"),
        ("SCRIPT_NAME", ""),
        ("PATH_INFO", "/args"),
        ("SERVER_NAME", "here"),
    ]);
    command.envs([("SERVER_PORT", "80"), ("SERVER_PROTOCOL", "HTTP/1.1"), ("QUERY_STRING", "")]);
    let output = command.output().unwrap();
    let (answer, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(answer.ends_with("\r\n\r\n('cgi', False)"), "{answer} {said}");
    assert!(said.contains("the end"), "{said}");
}

#[test]
fn with_reload_a_change_of_the_source_is_served_and_a_broken_one_is_not() {
    let folder =
        Folder::new("watched", &[("sub/app.py", APP), ("sub/env/pyvenv.cfg", ""), ("sub/env/x.py", "")]);
    for workers in ["1", "0"] {
        folder.write("sub/app.py", APP);
        let mut service =
            Service::of(&mut folder.server(&["app", "-w", workers, "--reload", "--chdir", "sub"]));
        service.said("Watching 1 files for changes");
        until("it answers", || service.answer("/").is_ok_and(|answer| answer.ends_with("first")));
        if workers == "1" {
            folder.write("sub/app.py", "1 / 0");
            service.said("app.py changed: starting anew");
            service.said("ZeroDivisionError");
            assert_eq!(service.get("/"), "first");
        }
        folder.write("sub/app.py", &APP.replace("'first'", "'second'"));
        service.said("app.py changed: starting anew");
        if workers == "0" {
            // Of the system's choice again.
            service.said("Listening at");
        }
        until("the new source is served", || {
            service.answer("/").is_ok_and(|answer| answer.ends_with("second"))
        });
        service.stopped();
    }
}
