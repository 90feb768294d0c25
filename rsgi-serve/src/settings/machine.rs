//! [`Machine`]: what the settings depend on beside themselves: the program's name, whose process this is, its folders.
//!
//! Gathered once, so that reading settings is a function of its inputs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::process::privileges::{Further, Identity};

/// Where the settings are read.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// The program's name, without a folder.
    pub(crate) program: String,
    pub(crate) user: u32,
    pub(crate) group: u32,
    pub(crate) input: Input,
    /// `XDG_RUNTIME_DIR`.
    pub(crate) runtime_folder: Option<PathBuf>,
    /// `HOME`.
    pub(crate) home: Option<PathBuf>,
    /// Finds the numbers of a user and a group; `None` if there are no such.
    pub(crate) numbers: fn(Option<&str>, Option<&str>) -> Option<Numbers>,
}

/// What the program was started with as its standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A listening socket, which is there for it to serve.
    Listener,
    Terminal,
    Other,
}

/// Of a user and of a group, where one was asked for.
type Numbers = (Option<u32>, Option<u32>);

impl Machine {
    /// This one.
    pub(crate) fn this(program: &str, environment: &[(OsString, OsString)], input: Input) -> Self {
        let folder = |name: &str| {
            let found =
                environment.iter().find(|(key, _)| key == name).map(|(_, value)| PathBuf::from(value));
            found.filter(|path| path.is_absolute())
        };
        Self {
            program: program.to_owned(),
            user: rustix::process::geteuid().as_raw(),
            group: rustix::process::getegid().as_raw(),
            input,
            runtime_folder: folder("XDG_RUNTIME_DIR"),
            home: folder("HOME"),
            numbers: |user, group| Some(Identity::find(user, group, Further::None).ok()?.numbers()),
        }
    }

    /// Whether this process may become another user.
    pub(crate) fn is_root(&self) -> bool {
        self.user == 0
    }

    /// Where the control socket is if nobody says; `None` if there is no folder of our own.
    pub(crate) fn control_socket(&self, name: &str) -> Option<PathBuf> {
        let folder = if self.is_root() {
            Path::new("/run/rsgi").to_owned()
        } else {
            let runtime = self.runtime_folder.as_ref().map(|folder| folder.join("rsgi"));
            runtime.or_else(|| Some(self.home.as_ref()?.join(".rsgi")))?
        };
        Some(folder.join(format!("{name}.ctl")))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A machine where only `me` (1000) and `www-data` (33) are known.
    pub(crate) fn somewhere() -> Machine {
        Machine {
            program: "shop".to_owned(),
            user: 1000,
            group: 1000,
            input: Input::Other,
            runtime_folder: Some("/run/user/1000".into()),
            home: Some("/home/me".into()),
            numbers: |user, group| {
                let number = |name: &str| match name {
                    "me" => Some(1000),
                    "www-data" => Some(33),
                    number => number.parse().ok(),
                };
                let find = |name: Option<&str>| name.map(|name| number(name).ok_or(())).transpose();
                Some((find(user).ok()?, find(group).ok()?))
            },
        }
    }

    #[test]
    fn the_control_socket_is_in_a_folder_of_our_own() {
        let mut machine = somewhere();
        let path = |machine: &Machine| machine.control_socket("shop");
        assert_eq!(path(&machine), Some("/run/user/1000/rsgi/shop.ctl".into()));
        machine.runtime_folder = None;
        assert_eq!(path(&machine), Some("/home/me/.rsgi/shop.ctl".into()));
        machine.home = None;
        assert_eq!(path(&machine), None);
        machine.user = 0;
        assert_eq!(path(&machine), Some("/run/rsgi/shop.ctl".into()));
    }

    #[test]
    fn a_relative_folder_in_the_environment_is_no_folder() {
        let environment = [("HOME".into(), "home".into()), ("XDG_RUNTIME_DIR".into(), "/x".into())];
        let machine = Machine::this("shop", &environment, Input::Other);
        assert_eq!((machine.home, machine.runtime_folder), (None, Some("/x".into())));
    }
}
