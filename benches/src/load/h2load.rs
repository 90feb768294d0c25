//! h2load: HTTP/2 by prior knowledge or over TLS, and HTTP/1.1 at a fixed rate.
//!
//! Its percentiles aren't printed, so each request's time is read from its log. At a fixed rate every connection asks at
//! its own beat, and all began together: answers are asked for in bursts of as many as there are connections.

use std::fs;
use std::process::Command;

use rsgi_core::Error;

use super::{Aim, Counted, url};
use crate::process::{on, output};

pub(crate) fn run(aim: Aim<'_>, connections: u32, streams: u32) -> Result<Counted, Error> {
    let mut command = on(aim.core, "h2load");
    command.arg(format!("-c{connections}")).arg(format!("-m{streams}"));
    finish(command, aim)
}

pub(crate) fn run_at_rate(aim: Aim<'_>, connections: u32, per_second: u32) -> Result<Counted, Error> {
    let mut command = on(aim.core, "h2load");
    command.arg("--h1").arg(format!("-c{connections}"));
    command.arg(format!("--rps={}", f64::from(per_second) / f64::from(connections)));
    let counted = finish(command, aim)?;
    let (wanted, got) = (u64::from(per_second), counted.requests * 1_000_000 / counted.microseconds);
    // What is on its way when the time is over isn't counted: one burst.
    if got < wanted * 97 / 100 {
        return Err(format!("only {got} of {wanted} requests a second were answered").into());
    }
    Ok(counted)
}

fn finish(mut command: Command, aim: Aim<'_>) -> Result<Counted, Error> {
    let log = aim.folder.join("h2load.log");
    let _old = fs::remove_file(&log);
    command.arg("-t1").arg(format!("-D{}", aim.seconds)).arg("--log-file").arg(&log).arg(url(aim));
    let report = output(command)?;
    let mut counted =
        parse(&report).ok_or_else(|| Error::from(format!("h2load reported nothing: {report}")))?;
    counted.microseconds = u64::from(aim.seconds) * 1_000_000;
    counted.times = times(&fs::read_to_string(&log)?).unwrap_or_default();
    Ok(counted)
}

fn parse(report: &str) -> Option<Counted> {
    let line = |start: &str| report.lines().find_map(|line| line.strip_prefix(start));
    let number = |text: &str, name: &str| -> Option<u64> {
        text.split(',').find_map(|part| part.trim().strip_suffix(name))?.trim().parse().ok()
    };
    let requests = line("requests: ")?;
    let statuses = line("status codes: ")?;
    let done = number(requests, "done")?;
    let good = number(statuses, "2xx")?;
    let failed = number(requests, "failed")? + number(requests, "errored")? + number(requests, "timeout")?;
    // `traffic: 2.87MB (3005504) total, ...`
    let bytes = line("traffic: ")?.split_once('(')?.1.split_once(')')?.0.parse().ok()?;
    let failures = failed + done.saturating_sub(good);
    Some(Counted { requests: good, bytes, failures, ..Counted::default() })
}

/// The third column of the log: microseconds until the answer's end.
fn times(log: &str) -> Option<[u64; 3]> {
    let mut times: Vec<u64> = log.lines().filter_map(|line| line.split('\t').nth(2)?.parse().ok()).collect();
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied();
    Some([at(50)?, at(90)?, at(99)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "finished in 1.01s, 19904.00 req/s, 2.87MB/s\n\
        requests: 19904 total, 19968 started, 19904 done, 19904 succeeded, 0 failed, 0 errored, 0 timeout\n\
        status codes: 19904 2xx, 0 3xx, 0 4xx, 0 5xx\n\
        traffic: 2.87MB (3005504) total, 2.05MB (2149632) headers (space savings 0.00%), 77.75KB (79616) data\n";

    #[test]
    fn the_report_is_read() {
        let counted = parse(REPORT).unwrap();
        assert_eq!((counted.requests, counted.bytes, counted.failures), (19_904, 3_005_504, 0));
        assert_eq!(parse("starting benchmark..."), None);
    }

    #[test]
    fn answers_that_are_no_success_and_errors_are_failures() {
        let report = REPORT.replace("19904 2xx, 0 3xx, 0 4xx", "19900 2xx, 0 3xx, 4 4xx");
        assert_eq!(parse(&report).unwrap().failures, 4);
        let report = REPORT.replace("0 errored", "7 errored");
        assert_eq!(parse(&report).unwrap().failures, 7);
    }

    #[test]
    fn percentiles_come_from_the_log() {
        let lines: Vec<_> = (1..=100).rev().map(|time| format!("1795389095307624\t200\t{time}\n")).collect();
        assert_eq!(times(&lines.concat()), Some([51, 91, 100]));
        assert_eq!(times(""), None);
    }
}
