//! The servers, as data: what each is called, what program it is, and how it is started.
//!
//! Which of them takes part in which workload is the workload's to say. How programs are built is in `built`; a server
//! that can't be built or started is named with its reason.

/// A server, with its settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    /// What rows are called.
    pub(crate) name: &'static str,
    /// What it is, in a few words.
    pub(crate) what: &'static str,
    /// Its program.
    pub(crate) program: Program,
    /// What its command line has beside what every one of its kind has. `{host}`, `{port}` and `{address}` are filled in.
    pub(crate) arguments: &'static [&'static str],
    /// Where its application is mounted; empty for the root.
    pub(crate) mount: &'static str,
}

/// A kind of program, each with a command line of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// `ours`, this package's binary.
    Ours,
    /// The example `ping`: an application as a factory builds it, with a mount.
    Example,
    /// A binary of `benches/peers`.
    Peer(&'static str),
    /// A program of the Python environment.
    Python(&'static str),
    /// `rsgi-python`: a WSGI application of that environment on a server of ours.
    RsgiPython,
    /// nginx with the configuration in `benches/nginx`.
    Nginx,
}

impl Subject {
    /// Tells whether it is a server of ours that runs handlers on a fixed number of threads.
    pub(crate) fn has_handlers(&self) -> bool {
        self.program == Program::Ours && self.arguments.starts_with(&["--server", "std"])
    }
}

/// The server of that name.
pub(crate) fn subject(name: &str) -> Option<&'static Subject> {
    SUBJECTS.iter().find(|it| it.name == name)
}

const fn ours(name: &'static str, what: &'static str, arguments: &'static [&'static str]) -> Subject {
    Subject { name, what, program: Program::Ours, arguments, mount: "" }
}

const fn mounted(name: &'static str, arguments: &'static [&'static str]) -> Subject {
    Subject { name, what: "the same under a mount", program: Program::Ours, arguments, mount: "/m" }
}

const fn peer(
    name: &'static str,
    what: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
) -> Subject {
    Subject { name, what, program: Program::Peer(program), arguments, mount: "" }
}

const fn python(
    name: &'static str,
    what: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
) -> Subject {
    Subject { name, what, program: Program::Python(program), arguments, mount: "" }
}

const fn hosted(name: &'static str, what: &'static str, arguments: &'static [&'static str]) -> Subject {
    Subject { name, what, program: Program::RsgiPython, arguments, mount: "" }
}

const BARE: &str = "the bare PEP 3333 app";
const FLASK: &str = "Flask with a blueprint";

macro_rules! gunicorn {
    ($app:literal $(, $argument:literal)*) => {
        &[
            "--bind", "{address}", "--workers", "1", "--log-level", "error", "--no-control-socket", "--backlog",
            "2048", $($argument,)* $app,
        ]
    };
}

macro_rules! uwsgi {
    ($app:literal $(, $argument:literal)*) => {
        &[
            "--master", "--die-on-term", "--need-app", "--processes", "1", "--disable-logging", "--listen", "1024",
            $($argument,)* "--module", $app,
        ]
    };
}

macro_rules! granian {
    ($($argument:literal),*) => {
        &[
            "--interface", "wsgi", "--host", "{host}", "--port", "{port}", "--workers", "1", "--http", "1",
            "--no-access-log", "--log-level", "error", $($argument),*
        ]
    };
}

macro_rules! rsgi_python {
    ($app:literal, $server:literal) => {
        &[
            $app,
            "--server",
            $server,
            "--bind",
            "{address}",
            "--workers",
            "1",
            "--log-level",
            "error",
            "--no-control-socket",
            "--backlog",
            "2048",
            "--keep-alive",
            "3600",
        ]
    };
}

macro_rules! waitress {
    ($($argument:literal),*) => {
        &[
            "--listen", "{address}", "--threads", "64", "--connection-limit", "10000", "--channel-timeout", "3600",
            $($argument),*
        ]
    };
}

/// All servers; ours first, then by what they cost.
pub(crate) const SUBJECTS: &[Subject] = &[
    ours("rsgi-std", "rsgi-std, blocking app", &["--server", "std", "--app", "blocking"]),
    ours(
        "rsgi-std-middleware",
        "the same through a middleware that changes the head",
        &["--server", "std", "--app", "blocking", "--wrap", "middleware"],
    ),
    mounted("rsgi-std-mount", &["--server", "std", "--app", "blocking", "--wrap", "mount"]),
    ours("rsgi-hyper", "rsgi-hyper, async app", &["--server", "hyper", "--app", "async"]),
    ours(
        "rsgi-hyper-middleware",
        "the same through a middleware that changes the head",
        &["--server", "hyper", "--app", "async", "--wrap", "middleware"],
    ),
    mounted("rsgi-hyper-mount", &["--server", "hyper", "--app", "async", "--wrap", "mount"]),
    ours(
        "rsgi-hyper-axum",
        "rsgi-hyper, the router of `axum` by rsgi-tower",
        &["--server", "hyper", "--app", "axum"],
    ),
    ours("rsgi-hyper-blocking", "rsgi-hyper, blocking app", &["--server", "hyper", "--app", "blocking"]),
    ours("frasco-std", "rsgi-std, the talk's app in frasco", &["--server", "std", "--app", "frasco"]),
    ours("frasco-hyper", "rsgi-hyper, the talk's app in frasco", &["--server", "hyper", "--app", "frasco"]),
    Subject {
        name: "rsgi-std-talk",
        what: "rsgi-std, the application of the example `ping`: a factory and a mount",
        program: Program::Example,
        arguments: &["--server", "std", "--bind", "{address}"],
        mount: "",
    },
    peer("limit", "reads whatever comes and writes a canned answer", "limit", &[]),
    peer("hyper", "raw hyper, as it is by default", "hyper", &["--flush", "off"]),
    peer("hyper-flush", "raw hyper with `pipeline_flush`", "hyper", &["--flush", "on"]),
    peer(
        "hyper-spawn",
        "raw hyper, each request through `spawn_blocking`",
        "hyper",
        &["--mode", "blocking", "--flush", "on"],
    ),
    peer("may", "may_minihttp", "may", &[]),
    peer("actix", "actix-web", "actix", &[]),
    peer("axum", "axum", "axum", &[]),
    peer("touche", "touche", "touche", &[]),
    peer("tiny", "tiny_http", "tiny", &[]),
    peer("rouille", "rouille", "rouille", &[]),
    Subject {
        name: "nginx",
        what: "nginx: `return` and `sendfile`",
        program: Program::Nginx,
        arguments: &[],
        mount: "",
    },
    hosted("rsgi-python-std", BARE, rsgi_python!("app:app", "std")),
    hosted("rsgi-python-hyper", BARE, rsgi_python!("app:app", "hyper")),
    hosted("rsgi-python-std-flask", FLASK, rsgi_python!("flask_app:create_app()", "std")),
    hosted("rsgi-python-hyper-flask", FLASK, rsgi_python!("flask_app:create_app()", "hyper")),
    python("bjoern", BARE, "python", &["run_bjoern.py", "{host}", "{port}", "app:app"]),
    python("granian", BARE, "granian", granian!("app:app")),
    python("uwsgi", BARE, "uwsgi", uwsgi!("app:app", "--http11-socket", "{address}", "--threads", "64")),
    python("waitress", BARE, "waitress-serve", waitress!("app:app")),
    python("gunicorn-sync", BARE, "gunicorn", gunicorn!("app:app", "-k", "sync")),
    python(
        "gunicorn-gthread",
        BARE,
        "gunicorn",
        gunicorn!("app:app", "-k", "gthread", "--threads", "8", "--keep-alive", "3600"),
    ),
    python("gunicorn-gevent", BARE, "gunicorn", gunicorn!("app:app", "-k", "gevent", "--keep-alive", "3600")),
    python("bjoern-flask", FLASK, "python", &["run_bjoern.py", "{host}", "{port}", "flask_app:create_app()"]),
    python("granian-flask", FLASK, "granian", granian!("--factory", "flask_app:create_app")),
    python(
        "uwsgi-flask",
        FLASK,
        "uwsgi",
        uwsgi!("flask_app:create_app()", "--http11-socket", "{address}", "--threads", "64"),
    ),
    python("waitress-flask", FLASK, "waitress-serve", waitress!("--call", "flask_app:create_app")),
    python("gunicorn-sync-flask", FLASK, "gunicorn", gunicorn!("flask_app:create_app()", "-k", "sync")),
    python(
        "gunicorn-gthread-flask",
        FLASK,
        "gunicorn",
        gunicorn!("flask_app:create_app()", "-k", "gthread", "--threads", "8", "--keep-alive", "3600"),
    ),
    python(
        "gunicorn-gevent-flask",
        FLASK,
        "gunicorn",
        gunicorn!("flask_app:create_app()", "-k", "gevent", "--keep-alive", "3600"),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_has_a_name_of_its_own() {
        for (index, subject) in SUBJECTS.iter().enumerate() {
            assert!(!SUBJECTS[..index].iter().any(|it| it.name == subject.name), "{}", subject.name);
        }
        assert_eq!(subject("axum").unwrap().program, Program::Peer("axum"));
        assert!(subject("none").is_none());
    }
}
