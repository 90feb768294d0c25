//! The requests that a worker has in hand, noted so that the master can tell what it was doing when it was killed.
//!
//! Four entries a worker, written by its threads and read by other processes at any moment, without locks: a sequence number is changed
//! before and after writing (a seqlock), so a reader knows whether what it read was whole. A worker that dies in the middle of writing
//! leaves an entry that says so for ever. More than four requests at once aren't noted, only counted.
//!
//! The reader trusts nothing: any content is read as some text of bounded length.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::layout::{ENTRIES, ENTRY_WORDS, entry};
use crate::clock::Millis;

/// What is noted of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note<'a> {
    pub(crate) started: Millis,
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) peer: &'a str,
    /// The request's id.
    pub(crate) request: &'a str,
}

/// A request as read from an entry. Texts are as the client sent them, cut to their room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InHand {
    pub(crate) started: Millis,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) peer: String,
    pub(crate) request: String,
}

/// What an entry holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// No request.
    Free,
    /// This one.
    Whole(InHand),
    /// It was being written the whole time: by a worker that is busy, or one that died in the middle.
    Torn,
}

/// The note of a request, until it is dropped.
#[derive(Debug)]
pub(crate) struct Noted<'a> {
    entry: &'a [AtomicU64],
    /// The entry's sequence word as this holder left it.
    sequence: u64,
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.entry[entry::SEQUENCE].store(next(self.sequence, FREE), Ordering::Release);
    }
}

/// Notes a request in the first free entry of a slot; `None` if there is none.
pub(super) fn note<'a>(entries: &'a [AtomicU64], note: &Note<'_>) -> Option<Noted<'a>> {
    for words in entries.chunks_exact(ENTRY_WORDS).take(ENTRIES) {
        let sequence = &words[entry::SEQUENCE];
        let before = sequence.load(Ordering::Relaxed);
        if before & STATE != FREE {
            continue;
        }
        let writing = next(before, WRITING);
        // Another thread may have been quicker.
        if sequence.compare_exchange(before, writing, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            // What is written below isn't seen before the word above says that it is being written.
            fence(Ordering::Release);
            write(words, note);
            let held = next(writing, HELD);
            sequence.store(held, Ordering::Release);
            return Some(Noted { entry: words, sequence: held });
        }
    }
    None
}

/// Reads all entries of a slot.
pub(super) fn read(entries: &[AtomicU64]) -> impl Iterator<Item = Reading> + '_ {
    entries.chunks_exact(ENTRY_WORDS).take(ENTRIES).map(read_one)
}

fn read_one(words: &[AtomicU64]) -> Reading {
    for _ in 0..READ_TRIES {
        let before = words[entry::SEQUENCE].load(Ordering::Acquire);
        match before & STATE {
            FREE => return Reading::Free,
            HELD => {
                let found = contents(words);
                fence(Ordering::Acquire);
                if words[entry::SEQUENCE].load(Ordering::Relaxed) == before {
                    return Reading::Whole(found);
                }
            }
            _ => std::hint::spin_loop(),
        }
    }
    Reading::Torn
}

fn write(words: &[AtomicU64], note: &Note<'_>) {
    words[entry::STARTED].store(note.started.0, Ordering::Relaxed);
    let mut lengths = [0; 4];
    let texts = [note.method, note.target, note.peer, note.request];
    for ((length, text), place) in lengths.iter_mut().zip(texts).zip(PLACES) {
        *length = put(&words[place.0..place.1], text.as_bytes());
    }
    words[entry::LENGTHS]
        .store(lengths.into_iter().rev().fold(0, |all, length| (all << 16) | length), Ordering::Relaxed);
}

fn contents(words: &[AtomicU64]) -> InHand {
    let mut lengths = words[entry::LENGTHS].load(Ordering::Relaxed);
    let [method, target, peer, request] = PLACES.map(|place| {
        let length = usize::try_from(lengths & 0xffff).unwrap_or_default();
        lengths >>= 16;
        take(&words[place.0..place.1], length)
    });
    InHand { started: Millis(words[entry::STARTED].load(Ordering::Relaxed)), method, target, peer, request }
}

/// Writes as much of a text as there is room for, and says how much that is.
fn put(words: &[AtomicU64], text: &[u8]) -> u64 {
    let kept = &text[..text.len().min(words.len() * 8)];
    for (word, part) in words.iter().zip(kept.chunks(8)) {
        let mut bytes = [0; 8];
        bytes[..part.len()].copy_from_slice(part);
        word.store(u64::from_le_bytes(bytes), Ordering::Relaxed);
    }
    kept.len() as u64
}

fn take(words: &[AtomicU64], length: usize) -> String {
    let bytes = words.iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes());
    let bytes: Vec<u8> = bytes.take(length).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The next value of a sequence word: never one that was there before, with this state in its low bits.
fn next(sequence: u64, state: u64) -> u64 {
    (sequence | STATE).wrapping_add(1) | state
}

/// Where the texts stand, in the order of their lengths.
const PLACES: [(usize, usize); 4] = [
    (entry::METHOD.start, entry::METHOD.end),
    (entry::TARGET.start, entry::TARGET.end),
    (entry::PEER.start, entry::PEER.end),
    (entry::REQUEST.start, entry::REQUEST.end),
];

/// The low bits of a sequence word.
const STATE: u64 = 0b11;
const FREE: u64 = 0;
const WRITING: u64 = 1;
const HELD: u64 = 2;

/// A writer needs less than a microsecond; one that is stopped in the middle isn't waited for.
const READ_TRIES: u32 = 1000;

/// Begins to write an entry and never ends it, as a worker that is killed there does.
#[cfg(test)]
pub(super) fn begin_and_die(entries: &[AtomicU64]) {
    entries[entry::SEQUENCE].store(next(0, WRITING), Ordering::SeqCst);
    entries[entry::STARTED].store(1, Ordering::SeqCst);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<AtomicU64> {
        (0..ENTRIES * ENTRY_WORDS).map(|_| AtomicU64::new(0)).collect()
    }

    fn ping(target: &str) -> Note<'_> {
        Note { started: Millis(5), method: "GET", target, peer: "127.0.0.1:5000", request: "id-1" }
    }

    #[test]
    fn a_request_is_noted_until_it_is_done() {
        let entries = entries();
        let noted = note(&entries, &ping("/slow?a=b")).unwrap();
        let expected = InHand {
            started: Millis(5),
            method: "GET".into(),
            target: "/slow?a=b".into(),
            peer: "127.0.0.1:5000".into(),
            request: "id-1".into(),
        };
        let all: Vec<_> = read(&entries).collect();
        assert_eq!(all, [Reading::Whole(expected), Reading::Free, Reading::Free, Reading::Free]);
        drop(noted);
        assert!(read(&entries).all(|reading| reading == Reading::Free));
    }

    #[test]
    fn the_fifth_request_at_once_is_not_noted() {
        let entries = entries();
        let held: Vec<_> = (0..ENTRIES).map(|_| note(&entries, &ping("/")).unwrap()).collect();
        assert!(note(&entries, &ping("/")).is_none());
        drop(held);
        assert!(note(&entries, &ping("/")).is_some());
    }

    #[test]
    fn a_long_target_is_cut_and_a_shorter_one_after_it_leaves_nothing_of_it() {
        let entries = entries();
        let long = "/".repeat(1000);
        drop(note(&entries, &ping(&long)).unwrap());
        let noted = note(&entries, &ping("/ab")).unwrap();
        let Some(Reading::Whole(found)) = read(&entries).next() else { panic!("not noted") };
        assert_eq!(found.target, "/ab");
        drop(noted);
        let _noted = note(&entries, &ping(&long)).unwrap();
        let Some(Reading::Whole(found)) = read(&entries).next() else { panic!("not noted") };
        assert_eq!(found.target.len(), 192);
    }

    #[test]
    fn any_content_is_read_as_something() {
        for value in [u64::MAX, 2, 0xfffe, 0x8080_8080_8080_8082, 0x0101_0101_0101_0101] {
            let entries: Vec<_> = (0..ENTRIES * ENTRY_WORDS).map(|_| AtomicU64::new(value)).collect();
            for reading in read(&entries) {
                if let Reading::Whole(found) = reading {
                    // Three bytes for each byte that is no text.
                    assert!(found.target.len() <= 3 * 192 && found.method.len() <= 3 * 16);
                }
            }
        }
    }

    #[test]
    fn an_entry_whose_writer_died_is_torn_and_the_others_stay_usable() {
        let entries = entries();
        begin_and_die(&entries);
        let _noted = note(&entries, &ping("/next")).unwrap();
        let all: Vec<_> = read(&entries).collect();
        assert_eq!(all[0], Reading::Torn);
        assert!(matches!(&all[1], Reading::Whole(found) if found.target == "/next"), "{all:?}");
    }

    #[test]
    fn what_is_read_while_it_is_written_is_whole_or_nothing() {
        let entries = entries();
        let texts: Vec<String> = ["a", "b", "c"].iter().map(|letter| letter.repeat(150)).collect();
        std::thread::scope(|scope| {
            for text in &texts {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        drop(note(&entries, &Note { request: &text[..30], ..ping(text) }));
                    }
                });
            }
            for _ in 0..2000 {
                for reading in read(&entries) {
                    if let Reading::Whole(found) = reading {
                        assert!(texts.contains(&found.target), "{found:?}");
                        assert!(found.target.starts_with(&found.request), "{found:?}");
                    }
                }
            }
        });
        assert!(read(&entries).all(|reading| reading == Reading::Free));
    }
}
