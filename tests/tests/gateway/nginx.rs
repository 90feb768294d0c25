//! nginx with a shipped site.

use std::fs;
use std::process::Command;

use rsgi_tests::driving::{printed, tool};
use rsgi_tests::shipped;

use crate::fronts::Speaks;
use crate::standing::{Between, Mount, Site, Uploads};

/// Writes its configuration, and gives what starts it.
pub(crate) fn prepare(site: &Site<'_>) -> Command {
    let listen = match site.certificate() {
        None => format!("listen {};", site.address),
        Some(file) => {
            format!("listen {} ssl; ssl_certificate {file}; ssl_certificate_key {file};", site.address)
        }
    };
    let mut changes =
        vec![("listen 80;", listen.as_str()), ("# server_name example.org;", "server_name front.test;")];
    if site.setup.uploads == Uploads::Unbounded {
        changes.push(("client_max_body_size 16m;", "client_max_body_size 0;"));
    }
    let parts = match site.front.speaks {
        Speaks::Http => {
            // All is where streams are.
            changes
                .extend([("location / {", "location /buffered {"), ("location /events {", "location / {")]);
            shipped::adapted(site.front.file, &changes) + &upstream(site)
        }
        Speaks::FastCgi | Speaks::Scgi | Speaks::Uwsgi => {
            let (shipped, server) = match site.front.speaks {
                Speaks::FastCgi => ("server 127.0.0.1:9000;", server(site)),
                Speaks::Scgi => ("server 127.0.0.1:4000;", server(site)),
                _ => ("server 127.0.0.1:3031;", server(site)),
            };
            changes.push((shipped, &server));
            if site.setup.mount == Mount::Shop {
                changes.extend(match site.front.speaks {
                    Speaks::FastCgi => {
                        &[("location / {", "location /shop {"), ("^()(/.*)$;", "^(/shop)(.*)$;")][..]
                    }
                    Speaks::Scgi => &[
                        ("location / {", "location ~ ^(/shop)(.*)$ {"),
                        ("SCRIPT_NAME \"\";", "SCRIPT_NAME $1;"),
                        ("PATH_INFO $document_uri;", "PATH_INFO $2;"),
                    ],
                    _ => &[("location / {", "location /shop {"), ("SCRIPT_NAME \"\";", "SCRIPT_NAME /shop;")],
                });
            }
            shipped::adapted(site.front.file, &changes)
        }
        other => panic!(
            "nginx has no {other:?} with a server behind: see the tests of deploy/ for the PROXY protocol"
        ),
    };
    // Debian's; other builds have them beside their own `nginx.conf`.
    write(site, &parts.replace("include ", "include /etc/nginx/"))
}

fn server(site: &Site<'_>) -> String {
    match site.setup.between {
        Between::Tcp => format!("server {};", site.behind),
        Between::Unix => format!("server unix:{};", site.socket),
    }
}

fn upstream(site: &Site<'_>) -> String {
    match site.setup.between {
        Between::Tcp => {
            shipped::adapted("nginx/upstream-tcp.conf", &[("127.0.0.1:8000", &site.behind.to_string())])
        }
        Between::Unix => shipped::adapted("nginx/upstream-unix.conf", &[("/run/app/app.sock", &site.socket)]),
    }
}

fn write(site: &Site<'_>, parts: &str) -> Command {
    let user = printed(tool("id").arg("-un")).unwrap();
    let file = site.place.join("nginx.conf");
    let main = MAIN.replace("PARTS", parts).replace("USER", user.trim());
    fs::write(&file, main.replace("PLACE", site.place.to_str().unwrap())).unwrap();
    let mut command = tool("nginx");
    command.arg("-p").arg(site.place).arg("-e").arg(site.place.join("error.log")).arg("-c").arg(file);
    command
}

const MAIN: &str = "\
daemon off;
user USER;
worker_processes 1;
pid PLACE/nginx.pid;
error_log PLACE/error.log info;
events {
    worker_connections 1024;
}
http {
    access_log PLACE/access.log;
    client_body_temp_path PLACE/client-body;
    proxy_temp_path PLACE/proxy;
    fastcgi_temp_path PLACE/fastcgi;
    uwsgi_temp_path PLACE/uwsgi;
    scgi_temp_path PLACE/scgi;
    PARTS
}
";
