//! The course of a run: start, warm-up, load, rest, end; and the table of what came of it.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::clients::crowd;
use crate::content::all_events;
use crate::fault::Fault;
use crate::inbox::Inbox;
use crate::load::Load;
use crate::memory::Growth;
use crate::process::{Process, Sample};
use crate::request::Request;
use crate::serve::{LONGEST, THREADS};

/// What was asked for.
pub(crate) struct Settings {
    /// The server's short name.
    pub(crate) server: &'static str,
    /// How long the load lasts at least.
    pub(crate) time: Duration,
    /// How many answers it gets at least.
    pub(crate) answers: u64,
    /// What is wrong with the server on purpose.
    pub(crate) sabotage: &'static str,
}

/// Runs it, prints what came of it, and gives the number of faults.
pub(crate) fn run(settings: &Settings) -> io::Result<usize> {
    let mut process = Process::start(&format!("rsgi-{}", settings.server), settings.sabotage)?;
    let load = Load::new(settings.server, process.address());
    warm_up(&load).map_err(|fault| io::Error::other(format!("the warm-up: {fault}")))?;
    let start = settle(&process, |_| false, Duration::from_secs(1))?;
    let samples = drive(&process, &load, settings)?;
    let is_back = |now: Sample| now.descriptors <= start.descriptors && now.threads <= start.threads;
    let rest = settle(&process, is_back, LONGEST + Duration::from_secs(2))?;
    judge(&load, start, rest, &samples);
    match process.end(Duration::from_secs(40))? {
        Some(status) if status.success() => println!("the server ended gracefully"),
        Some(status) => load.tally.note(format!("the server ended with {status}")),
        None => load.tally.note("the server didn't end".to_owned()),
    }
    let faults = load.tally.faults();
    for fault in &faults {
        println!("FAULT {fault}");
    }
    Ok(faults.len())
}

/// Has the server start all that it starts once: every thread for what blocks, its buffers, the clock of the app.
fn warm_up(load: &Load) -> Result<(), Fault> {
    let mut held = Vec::new();
    for path in ["/e/blocking/hold/"; 2 * THREADS] {
        let mut inbox = Inbox::connect(load.address)?;
        let request = Request::small(path, load.numbers(1));
        inbox.send(&request.bytes())?;
        held.push((inbox, request));
    }
    for (mut inbox, request) in held {
        request.expected().take(&mut inbox)?;
    }
    let number = load.numbers(1);
    let events = Request::streamed("/e/async/events/", number, all_events(number).into());
    let mut inbox = Inbox::connect(load.address)?;
    inbox.send(&events.bytes())?;
    events.expected().take(&mut inbox)
}

/// Runs all clients, and looks at the server each second.
fn drive(process: &Process, load: &Load, settings: &Settings) -> io::Result<Vec<Sample>> {
    let mut samples = Vec::new();
    let mut failed = Ok(());
    thread::scope(|scope| {
        for (kind, threads, round) in crowd(settings.server == "hyper") {
            for seat in 0..threads {
                scope.spawn(move || load.repeat(kind, seat, round));
            }
        }
        load.run(settings.time, settings.answers, |at| match process.sample() {
            Ok(sample) => {
                samples.push(sample);
                if samples.len() % 10 == 0 {
                    show(at, load.tally.answers(), sample);
                }
            }
            Err(error) => {
                failed = Err(io::Error::other(format!("the server can't be looked at any more: {error}")));
                load.finish();
            }
        });
    });
    failed.map(|()| samples)
}

fn show(at: Duration, answers: u64, sample: Sample) {
    let Sample { memory, descriptors, threads } = sample;
    let seconds = at.as_secs();
    println!("{seconds:>4} s: {answers} answers, {memory} KiB, {descriptors} descriptors, {threads} threads");
}

/// Looks at the server until it is as it should be, or the time is over.
fn settle(process: &Process, is_so: impl Fn(Sample) -> bool, most: Duration) -> io::Result<Sample> {
    let begun = Instant::now();
    loop {
        let now = process.sample()?;
        if is_so(now) || begun.elapsed() > most {
            return Ok(now);
        }
        thread::park_timeout(Duration::from_millis(50));
    }
}

fn judge(load: &Load, start: Sample, rest: Sample, samples: &[Sample]) {
    println!("{}", load.tally);
    let most = |of: fn(&Sample) -> usize| samples.iter().map(of).max().unwrap_or_default();
    let peak = [most(|sample| sample.descriptors), most(|sample| sample.threads)];
    println!("descriptors: {} before, up to {}, {} after", start.descriptors, peak[0], rest.descriptors);
    println!("threads: {} before, up to {}, {} after", start.threads, peak[1], rest.threads);
    if rest.descriptors > start.descriptors {
        load.tally.note(format!("descriptors: {} became {}", start.descriptors, rest.descriptors));
    }
    if rest.threads > start.threads {
        load.tally.note(format!("threads: {} became {}", start.threads, rest.threads));
    }
    let highest = samples.iter().map(|sample| sample.memory).max().unwrap_or_default();
    match Growth::of(samples) {
        Some(growth) => {
            let Growth { before, after } = growth;
            println!(
                "memory: {} KiB before, {before} after the warm-up, {after} at the end, up to {highest}, {} after",
                start.memory, rest.memory
            );
            if !growth.is_flat() {
                load.tally.note(format!("memory: {before} KiB became {after}"));
            }
        }
        None => load.tally.note(format!("memory: {} samples are too few to judge", samples.len())),
    }
}
