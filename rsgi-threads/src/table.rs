//! [`Table`]: entries that are made in blocks when first needed and never move: found without a lock.
//!
//! Which entry is free is not known here; see `slots.rs`.
//!
//! Invariant: an entry, once made, stays at its index until the table is dropped.
//! Read on in `cells.rs` and `hub.rs`, which keep their halves of a connection in one each.

use std::sync::OnceLock;

/// Up to a fixed number of `T`, made in blocks.
#[derive(Debug)]
pub(crate) struct Table<T> {
    blocks: Box<[OnceLock<Box<[T]>>]>,
}

impl<T: Default> Table<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { blocks: (0..capacity.div_ceil(BLOCK)).map(|_| OnceLock::new()).collect() }
    }

    /// The entry, if its block was made.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        let index = index as usize;
        self.blocks.get(index / BLOCK)?.get()?.get(index % BLOCK)
    }

    /// The entry, made if need be; `None` beyond the capacity.
    pub(crate) fn make(&self, index: u32) -> Option<&T> {
        let index = index as usize;
        let block = self.blocks.get(index / BLOCK)?;
        block.get_or_init(|| (0..BLOCK).map(|_| T::default()).collect()).get(index % BLOCK)
    }

    /// All entries made so far, with their indexes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let made =
            (0_u32..).step_by(BLOCK).zip(&self.blocks).filter_map(|(at, block)| Some((at, block.get()?)));
        made.flat_map(|(at, block)| (at..).zip(block.iter()))
    }
}

const BLOCK: usize = 256;
