//! Malformed requests, and odd valid ones: the corpus of rsgi-test, each pair with the verdict that it expects.

use std::time::Duration;

use rsgi_test::suite::corpus::{How, run};
use rsgi_test::wire::RawClient;

use crate::dice::Dice;
use crate::fault::Fault;
use crate::load::Load;
use crate::tally::Kind;

/// One round: one pair, whole or byte by byte.
pub(crate) fn round(load: &Load, dice: &mut Dice) -> Result<(), Fault> {
    let pair = &load.pairs[dice.below(load.pairs.len())];
    let how = if dice.below(2) == 0 { How::Whole } else { How::Bytewise };
    load.tally.connected(Kind::Malformed);
    let result = run(pair, &how, &|| RawClient::tcp(load.address));
    load.differences.judge(&pair.name, result).map_err(Fault::wrong)?;
    load.tally.right(Kind::Malformed, 1, 0);
    load.pause(PACE);
    Ok(())
}

/// Between two.
const PACE: Duration = Duration::from_millis(5);
