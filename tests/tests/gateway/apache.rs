//! Apache with a shipped site.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use rsgi_tests::driving::tool;
use rsgi_tests::shipped;
use rustix::process::getuid;

use crate::fronts::Speaks;
use crate::standing::{Between, Mount, NOBODY, Site, Uploads};

/// Writes its configuration, and gives what starts it.
pub(crate) fn prepare(site: &Site<'_>) -> Command {
    let mut parts = shipped::adapted(site.front.file, &[("*:80", &site.address.to_string())]);
    parts = if site.front.speaks.is_started_by_it() { started(site, &parts) } else { proxied(site, &parts) };
    if site.setup.uploads == Uploads::Unbounded {
        parts = parts.replace("LimitRequestBody 16777216", "LimitRequestBody 0");
        parts = parts.replace("FcgidMaxRequestLen 16777216", "FcgidMaxRequestLen 2147483647");
    }
    write(site, &parts)
}

fn proxied(site: &Site<'_>, parts: &str) -> String {
    let (shipped, scheme, path) = proxy_pass(parts);
    let (path, end) = match site.setup.mount {
        Mount::Root => (path.as_str(), "/"),
        Mount::Shop => ("/shop", ""),
    };
    let behind = match site.setup.between {
        Between::Tcp => format!("ProxyPass {path} {scheme}://{}{end}", site.behind),
        Between::Unix => format!("ProxyPass {path} unix:{}|{scheme}://app{end}", site.socket),
    };
    let parts = parts.replace(&shipped, &behind);
    match site.setup.mount {
        Mount::Root => parts,
        Mount::Shop => parts.replace("SCRIPT_NAME \"\"", "SCRIPT_NAME \"/shop\""),
    }
}

/// With a program that has its arguments: a web server gives none.
fn started(site: &Site<'_>, parts: &str) -> String {
    let folder = site.place.join("bin");
    fs::create_dir(&folder).unwrap();
    // Where Apache's user may read it.
    let program = folder.join("behind");
    if fs::hard_link(env!("CARGO_BIN_EXE_behind"), &program).is_err() {
        fs::copy(env!("CARGO_BIN_EXE_behind"), &program).unwrap();
    }
    let address = if site.front.speaks == Speaks::Cgi { "-" } else { "fd://0" };
    let arguments = format!("{} {address} {}", site.front.behind, site.place.display());
    let unbounded = if site.setup.uploads == Uploads::Unbounded { " unbounded" } else { "" };
    let script = format!("#!/bin/sh\nexec {} {arguments}{unbounded}\n", program.display());
    fs::write(folder.join("app"), script).unwrap();
    fs::set_permissions(folder.join("app"), fs::Permissions::from_mode(0o755)).unwrap();
    let folder = folder.display().to_string();
    let parts = match site.setup.mount {
        Mount::Root => parts.to_owned(),
        Mount::Shop => {
            parts.replace("Alias \"/\" \"/usr/local/bin/app/\"", "Alias \"/shop\" \"/usr/local/bin/app\"")
        }
    };
    // Cases hold their apps, and each takes a process.
    parts
        .replace("/usr/local/bin", &folder)
        .replace("FcgidMaxProcessesPerClass 16", "FcgidMaxProcessesPerClass 100")
}

/// The first words of the line `ProxyPass`, with the scheme and the path that it has.
fn proxy_pass(parts: &str) -> (String, String, String) {
    let line = parts.lines().map(str::trim).find(|line| line.starts_with("ProxyPass ")).unwrap();
    let words: Vec<&str> = line.split(' ').take(3).collect();
    let (scheme, _) = words[2].split_once(':').unwrap();
    (words.join(" "), scheme.to_owned(), words[1].to_owned())
}

fn write(site: &Site<'_>, parts: &str) -> Command {
    let file = site.place.join("apache.conf");
    let main = MAIN.replace("PLACE", site.place.to_str().unwrap());
    let mut main = main.replace("ADDRESS", &site.address.to_string());
    for module in MODULES {
        let _infallible =
            writeln!(main, "LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so");
    }
    if let Some(file) = site.certificate() {
        main.push_str("LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so\n");
        let _infallible = writeln!(main, "SSLEngine on\nSSLCertificateFile {file}");
    }
    if getuid().is_root() {
        let _infallible = writeln!(main, "User {NOBODY}\nGroup {NOBODY}");
    }
    fs::write(&file, main + parts).unwrap();
    let mut command = tool("apache2");
    command.arg("-f").arg(file).arg("-DFOREGROUND");
    command
}

const MODULES: &[&str] = &[
    "mpm_event",
    "authz_core",
    "alias",
    "env",
    "setenvif",
    "headers",
    "proxy",
    "proxy_http",
    "proxy_fcgi",
    "proxy_scgi",
    "proxy_uwsgi",
    "cgid",
    "fcgid",
];

const MAIN: &str = "\
ServerRoot PLACE
ServerName front
DefaultRuntimeDir PLACE
PidFile PLACE/apache.pid
Mutex file:PLACE default
ErrorLog PLACE/error.log
LogLevel info
ScriptSock PLACE/cgid
FcgidIPCDir PLACE/fcgid
FcgidProcessTableFile PLACE/fcgid.table
Listen ADDRESS
MaxKeepAliveRequests 0
KeepAliveTimeout 1
StartServers 1
ServerLimit 1
ThreadLimit 256
ThreadsPerChild 256
MaxRequestWorkers 256
FcgidSpawnScoreUpLimit 100000
FcgidMaxProcesses 100
";
