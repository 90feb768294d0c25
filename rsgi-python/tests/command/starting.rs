//! Starts that fail: one clear message, with Python's traceback where its code ran, and the exit code 4.

use rustix::process::Signal;

use crate::driving::{Folder, Service, run};

const GOOD: &str = "
def application(environ, start_response):
    start_response('200 OK', [])
    return [b'well']
";

#[test]
fn a_module_that_cannot_be_imported_ends_the_start_with_one_traceback() {
    let folder = Folder::new(
        "import",
        &[("app.py", "import good\ndef broken():\n    1 / 0\nbroken()\n"), ("good.py", "")],
    );
    for arguments in [&["app", "-w", "5"][..], &["app", "-w", "5", "--preload"], &["app", "-w", "0"]] {
        let (code, said) = Service::of(&mut folder.server(arguments)).ended();
        assert_eq!(code, Some(4), "{said}");
        let count = |text: &str| said.matches(text).count();
        assert_eq!([count("Traceback (most recent"), count("in broken")], [1, 1], "{said}");
        assert!(count("importing module app raised ZeroDivisionError: division by zero") >= 1, "{said}");
        assert!(!said.contains("\\n"), "a traceback has lines: {said}");
    }
}

#[test]
fn check_names_what_is_at_fault_and_what_to_do() {
    let source = format!(
        "{GOOD}\nnumber = 3\nnothing = None\ndef create_app(name, *, debug=False):\n    return None\ndef failing():\n    raise TypeError('its own')\nclass Site:\n    wsgi = staticmethod(application)\n"
    );
    let folder = Folder::new(
        "check",
        &[
            ("app.py", &source),
            ("needy.py", "import not_there"),
            ("quits.py", "import sys\nsys.exit(3)"),
            ("wrong.py", "def x(:"),
        ],
    );
    for name in ["app", "app:application", "app:Site.wsgi", "app: application "] {
        assert_eq!(folder.check(&[name]), (Some(0), String::new()), "{name}");
    }
    let long = "x".repeat(300);
    for (name, parts) in [
        ("nix", &["there is no module nix in ", "--chdir"][..]),
        ("app.nix", &["there is no module app.nix"]),
        ("needy", &["module needy needs not_there", "Traceback", "line 1"]),
        ("quits", &["raised SystemExit: 3"]),
        ("wrong", &["raised SyntaxError", "def x(:"]),
        ("app.py", &["app.py is a file", "write app:application"]),
        ("sub/app.py:app", &["write app:app with --chdir sub"]),
        ("app:nix", &["no attribute nix", "app:application"]),
        ("app:number", &["can't be called: it is of type int"]),
        ("app:nothing", &["app:nothing is None"]),
        ("app:number()", &["name a function"]),
        ("app:create_app", &["wants"]),
        ("app:create_app('x')", &["returned None"]),
        (
            "app:create_app()",
            &["wrong arguments: TypeError", "missing 1 required", "it takes (name, *, debug=False)"],
        ),
        ("app:create_app(name)", &["the argument name is no literal"]),
        ("app:create_app(*[1])", &["no literal"]),
        ("app:create_app(**{})", &["no literal"]),
        ("app:failing()", &["raised TypeError: its own", "in failing"]),
        ("app:1+1", &["no name of an application"]),
        ("app:create_app(", &["no name of an application"]),
        ("app:", &["no name of an application"]),
        (".app", &["no name of an application"]),
        (&long, &["there is no module"]),
    ] {
        if name == "app:create_app" {
            // It can be called, and that is all that can be known of it.
            assert_eq!(folder.check(&[name]).0, Some(0));
            continue;
        }
        let (code, said) = folder.check(&[name]);
        assert_eq!(code, Some(4), "{name}: {said}");
        for part in parts {
            assert!(said.contains(part), "{name}: no {part:?} in {said}");
        }
    }
    let (code, said) = folder.check(&[]);
    assert!(code == Some(1) && said.contains("give WSGI_APP on the command line"), "{said}");
}

#[test]
fn at_a_reload_that_fails_the_old_workers_stay() {
    let folder = Folder::new("stay", &[("app.py", GOOD)]);
    let mut service = folder.served(&["app", "-w", "2"]);
    let workers = service.workers();
    folder.write("app.py", "import nowhere_at_all\n");
    service.signal(Signal::HUP);
    service.said("module app needs nowhere_at_all");
    service.said("ModuleNotFoundError: No module named 'nowhere_at_all'");
    service.said("Reload undone");
    assert_eq!((service.workers(), service.get("/")), (workers, "well".to_owned()));
    folder.write("app.py", GOOD);
    service.signal(Signal::HUP);
    service.said("Reloaded: 2 workers ready");
    service.stopped();
}

#[test]
fn a_python_that_cannot_be_the_right_one_is_named_in_a_line() {
    let folder = Folder::new("place", &[("app.py", GOOD)]);
    folder.write("env/pyvenv.cfg", "version = 2.7.18\n");
    let environment = folder.path().join("env");
    let nowhere = folder.path().join("nowhere");
    for (variable, path, part) in [
        ("PYTHONHOME", &nowhere, "where no standard library of Python 3."),
        ("VIRTUAL_ENV", &nowhere, "is no virtual environment"),
        ("VIRTUAL_ENV", &environment, "is of Python 2.7, and this program was built with 3."),
    ] {
        let (code, said) = Service::of(folder.server(&["app", "-w", "3"]).env(variable, path)).ended();
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains(part) && said.contains(path.to_str().unwrap()), "{said}");
        assert!(!said.contains("Python path configuration"), "{said}");
    }
}

#[test]
fn modules_of_the_active_environment_are_found() {
    let folder =
        Folder::new("active", &[("app.py", "import only_there\nfrom only_there import application\n")]);
    let python = std::env::var("PYO3_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let environment = folder.path().join("env");
    run(&python, &["-m", "venv", "--without-pip", environment.to_str().unwrap()]);
    let site = run(
        environment.join("bin/python"),
        &["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
    );
    std::fs::write(std::path::Path::new(site.trim()).join("only_there.py"), GOOD).unwrap();
    assert_eq!(folder.check(&["app"]).0, Some(4));
    let mut service = Service::of(folder.server(&["app"]).env("VIRTUAL_ENV", &environment));
    service.said(" ready in ");
    assert_eq!(service.get("/"), "well");
    service.stopped();
}

#[test]
fn an_import_that_hangs_is_ended_with_its_traceback() {
    let source = "import threading\ndef connect():\n    threading.Event().wait()\nconnect()\n";
    let folder = Folder::new("hangs-at-import", &[("app.py", source)]);
    let (code, said) = Service::of(&mut folder.server(&["app", "-w", "1", "--boot-timeout", "4"])).ended();
    assert_eq!(code, Some(3), "{said}");
    for part in ["is not ready after 4 s", "Fatal Python error: Aborted", "app.py\", line 3 in connect"] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
}

#[test]
fn a_module_that_starts_a_thread_cannot_be_preloaded() {
    let source = format!(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n{GOOD}"
    );
    let folder = Folder::new("starts-a-thread", &[("app.py", &source)]);
    let (code, said) = Service::of(&mut folder.server(&["app", "-w", "2", "--preload"])).ended();
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("preload_app: this process has more than one thread"), "{said}");
    let mut service = folder.served(&["app", "-w", "2"]);
    assert_eq!(service.get("/"), "well");
    service.stopped();
}
