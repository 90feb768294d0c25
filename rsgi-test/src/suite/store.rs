//! Where the notes and gates of a probe are kept: in memory, or in a folder that several processes share.
//!
//! A server that answers each request in whichever process is free, or in a new one, needs the folder: the app tells in
//! one process and is asked in another. A note is a file of its own, written whole and taken by whoever removes it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, io, thread};

use crate::wire::deadline::{Gate, patience};

/// All notes and gates of one probe.
#[derive(Debug)]
pub struct Store(Place);

#[derive(Debug)]
enum Place {
    Memory(Memory),
    Folder(PathBuf),
}

#[derive(Debug, Default)]
struct Memory {
    notes: Mutex<BTreeMap<Key, VecDeque<String>>>,
    gates: Mutex<BTreeMap<Key, Gate>>,
    told: Condvar,
}

/// The token of a run and the kind of a note, or the name of a gate.
type Key = (String, String);

impl Default for Store {
    /// In memory.
    fn default() -> Self {
        Self(Place::Memory(Memory::default()))
    }
}

impl Store {
    /// Keeps them in this folder, which every process of the server is given.
    ///
    /// # Errors
    ///
    /// The folder isn't there and can't be made.
    pub fn folder(path: impl AsRef<Path>) -> io::Result<Self> {
        fs::create_dir_all(path.as_ref())?;
        Ok(Self(Place::Folder(path.as_ref().to_owned())))
    }

    /// Whether several processes may share it.
    pub fn is_shared(&self) -> bool {
        matches!(self.0, Place::Folder(_))
    }

    /// Takes the next note of a kind, if one is there or comes in time.
    pub fn take(&self, token: &str, kind: &str, time: Duration) -> Option<String> {
        match &self.0 {
            Place::Memory(memory) => memory.take(&(token.to_owned(), kind.to_owned()), time),
            Place::Folder(folder) => {
                let prefix = format!("{}.note.", name(token, kind));
                let end = Instant::now() + time;
                loop {
                    if let Some(note) = first(folder, &prefix) {
                        return Some(note);
                    }
                    if Instant::now() >= end {
                        return None;
                    }
                    thread::park_timeout(LOOK);
                }
            }
        }
    }

    /// The gate of a name, made closed when first asked for.
    pub fn gate(&self, token: &str, gate: &str) -> Gate {
        match &self.0 {
            Place::Memory(memory) => memory.gate(token, gate),
            Place::Folder(folder) => {
                let here = Gate::new();
                let file = folder.join(format!("{}.open", name(token, gate)));
                let (there, end) = (here.clone(), Instant::now() + patience());
                thread::spawn(move || {
                    while !file.exists() && Instant::now() < end {
                        thread::park_timeout(LOOK);
                    }
                    there.open();
                });
                here
            }
        }
    }

    /// Opens a gate, in every process.
    pub fn open(&self, token: &str, gate: &str) {
        match &self.0 {
            Place::Memory(memory) => memory.gate(token, gate).open(),
            Place::Folder(folder) => {
                let file = folder.join(format!("{}.open", name(token, gate)));
                if let Err(error) = fs::write(&file, b"") {
                    tracing::error!(%error, file = %file.display(), "a gate of the probe can't be opened");
                }
            }
        }
    }

    pub(super) fn tell(&self, token: &str, kind: &str, note: &str) {
        match &self.0 {
            Place::Memory(memory) => memory.tell((token.to_owned(), kind.to_owned()), note.to_owned()),
            Place::Folder(folder) => {
                static NUMBER: AtomicU64 = AtomicU64::new(0);
                let name = name(token, kind);
                let since = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
                let (process, number) = (std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
                let draft = folder.join(format!("{process}-{number}.draft"));
                let file = folder.join(format!("{name}.note.{since:039}-{process}-{number:012}"));
                // By a name that nobody looks for first, so that no half of it is taken.
                let written = fs::write(&draft, note).and_then(|()| fs::rename(&draft, &file));
                if let Err(error) = written {
                    tracing::error!(%error, file = %file.display(), "a note of the probe is lost");
                }
            }
        }
    }
}

impl Memory {
    fn take(&self, key: &Key, time: Duration) -> Option<String> {
        let end = Instant::now() + time;
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(note) = notes.get_mut(key).and_then(VecDeque::pop_front) {
                return Some(note);
            }
            let left = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            notes = self.told.wait_timeout(notes, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn gate(&self, token: &str, name: &str) -> Gate {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.entry((token.to_owned(), name.to_owned())).or_default().clone()
    }

    fn tell(&self, key: Key, note: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().push_back(note);
        self.told.notify_all();
    }
}

/// How often a folder is looked at, as it tells nothing itself.
const LOOK: Duration = Duration::from_millis(2);

/// The front of a file's name. What a client made up can't name a file elsewhere: all but letters, digits, `-` and `_`
/// stands there in hexadecimal digits.
fn name(token: &str, kind: &str) -> String {
    let mut name = String::new();
    for (part, end) in [(token, "."), (kind, "")] {
        for byte in part.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_".contains(&byte) {
                name.push(byte.into());
            } else {
                let _infallible = write!(name, "={byte:02x}");
            }
        }
        name.push_str(end);
    }
    name
}

/// Takes the oldest note of a name.
fn first(folder: &Path, prefix: &str) -> Option<String> {
    loop {
        let entries = fs::read_dir(folder).ok()?.flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let oldest = names.filter(|name| name.starts_with(prefix)).min()?;
        let file = folder.join(oldest);
        let note = fs::read_to_string(&file);
        // Whoever removes it has it; another took it meanwhile if that fails.
        if let (Ok(note), Ok(())) = (note, fs::remove_file(&file)) {
            return Some(note);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::folder::Folder;

    #[test]
    fn what_one_process_tells_another_takes_in_order_and_once() {
        let folder = Folder::new();
        let (app, client) = (Store::folder(folder.path()).unwrap(), Store::folder(folder.path()).unwrap());
        app.tell("t-1", "seen", "first");
        app.tell("t-1", "seen", "second");
        app.tell("t-2", "seen", "other");
        assert_eq!(client.take("t-1", "seen", Duration::ZERO).as_deref(), Some("first"));
        assert_eq!(app.take("t-1", "seen", Duration::ZERO).as_deref(), Some("second"));
        assert_eq!(client.take("t-1", "seen", Duration::ZERO), None);
        let gate = app.gate("t-1", "go");
        client.open("t-1", "go");
        gate.wait();
    }

    #[test]
    fn a_made_up_token_names_no_file_elsewhere() {
        let folder = Folder::new();
        let store = Store::folder(folder.path().join("notes")).unwrap();
        store.tell("../up", "a/b", "x");
        store.open("..", "/x");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(store.take("../up", "a/b", Duration::ZERO).as_deref(), Some("x"));
        assert_ne!(name("a", "b.c"), name("a.b", "c"));
    }
}
