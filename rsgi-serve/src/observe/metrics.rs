//! The facts as text of Prometheus: the exposition format 0.0.4, which every scraper takes.
//!
//! Written by hand: the libraries there are keep counters of their own process, and ours are another's; what would be left of them is this
//! file. Workers are told apart by their slot and not by their process, so that a service that runs for long has no more series than slots.
//!
//! Next: `counters.rs` for what the master counts.

use std::fmt::Write as _;

use super::counters::TABLE;
use super::facts::{Facts, Traffic, Worker};

/// What the text is, for the answer's head.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes all of it.
pub(super) fn text(facts: &Facts) -> String {
    let mut out = Text { text: String::with_capacity(16 * 1024) };
    service(&mut out, facts);
    traffic(&mut out, &facts.traffic);
    workers(&mut out, facts);
    queues(&mut out, facts);
    master(&mut out, facts);
    out.text
}

fn service(out: &mut Text, facts: &Facts) {
    out.head("info", "gauge", "The launcher's version; always 1.");
    out.labelled("info", &[("version", &facts.version)], 1);
    out.single("ready", "gauge", "Whether requests are welcome.", u64::from(facts.refusal().is_none()));
    out.head("uptime_seconds", "gauge", "Since the service was started first, before all upgrades.");
    out.number("uptime_seconds", &[], seconds(facts.uptime_ms, 1000));
    let help = "The number of the settings in force: each reload and upgrade counts on.";
    out.single("generation", "gauge", help, facts.generation.into());
    out.single("workers_wanted", "gauge", "How many workers there shall be.", facts.wanted);
    out.head("workers", "gauge", "Workers by their state.");
    for state in STATES {
        out.labelled("workers", &[("state", state)], facts.workers_in(state) as u64);
    }
    let help = "How often workers died soon after their start, one after the other.";
    out.single("crash_level", "gauge", help, facts.crash_level);
    out.single("requests_in_progress", "gauge", "Requests being answered.", facts.busy);
    out.single("connections", "gauge", "Connections open.", facts.connections);
}

fn traffic(out: &mut Text, traffic: &Traffic) {
    out.single("requests_total", "counter", "Requests answered.", traffic.requests);
    out.head("responses_total", "counter", "Answers by the first digit of their status.");
    for (class, count) in CLASSES.iter().zip(traffic.statuses) {
        out.labelled("responses_total", &[("class", class)], count);
    }
    out.single("response_bytes_total", "counter", "Bytes of answers' bodies.", traffic.bytes);
    out.single("connections_accepted_total", "counter", "Connections accepted.", traffic.accepted);
    out.head("request_duration_seconds", "histogram", "How long requests took.");
    let mut total = 0;
    for (bound, count) in traffic.latencies.cumulative() {
        total = count;
        let bound = bound.map_or_else(|| "+Inf".to_owned(), |bound| bound.as_secs_f64().to_string());
        out.labelled("request_duration_seconds_bucket", &[("le", &bound)], count);
    }
    out.number("request_duration_seconds_sum", &[], seconds(traffic.time_us, 1_000_000));
    out.labelled("request_duration_seconds_count", &[], total);
}

/// A figure of each worker: its name, what it is, and where it is found.
type Gauge = (&'static str, &'static str, fn(&Worker) -> u64);

fn workers(out: &mut Text, facts: &Facts) {
    let table: [Gauge; 5] = [
        ("worker_requests_in_progress", "Requests the worker is answering.", |worker| worker.busy),
        ("worker_connections", "Connections the worker has open.", |worker| worker.connections),
        ("worker_memory_bytes", "Resident memory of the worker.", |worker| worker.memory),
        ("worker_memory_peak_bytes", "Resident memory of the worker at most.", |worker| worker.peak_memory),
        (
            "worker_requests",
            "Requests this worker has answered; a new one in the slot begins anew.",
            |worker| worker.traffic.requests,
        ),
    ];
    for (name, help, of) in table {
        out.head(name, "gauge", help);
        for worker in &facts.workers {
            out.labelled(name, &[("slot", &worker.slot.to_string())], of(worker));
        }
    }
    let table: [Gauge; 3] = [
        ("worker_age_seconds", "Since the worker was started.", |worker| worker.age_ms),
        ("worker_silence_seconds", "Since the worker's last sign of life.", |worker| worker.silent_ms),
        ("worker_oldest_request_seconds", "Age of the oldest request the worker is answering.", |worker| {
            worker.in_hand.first().map_or(0, |request| request.ms)
        }),
    ];
    for (name, help, of) in table {
        out.head(name, "gauge", help);
        for worker in &facts.workers {
            out.number(name, &[("slot", &worker.slot.to_string())], seconds(of(worker), 1000));
        }
    }
}

fn queues(out: &mut Text, facts: &Facts) {
    out.head("listen_queue", "gauge", "Connections that wait to be accepted.");
    for queue in &facts.queues {
        out.labelled("listen_queue", &[("listener", &queue.listener)], queue.waiting);
    }
    out.head("listen_queue_limit", "gauge", "How many connections may wait.");
    for queue in &facts.queues {
        out.labelled("listen_queue_limit", &[("listener", &queue.listener)], queue.limit);
    }
}

fn master(out: &mut Text, facts: &Facts) {
    let mut last = "";
    for (counter, counted) in TABLE.iter().zip(&facts.counters) {
        let name = format!("{}_total", counter.metric);
        if counter.metric != last {
            out.head(&name, "counter", counter.help);
            last = counter.metric;
        }
        let label = counter.label.as_ref().map(|(label, value)| (*label, *value));
        out.labelled(&name, label.as_slice(), counted.count);
    }
}

/// A text that grows.
struct Text {
    text: String,
}

impl Text {
    /// A metric of one number.
    fn single(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        self.labelled(name, &[], value);
    }

    /// What comes before a metric's numbers.
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string can't fail; here and below.
        let _ = writeln!(self.text, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}");
    }

    fn labelled(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.name(name, labels);
        let _ = writeln!(self.text, " {value}");
    }

    fn number(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.name(name, labels);
        let _ = writeln!(self.text, " {value}");
    }

    fn name(&mut self, name: &str, labels: &[(&str, &str)]) {
        self.text.push_str(PREFIX);
        self.text.push_str(name);
        for (at, (label, value)) in labels.iter().enumerate() {
            let _ = write!(self.text, "{}{label}=\"", if at == 0 { '{' } else { ',' });
            for character in value.chars() {
                match character {
                    '\\' => self.text.push_str("\\\\"),
                    '"' => self.text.push_str("\\\""),
                    '\n' => self.text.push_str("\\n"),
                    plain => self.text.push(plain),
                }
            }
            self.text.push('"');
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the format's numbers are floats; a millisecond in 285,000 years"
)]
fn seconds(number: u64, of_a_second: u32) -> f64 {
    number as f64 / f64::from(of_a_second)
}

const PREFIX: &str = "rsgi_";
const STATES: [&str; 4] = ["booting", "ready", "leaving", "stopping"];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
