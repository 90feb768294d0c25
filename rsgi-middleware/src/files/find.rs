//! Where a place below the folder lies: the file to send, opened. May block.
//!
//! Links are resolved by `cap-std`, which refuses what leads out of the folder at the very lookup that opens it
//! (`openat2` where there is one), so no link can be changed between a check and its use.

use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cap_std::fs::Dir;

use super::path::Below;
use super::{Links, Settings};
use crate::Coding;
use crate::coding::Wish;

/// What lies at a place.
pub(super) enum Found {
    File(Box<FoundFile>),
    /// A folder with an index, whose path lacks its slash.
    Folder,
    Nothing,
}

/// An open file.
#[derive(Debug)]
pub(super) struct FoundFile {
    pub(super) file: File,
    /// As it was when it was opened.
    pub(super) facts: Metadata,
    /// Of the file that was asked for, whose type the answer has.
    pub(super) name: PathBuf,
    /// Of the file beside it that was opened in its place.
    pub(super) coding: Option<Coding>,
}

pub(super) fn find(settings: &Settings, below: Below, wish: &Wish) -> io::Result<Found> {
    or_nothing(find_any(settings, below, wish))
}

/// Finds a file by its very name, without regard to an index.
pub(super) fn find_file(settings: &Settings, path: PathBuf, wish: &Wish) -> io::Result<Found> {
    or_nothing(Root::open(settings).and_then(|root| root.file(settings, path, wish)))
}

fn or_nothing(found: io::Result<Found>) -> io::Result<Found> {
    match found {
        Err(error) if is_nothing(&error) => {
            if error.kind() == ErrorKind::PermissionDenied {
                // Also what cap-std says of a link that leads out.
                tracing::debug!(target: "rsgi", %error, "a file isn't served: no permission, or a link that leads out");
            }
            Ok(Found::Nothing)
        }
        found => found,
    }
}

fn find_any(settings: &Settings, below: Below, wish: &Wish) -> io::Result<Found> {
    let root = Root::open(settings)?;
    let Some(index) = &settings.index else {
        return if below.has_slash || below.path.as_os_str().is_empty() {
            Ok(Found::Nothing)
        } else {
            root.file(settings, below.path, wish)
        };
    };
    if below.has_slash {
        return root.file(settings, below.path.join(index), wish);
    }
    let is_folder = below.path.as_os_str().is_empty() || root.facts(&below.path)?.is_folder;
    if !is_folder {
        return root.file(settings, below.path, wish);
    }
    // A redirect to what isn't there would only hide an inner app's own page.
    Ok(if root.facts(&below.path.join(index))?.is_file { Found::Folder } else { Found::Nothing })
}

/// Tells whether an error says that there is nothing to serve; others are the server's trouble.
fn is_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::PermissionDenied
            | ErrorKind::InvalidFilename
    )
}

/// The folder, by either policy on links.
enum Root<'a> {
    Inside(Dir),
    Anywhere(&'a Path),
}

struct Facts {
    is_folder: bool,
    is_file: bool,
    modified: Option<SystemTime>,
}

impl<'a> Root<'a> {
    fn open(settings: &'a Settings) -> io::Result<Self> {
        Ok(match settings.links {
            Links::Inside => {
                Self::Inside(Dir::open_ambient_dir(&settings.root, cap_std::ambient_authority())?)
            }
            Links::Anywhere => Self::Anywhere(&settings.root),
        })
    }

    fn facts(&self, path: &Path) -> io::Result<Facts> {
        Ok(match self {
            Self::Inside(folder) => {
                let facts = folder.metadata(path)?;
                let modified = facts.modified().ok().map(cap_std::time::SystemTime::into_std);
                Facts { is_folder: facts.is_dir(), is_file: facts.is_file(), modified }
            }
            Self::Anywhere(root) => {
                let facts = std::fs::metadata(root.join(path))?;
                Facts { is_folder: facts.is_dir(), is_file: facts.is_file(), modified: facts.modified().ok() }
            }
        })
    }

    fn open_file(&self, path: &Path) -> io::Result<File> {
        match self {
            Self::Inside(folder) => Ok(folder.open(path)?.into_std()),
            Self::Anywhere(root) => File::open(root.join(path)),
        }
    }

    /// Opens a regular file, or the one beside it in a coding that the client wishes for.
    fn file(&self, settings: &Settings, path: PathBuf, wish: &Wish) -> io::Result<Found> {
        // Asked before it is opened: opening a pipe would wait for its writer.
        let facts = self.facts(&path)?;
        if !facts.is_file {
            return Ok(Found::Nothing);
        }
        let mut left = settings.precompressed.clone();
        while let Some(coding) = wish.best_of(&left) {
            if let Some(file) = self.beside(&path, coding, facts.modified) {
                let facts = file.metadata()?;
                return Ok(Found::File(Box::new(FoundFile {
                    file,
                    facts,
                    name: path,
                    coding: Some(coding),
                })));
            }
            left.retain(|other| *other != coding);
        }
        let file = self.open_file(&path)?;
        let facts = file.metadata()?;
        Ok(Found::File(Box::new(FoundFile { file, facts, name: path, coding: None })))
    }

    fn beside(&self, path: &Path, coding: Coding, modified: Option<SystemTime>) -> Option<File> {
        let mut name = OsString::from(path);
        name.push(extension(coding));
        let beside = PathBuf::from(name);
        let facts = self.facts(&beside).ok()?;
        if facts.modified < modified {
            tracing::debug!(target: "rsgi", file = %beside.display(), "older than what it stands for: not served");
            return None;
        }
        if facts.is_file { self.open_file(&beside).ok() } else { None }
    }
}

fn extension(coding: Coding) -> &'static str {
    match coding {
        Coding::Brotli => ".br",
        Coding::Gzip => ".gz",
        Coding::Zstd => ".zst",
    }
}
