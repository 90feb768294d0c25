//! Huge requests and answers: uploads that come back while they are sent, downloads from memory, readers and files.

use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::content::{BIG, UPLOAD};
use crate::dice::Dice;
use crate::expected::Framing;
use crate::fault::Fault;
use crate::inbox::Inbox;
use crate::load::Load;
use crate::request::Request;
use crate::tally::Kind;

/// One round: one of each on one connection.
pub(crate) fn round(load: &Load, _dice: &mut Dice) -> Result<(), Fault> {
    let mut inbox = load.connect(Kind::Huge)?;
    for path in ["/e/async/echo/", "/e/blocking/echo/"] {
        let echo = Request::echo(path, load.numbers(1), UPLOAD);
        let upload = echo.bytes();
        send_and_take(&mut inbox, &upload, &Request { framing: Framing::Chunked, ..echo })?;
        load.right(Kind::Huge, &mut inbox);
        load.pause(PACE);
    }
    for path in ["/e/async/big/", "/e/blocking/big/", "/e/file/big/"] {
        let request = Request::get(path, load.numbers(1) % 60_000, BIG);
        inbox.send(&request.bytes())?;
        request.expected().take(&mut inbox)?;
        load.right(Kind::Huge, &mut inbox);
        load.pause(PACE);
    }
    Ok(())
}

/// Sends while it reads: who echoes holds no more than its buffers, and waits for the reader.
pub(crate) fn send_and_take(inbox: &mut Inbox, upload: &[u8], request: &Request) -> Result<(), Fault> {
    let mut writer = inbox.writer()?;
    thread::scope(|scope| {
        let sending = scope.spawn(move || writer.write_all(upload).map_err(|error| Fault::of(&error)));
        let taken = request.expected().take(inbox);
        if taken.is_err() {
            // Nobody reads any more: don't wait for the rest to be taken.
            inbox.half_close();
        }
        let sent = sending.join().unwrap_or_else(|_| Err(Fault::wrong("a panic of the sender")));
        taken.and(sent.map_err(|fault| fault.while_doing("uploading")))
    })
}

/// Between two of a thread.
const PACE: Duration = Duration::from_millis(150);
