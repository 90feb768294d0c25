//! Where the programs are: ours and the peers built by cargo, the others installed by `benches/install`.
//!
//! What can't be built or found has its reason here, and its rows say so.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rsgi_core::Error;

use crate::subject::Program;

/// The programs that could be had.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    binaries: BTreeMap<String, PathBuf>,
    /// What cargo said last when something couldn't be built.
    said: String,
}

/// The folder `benches`.
pub(crate) fn benches() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Programs {
    /// Builds ours and all peers; what fails is left out.
    ///
    /// # Errors
    ///
    /// When cargo can't be started.
    pub(crate) fn build() -> Result<Self, Error> {
        let mut programs = Self::default();
        programs.cargo(benches(), &["-p", "rsgi-benches", "--bin", "ours"])?;
        programs.cargo(benches(), &["-p", "rsgi-examples", "--bin", "ping"])?;
        programs.cargo(&benches().join("peers"), &["--workspace", "--bins", "--keep-going"])?;
        programs.cargo(benches(), &["-p", "rsgi-python", "--bin", "rsgi-python"])?;
        Ok(programs)
    }

    /// Builds `ours` alone.
    ///
    /// # Errors
    ///
    /// When cargo can't be started.
    pub(crate) fn ours() -> Result<Self, Error> {
        let mut programs = Self::default();
        programs.cargo(benches(), &["-p", "rsgi-benches", "--bin", "ours"])?;
        Ok(programs)
    }

    /// Builds `ours`, and what tells the kernel's own cost behind a web server.
    ///
    /// # Errors
    ///
    /// When cargo can't be started.
    pub(crate) fn behind_a_web_server() -> Result<Self, Error> {
        let mut programs = Self::ours()?;
        programs.cargo(&benches().join("peers"), &["-p", "peer-gateway-limit"])?;
        Ok(programs)
    }

    /// Builds the example `ping` alone.
    ///
    /// # Errors
    ///
    /// When cargo can't be started.
    pub(crate) fn example() -> Result<Self, Error> {
        let mut programs = Self::default();
        programs.cargo(benches(), &["-p", "rsgi-examples", "--bin", "ping"])?;
        Ok(programs)
    }

    /// Takes what lies in folders, the first that has it, and builds nothing.
    pub(crate) fn in_folders(folders: &[PathBuf]) -> Self {
        let mut programs = Self { said: "--programs has none".into(), ..Self::default() };
        for folder in folders.iter().rev() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if ["ours", "ping", "rsgi-python"].contains(&name.as_str()) || name.starts_with("peer-") {
                    programs.binaries.insert(name, entry.path());
                }
            }
        }
        programs
    }

    /// Where a program is.
    ///
    /// # Errors
    ///
    /// Why it isn't there.
    pub(crate) fn path(&self, program: Program) -> Result<PathBuf, Error> {
        let name = match program {
            Program::Ours => "ours".to_string(),
            Program::Example => "ping".to_string(),
            Program::RsgiPython => "rsgi-python".to_string(),
            Program::Peer(name) => format!("peer-{name}"),
            Program::Python(name) => {
                let path = benches().join(".venv/bin").join(name);
                return if path.exists() { Ok(path) } else { Err("not installed: benches/install".into()) };
            }
            Program::Nginx => {
                let folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
                let found = folders.iter().map(|folder| Path::new(folder).join("nginx"));
                return found
                    .into_iter()
                    .find(|path| path.exists())
                    .ok_or_else(|| "not installed: benches/install".into());
            }
        };
        let found = self.binaries.get(&name).cloned();
        found.ok_or_else(|| format!("{name} couldn't be built: {}", self.said).into())
    }

    fn cargo(&mut self, folder: &Path, arguments: &[&str]) -> Result<(), Error> {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(folder).args(["build", "--release", "--message-format", "json"]).args(arguments);
        // rsgi-python is linked with the interpreter whose packages it serves.
        let python = benches().join(".venv/bin/python");
        if python.exists() {
            command.env("PYO3_PYTHON", python);
        }
        let made = command.stdin(Stdio::null()).output()?;
        for line in String::from_utf8_lossy(&made.stdout).lines() {
            if let Some((name, path)) = executable(line) {
                self.binaries.insert(name, path);
            }
        }
        if !made.status.success() {
            let said = String::from_utf8_lossy(&made.stderr);
            let fault = said.lines().find(|line| line.starts_with("error")).unwrap_or("cargo failed");
            self.said = fault.to_string();
        }
        Ok(())
    }
}

/// The name and place of a binary in a message of cargo's.
fn executable(line: &str) -> Option<(String, PathBuf)> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let path = message.get("executable")?.as_str()?;
    let name = message.get("target")?.get("name")?.as_str()?;
    Some((name.to_string(), path.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_cargo_s_names_a_binary() {
        let line =
            r#"{"reason":"compiler-artifact","target":{"name":"peer-axum"},"executable":"/t/peer-axum"}"#;
        assert_eq!(executable(line), Some(("peer-axum".into(), "/t/peer-axum".into())));
        assert_eq!(executable(r#"{"reason":"compiler-artifact","executable":null}"#), None);
        assert_eq!(executable("Compiling"), None);
    }

    #[test]
    fn the_first_folder_that_has_a_program_gives_it() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(first.path().join("ours"), "").unwrap();
        fs::write(second.path().join("ours"), "").unwrap();
        fs::write(second.path().join("peer-may"), "").unwrap();
        let programs = Programs::in_folders(&[first.path().into(), second.path().into()]);
        assert_eq!(programs.path(Program::Ours).unwrap(), first.path().join("ours"));
        assert_eq!(programs.path(Program::Peer("may")).unwrap(), second.path().join("peer-may"));
        assert!(programs.path(Program::Peer("axum")).is_err());
    }

    #[test]
    fn what_was_not_built_is_named_with_its_reason() {
        let programs = Programs { said: "error: no".into(), ..Programs::default() };
        let error = programs.path(Program::Peer("may")).unwrap_err().to_string();
        assert_eq!(error, "peer-may couldn't be built: error: no");
    }
}
