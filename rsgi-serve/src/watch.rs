//! `--reload`: builds the program again when its sources change, and has the new one take over. For development. Where sources are
//! read by the program itself, as Python's are, nothing is built.
//!
//! Under a master a child watches, and sends it USR2 when a build was good: the master tries the new program and becomes it.
//! With `--workers 0` a thread watches, and the process ends gracefully and executes itself anew. A build that fails is told,
//! and what serves serves on.
//!
//! What changed is always found by looking at times and sizes; the system's notices (inotify) only say when to look. During a build it is
//! the content that counts: what was edited meanwhile is built next, what the build touched itself is not.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use crate::log::level::{Level, say};
use crate::process::Child;
use crate::settings::{WatchEngine, WatchSettings};

/// Watches the sources of the program that runs in this folder.
#[derive(Debug)]
pub(crate) struct Watch {
    roots: Vec<PathBuf>,
    endings: Vec<String>,
    command: String,
    waiting: Waiting,
}

#[derive(Debug)]
enum Waiting {
    Looking,
    Notices(OwnedFd),
}

/// Files and what would change with them.
type Seen = BTreeMap<PathBuf, State>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    modified: Option<SystemTime>,
    bytes: u64,
    /// Of its content, when it was first seen with this time and size.
    hash: u64,
}

impl Watch {
    /// Begins to watch a folder and the extra files.
    pub(crate) fn new(settings: &WatchSettings, folder: &Path) -> Self {
        let folder = settings.folder.as_ref().map_or_else(|| folder.to_owned(), |own| folder.join(own));
        let roots = std::iter::once(folder).chain(settings.extra.iter().cloned()).collect();
        let waiting = match settings.engine {
            WatchEngine::Poll => Waiting::Looking,
            WatchEngine::Auto | WatchEngine::Inotify => {
                match inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK) {
                    Ok(notices) => Waiting::Notices(notices),
                    Err(error) => {
                        if settings.engine == WatchEngine::Inotify {
                            say(
                                Level::Warning,
                                format_args!("reload_engine inotify: {error}; looking instead"),
                            );
                        }
                        Waiting::Looking
                    }
                }
            }
        };
        Self { roots, endings: settings.endings.clone(), command: settings.command.clone(), waiting }
    }

    /// Watches for ever; `built` is called after each good build.
    pub(crate) fn run(&self, _: &Child, mut built: impl FnMut()) -> ! {
        let mut before = self.look(&Seen::new());
        say(Level::Info, format_args!("Watching {} files for changes", before.len()));
        loop {
            let mut now = self.look(&before);
            if now == before {
                self.wait();
                continue;
            }
            // Editors write a file in several steps, and several files one after the other.
            loop {
                thread::sleep(SETTLING);
                let later = self.look(&now);
                if later == now {
                    break;
                }
                now = later;
            }
            if self.is_built(&changed(&before, &now)) {
                built();
            }
            before = since(now, &self.look(&Seen::new()));
        }
    }

    /// Builds the program, if there is anything to build.
    fn is_built(&self, changed: &str) -> bool {
        let command = &self.command;
        if command.is_empty() {
            say(Level::Info, format_args!("{changed}: starting anew"));
            return true;
        }
        say(Level::Info, format_args!("{changed}: building"));
        match Command::new("/bin/sh").arg("-c").arg(command).status() {
            Ok(status) if status.success() => return true,
            Ok(status) => {
                say(Level::Error, format_args!("{command:?} failed ({status}): what serves serves on"));
            }
            Err(error) => say(Level::Error, format_args!("{command:?} can't be run: {error}")),
        }
        false
    }

    /// Reads what isn't known by its time and size.
    fn look(&self, known: &Seen) -> Seen {
        let mut seen = Seen::new();
        for root in &self.roots {
            self.visit(root, 0, known, &mut seen);
        }
        seen
    }

    fn visit(&self, path: &Path, depth: usize, known: &Seen, seen: &mut Seen) {
        let Ok(found) = fs::metadata(path) else { return };
        if !found.is_dir() {
            if depth == 0 || self.is_source(path) {
                let (modified, bytes) = (found.modified().ok(), found.len());
                let same = known.get(path).filter(|it| (it.modified, it.bytes) == (modified, bytes));
                let hash = same.map_or_else(|| hash(path), |it| it.hash);
                seen.insert(path.to_owned(), State { modified, bytes, hash });
            }
            return;
        }
        if let Waiting::Notices(notices) = &self.waiting {
            // A folder that can't be watched is looked at now and then.
            let _ = inotify::add_watch(notices, path, CHANGES);
        }
        let Ok(entries) = fs::read_dir(path) else { return };
        for entry in entries.filter_map(Result::ok) {
            if depth < DEEPEST && !is_foreign(&entry) {
                self.visit(&entry.path(), depth + 1, known, seen);
            }
        }
    }

    fn is_source(&self, path: &Path) -> bool {
        let ending = path.extension().and_then(OsStr::to_str);
        ending.is_some_and(|ending| self.endings.iter().any(|it| it == ending))
    }

    fn wait(&self) {
        let Waiting::Notices(notices) = &self.waiting else { return thread::sleep(LOOK) };
        let timeout = Timespec { tv_sec: SELDOM, tv_nsec: 0 };
        // Whatever wakes it, it looks.
        let _ = poll(&mut [PollFd::new(notices, PollFlags::IN)], Some(&timeout));
        let mut bytes = [0; 4096];
        while rustix::io::read(notices, &mut bytes).is_ok_and(|read| read > 0) {}
    }
}

/// What somebody else wrote, or a build: hidden files and folders, and what is installed in a folder of sources.
fn is_foreign(entry: &fs::DirEntry) -> bool {
    let name = entry.file_name();
    let hidden = name.as_encoded_bytes().first() == Some(&b'.');
    hidden
        || ["target", "node_modules", "__pycache__"].iter().any(|folder| name == *folder)
        || entry.path().join("pyvenv.cfg").exists()
}

/// What a build that began with these sources leaves to be compared with: files that it wrote as they were, and its lock file, are no
/// change; what somebody else changed meanwhile is.
fn since(built: Seen, now: &Seen) -> Seen {
    let lock = |path: &Path| path.extension() == Some(OsStr::new("lock"));
    let mut before = built;
    for (path, state) in now {
        let known = before.get(path);
        if lock(path) || known.is_some_and(|known| known.hash == state.hash) {
            before.insert(path.clone(), *state);
        }
    }
    before
}

/// 0 for what can't be read.
fn hash(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    fs::read(path).map_or(0, |content| {
        hasher.write(&content);
        hasher.finish()
    })
}

/// The first file that differs, for the log.
fn changed(before: &Seen, now: &Seen) -> String {
    let differs = now.iter().find(|(path, state)| before.get(*path) != Some(state)).map(|(path, _)| path);
    let gone = || before.keys().find(|path| !now.contains_key(*path));
    differs
        .or_else(gone)
        .map_or_else(|| "a source changed".to_owned(), |path| format!("{} changed", path.display()))
}

const CHANGES: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::ATTRIB);
const LOOK: Duration = Duration::from_millis(500);
const SETTLING: Duration = Duration::from_millis(100);
/// Seconds between looks where notices come.
const SELDOM: i64 = 30;
/// No source tree is deeper; a circle of links is.
const DEEPEST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> WatchSettings {
        let endings = ["rs", "lock"].map(str::to_owned).to_vec();
        let command = "true".to_owned();
        WatchSettings { folder: None, endings, engine: WatchEngine::Poll, extra: Vec::new(), command }
    }

    #[test]
    fn sources_are_seen_and_what_a_build_makes_is_not() {
        let folder = std::env::temp_dir().join(format!("rsgi-serve-watch-{}", std::process::id()));
        for place in ["src", "target", ".git", "venv/lib", "node_modules"] {
            fs::create_dir_all(folder.join(place)).unwrap();
            fs::write(folder.join(place).join("main.rs"), "x").unwrap();
        }
        fs::write(folder.join("notes.txt"), "x").unwrap();
        fs::write(folder.join("venv/pyvenv.cfg"), "").unwrap();
        let watch = Watch::new(&settings(), &folder);
        let before = watch.look(&Seen::new());
        assert_eq!(before.keys().collect::<Vec<_>>(), [&folder.join("src/main.rs")]);
        fs::write(folder.join("src/main.rs"), "xy").unwrap();
        let now = watch.look(&before);
        assert!(changed(&before, &now).ends_with("main.rs changed"));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_edited_during_a_build_is_built_next_and_what_the_build_wrote_is_not() {
        let folder = std::env::temp_dir().join(format!("rsgi-serve-meanwhile-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, content: &str| fs::write(folder.join(name), content).unwrap();
        for name in ["edited.rs", "same.rs", "gone.rs"] {
            write(name, "before");
        }
        let watch = Watch::new(&settings(), &folder);
        let built = watch.look(&Seen::new());
        write("same.rs", "before");
        write("Cargo.lock", "made by the build");
        let quiet = watch.look(&Seen::new());
        assert_eq!(since(built.clone(), &quiet), quiet);
        // As long as before, and within a tick of the file system's clock: the content tells.
        write("edited.rs", "behind");
        let meanwhile = watch.look(&Seen::new());
        let before = since(built.clone(), &meanwhile);
        assert!(before != meanwhile && changed(&before, &meanwhile).ends_with("edited.rs changed"));
        fs::remove_file(folder.join("gone.rs")).unwrap();
        let less = watch.look(&Seen::new());
        assert!(since(meanwhile, &less).contains_key(&folder.join("gone.rs")));
        fs::remove_dir_all(folder).unwrap();
    }
}
