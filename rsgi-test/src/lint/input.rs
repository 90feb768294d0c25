//! Watches a request's input: its count against its known length, its end, and that it isn't read too late.
//!
//! An input in memory isn't watched: its length is what it holds.

use std::sync::Arc;

use rsgi_core::{Delivery, Environ, InputLength, Seen};

use super::checks;
use super::record::Record;

/// Has the input watched.
pub(super) fn watch(record: &Arc<Record>, environ: &mut Environ) {
    let length = match environ.input_length() {
        InputLength::None => return,
        InputLength::Known(length) => Some(length),
        _ => None,
    };
    // On a stream that may be handed over, an end isn't the end.
    let may_resume = !matches!(environ.upgrade(), Ok(None));
    let mut watcher = Watcher { record: Arc::clone(record), length, may_resume, bytes: 0, ended: false };
    let input = environ.take_input().watch(move |seen: Seen<'_>| watcher.see(&seen));
    environ.set_input(input);
}

struct Watcher {
    record: Arc<Record>,
    length: Option<u64>,
    may_resume: bool,
    bytes: u64,
    ended: bool,
}

impl Watcher {
    fn see(&mut self, seen: &Seen<'_>) {
        match seen {
            Seen::Asked { .. } => {
                let late = {
                    let state = self.record.state();
                    // Of an end by the client, an app that blocks may not know yet.
                    matches!(state.told, Some(Delivery::Whole(_))) && !state.upgraded
                };
                if late {
                    self.record.report(&checks::INPUT_LATE, &format!("after {} bytes", self.bytes));
                }
            }
            Seen::Piece(piece) if !piece.is_empty() => self.piece(piece.len() as u64),
            Seen::Ended if !self.ended => {
                self.ended = true;
                if let Some(length) = self.length.filter(|length| self.bytes < *length) {
                    self.record.report_server(&checks::INPUT_SHORT, &format!("{} of {length}", self.bytes));
                }
            }
            _ => {}
        }
    }

    fn piece(&mut self, bytes: u64) {
        self.bytes += bytes;
        if self.record.state().upgraded {
            // What follows the body is the client's stream.
            return;
        }
        if self.ended && !self.may_resume {
            self.record.report_server(&checks::INPUT_RESUMED, &format!("{bytes} bytes"));
        } else if let Some(length) = self.length.filter(|length| self.bytes > *length) {
            self.record.report_server(&checks::INPUT_LONG, &format!("{} of {length}", self.bytes));
        }
    }
}
