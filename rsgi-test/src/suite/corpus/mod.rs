//! The wire corpus: bytes of HTTP/1 in files, each beside what must come of them, valid and invalid alike.
//!
//! A pair is `NAME.http` with the raw bytes and `NAME.expect` with the verdict; the files lie in `corpus/` of this
//! crate, whose `README.md` describes the format. [`app`] is the app that a server under test runs: it answers with
//! what it saw, so no side channel is needed and a server on another machine does as well. [`run()`] feeds one pair.
//!
//! Not here: what needs megabytes or time; the cases of the suite make such bytes themselves.
//! Reading order: `expect`, `seen`, `observed`, `run`, `difference`.

#![expect(clippy::exhaustive_enums, reason = "what a verdict can say is complete, and runs want to be exact")]

mod difference;
mod expect;
mod observed;
mod run;
mod seen;

use std::fs;
use std::path::Path;

pub use self::difference::{Difference, Differences, differences};
pub use self::expect::{Ending, Expect, Request, Step, Story};
pub use self::observed::{Observation, Observed};
pub use self::run::{How, Mismatch, positions, run};
pub use self::seen::app;

/// The corpus of this crate.
pub const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus");

/// Bytes, and what must come of them.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The path in the corpus without its ending, such as `framing/length-signed`.
    pub name: String,
    /// What the client sends.
    pub bytes: Vec<u8>,
    /// What must come of it.
    pub expect: Expect,
}

/// Reads every pair below a folder, sorted by name.
///
/// # Panics
///
/// Where a file can't be read, says something unknown, or stands without its other half.
pub fn all(folder: impl AsRef<Path>) -> Vec<Pair> {
    let folder = folder.as_ref();
    let mut pairs = Vec::new();
    collect(folder, folder, &mut pairs);
    pairs.sort_by(|left, right| left.name.cmp(&right.name));
    assert!(!pairs.is_empty(), "no pair below {}", folder.display());
    pairs
}

fn collect(root: &Path, folder: &Path, pairs: &mut Vec<Pair>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.map(|entry| entry.expect("a readable folder").path()) {
        if path.is_dir() {
            collect(root, &path, pairs);
        }
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("http") => pairs.push(load(root, &path)),
            Some("expect") => assert!(path.with_extension("http").exists(), "{} is alone", path.display()),
            _ => {}
        }
    }
}

fn load(root: &Path, http: &Path) -> Pair {
    let stem = http.with_extension("");
    let name = stem.strip_prefix(root).unwrap_or(&stem).to_string_lossy().replace('\\', "/");
    let bytes = fs::read(http).unwrap_or_else(|error| panic!("{name}.http: {error}"));
    let text = fs::read_to_string(http.with_extension("expect"));
    let text = text.unwrap_or_else(|error| panic!("{name}.expect: {error}"));
    let expect = Expect::parse(&text).unwrap_or_else(|fault| panic!("{name}.expect: {fault}"));
    Pair { name, bytes, expect }
}
