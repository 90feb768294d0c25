//! A line that is being written: what was known with the request, with holes for what the outcome tells.
//!
//! The request's part is written at once, from the environ, so that nothing of it is copied or kept; the memory of a sheet
//! goes round within a thread, so that a request allocates none.

use std::cell::Cell;

use rsgi_core::{Environ, Outcome};

use super::answer::Answer;
use super::atoms::Facts;
use super::format::{AccessFormat, Piece};
use crate::line::escape;

/// The part of a line that is known so far.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    text: Vec<u8>,
    /// Where in the text the late atoms belong, in their order.
    holes: Vec<usize>,
}

impl Sheet {
    /// Writes what is known with the request, in at most `room` bytes where that can be had by shorter values.
    pub(super) fn begin(format: &AccessFormat, environ: &Environ, room: usize) -> Self {
        let mut sheet = take();
        let facts = Facts::new(environ);
        sheet.fill(format, &facts, escape::WHOLE);
        for most in escape::SHORTER {
            if sheet.text.len() <= room {
                break;
            }
            sheet.fill(format, &facts, most);
        }
        sheet
    }

    fn fill(&mut self, format: &AccessFormat, facts: &Facts<'_>, most: usize) {
        self.text.clear();
        self.holes.clear();
        for piece in &format.pieces {
            match piece {
                Piece::Literal(text) => self.text.extend_from_slice(text),
                Piece::Early(atom) => atom.write(&mut self.text, facts, format.style, most),
                Piece::Late(_) => self.holes.push(self.text.len()),
            }
        }
    }

    /// Writes the whole line.
    pub(super) fn finish(
        &self,
        line: &mut Vec<u8>,
        format: &AccessFormat,
        outcome: &Outcome,
        answer: Option<&Answer>,
    ) {
        let late = format.pieces.iter().filter_map(|piece| match piece {
            Piece::Late(atom) => Some(atom),
            Piece::Literal(_) | Piece::Early(_) => None,
        });
        let mut start = 0;
        for (hole, atom) in self.holes.iter().zip(late) {
            line.extend_from_slice(&self.text[start..*hole]);
            atom.write(line, outcome, answer, format.style);
            start = *hole;
        }
        line.extend_from_slice(&self.text[start..]);
    }

    /// Keeps the memory for the next request of this thread.
    pub(super) fn end(self) {
        if self.text.capacity() > KEPT {
            return;
        }
        // During a thread's end there is no place for it.
        let _ended = SHEETS.try_with(|kept| {
            let mut sheets = kept.take();
            if sheets.len() < MOST {
                sheets.push(self);
            }
            kept.set(sheets);
        });
    }
}

fn take() -> Sheet {
    let kept = SHEETS.try_with(|kept| {
        let mut sheets = kept.take();
        let sheet = sheets.pop();
        kept.set(sheets);
        sheet
    });
    kept.ok().flatten().unwrap_or_default()
}

thread_local! {
    static SHEETS: Cell<Vec<Sheet>> = const { Cell::new(Vec::new()) };
}

/// Sheets that a thread keeps: as many requests as it is likely to have in hand at once, on an asynchronous server.
const MOST: usize = 256;
/// The largest sheet that is kept: longer lines are rare.
const KEPT: usize = 2048;
