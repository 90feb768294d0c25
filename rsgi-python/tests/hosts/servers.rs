//! How each host is started, with what its users write down for it.

use std::fs;
use std::process::Command;

use rsgi_tests::driving::{printed, tool};
use rustix::process::geteuid;

use crate::module::program;
use crate::standing::Site;
use crate::table::Server;

/// What starts a host; `None` if it can't be had here.
pub(crate) fn command(server: Server, site: &Site<'_>) -> Option<Command> {
    let mut command = match server {
        Server::GunicornSync => gunicorn(site, &["-k", "sync", "--workers", "24", "--timeout", "10"])?,
        Server::GunicornThreads => {
            // Its main thread waits two seconds for each client that leaves its connection open; and these are forked behind the import.
            gunicorn(site, &["-k", "gthread", "--workers", "8", "--threads", "50", "--preload"])?
        }
        Server::GunicornGevent => {
            program("gevent", "python")?;
            let mut gunicorn = gunicorn(site, &["-k", "gevent"])?;
            // A backtrace walks the whole stack, of which a greenlet has only a part: the worker would die of each panic.
            gunicorn.env("RUST_BACKTRACE", "0");
            gunicorn
        }
        Server::Uwsgi => uwsgi(site)?,
        Server::Waitress => waitress(site)?,
        Server::ModWsgi => mod_wsgi(site)?,
    };
    command
        .current_dir(site.place)
        .env("PYTHONPATH", site.place)
        .env("RSGI_PROBE_NOTES", site.place.join("notes"));
    Some(command)
}

fn gunicorn(site: &Site<'_>, more: &[&str]) -> Option<Command> {
    let mut command = program("gunicorn", "gunicorn")?;
    command.args(["--no-control-socket", "--bind", &site.address.to_string()]).args(more).arg(&site.callable);
    Some(command)
}

fn uwsgi(site: &Site<'_>) -> Option<Command> {
    let mut command = program("uwsgi", "uwsgi")?;
    // Its router closes behind each answer, and says so only if it is told to.
    command.args(["--http", &site.address.to_string(), "--http-auto-chunked", "--http-chunked-input"]);
    command.args(["--add-header", "Connection: close", "--module", &site.callable, "--need-app"]);
    // The default for a request's head is 4 KiB.
    command.args(["--threads", "400", "--die-on-term", "--buffer-size", "65535", "--disable-logging"]);
    command.arg("--virtualenv").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/.venv"));
    Some(command)
}

fn waitress(site: &Site<'_>) -> Option<Command> {
    let mut command = program("waitress", "waitress-serve")?;
    command.args([
        &format!("--listen={}", site.address),
        "--threads=400",
        "--channel-request-lookahead=1",
        &site.callable,
    ]);
    Some(command)
}

/// Apache with a configuration of its own.
fn mod_wsgi(site: &Site<'_>) -> Option<Command> {
    let load = printed(program("mod_wsgi", "mod_wsgi-express")?.arg("module-config")).unwrap();
    let (module, app) = site.callable.split_once(':').unwrap();
    fs::write(site.place.join("app.wsgi"), format!("from {module} import {app} as application\n")).unwrap();
    let place = site.place.display().to_string();
    let text = APACHE.replace("PLACE", &place).replace("ADDRESS", &site.address.to_string());
    let file = site.place.join("apache.conf");
    fs::write(&file, text.replace("LOAD", &load)).unwrap();
    let apache = tool("apache2");
    let mut command = if geteuid().is_root() {
        // Apache never stays root, and Python may lie where nobody else may look.
        let mut command = tool("setpriv");
        command.args(["--reuid=www-data", "--regid=www-data", "--clear-groups"]);
        command.args(["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]).arg(apache.get_program());
        command
    } else {
        apache
    };
    command.arg("-f").arg(file).arg("-DFOREGROUND");
    Some(command)
}

const APACHE: &str = "\
ServerRoot PLACE
ServerName host
DefaultRuntimeDir PLACE
PidFile PLACE/apache.pid
Mutex file:PLACE default
ErrorLog PLACE/error.log
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LOAD
Listen ADDRESS
MaxKeepAliveRequests 0
KeepAliveTimeout 1
StartServers 1
ServerLimit 1
ThreadLimit 256
ThreadsPerChild 256
MaxRequestWorkers 256
WSGISocketPrefix PLACE/wsgi
WSGIDaemonProcess app processes=1 threads=400 python-path=PLACE
WSGIScriptAlias / PLACE/app.wsgi process-group=app application-group=%{GLOBAL}
WSGIChunkedRequest On
WSGIPassAuthorization On
<Directory PLACE>
    Require all granted
</Directory>
";
