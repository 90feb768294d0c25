//! The user and group that workers run as, the mode that files are made with, and the folder they work in.
//!
//! Names are looked up once, by the master before it forks; a worker only changes to numbers. A static binary of the GNU C library can't
//! look names up (that takes shared libraries of the machine), so there both are numbers.
//!
//! Invariant: after [`Identity::assume`] nothing of the former user is left: real, effective and saved numbers and the further groups are
//! the new ones.

use std::ffi::CString;
use std::fmt;
use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User};
use rsgi_core::server::ServeError;
use rustix::fs::Mode;
use rustix::process::DumpableBehavior;

use super::Child;

/// Who workers are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    user: Option<Uid>,
    group: Option<Gid>,
    /// The user's name, if it shall have all its groups.
    name: Option<CString>,
}

/// Which groups a worker has beside its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Further {
    /// None.
    None,
    /// All that the user is a member of (`initgroups`).
    OfUser,
}

impl Identity {
    /// Finds the user and group that workers shall be, by name or number.
    pub(crate) fn find(
        user: Option<&str>,
        group: Option<&str>,
        further: Further,
    ) -> Result<Self, ServeError> {
        let entry = user.map(|user| find_user("user", user)).transpose()?;
        let group = match (group, &entry) {
            (Some(group), _) => Some(find_group("group", group)?),
            (None, Some(entry)) => Some(entry.group.ok_or_else(|| {
                let problem = "this user's group isn't known here";
                ServeError::bad_setting("user", entry.user, problem, "set the group too, by its number")
            })?),
            (None, None) => None,
        };
        let name = match (further, entry.as_ref()) {
            (Further::None, _) => None,
            (Further::OfUser, Some(FoundUser { name: Some(name), .. })) => Some(name.clone()),
            (Further::OfUser, _) => {
                let remedy = "set user to the name of a user of this machine, or leave initgroups out";
                return Err(ServeError::bad_setting("initgroups", "true", "no user by name is set", remedy));
            }
        };
        Ok(Self { user: entry.map(|entry| entry.user), group, name })
    }

    /// Finds the owner of a unix socket's file, by name or number.
    pub(crate) fn owner(user: Option<&str>, group: Option<&str>) -> Result<Self, ServeError> {
        let user = user.map(|user| find_user("unix_user", user)).transpose()?;
        let group = group.map(|group| find_group("unix_group", group)).transpose()?;
        Ok(Self { user: user.map(|entry| entry.user), group, name: None })
    }

    /// The same, with the other's user and group where this has none.
    pub(crate) fn or(self, other: &Self) -> Self {
        Self { user: self.user.or(other.user), group: self.group.or(other.group), name: self.name }
    }

    /// The numbers, for files that shall be the workers'.
    pub(crate) fn numbers(&self) -> (Option<u32>, Option<u32>) {
        (self.user.map(Uid::as_raw), self.group.map(Gid::as_raw))
    }

    /// Gives an open file to the workers' user, so that it can be written and opened again there.
    pub(crate) fn own(&self, file: impl AsFd) -> std::io::Result<()> {
        let (user, group) = self.numbers();
        if user.is_none() && group.is_none() { Ok(()) } else { std::os::unix::fs::fchown(file, user, group) }
    }

    /// Becomes this user, for good. Where nothing is to change, no right is needed.
    pub(crate) fn assume(&self, _: &Child) -> Result<(), ServeError> {
        let user = self.user.unwrap_or_else(nix::unistd::geteuid);
        let group = self.group.unwrap_or_else(nix::unistd::getegid);
        let same = user == nix::unistd::geteuid() && group == nix::unistd::getegid();
        if self.user.is_none() && self.group.is_none() || same && !user.is_root() {
            return Ok(());
        }
        let change = || {
            // In this order: without the first user's rights the rest would be refused.
            match &self.name {
                Some(name) => nix::unistd::initgroups(name, group)?,
                None => nix::unistd::setgroups(&[group])?,
            }
            nix::unistd::setresgid(group, group, group)?;
            nix::unistd::setresuid(user, user, user)
        };
        change().map_err(|error| refused(user, group, error))?;
        // The kernel takes it away with the change; with it a crash still leaves its memory behind where that is asked for.
        let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable);
        Ok(())
    }
}

/// The bits that new files never get. The kernel tells them only to who sets them, so for a moment they are the strictest.
pub(crate) fn umask() -> u32 {
    let bits = rustix::process::umask(Mode::from_raw_mode(0o777));
    rustix::process::umask(bits);
    bits.as_raw_mode()
}

/// Sets the bits that new files never get.
pub(crate) fn set_umask(bits: u32) {
    rustix::process::umask(Mode::from_raw_mode(bits & 0o777));
}

/// Goes to the folder that the app works in.
pub(crate) fn enter(folder: &Path) -> Result<(), ServeError> {
    std::env::set_current_dir(folder).map_err(|error| {
        let remedy = "name a folder that exists and that this user may enter";
        ServeError::bad_setting("chdir", folder.display(), error.to_string(), remedy).with_source(error)
    })
}

struct FoundUser {
    user: Uid,
    group: Option<Gid>,
    name: Option<CString>,
}

fn find_user(setting: &'static str, text: &str) -> Result<FoundUser, ServeError> {
    let found = match number(setting, text)? {
        Some(number) if CAN_LOOK_UP => {
            let user = Uid::from_raw(number);
            // A number needs no entry; if there is one, it tells the group.
            return Ok(User::from_uid(user)
                .ok()
                .flatten()
                .map_or(FoundUser { user, group: None, name: None }, FoundUser::from));
        }
        Some(number) => return Ok(FoundUser { user: Uid::from_raw(number), group: None, name: None }),
        None => User::from_name(text),
    };
    let found = found.map_err(|error| not_looked_up(setting, text, error))?;
    found.map(FoundUser::from).ok_or_else(|| unknown(setting, "user", text))
}

impl From<User> for FoundUser {
    fn from(entry: User) -> Self {
        Self { user: entry.uid, group: Some(entry.gid), name: CString::new(entry.name).ok() }
    }
}

fn find_group(setting: &'static str, text: &str) -> Result<Gid, ServeError> {
    if let Some(number) = number(setting, text)? {
        return Ok(Gid::from_raw(number));
    }
    let found = Group::from_name(text).map_err(|error| not_looked_up(setting, text, error))?;
    found.map(|group| group.gid).ok_or_else(|| unknown(setting, "group", text))
}

/// The number, if it is one; an error for a name where names can't be looked up.
fn number(setting: &'static str, text: &str) -> Result<Option<u32>, ServeError> {
    match text.parse() {
        // To the kernel the highest number means "leave it".
        Ok(u32::MAX) => {
            Err(ServeError::bad_setting(setting, text, "no such number", "write a number below 4294967295"))
        }
        Ok(number) => Ok(Some(number)),
        Err(_) if CAN_LOOK_UP => Ok(None),
        Err(_) => {
            let problem = "this is a static binary, which can't look names up";
            Err(ServeError::bad_setting(setting, text, problem, "write the number, as `id` shows it"))
        }
    }
}

fn unknown(setting: &'static str, kind: &str, text: &str) -> ServeError {
    let remedy = format!("write the name or number of a {kind} of this machine");
    ServeError::bad_setting(setting, text, format!("this machine has no such {kind}"), remedy)
}

fn not_looked_up(setting: &'static str, text: &str, error: Errno) -> ServeError {
    let problem = format!("can't be looked up: {}", error.desc());
    ServeError::bad_setting(setting, text, problem, "write its number").with_source(error)
}

fn refused(user: impl fmt::Display, group: impl fmt::Display, error: Errno) -> ServeError {
    let problem = format!("can't change to this user and group {group}: {}", error.desc());
    ServeError::bad_setting("user", user, problem, "start as root, or leave user and group out")
        .with_source(error)
}

const CAN_LOOK_UP: bool = !cfg!(all(target_feature = "crt-static", target_env = "gnu"));

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(user: Option<&str>, group: Option<&str>, further: Further) -> String {
        Identity::find(user, group, further).unwrap_err().to_string()
    }

    #[test]
    fn a_user_by_name_brings_its_group() {
        let root = Identity::find(Some("root"), None, Further::None).unwrap();
        assert_eq!(root.numbers(), (Some(0), Some(0)));
        assert_eq!(Identity::find(None, Some("root"), Further::None).unwrap().numbers(), (None, Some(0)));
        assert_eq!(Identity::find(None, None, Further::None).unwrap(), Identity::default());
    }

    #[test]
    fn a_number_needs_no_entry_but_then_its_group() {
        let both = Identity::find(Some("54321"), Some("54322"), Further::None).unwrap();
        assert_eq!(both.numbers(), (Some(54321), Some(54322)));
        let text = problem(Some("54321"), None, Further::None);
        assert!(text.contains("54321") && text.contains("set the group too"), "{text}");
    }

    #[test]
    fn an_unknown_name_and_the_kernels_own_number_are_refused() {
        let text = problem(Some("no-such-user"), None, Further::None);
        assert!(text.starts_with("user no-such-user: this machine has no such user"), "{text}");
        let text = problem(None, Some("no-such-group"), Further::None);
        assert!(text.starts_with("group no-such-group: this machine has no such group"), "{text}");
        let text = problem(Some("4294967295"), None, Further::None);
        assert!(text.contains("no such number"), "{text}");
    }

    #[test]
    fn all_groups_of_a_user_need_a_users_name() {
        let text = problem(Some("54321"), Some("54322"), Further::OfUser);
        assert!(text.starts_with("initgroups true"), "{text}");
        assert!(Identity::find(Some("root"), None, Further::OfUser).is_ok());
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let text = enter(Path::new("/nowhere/at/all")).unwrap_err().to_string();
        assert!(text.starts_with("chdir /nowhere/at/all:"), "{text}");
    }
}
