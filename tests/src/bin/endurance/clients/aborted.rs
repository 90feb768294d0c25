//! Clients that leave in the middle: of a head, a body, an answer, a stream; by an end, a half end or a reset.
//!
//! What they get before they leave is compared as any answer is.

use std::time::Duration;

use crate::content::{BIG, STREAM, UPLOAD, all_events, content};
use crate::dice::Dice;
use crate::fault::Fault;
use crate::inbox::Inbox;
use crate::load::Load;
use crate::request::Request;
use crate::tally::Kind;

/// One round: one client.
pub(crate) fn round(load: &Load, dice: &mut Dice) -> Result<(), Fault> {
    let number = load.numbers(32) % 60_000;
    let mut inbox = load.connect(Kind::Aborted)?;
    match dice.below(8) {
        0 => {}
        1 => send_part(&mut inbox, dice, &Request::small("/e/async/small/", number).bytes())?,
        2 => send_part(&mut inbox, dice, &Request::small("/e/blocking/small/", number).in_chunks(16))?,
        3 => {
            let path = dice.one_of(&["/e/async/echo/", "/e/blocking/echo/"]);
            let upload = Request::echo(path, number, UPLOAD);
            let mut bytes = Vec::new();
            upload.write_head(&mut bytes);
            // As much as fits between the two, as nobody reads the echo.
            bytes.extend_from_slice(&upload.answer[..200_000]);
            send_part(&mut inbox, dice, &bytes)?;
        }
        4 => {
            let batch = (number..number + 16).map(|number| Request::small("/e/async/small/", number));
            inbox.send(&batch.flat_map(|request| request.bytes()).collect::<Vec<_>>())?;
        }
        5 => {
            let path = dice.one_of(&["/e/async/big/", "/e/blocking/big/", "/e/file/big/"]);
            let request = Request::get(path, number, BIG);
            inbox.send(&request.bytes())?;
            request.expected().take_head(&mut inbox)?;
            inbox.expect(&request.answer[..dice.below(BIG / 8)])?;
        }
        6 => {
            let path = dice.one_of(&["/e/async/stream/", "/e/blocking/stream/"]);
            let request = Request::streamed(path, number, content(number, STREAM));
            inbox.send(&request.bytes())?;
            request.expected().take_head(&mut inbox)?;
        }
        _ => {
            let path = dice.one_of(&["/e/async/events/", "/e/blocking/events/"]);
            let request = Request::streamed(path, number, all_events(number).into());
            inbox.send(&request.bytes())?;
            request.expected().take_head(&mut inbox)?;
        }
    }
    load.right(Kind::Aborted, &mut inbox);
    leave(inbox, dice);
    load.pause(PACE);
    Ok(())
}

fn send_part(inbox: &mut Inbox, dice: &mut Dice, bytes: &[u8]) -> Result<(), Fault> {
    inbox.send(&bytes[..dice.below(bytes.len())])
}

fn leave(inbox: Inbox, dice: &mut Dice) {
    match dice.below(3) {
        0 => drop(inbox),
        1 => inbox.reset(),
        _ => inbox.half_close(),
    }
}

/// Between two of a thread.
const PACE: Duration = Duration::from_millis(8);
