//! Slow clients: heads and bodies that come a byte or three at a time, and answers that are read a little at a time.
//!
//! They are good clients: each gets its whole answer, however long it takes, as no clock of the server runs out.

use std::time::Duration;

use crate::content::BIG;
use crate::dice::Dice;
use crate::fault::Fault;
use crate::inbox::Inbox;
use crate::load::Load;
use crate::request::Request;
use crate::tally::Kind;

/// One round: a request on each of some connections, dripping.
pub(crate) fn drip(load: &Load, dice: &mut Dice) -> Result<(), Fault> {
    let mut drips = Vec::new();
    for _ in 0..DRIPS {
        let number = load.numbers(1);
        let request = match dice.below(4) {
            0 => Request::small("/e/async/small/", number),
            1 => Request::small("/e/blocking/small/", number),
            2 => Request::echo("/e/async/echo/", number, 40),
            _ => Request::echo("/e/blocking/echo/", number, 40),
        };
        drips.push((load.connect(Kind::Slow)?, request.bytes(), request));
    }
    let mut at = 0;
    while drips.iter().any(|(_, bytes, _)| at < bytes.len()) && !load.is_over() {
        let step = 1 + dice.below(3);
        for (inbox, bytes, _) in &mut drips {
            let piece = at.min(bytes.len())..(at + step).min(bytes.len());
            inbox.send(&bytes[piece])?;
        }
        at += step;
        load.pause(PACE);
    }
    if load.is_over() {
        return Ok(());
    }
    for (mut inbox, _, request) in drips {
        request.expected().take(&mut inbox)?;
        load.right(Kind::Slow, &mut inbox);
    }
    Ok(())
}

/// One round: some large answers, read side by side.
pub(crate) fn read(load: &Load, _dice: &mut Dice) -> Result<(), Fault> {
    let mut readers = Vec::new();
    for path in ["/e/async/big/", "/e/blocking/big/", "/e/file/big/"] {
        let request = Request::get(path, load.numbers(1) % 60_000, BIG);
        load.tally.connected(Kind::Slow);
        let mut inbox = Inbox::narrow(load.address)?;
        inbox.send(&request.bytes())?;
        readers.push((inbox, request));
    }
    for (inbox, request) in &mut readers {
        request.expected().take_head(inbox)?;
    }
    for at in (0..BIG).step_by(SIP) {
        for (inbox, request) in &mut readers {
            inbox.expect(&request.answer[at..at + SIP])?;
        }
        load.pause(PACE);
        if load.is_over() {
            return Ok(());
        }
    }
    for (inbox, _) in &mut readers {
        load.right(Kind::Slow, inbox);
    }
    Ok(())
}

/// Connections of a thread.
const DRIPS: usize = 16;
/// Between two steps.
const PACE: Duration = Duration::from_millis(10);
/// What is read at a time.
const SIP: usize = 32 << 10;
