//! The wire corpus of rsgi-test, against every adapter: whole, byte by byte, and split at every byte.
//!
//! What a pair expects is strict; where hyper decides otherwise before rsgi-hyper can see it, `differences.txt` says
//! what exactly, and `docs/differences.md` why. rsgi-std has no line there and gets none.
//!
//! Invariant: the same outcome, however the bytes are split. Read next: `rsgi-test/corpus/README.md`.

mod sys;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rsgi_core::server::Config;
use rsgi_test::suite::Ground;
use rsgi_test::suite::corpus::{
    Difference, Differences, FOLDER, How, Pair, all, app, differences, positions, run,
};
use rsgi_test::suite::folder::Folder;
use rsgi_test::wire::RawClient;
use rsgi_test::wire::deadline::PATIENCE;
use rsgi_tests::adapters;

#[test]
fn on_std_whole_and_byte_by_byte() {
    whole_and_byte_by_byte(&adapters::std(), STD);
}

#[test]
fn on_std_portable_whole_and_byte_by_byte() {
    whole_and_byte_by_byte(&adapters::std_portable(), STD);
}

#[test]
fn on_hyper_whole_and_byte_by_byte() {
    whole_and_byte_by_byte(&adapters::hyper(), HYPER);
}

#[test]
fn on_std_split_at_every_byte() {
    split_at_every_byte(&adapters::std(), STD);
}

#[test]
fn on_hyper_split_at_every_byte() {
    split_at_every_byte(&adapters::hyper(), HYPER);
}

#[test]
fn the_corpus_is_as_large_as_promised() {
    let count = all(FOLDER).len();
    assert!(count >= 270, "{count} pairs");
}

#[test]
fn no_two_pairs_feed_the_same_bytes() {
    let mut seen = BTreeMap::new();
    for pair in all(FOLDER) {
        let ended = pair.expect.is_ended;
        if let Some(other) = seen.insert((pair.bytes, ended), pair.name.clone()) {
            panic!("{} is {other} again", pair.name);
        }
    }
}

#[test]
fn every_difference_is_of_a_pair_and_of_a_class_that_the_document_explains() {
    let table = table();
    let names: BTreeSet<_> = all(FOLDER).into_iter().map(|pair| pair.name).collect();
    for line in &table {
        assert!(names.contains(&line.name), "no pair {}", line.name);
        assert_eq!(line.adapter, HYPER, "only hyper decides for its adapter: {}", line.name);
    }
    let used: BTreeSet<_> = table.iter().map(|line| line.class.as_str()).collect();
    let document = include_str!("../../../docs/differences.md");
    let section = document.split("\n## ").find(|section| section.starts_with(SECTION)).expect("the section");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let explained: BTreeSet<_> = rows.map(|(class, _)| class).collect();
    assert_eq!(used, explained, "classes in differences.txt and in docs/differences.md");
}

fn table() -> Vec<Difference> {
    differences(include_str!("differences.txt"))
}

fn listed(adapter: &str) -> Differences {
    Differences::of(adapter, &table())
}

fn whole_and_byte_by_byte(ground: &Ground, adapter: &str) {
    let server = ground.serve_with(app(), brief);
    let address = server.address();
    let table = listed(adapter);
    let pairs = all(FOLDER);
    let faults = on_threads(&pairs, |pair, faults| {
        for how in [How::Whole, How::Bytewise] {
            let result = run(pair, &how, &|| RawClient::tcp(address));
            faults.extend(table.judge(&pair.name, result).err());
        }
    });
    assert_eq!(faults, "");
    server.stop();
}

fn split_at_every_byte(ground: &Ground, adapter: &str) {
    let folder = Folder::new();
    let path = folder.file("corpus.sock");
    let bind = format!("unix:{}", path.display());
    let server = ground.serve_with(app(), |config| {
        let mut config = brief(config);
        config.binds.clear();
        config.bind(&bind).expect("a good path")
    });
    let table = listed(adapter);
    let pairs = all(FOLDER);
    let faults = on_threads(&pairs, |pair, faults| {
        for at in positions(pair) {
            let result = run(pair, &How::Split { at, taken: &until_taken }, &|| RawClient::unix(&path));
            faults.extend(table.judge(&pair.name, result).err());
        }
    });
    assert_eq!(faults, "");
    server.stop();
}

/// Waits briefly for content that is announced and never comes: some pairs end so, and are fed hundreds of times.
fn brief(config: Config) -> Config {
    config.timeouts(|timeouts| timeouts.linger = Some(Duration::from_millis(100)))
}

/// Runs every pair, several at a time; what is wrong comes back as lines, a few of each pair.
fn on_threads(pairs: &[Pair], work: impl Fn(&Pair, &mut Vec<String>) + Sync) -> String {
    let next = AtomicUsize::new(0);
    let all_faults = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(pair) = pairs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut faults = Vec::new();
                    work(pair, &mut faults);
                    faults.truncate(SHOWN);
                    all_faults.lock().unwrap_or_else(PoisonError::into_inner).append(&mut faults);
                }
            });
        }
    });
    all_faults.into_inner().unwrap_or_else(PoisonError::into_inner).join("\n")
}

/// Waits until the server has read everything.
fn until_taken(socket: BorrowedFd<'_>) {
    let begun = Instant::now();
    while sys::unread_by_peer(socket).expect("a unix socket") > 0 {
        assert!(begun.elapsed() < PATIENCE, "the server doesn't read");
        thread::yield_now();
    }
}

/// The adapters, as `differences.txt` names them.
const STD: &str = "std";
const HYPER: &str = "hyper";
/// The heading in `docs/differences.md`.
const SECTION: &str = "Where the corpus shows it";
/// Pairs under way at a time; the servers have as many threads.
const THREADS: usize = 4;
/// Faults shown of one pair.
const SHOWN: usize = 3;
