//! One server, running: its command line by its kind, its address, and one request to see that it answers right.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rsgi_core::Error;

use crate::asked;
use crate::built::{Programs, benches};
use crate::load::Load;
use crate::process::{Core, Group, free_port, on};
use crate::subject::{Program, Subject};
use crate::workload::{Placing, Task, Workload};

/// What all servers of a run share.
#[derive(Debug)]
pub(crate) struct Ground {
    /// The programs.
    pub(crate) programs: Programs,
    /// A folder that goes with the run.
    pub(crate) folder: tempfile::TempDir,
    /// The file of 64 MiB.
    pub(crate) file: PathBuf,
    /// The certificate and its key, as PEM.
    pub(crate) certificate: [PathBuf; 2],
}

/// A server that listens.
#[derive(Debug)]
pub(crate) struct Server {
    /// Its processes.
    pub(crate) group: Group,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Where its application is mounted.
    pub(crate) mount: &'static str,
}

impl Ground {
    /// Builds the programs, or takes them from folders if such are named, and makes the files.
    ///
    /// # Errors
    ///
    /// When a file can't be made, or cargo isn't there.
    pub(crate) fn prepare(folders: &[PathBuf]) -> Result<Self, Error> {
        let folder = tempfile::tempdir()?;
        let (file, certificate, key) =
            (folder.path().join("file"), folder.path().join("cert.pem"), folder.path().join("key.pem"));
        fs::write(&file, vec![b'f'; 64 << 20])?;
        let made = rcgen::generate_simple_self_signed(["localhost".to_string(), "127.0.0.1".to_string()])?;
        fs::write(&certificate, made.cert.pem())?;
        fs::write(&key, made.signing_key.serialize_pem())?;
        let programs = if folders.is_empty() { Programs::build()? } else { Programs::in_folders(folders) };
        Ok(Self { programs, folder, file, certificate: [certificate, key] })
    }
}

impl Server {
    /// Starts a server for a workload, and asks it once.
    ///
    /// # Errors
    ///
    /// Why it can't take part.
    pub(crate) fn start(ground: &Ground, subject: &Subject, workload: &Workload) -> Result<Self, Error> {
        let address = free_port()?;
        let program = ground.programs.path(subject.program)?;
        let core = if workload.placing == Placing::Pinned { Core::Server } else { Core::Any };
        let mut command = on(core, &program.to_string_lossy());
        match subject.program {
            Program::Ours | Program::Peer(_) => {
                common_arguments(&mut command, ground, subject, workload, address);
            }
            Program::Python(_) => {
                command.current_dir(benches().join("python")).env("PATH", path_with_venv());
            }
            Program::RsgiPython => {
                command.current_dir(benches().join("python")).env("VIRTUAL_ENV", benches().join(".venv"));
            }
            Program::Nginx => {
                nginx_arguments(&mut command, ground, address)?;
            }
            Program::Example => {}
        }
        for argument in subject.arguments {
            command.arg(filled(argument, address));
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut server = Self { group: Group::start(command)?, address, mount: subject.mount };
        server.group.listens(address)?;
        if !workload.tls && workload.path != "/events" {
            asked::check(address, subject.mount, workload).map_err(|error| {
                let said = server.group.last_words();
                format!("{} answered wrong: {error} (it said: {said})", workload.path)
            })?;
        }
        Ok(server)
    }
}

fn common_arguments(
    command: &mut Command,
    ground: &Ground,
    subject: &Subject,
    workload: &Workload,
    address: SocketAddr,
) {
    command.arg("--listen").arg(address.to_string());
    command.arg("--file").arg(&ground.file);
    if workload.tls {
        command.arg("--tls").args(&ground.certificate);
    }
    // Ours sees by itself what a client speaks.
    if matches!(workload.task, Task::Load(Load::Http2 { .. })) && subject.program != Program::Ours {
        command.arg("--h2");
    }
    if workload.placing == Placing::Free {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        command.arg("--threads").arg(cores.to_string());
    }
    if workload.handlers > 0 && subject.has_handlers() {
        command.arg("--threads").arg(workload.handlers.to_string());
    }
}

/// nginx has a configuration in place of a command line.
fn nginx_arguments(command: &mut Command, ground: &Ground, address: SocketAddr) -> Result<(), Error> {
    let prefix = ground.folder.path().join(format!("nginx-{}", address.port()));
    fs::create_dir_all(&prefix)?;
    let text = fs::read_to_string(benches().join("nginx/nginx.conf.in"))?
        .replace("@PORT@", &address.port().to_string())
        .replace("@PREFIX@", &prefix.to_string_lossy())
        .replace("@FILE@", &ground.file.to_string_lossy());
    let configuration = prefix.join("nginx.conf");
    fs::write(&configuration, text)?;
    command.arg("-p").arg(&prefix).arg("-e").arg(prefix.join("error.log")).arg("-c").arg(configuration);
    Ok(())
}

fn filled(argument: &str, address: SocketAddr) -> String {
    argument
        .replace("{address}", &address.to_string())
        .replace("{host}", &address.ip().to_string())
        .replace("{port}", &address.port().to_string())
}

fn path_with_venv() -> OsString {
    let mut path = OsString::from(Path::new(&benches().join(".venv/bin")));
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_filled_in_whole_and_in_parts() {
        let address = SocketAddr::from(([127, 0, 0, 1], 8000));
        assert_eq!(filled("{address}", address), "127.0.0.1:8000");
        assert_eq!(filled("--http={host}/{port}", address), "--http=127.0.0.1/8000");
        assert_eq!(filled("app:app", address), "app:app");
    }
}
