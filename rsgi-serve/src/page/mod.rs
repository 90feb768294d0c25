//! The page that master and workers share: one slot a worker, with its heartbeat, its counters and the requests it has in hand.
//!
//! Memory without a file's name (memfd), so that it survives the exec of an upgrade by its descriptor, needs no folder, and is gone with
//! the last process. Sealed: nobody can shrink it under the others. No pointer or lock is in it, only words that are read and written
//! atomically, so a worker may die at any point, or write nonsense, and the readers go on.
//!
//! Next: `layout.rs` for what stands where, `slot.rs` for who writes what.
#![allow(
    dead_code,
    unused_imports,
    reason = "the master and the workers, which use it, are written after it"
)]

mod histogram;
mod in_hand;
mod layout;
mod service;
mod slot;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::process::Pid;

use self::layout::{HEADER_WORDS, MAGIC, SLOT_WORDS, VERSION, header};
use crate::clock::Millis;
use crate::fleet::SlotId;
use crate::sys::Mapping;

pub(crate) use self::histogram::Histogram;
pub(crate) use self::in_hand::{InHand, Note, Noted, Reading};
pub(crate) use self::layout::COUNTERS;
pub(crate) use self::service::{Service, Totals};
pub(crate) use self::slot::{Facts, Slot, State, Wanted};

/// The page.
#[derive(Debug)]
pub(crate) struct Page {
    mapping: Mapping,
    file: OwnedFd,
    /// How many slots the mapping has room for, whatever the header says later.
    slots: u16,
}

/// Why an inherited descriptor is no page for this program.
#[derive(Debug)]
pub(crate) enum AdoptError {
    /// It is something else.
    NoPage,
    /// It was made by a version of this program with another layout.
    OtherLayout { version: u64, slot_words: u64 },
    /// The system refused.
    Io(io::Error),
}

impl Page {
    /// Makes a page with so many slots. Slots that are never used take no memory.
    pub(crate) fn create(slots: u16, master: Pid, now: Millis) -> io::Result<Self> {
        let count = words(slots);
        let file = rustix::fs::memfd_create("rsgi-page", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        rustix::fs::ftruncate(&file, (count * size_of::<AtomicU64>()) as u64)?;
        rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let page = Self { mapping: Mapping::new(file.as_fd(), count)?, file, slots };
        page.set(header::VERSION, VERSION);
        page.set(header::SLOT_WORDS, SLOT_WORDS as u64);
        page.set(header::SLOTS, slots.into());
        page.set(header::STARTED, now.0);
        page.set_master(master);
        page.set(header::MAGIC, MAGIC);
        Ok(page)
    }

    /// Takes the page that the image before handed over.
    pub(crate) fn adopt(file: OwnedFd) -> Result<Self, AdoptError> {
        let first = Mapping::new(file.as_fd(), HEADER_WORDS).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput => AdoptError::NoPage,
            _ => AdoptError::Io(error),
        })?;
        let value = |word: usize| first.words()[word].load(Ordering::Acquire);
        if value(header::MAGIC) != MAGIC {
            return Err(AdoptError::NoPage);
        }
        let (version, slot_words) = (value(header::VERSION), value(header::SLOT_WORDS));
        if version != VERSION || slot_words != SLOT_WORDS as u64 {
            return Err(AdoptError::OtherLayout { version, slot_words });
        }
        let slots = u16::try_from(value(header::SLOTS)).map_err(|_| AdoptError::NoPage)?;
        let mapping = Mapping::new(file.as_fd(), words(slots)).map_err(|_| AdoptError::NoPage)?;
        Ok(Self { mapping, file, slots })
    }

    /// Keeps the page for the life of the process: what counts requests lives as long as the last of them.
    pub(crate) fn keep(self) -> &'static Self {
        Box::leak(Box::new(self))
    }

    /// How many slots there are.
    pub(crate) fn capacity(&self) -> u16 {
        self.slots
    }

    /// A slot; `None` beyond the last one.
    pub(crate) fn slot(&self, id: SlotId) -> Option<Slot<'_>> {
        if id.0 >= self.slots {
            return None;
        }
        let start = HEADER_WORDS + usize::from(id.0) * SLOT_WORDS;
        self.mapping.words().get(start..)?.first_chunk().map(Slot::new)
    }

    /// All slots, used or not.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (SlotId, Slot<'_>)> {
        (0..self.slots).filter_map(|number| Some((SlotId(number), self.slot(SlotId(number))?)))
    }

    /// When the service was started first: before all upgrades.
    pub(crate) fn started(&self) -> Millis {
        Millis(self.mapping.words()[header::STARTED].load(Ordering::Acquire))
    }

    /// The number of the master.
    pub(crate) fn master(&self) -> Option<Pid> {
        let number = self.mapping.words()[header::MASTER].load(Ordering::Acquire);
        i32::try_from(number).ok().and_then(Pid::from_raw)
    }

    /// Says who the master is now.
    pub(crate) fn set_master(&self, master: Pid) {
        self.set(header::MASTER, u64::from(master.as_raw_nonzero().get().unsigned_abs()));
    }

    fn set(&self, word: usize, value: u64) {
        self.mapping.words()[word].store(value, Ordering::Release);
    }
}

impl AsFd for Page {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl fmt::Display for AdoptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPage => f.write_str("the descriptor handed over is no page of this program"),
            Self::OtherLayout { version, slot_words } => write!(
                f,
                "the page has layout {version} with slots of {slot_words} words, this program {VERSION} with {SLOT_WORDS}"
            ),
            Self::Io(error) => write!(f, "the page can't be mapped: {error}"),
        }
    }
}

impl std::error::Error for AdoptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::NoPage | Self::OtherLayout { .. } => None,
        }
    }
}

/// How many words a page with so many slots has.
fn words(slots: u16) -> usize {
    HEADER_WORDS + usize::from(slots) * SLOT_WORDS
}
