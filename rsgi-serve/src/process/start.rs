//! [`Start`]: how this program was started, remembered for the image that replaces it: arguments, environment, folder, program.
//!
//! Read first of all: the title overwrites the arguments, and variables are taken away so that the app doesn't see them. Paths are kept
//! as they were written: where the folder or the program is a symbolic link that a deployment replaces, the new image is the new target's.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::privileges;

/// How this program was started.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    folder: PathBuf,
    program: PathBuf,
    umask: u32,
}

impl Start {
    /// Remembers it.
    pub(crate) fn remember() -> io::Result<Self> {
        let arguments: Vec<_> = std::env::args_os().collect();
        let here = std::env::current_dir()?;
        let folder = logical_folder(std::env::var_os("PWD"), &here);
        let first = arguments.first().map_or(OsStr::new(""), OsString::as_os_str);
        let program = match program(first, &folder, std::env::var_os("PATH")) {
            Some(program) => program,
            None => std::env::current_exe()?,
        };
        let environment = std::env::vars_os().collect();
        Ok(Self { arguments, environment, folder, program, umask: privileges::umask() })
    }

    /// The permission bits that new files didn't get.
    pub(crate) fn umask(&self) -> u32 {
        self.umask
    }

    /// A variable of its environment.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let found = self.environment.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.to_string_lossy().into_owned())
    }

    /// The folder it was started in, with the symbolic links it was reached by.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The program's file, as it was named at the start.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The arguments, the program's name first.
    pub(crate) fn arguments(&self) -> Vec<CString> {
        self.arguments.iter().filter_map(|argument| CString::new(argument.as_bytes()).ok()).collect()
    }

    /// The environment for a new image, with `added` over it. What hands descriptors over is left out: the new image would take the
    /// numbers for its own, since it has the process number that they are addressed to.
    pub(crate) fn environment(&self, added: &[(&str, &str)]) -> Vec<CString> {
        let replaced = |name: &OsString| {
            HANDED_OVER.iter().any(|it| name.as_os_str() == *it)
                || added.iter().any(|(it, _)| name.as_os_str() == *it)
        };
        let kept = self.environment.iter().filter(|(name, _)| !replaced(name)).cloned();
        let added = added.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let lines = kept.chain(added).filter_map(|(name, value)| {
            let mut line = name.into_vec();
            line.push(b'=');
            line.extend_from_slice(value.as_bytes());
            CString::new(line).ok()
        });
        lines.collect()
    }
}

/// The folder's path as the shell has it, if that is still this folder.
fn logical_folder(written: Option<OsString>, here: &Path) -> PathBuf {
    let written = written.map(PathBuf::from).filter(|path| path.is_absolute() && same_file(path, here));
    written.unwrap_or_else(|| here.to_owned())
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (one.metadata(), other.metadata()) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

/// Finds the program's file as the shell did: by its path, or along `PATH`.
fn program(first: &OsStr, folder: &Path, path: Option<OsString>) -> Option<PathBuf> {
    let runs =
        |file: &PathBuf| file.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0);
    if first.as_bytes().contains(&b'/') {
        return Some(folder.join(first)).filter(runs);
    }
    if first.is_empty() {
        return None;
    }
    std::env::split_paths(&path?).map(|place| folder.join(place).join(first)).find(runs)
}

/// systemd's variables for descriptors (`sd_listen_fds(3)`).
pub(crate) const HANDED_OVER: &[&str] = &["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"];

#[cfg(test)]
mod tests {
    use super::*;

    fn start(environment: &[(&str, &str)]) -> Start {
        Start {
            arguments: vec!["ping".into(), "-w".into(), "5".into()],
            environment: environment.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            folder: "/".into(),
            program: "/bin/sh".into(),
            umask: 0o22,
        }
    }

    #[test]
    fn a_new_image_gets_the_starts_environment_without_handed_over_descriptors() {
        let start = start(&[("A", "1"), ("LISTEN_FDS", "1"), ("LISTEN_PID", "7"), ("RSGI_UPGRADE", "old")]);
        assert_eq!(
            start.environment(&[("RSGI_UPGRADE", "probe")]),
            [c"A=1".to_owned(), c"RSGI_UPGRADE=probe".to_owned()]
        );
        assert_eq!(start.arguments(), [c"ping".to_owned(), c"-w".to_owned(), c"5".to_owned()]);
    }

    #[test]
    fn a_program_is_found_by_its_path_or_along_path() {
        let found = |first: &str| program(OsStr::new(first), Path::new("/bin"), Some("/nowhere:/bin".into()));
        assert_eq!(found("sh"), Some("/bin/sh".into()));
        assert_eq!(found("./sh"), Some("/bin/./sh".into()));
        assert_eq!(found("/bin/sh"), Some("/bin/sh".into()));
        assert_eq!(found("no-such-program"), None);
        assert_eq!(found(""), None);
    }

    #[test]
    fn the_folder_keeps_the_symbolic_link_it_was_reached_by() {
        let place = std::env::temp_dir().join(format!("rsgi-serve-start-{}", std::process::id()));
        std::fs::create_dir_all(place.join("v1")).unwrap();
        let link = place.join("current");
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink("v1", &link).unwrap();
        let here = place.join("v1").canonicalize().unwrap();
        assert_eq!(logical_folder(Some(link.clone().into()), &here), link);
        assert_eq!(logical_folder(Some("/".into()), &here), here);
        assert_eq!(logical_folder(None, &here), here);
        std::fs::remove_dir_all(place).unwrap();
    }
}
