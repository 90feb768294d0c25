//! Clients that stop in the middle and stay: the server must let them go by its clocks, and lose nothing by them.

use std::time::Duration;

use crate::content::{BIG, UPLOAD};
use crate::dice::Dice;
use crate::fault::Fault;
use crate::inbox::Inbox;
use crate::load::Load;
use crate::request::Request;
use crate::serve::LONGEST;
use crate::tally::Kind;

/// One round: some of each sort, all at once, and the wait for their ends.
pub(crate) fn round(load: &Load, _dice: &mut Dice) -> Result<(), Fault> {
    let mut stalled = Vec::new();
    for _ in 0..OF_EACH {
        let number = load.numbers(1) % 60_000;
        let get = Request::small("/e/async/small/", number).bytes();
        // Nothing at all, half a head, half a body of either app.
        stalled.push(stall(load, &[])?);
        stalled.push(stall(load, &get[..get.len() / 2])?);
        for path in ["/e/async/echo/", "/e/blocking/echo/"] {
            let mut head = Vec::new();
            Request::echo(path, number, UPLOAD).write_head(&mut head);
            stalled.push(stall(load, &head)?);
        }
        // An answer, and then silence.
        let mut idle = stall(load, &get)?;
        Request::small("/e/async/small/", number).expected().take(&mut idle)?;
        stalled.push(idle);
    }
    // Answers that are never read; they come to less than they should be.
    let mut unread = Vec::new();
    for path in ["/e/async/big/", "/e/blocking/big/", "/e/file/big/"] {
        load.tally.connected(Kind::Stalled);
        let mut inbox = Inbox::narrow(load.address)?;
        inbox.send(&Request::get(path, load.numbers(1) % 60_000, BIG).bytes())?;
        unread.push(inbox);
    }
    load.pause(LONGEST + SLACK);
    if load.is_over() {
        return Ok(());
    }
    for mut inbox in stalled {
        inbox.drain().map_err(|fault| fault.while_doing("stalled request"))?;
        load.right(Kind::Stalled, &mut inbox);
    }
    for mut inbox in unread {
        let came = inbox.drain().map_err(|fault| fault.while_doing("unread answer"))?;
        if came >= BIG {
            return Err(Fault::wrong(format!("{came} bytes of an answer that nobody read in time")));
        }
        load.right(Kind::Stalled, &mut inbox);
    }
    Ok(())
}

fn stall(load: &Load, bytes: &[u8]) -> Result<Inbox, Fault> {
    let mut inbox = load.connect(Kind::Stalled)?;
    inbox.send(bytes)?;
    Ok(inbox)
}

/// Clients of each sort.
const OF_EACH: usize = 3;
/// More than the clocks need.
const SLACK: Duration = Duration::from_secs(2);
