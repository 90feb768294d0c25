//! wrk: connections that ask again as soon as they are answered, over HTTP/1.1 with or without TLS.
//!
//! What it prints for people is rounded, so a script of ours prints its counters whole at the end.

use std::fmt::Write as _;
use std::fs;

use rsgi_core::Error;

use super::{Aim, Counted, url};
use crate::process::{on, output};

const REPORT: &str = r#"
done = function(summary, latency)
    local e = summary.errors
    print("counted", summary.requests, summary.duration, summary.bytes,
        e.connect + e.read + e.write + e.status + e.timeout,
        latency:percentile(50), latency:percentile(90), latency:percentile(99))
end
"#;

pub(crate) fn run(aim: Aim<'_>, connections: u32, pipelined: u32, upload: usize) -> Result<Counted, Error> {
    let file = aim.folder.join("load.lua");
    fs::write(&file, script(pipelined, upload))?;
    let mut command = on(aim.core, "wrk");
    command.args(["-t1", "--timeout", "10s"]);
    command.arg(format!("-c{connections}")).arg(format!("-d{}s", aim.seconds));
    command.arg("-s").arg(&file).arg(url(aim));
    let report = output(command)?;
    parse(&report).ok_or_else(|| format!("wrk reported nothing: {report}").into())
}

fn script(pipelined: u32, upload: usize) -> String {
    let mut script = String::new();
    if upload > 0 {
        // Writing to a string can't fail.
        let _done = writeln!(script, "wrk.method = \"POST\"\nwrk.body = string.rep(\"x\", {upload})");
    }
    if pipelined > 1 {
        let _done = writeln!(
            script,
            "init = function()\n    batch = string.rep(wrk.format(), {pipelined})\nend\n\
             request = function()\n    return batch\nend"
        );
    }
    script + REPORT
}

fn parse(report: &str) -> Option<Counted> {
    let line = report.lines().find_map(|line| line.strip_prefix("counted"))?;
    // A percentile may be printed with a fraction.
    let fields: Option<Vec<u64>> =
        line.split_whitespace().map(|it| it.split('.').next()?.parse().ok()).collect();
    let [requests, microseconds, bytes, failures, p50, p90, p99] = fields?[..] else { return None };
    Some(Counted { requests, microseconds, bytes, failures, times: [p50, p90, p99] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_script_is_found_among_the_rest() {
        let report = "Running 1s test @ http://127.0.0.1:1/ping\n  69107 requests in 1.01s, 9.95MB read\n\
                      counted\t69107\t1010279\t10435157\t0\t227\t3570\t11306.0\n";
        let counted = Counted {
            requests: 69_107,
            microseconds: 1_010_279,
            bytes: 10_435_157,
            failures: 0,
            times: [227, 3_570, 11_306],
        };
        assert_eq!(parse(report), Some(counted));
        assert_eq!(parse("unable to connect"), None);
    }

    #[test]
    fn a_script_has_only_what_its_load_needs() {
        assert_eq!(script(1, 0), REPORT);
        assert!(script(16, 0).contains("string.rep(wrk.format(), 16)"));
        assert!(script(1, 65_536).contains("wrk.body = string.rep(\"x\", 65536)"));
    }
}
