//! Fast clients: kept connections, requests one by one or in batches of up to 32, small answers. They make the millions.
//!
//! Batches are out on all connections of a thread before the first answer is read, so that the server always has
//! something to do, and this thread mostly finds what it reads.

use crate::content::small_length;
use crate::dice::Dice;
use crate::expected::{Framing, Keep};
use crate::fault::Fault;
use crate::inbox::Inbox;
use crate::load::Load;
use crate::request::Request;
use crate::tally::Kind;

/// One round: some connections, many batches on each.
pub(crate) fn round(load: &Load, dice: &mut Dice) -> Result<(), Fault> {
    let inboxes: Result<Vec<Inbox>, Fault> = (0..CONNECTIONS).map(|_| load.connect(Kind::Fast)).collect();
    let mut inboxes = inboxes?;
    let mut batches: Vec<Vec<Request>> = vec![Vec::new(); CONNECTIONS];
    let mut bytes = Vec::new();
    for _ in 0..BATCHES {
        for (inbox, batch) in inboxes.iter_mut().zip(&mut batches) {
            bytes.clear();
            fill(batch, load, dice);
            for request in &*batch {
                request.write(&mut bytes);
            }
            inbox.send(&bytes)?;
        }
        for (inbox, batch) in inboxes.iter_mut().zip(&batches) {
            for request in batch {
                request.expected().take(inbox)?;
            }
            load.tally.right(Kind::Fast, batch.len() as u64, inbox.take_compared());
        }
        if load.is_over() {
            break;
        }
    }
    // Half of them say that they close, the others just do.
    for mut inbox in inboxes.into_iter().step_by(2) {
        let last = Request { keep: Keep::Close, ..Request::small(GETS[0], load.numbers(1)) };
        inbox.send(&last.bytes())?;
        last.expected().take(&mut inbox)?;
        inbox.expect_end()?;
        load.right(Kind::Fast, &mut inbox);
    }
    Ok(())
}

fn fill(batch: &mut Vec<Request>, load: &Load, dice: &mut Dice) {
    batch.clear();
    let count = if dice.below(2) == 0 { 1 } else { 2 + dice.below(MOST - 1) };
    let first = load.numbers(count as u64);
    batch.extend((first..).take(count).map(|number| match dice.below(16) {
        0 => Request::small(GETS[1], number),
        1 => Request::echo("/e/async/echo/", number, small_length(number)),
        2 => Request::echo("/e/blocking/echo/", number, small_length(number)),
        3 => Request { method: "HEAD", framing: Framing::Head, ..Request::small(GETS[0], number) },
        _ => Request::small(GETS[0], number),
    }));
}

const GETS: [&str; 2] = ["/e/async/small/", "/e/blocking/small/"];
/// Of a thread.
const CONNECTIONS: usize = 24;
/// On a connection, before it is closed.
const BATCHES: usize = 64;
/// Requests in a batch.
const MOST: usize = 32;
