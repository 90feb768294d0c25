//! Where an access log's lines go: a writer, the program's log, or what an application brings.

use std::cell::Cell;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

/// Takes the lines of an access log.
///
/// # Contract
///
/// Called once for each answer, on the server's thread after its flush, from many threads at once: it must be quick, and
/// must not panic. What it can't write is its own to tell.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc::SyncSender;
/// use rsgi_middleware::{AccessLog, Lines};
///
/// /// For a thread that writes them; when it is behind, lines are lost rather than answers held up.
/// struct Queue(SyncSender<Vec<u8>>);
///
/// impl Lines for Queue {
///     fn put(&self, write: &dyn Fn(&mut Vec<u8>)) {
///         let mut line = Vec::new();
///         write(&mut line);
///         let _lost_if_full = self.0.try_send(line);
///     }
/// }
///
/// let (queue, _written_elsewhere) = std::sync::mpsc::sync_channel(1000);
/// let log = AccessLog::through(Queue(queue));
/// # let _ = log;
/// ```
pub trait Lines: Send + Sync + 'static {
    /// How many bytes of a line may be made of its request; longer ones are shortened in their values. Default: no limit,
    /// where what the server reads of a head is the limit.
    fn room(&self) -> usize {
        usize::MAX
    }

    /// Takes a line, without its end, which `write` puts behind what is there.
    fn put(&self, write: &dyn Fn(&mut Vec<u8>));
}

/// Lines as events of the program's log.
pub(super) struct Traced;

impl Lines for Traced {
    fn put(&self, write: &dyn Fn(&mut Vec<u8>)) {
        with_line(|line| {
            write(line);
            tracing::info!(target: "rsgi::access", "{}", String::from_utf8_lossy(line));
        });
    }
}

/// Lines for a writer, each by one call, so that other processes that append don't come between.
pub(super) struct Writing<W>(Mutex<State<W>>);

struct State<W> {
    writer: W,
    /// Lines that were lost in a row.
    lost: u64,
}

impl<W> Writing<W> {
    pub(super) fn new(writer: W) -> Self {
        Self(Mutex::new(State { writer, lost: 0 }))
    }
}

impl<W: Write + Send + 'static> Lines for Writing<W> {
    fn put(&self, write: &dyn Fn(&mut Vec<u8>)) {
        with_line(|line| {
            write(line);
            line.push(b'\n');
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let written = state.writer.write_all(line).and_then(|()| state.writer.flush());
            let before = state.lost;
            state.lost = if written.is_ok() { 0 } else { before + 1 };
            drop(state);
            tell(written, before);
        });
    }
}

/// Says once that lines are lost, and once how many were.
fn tell(written: io::Result<()>, before: u64) {
    match written {
        Err(error) if before == 0 => {
            tracing::error!(target: "rsgi", %error, "the access log can't be written; lost lines are counted");
        }
        Ok(()) if before > 0 => {
            tracing::warn!(target: "rsgi", lines = before, "the access log is written again after lines were lost");
        }
        _ => {}
    }
}

/// Lends the memory of a line, which goes round within a thread.
fn with_line(use_it: impl FnOnce(&mut Vec<u8>)) {
    // During a thread's end there is no place for it.
    let mut line = LINE.try_with(Cell::take).unwrap_or_default();
    line.clear();
    use_it(&mut line);
    if line.capacity() <= KEPT {
        let _ended = LINE.try_with(|kept| kept.set(line));
    }
}

thread_local! {
    static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The longest line whose memory is kept.
const KEPT: usize = 8192;
