//! Counts the instructions of one keep-alive request by each road, under callgrind, and prints the ratios.
//!
//! `cargo run --release -p rsgi-benches --bin instructions`. Says of each ratio whether its limit
//! is met, and fails if one has risen by more than 3 % over what was committed. Needs `valgrind`.
//! Two lengths of run are counted and subtracted, so that start and end cost nothing.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "printing the table is its purpose")]

use std::process::{Command, ExitCode, Stdio};

use rsgi_benches::{AXUM_CASES, Case, FRASCO_CASES, HYPER_CASES, run};

const SHORT: usize = 160;
const LONG: usize = 1_120;

/// What is compared with what: the most it may cost, and what it cost when this was committed.
const RATIOS: [(&str, &str, f64, f64); 8] = [
    ("rsgi-hyper", "hyper", 1.08, 1.072),
    ("rsgi-hyper-middleware", "hyper-fields", 1.10, 1.078),
    ("rsgi-hyper-pipelined", "hyper-pipelined", 1.08, 1.178),
    ("rsgi-hyper-stream", "hyper-stream", 1.08, 0.713),
    ("rsgi-hyper-one", "rsgi-hyper-field", 1.03, 0.976),
    ("rsgi-hyper-mount", "rsgi-hyper-unmounted", 1.03, 1.067),
    ("rsgi-hyper-axum", "axum-serve", 1.03, 1.119),
    ("rsgi-hyper-frasco", "axum-serve", 1.00, 0.919),
];

/// How far over the committed ratio a change may go before it fails: another machine's memory functions are others.
const SLACK: f64 = 1.03;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [case, requests] = arguments.as_slice() {
        let Ok(requests) = requests.parse() else { return ExitCode::FAILURE };
        let known = HYPER_CASES.iter().chain(&AXUM_CASES).chain(&FRASCO_CASES).find(|(name, _)| name == case);
        let bytes =
            known.map(|(_, run)| run(requests)).or_else(|| Some(run(case.parse::<Case>().ok()?, requests)));
        println!("{bytes:?} bytes");
        return if bytes.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    match table() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn table() -> Result<bool, String> {
    let mut counts = Vec::new();
    let more = HYPER_CASES.iter().chain(&AXUM_CASES).chain(&FRASCO_CASES).map(|(name, _)| *name);
    for name in Case::ALL.iter().map(|(name, _)| *name).chain(more) {
        let each = (count(name, LONG)? - count(name, SHORT)?) / (LONG - SHORT) as u64;
        println!("{name:22} {each:6} instructions a request");
        counts.push((name, each));
    }
    let of = |name| counts.iter().find(|(known, _)| *known == name).map_or(0, |(_, each)| *each);
    let mut met = true;
    for (ours, theirs, limit, committed) in RATIOS {
        #[expect(clippy::cast_precision_loss, reason = "some thousands fit")]
        let ratio = of(ours) as f64 / of(theirs) as f64;
        let verdict = if ratio <= limit { "met" } else { "NOT MET" };
        println!("{ours} / {theirs}: {ratio:.3} (limit {limit}, committed {committed}): {verdict}");
        met &= ratio <= committed * SLACK;
    }
    Ok(met)
}

/// Runs one case under callgrind and reads the total off its report.
fn count(case: &str, requests: usize) -> Result<u64, String> {
    let this = std::env::current_exe().map_err(|error| format!("own path: {error}"))?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        // Else a copy of some kilobytes is one instruction that is counted as one a byte.
        .env("GLIBC_TUNABLES", "glibc.cpu.x86_rep_movsb_threshold=1000000000")
        .arg(this)
        .args([case, &requests.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind: {error}; install it: it counts the instructions"))?;
    let report = String::from_utf8_lossy(&output.stderr);
    let total = report.lines().find_map(|line| line.split("Collected : ").nth(1));
    total
        .and_then(|total| total.trim().parse().ok())
        .ok_or_else(|| format!("valgrind counted nothing of case {case}:\n{report}"))
}
