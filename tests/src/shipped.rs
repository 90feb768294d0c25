//! The files of `deploy/`, and copies of them with other paths.
//!
//! Next: `driving.rs`, which starts what they are for.
#![allow(clippy::unwrap_used, reason = "a test stops where it can't go on")]

use std::fs;
use std::path::{Path, PathBuf};

/// Where a shipped file is.
pub fn path(name: &str) -> PathBuf {
    root().join("deploy").join(name)
}

/// The workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Its text.
pub fn text(name: &str) -> String {
    let path = path(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Its text with each of these in place of the other; each must be there.
pub fn adapted(name: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text(name), |text, (shipped, here)| {
        assert!(text.contains(shipped), "{name} has no {shipped}");
        text.replace(shipped, here)
    })
}

/// The value of a key of a file in the form of units.
pub fn values(text: &str, key: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=').map(str::to_owned)).collect()
}
