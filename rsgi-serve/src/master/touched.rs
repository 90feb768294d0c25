//! Files whose change reloads, as HUP does (`touch_reload`): for deployments that can write a file and send no signal.
//!
//! Looked at when the master looks at its workers, once a second. A file that comes counts as changed, one that goes doesn't: it was
//! perhaps replaced, and its successor counts.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What is watched.
#[derive(Debug, Default)]
pub(super) struct Touched(Vec<(PathBuf, Option<Stamp>)>);

/// What changes with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    written: (i64, i64),
}

impl Touched {
    /// Files as they are now.
    pub(super) fn of(paths: &[PathBuf]) -> Self {
        // Whole, for the folder may be changed.
        let whole = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let stamped = |path: PathBuf| {
            let stamp = stamp(&path);
            (path, stamp)
        };
        Self(paths.iter().map(whole).map(stamped).collect())
    }

    /// One that has changed since the last time, of which the others are remembered, too.
    pub(super) fn changed(&mut self) -> Option<PathBuf> {
        let mut changed = None;
        for (path, before) in &mut self.0 {
            let now = stamp(path);
            if now.is_some() && now != *before {
                *before = now;
                changed = Some(path.clone());
            }
        }
        changed
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = fs::metadata(path).ok()?;
    Some(Stamp { inode: found.ino(), length: found.len(), written: (found.mtime(), found.mtime_nsec()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_or_comes_has_changed_once() {
        let place = crate::log::scratch("touched");
        fs::create_dir_all(&place).unwrap();
        let (one, other) = (place.join("one"), place.join("other"));
        fs::write(&one, "1").unwrap();
        let mut touched = Touched::of(&[one.clone(), other.clone()]);
        assert_eq!(touched.changed(), None);
        fs::write(&one, "12").unwrap();
        assert_eq!((touched.changed(), touched.changed()), (Some(one.clone()), None));
        fs::write(&other, "").unwrap();
        assert_eq!((touched.changed(), touched.changed()), (Some(other), None));
        fs::remove_file(&one).unwrap();
        assert_eq!(touched.changed(), None);
        fs::remove_dir_all(place).unwrap();
    }
}
