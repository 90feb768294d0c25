//! HTTP/2 clients: many streams at once on one connection, small and large answers, echoes, and streams that the client
//! resets.

use std::time::Duration;

use rsgi_test::wire::http2::{Http2, Http2Answer, get, request};

use crate::content::{BIG, STREAM, all_events, content, small_length};
use crate::dice::Dice;
use crate::fault::Fault;
use crate::load::Load;
use crate::tally::Kind;

/// One round: one connection.
pub(crate) fn round(load: &Load, dice: &mut Dice) -> Result<(), Fault> {
    load.tally.connected(Kind::Http2);
    let mut client = Http2::connect(load.address);
    for _ in 0..BATCHES {
        let first = load.numbers(STREAMS) % 60_000;
        let mut under_way = Vec::new();
        for number in first..first + STREAMS {
            let app = dice.one_of(&["async", "blocking"]);
            let (answer, _) = client.send(get(&format!("/e/{app}/small/{number}")), true);
            under_way.push((number, answer));
        }
        // Left alone, so the client resets it.
        drop(client.send(get(&format!("/e/async/stream/{first}")), true));
        for (number, answer) in under_way {
            judge(load, number, &content(number, small_length(number)), &client.answer(answer))?;
        }
        if load.is_over() {
            return Ok(());
        }
        load.pause(PACE);
    }
    for (what, length) in [("echo", UPLOAD), ("stream", STREAM), ("events", 0), ("big", BIG)] {
        let number = load.numbers(1) % 60_000;
        let app = dice.one_of(&["async", "blocking"]);
        let target = format!("/e/{app}/{what}/{number}");
        let expected = if what == "events" { all_events(number).into() } else { content(number, length) };
        let answer = match what {
            "echo" => client.ask(request("POST", &target, &[]), &expected),
            _ => client.ask(get(&target), &[]),
        };
        judge(load, number, &expected, &answer)?;
    }
    Ok(())
}

fn judge(load: &Load, number: u64, expected: &[u8], answer: &Http2Answer) -> Result<(), Fault> {
    let is_right = answer.status == 200
        && answer.body == expected
        && answer.trailers.is_none()
        && answer.field("x-number") == Some(number.to_string().as_str())
        && answer.field("content-type") == Some("application/octet-stream")
        && answer.fields.keys().all(|name| FIELDS.contains(&name.as_str()));
    if !is_right {
        let text = format!("answer of {number}: {}, {:?}", answer.status, answer.fields);
        return Err(Fault::wrong(format!("{text}, {} of {} bytes", answer.body.len(), expected.len())));
    }
    load.tally.right(Kind::Http2, 1, answer.body.len() as u64);
    Ok(())
}

/// What an answer may say.
const FIELDS: [&str; 4] = ["content-type", "content-length", "x-number", "date"];
/// Of a connection.
const BATCHES: usize = 12;
/// Streams at once.
const STREAMS: u64 = 16;
/// What is echoed.
const UPLOAD: usize = 256 << 10;
/// Between two batches.
const PACE: Duration = Duration::from_millis(10);
