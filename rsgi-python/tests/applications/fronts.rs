//! The talk's application behind nginx and Apache, by FastCGI and by uwsgi, with the sites of `deploy/` as they are shipped: whoever
//! asks there gets what Gunicorn answers.
//!
//! What else holds behind web servers is asked of every app in `tests/tests/gateway`.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use rsgi_tests::driving::{Running, Scratch, free_port, printed, tool, until};
use rsgi_tests::shipped::adapted;
use rustix::process::getuid;

use crate::served::{Host, OURS, has};
use crate::talk::{TALK, answers};

/// A shipped site, and what is said there of the application's protocol and address.
struct Front {
    file: &'static str,
    protocol: &'static str,
    behind: &'static str,
}

#[test]
fn behind_nginx_the_talks_application_answers_as_under_gunicorn() {
    alike(
        &[
            Front { file: "nginx/fastcgi.conf", protocol: "fastcgi", behind: "127.0.0.1:9000" },
            Front { file: "nginx/uwsgi.conf", protocol: "uwsgi", behind: "127.0.0.1:3031" },
        ],
        nginx,
    );
}

#[test]
fn behind_apache_the_talks_application_answers_as_under_gunicorn() {
    alike(
        &[
            Front { file: "apache/proxy-fcgi.conf", protocol: "fastcgi", behind: "127.0.0.1:9000" },
            Front { file: "apache/proxy-uwsgi.conf", protocol: "uwsgi", behind: "127.0.0.1:3031" },
        ],
        apache,
    );
}

/// Compares the answers of the talk's command behind a web server with Gunicorn's own.
fn alike(fronts: &[Front], web: fn(&Front, &Path, &str, &str) -> Command) {
    if !TALK.is_here() || !has("gunicorn") {
        return;
    }
    let gunicorn = TALK.on(Host::Gunicorn, &[]);
    answers(&gunicorn);
    let expected = gunicorn.seen();
    gunicorn.end();
    for front in fronts {
        for host in OURS {
            let served = TALK.on(host, &["-w", "5", "--protocol", front.protocol]);
            let place = Scratch::new("front");
            // The web server may have another user.
            fs::set_permissions(&*place, fs::Permissions::from_mode(0o777)).unwrap();
            let address = format!("127.0.0.1:{}", free_port());
            let command = web(front, &place, &address, &served.address);
            let running = Running::start(command, &place.join("web.log"));
            until("web server", || TcpStream::connect(&address).ok());
            let served = served.behind(running, &address);
            answers(&served);
            assert_eq!(served.seen(), expected, "{host:?} behind {}", front.file);
            served.end();
        }
    }
}

fn nginx(front: &Front, place: &Path, address: &str, behind: &str) -> Command {
    let site = adapted(
        front.file,
        &[
            ("listen 80;", &format!("listen {address};")),
            (&format!("server {};", front.behind), &format!("server {behind};")),
        ],
    );
    let user = printed(tool("id").arg("-un")).unwrap();
    // Debian's parameters; other builds have them beside their own `nginx.conf`.
    let site = site.replace("include ", "include /etc/nginx/");
    let text = NGINX.replace("SITE", &site).replace("USER", user.trim());
    fs::write(place.join("nginx.conf"), text.replace("PLACE", place.to_str().unwrap())).unwrap();
    let mut command = tool("nginx");
    command.arg("-p").arg(place).arg("-e").arg(place.join("error.log"));
    command.arg("-c").arg(place.join("nginx.conf"));
    command
}

fn apache(front: &Front, place: &Path, address: &str, behind: &str) -> Command {
    let site = adapted(
        front.file,
        &[("*:80", address), (&format!("://{}/", front.behind), &format!("://{behind}/"))],
    );
    let text = APACHE.replace("SITE", &site).replace("ADDRESS", address);
    let user = if getuid().is_root() { "User www-data\nGroup www-data" } else { "" };
    let text = text.replace("USER", user).replace("PLACE", place.to_str().unwrap());
    fs::write(place.join("apache.conf"), text).unwrap();
    let mut command = tool("apache2");
    command.arg("-f").arg(place.join("apache.conf")).arg("-DFOREGROUND");
    command
}

/// An nginx for a test alone.
const NGINX: &str = "\
daemon off;
user USER;
worker_processes 1;
pid PLACE/nginx.pid;
error_log PLACE/error.log warn;
events {
    worker_connections 1024;
}
http {
    access_log off;
    client_body_temp_path PLACE/client-body;
    proxy_temp_path PLACE/proxy;
    fastcgi_temp_path PLACE/fastcgi;
    uwsgi_temp_path PLACE/uwsgi;
    scgi_temp_path PLACE/scgi;
    SITE
}
";

/// An Apache for a test alone.
const APACHE: &str = "\
ServerRoot PLACE
ServerName front
DefaultRuntimeDir PLACE
PidFile PLACE/apache.pid
Mutex file:PLACE default
ErrorLog PLACE/error.log
Listen ADDRESS
StartServers 1
USER
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule setenvif_module /usr/lib/apache2/modules/mod_setenvif.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_fcgi_module /usr/lib/apache2/modules/mod_proxy_fcgi.so
LoadModule proxy_uwsgi_module /usr/lib/apache2/modules/mod_proxy_uwsgi.so
SITE
";
