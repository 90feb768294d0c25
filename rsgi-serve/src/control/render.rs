//! What people see of `show`: a line on the service, a table of its workers, and what they are answering.
//!
//! Columns are as wide as what is in them. Nothing that comes from a master can move the terminal's cursor.

use std::fmt::Write as _;

use crate::observe::words::{age, bytes, count, latency};
use crate::observe::{Facts, Worker};

/// The whole table.
pub(super) fn table(facts: &Facts) -> String {
    let mut text = format!(
        "{}, {} of {} workers ready, generation {}, up {}, master {}\n{} requests, {} now, 5xx {}; median {}, 99 % {}\n\n",
        facts.state,
        facts.ready,
        facts.wanted,
        facts.generation,
        age(facts.uptime_ms),
        facts.master,
        count(facts.traffic.requests),
        count(facts.busy),
        count(facts.traffic.statuses[4]),
        latency(facts.traffic.latency.p50_us),
        latency(facts.traffic.latency.p99_us),
    );
    let rows: Vec<_> = facts.workers.iter().map(row).collect();
    let mut widths = HEAD.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    line(&mut text, widths, HEAD);
    for (row, worker) in rows.iter().zip(&facts.workers) {
        line(&mut text, widths, row.each_ref().map(String::as_str));
        for request in &worker.in_hand {
            let (age, peer) = (age(request.ms), &request.peer);
            // Writing to a string can't fail; here and below.
            let _ = writeln!(text, "      {age} {} {} from {peer}", request.method, request.target);
        }
    }
    for queue in &facts.queues {
        let (waiting, limit) = (queue.waiting, queue.limit);
        let _ = writeln!(text, "{}: {waiting} of {limit} wait to be accepted", queue.listener);
    }
    plain(&text)
}

/// A text without what a terminal would take for an order.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|it| if it.is_control() && it != '\n' { char::REPLACEMENT_CHARACTER } else { it })
        .collect()
}

fn row(worker: &Worker) -> [String; HEAD.len()] {
    let latencies = worker.traffic.latency;
    [
        worker.slot.to_string(),
        worker.pid.to_string(),
        worker.state.clone(),
        worker.generation.to_string(),
        age(worker.age_ms),
        count(worker.traffic.requests),
        count(worker.busy),
        bytes(worker.memory),
        latency(latencies.p50_us),
        latency(latencies.p90_us),
        latency(latencies.p99_us),
    ]
}

/// Words to the left, numbers to the right.
fn line(text: &mut String, widths: [usize; HEAD.len()], cells: [&str; HEAD.len()]) {
    let mut line = String::new();
    for (at, (width, cell)) in widths.into_iter().zip(cells).enumerate() {
        if at > 0 {
            line.push_str("  ");
        }
        let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
        if at == STATE {
            line.push_str(cell);
            line.push_str(&padding);
        } else {
            line.push_str(&padding);
            line.push_str(cell);
        }
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

const HEAD: [&str; 11] =
    ["SLOT", "PID", "STATE", "GEN", "AGE", "REQUESTS", "BUSY", "MEMORY", "MEDIAN", "90 %", "99 %"];
/// The column of words.
const STATE: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{Queue, Running, Traffic};

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let worker = |slot, pid, requests| Worker {
            slot,
            pid,
            state: "ready".into(),
            age_ms: 5_000,
            traffic: Traffic { requests, ..Traffic::default() },
            ..Worker::default()
        };
        let mut busy = worker(11, 4_194_304, 1_234_567);
        busy.in_hand = vec![Running {
            ms: 2_000,
            method: "GET".into(),
            target: "/a".into(),
            peer: "p".into(),
            ..Running::default()
        }];
        let facts = Facts {
            state: "running".into(),
            workers: vec![worker(0, 7, 1), busy],
            queues: vec![Queue { listener: "127.0.0.1:8000".into(), waiting: 1, limit: 128 }],
            ..Facts::default()
        };
        let text = table(&facts);
        let lines: Vec<_> = text.lines().skip(3).collect();
        assert_eq!(
            lines,
            [
                "SLOT      PID  STATE  GEN  AGE   REQUESTS  BUSY  MEMORY  MEDIAN  90 %  99 %",
                "   0        7  ready    0  5 s          1     0     0 B       -     -     -",
                "  11  4194304  ready    0  5 s  1 234 567     0     0 B       -     -     -",
                "      2 s GET /a from p",
                "127.0.0.1:8000: 1 of 128 wait to be accepted",
            ]
        );
    }

    #[test]
    fn nothing_of_a_masters_moves_the_cursor() {
        assert_eq!(plain("a\u{1b}[2J\r\nb"), "a\u{fffd}[2J\u{fffd}\nb");
    }
}
