//! The counts of a run, by kinds of clients, and the faults that were found, each with its text.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::fault::{Fault, FaultKind};

/// The kinds of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Keep-alive, pipelined.
    Fast,
    /// Heads and bodies a few bytes at a time, and readers of that kind.
    Slow,
    /// Who leaves in the middle.
    Aborted,
    /// Who stops in the middle and stays.
    Stalled,
    /// The corpus.
    Malformed,
    /// Megabytes up and down.
    Huge,
    /// Chunks both ways, event streams.
    Streaming,
    /// All of that on HTTP/2.
    Http2,
}

const KINDS: [Kind; 8] = [
    Kind::Fast,
    Kind::Slow,
    Kind::Aborted,
    Kind::Stalled,
    Kind::Malformed,
    Kind::Huge,
    Kind::Streaming,
    Kind::Http2,
];

/// The counts of one kind.
#[derive(Debug, Default)]
struct Row {
    connections: AtomicU64,
    /// Whole right answers; of the malformed, stalled and aborted clients: right endings.
    right: AtomicU64,
    bytes: AtomicU64,
    wrong: AtomicU64,
    closed: AtomicU64,
    timed_out: AtomicU64,
}

/// All counts.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    rows: [Row; KINDS.len()],
    faults: Mutex<Vec<String>>,
}

impl Tally {
    /// A connection was made.
    pub(crate) fn connected(&self, kind: Kind) {
        self.row(kind).connections.fetch_add(1, Relaxed);
    }

    /// So many right answers, of so many bytes.
    pub(crate) fn right(&self, kind: Kind, answers: u64, bytes: u64) {
        self.row(kind).right.fetch_add(answers, Relaxed);
        self.row(kind).bytes.fetch_add(bytes, Relaxed);
    }

    /// Something was wrong.
    pub(crate) fn fault(&self, kind: Kind, fault: &Fault) {
        let row = self.row(kind);
        let count = match fault.kind {
            FaultKind::Wrong => &row.wrong,
            FaultKind::Closed => &row.closed,
            FaultKind::TimedOut => &row.timed_out,
        };
        count.fetch_add(1, Relaxed);
        self.note(format!("{kind:?} client: {fault}"));
    }

    /// Something is wrong with the server as a whole.
    pub(crate) fn note(&self, text: String) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// Right answers of all.
    pub(crate) fn answers(&self) -> u64 {
        self.rows.iter().map(|row| row.right.load(Relaxed)).sum()
    }

    /// All faults.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn row(&self, kind: Kind) -> &Row {
        &self.rows[kind as usize]
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{:<10} {:>12} {:>12} {:>12} {:>7} {:>7} {:>10}",
            "clients", "connections", "right", "MiB checked", "wrong", "closed", "timed out"
        )?;
        for kind in KINDS {
            let row = self.row(kind);
            let name = format!("{kind:?}").to_lowercase();
            let [connections, right, bytes, wrong, closed, timed_out] =
                [&row.connections, &row.right, &row.bytes, &row.wrong, &row.closed, &row.timed_out]
                    .map(|count| count.load(Relaxed));
            writeln!(
                formatter,
                "{name:<10} {connections:>12} {right:>12} {:>12} {wrong:>7} {closed:>7} {timed_out:>10}",
                bytes >> 20
            )?;
        }
        Ok(())
    }
}
