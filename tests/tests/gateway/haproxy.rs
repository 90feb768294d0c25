//! HAProxy with a shipped configuration.

use std::fs;
use std::process::Command;

use rsgi_tests::driving::tool;
use rsgi_tests::shipped;

use crate::fronts::Speaks;
use crate::standing::{Between, Mount, Site};

/// Writes its configuration, and gives what starts it.
pub(crate) fn prepare(site: &Site<'_>) -> Command {
    let tls = site.certificate().map(|file| format!(" ssl crt {file}"));
    let bind = format!("bind {}{}", site.address, tls.unwrap_or_default());
    let mut parts = shipped::adapted(site.front.file, &[("bind :80", &bind)]);
    let behind = match site.setup.between {
        Between::Tcp => format!("server app {}", site.behind),
        Between::Unix => format!("server app unix@{}", site.socket),
    };
    for shipped in ["server app 127.0.0.1:8000", "server app 127.0.0.1:9000"] {
        parts = parts.replace(shipped, &behind);
    }
    if site.setup.mount == Mount::Shop {
        parts = parts.replace("^()(/.*)$", "^(/shop)(.*)$");
    }
    if site.front.speaks == Speaks::ProxyV1 {
        parts = parts.replace(" send-proxy-v2\n", " send-proxy\n");
    }
    let file = site.place.join("haproxy.cfg");
    fs::write(&file, parts).unwrap();
    let mut command = tool("haproxy");
    command.arg("-db").arg("-f").arg(file);
    command
}
