//! Where templates are: in folders and in the program, the app's before a blueprint's.
//!
//! Invariant: a name is a path below a folder, with slashes, and leads nowhere else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// One place where templates are.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Folder(PathBuf),
    Embedded(String, String),
}

/// Which state of a template was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stamp {
    InProgram,
    /// The file, and when it was changed.
    File(PathBuf, Option<SystemTime>),
}

/// A template as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) stamp: Stamp,
    pub(super) text: String,
}

/// Folders within folders, at most: more is a link that leads back.
const DEEPEST: usize = 32;

impl Source {
    /// The names of its templates. Files whose name begins with a dot or ends with `~` are none.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        match self {
            Self::Folder(folder) => walk(folder, "", DEEPEST, &mut names)?,
            Self::Embedded(name, _) => names.push(name.clone()),
        }
        Ok(names)
    }

    /// Reads one of its templates; `None` if it hasn't got that.
    pub(super) fn read(&self, name: &str) -> io::Result<Option<Found>> {
        let Some(path) = self.file(name) else {
            return Ok(self
                .embedded(name)
                .map(|text| Found { stamp: Stamp::InProgram, text: text.to_owned() }));
        };
        let read = fs::metadata(&path).and_then(|facts| {
            let text = fs::read_to_string(&path)?;
            Ok(Found { stamp: Stamp::File(path, facts.modified().ok()), text })
        });
        match read {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_nothing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Names a template by its file.
    pub(super) fn place(&self, name: &str) -> String {
        match self {
            Self::Folder(folder) => folder.join(name).display().to_string(),
            Self::Embedded(..) => name.to_owned(),
        }
    }

    /// The state of one of its templates as it is now; `None` if it hasn't got that.
    pub(super) fn stamp(&self, name: &str) -> Option<Stamp> {
        let Some(path) = self.file(name) else { return self.embedded(name).map(|_| Stamp::InProgram) };
        let facts = fs::metadata(&path).ok()?;
        facts.is_file().then(|| Stamp::File(path, facts.modified().ok()))
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        let Self::Folder(folder) = self else { return None };
        Some(if is_plain(name) { folder.join(name) } else { PathBuf::new() })
    }

    fn embedded(&self, name: &str) -> Option<&str> {
        match self {
            Self::Embedded(found, text) if found == name => Some(text),
            _ => None,
        }
    }
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
    )
}

/// Whether a name leads down alone.
fn is_plain(name: &str) -> bool {
    let is_odd = |part: &str| part.is_empty() || part.starts_with('.') || part.contains(['\\', ':', '\0']);
    !name.split('/').any(is_odd)
}

fn walk(folder: &Path, prefix: &str, deep: usize, names: &mut Vec<String>) -> io::Result<()> {
    if deep == 0 {
        return Err(io::Error::other(format!("{} is too deep: does a link lead back?", folder.display())));
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().map(ToOwned::to_owned) else {
            return Err(io::Error::other(format!("the name of {} is no UTF-8", entry.path().display())));
        };
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let facts = fs::metadata(entry.path())?;
        if facts.is_dir() {
            walk(&entry.path(), &format!("{prefix}{name}/"), deep - 1, names)?;
        } else if facts.is_file() {
            names.push(format!("{prefix}{name}"));
        }
    }
    names.sort();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_down_alone() {
        for name in ["a.html", "a/b.html", "a..b/c"] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["", "/a", "../a", "a/../b", "a//b", ".env", "a/.git", "a\\b", "a/"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
