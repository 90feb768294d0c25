//! Streaming clients: chunks down, chunks both ways, event streams; all on one kept connection.

use std::time::Duration;

use super::huge::send_and_take;
use crate::content::{STREAM, all_events, content};
use crate::dice::Dice;
use crate::expected::Framing;
use crate::fault::Fault;
use crate::load::Load;
use crate::request::Request;
use crate::tally::Kind;

/// One round: one of each on one connection.
pub(crate) fn round(load: &Load, dice: &mut Dice) -> Result<(), Fault> {
    let mut inbox = load.connect(Kind::Streaming)?;
    for (stream, echo, events) in [
        ("/e/async/stream/", "/e/async/echo/", "/e/async/events/"),
        ("/e/blocking/stream/", "/e/blocking/echo/", "/e/blocking/events/"),
    ] {
        let number = load.numbers(1);
        let request = Request::streamed(stream, number, content(number, STREAM));
        inbox.send(&request.bytes())?;
        request.expected().take(&mut inbox)?;
        load.right(Kind::Streaming, &mut inbox);

        let request = Request { framing: Framing::Chunked, ..Request::echo(echo, load.numbers(1), STREAM) };
        let upload = request.in_chunks(1 + dice.below(8000));
        send_and_take(&mut inbox, &upload, &request)?;
        load.right(Kind::Streaming, &mut inbox);

        let number = load.numbers(1);
        let request = Request::streamed(events, number, all_events(number).into());
        inbox.send(&request.bytes())?;
        request.expected().take(&mut inbox)?;
        load.right(Kind::Streaming, &mut inbox);
        load.pause(PACE);
    }
    Ok(())
}

/// Between two courses of a thread.
const PACE: Duration = Duration::from_millis(20);
