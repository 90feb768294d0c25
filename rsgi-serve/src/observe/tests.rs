//! What is shown of a page that two workers live in and one died in: facts, metrics, HTML, and the app's answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rsgi_test::Client;
use rustix::process::Pid;

use super::app::{Source, app};
use super::queues::{Queue, Queues};
use super::{Facts, html, metrics, publish};
use crate::clock::Millis;
use crate::fleet::{Counters, Generation, SlotId, View};
use crate::page::{Note, Page};

/// A page as a service has it: slot 0 is ready, slot 1 boots, the worker of slot 2 died.
fn page() -> Page {
    let page = Page::create(4, Pid::INIT, Millis(1_000)).unwrap();
    for slot in [0, 1, 2] {
        let slot = page.slot(SlotId(slot)).unwrap();
        slot.prepare(Generation(2), Millis(2_000));
        slot.set_pid(Pid::from_raw(4711).unwrap());
    }
    for (slot, status, took) in [(0, 200, 100), (0, 200, 200), (2, 500, 3_000_000)] {
        let slot = page.slot(SlotId(slot)).unwrap();
        slot.set_ready(Millis(3_000));
        slot.connection_began();
        let noted = slot.request_began(&note("/"));
        slot.request_ended(noted, status, 1_000, Duration::from_micros(took));
    }
    page.bury(SlotId(2));
    page.set_serving(true);
    let counters = Counters { forks: 3, signals: [(9, 1)].into(), ..Counters::default() };
    publish(&page, &view("running"), &counters);
    page
}

fn note(target: &str) -> Note<'_> {
    Note { started: Millis(5_000), method: "GET", target, peer: "127.0.0.1:5000", request: "id-1" }
}

fn view(state: &'static str) -> View {
    View { state, generation: Generation(2), wanted: 2, ready: 1, crash_level: 0, workers: vec![] }
}

fn facts(page: &Page) -> Facts {
    Facts::read(page, &Queues::default(), Millis(9_000))
}

#[test]
fn facts_are_those_of_living_and_dead_workers() {
    let facts = facts(&page());
    assert_eq!((facts.state.as_str(), facts.master, facts.uptime_ms), ("running", 1, 8_000));
    assert_eq!((facts.generation, facts.wanted, facts.ready), (2, 2, 1));
    assert_eq!((facts.traffic.requests, facts.traffic.accepted, facts.traffic.bytes), (3, 3, 3_000));
    assert_eq!((facts.traffic.statuses, facts.traffic.time_us), ([0, 2, 0, 0, 1], 3_000_300));
    assert!(facts.traffic.latency.p999_us > Some(2_000_000), "the dead one's request was the slowest");
    assert_eq!(facts.connections, 2);
    let states: Vec<_> = facts.workers.iter().map(|worker| (worker.slot, worker.state.as_str())).collect();
    assert_eq!(states, [(0, "ready"), (1, "booting")]);
    let worker = &facts.workers[0];
    assert_eq!((worker.pid, worker.age_ms, worker.silent_ms), (4711, 7_000, 6_000));
    assert_eq!((worker.traffic.requests, worker.traffic.statuses), (2, [0, 2, 0, 0, 0]));
    let counted = |name: &str, of: Option<&str>| {
        facts.counters.iter().find(|it| it.name == name && it.of.as_deref() == of).map(|it| it.count)
    };
    assert_eq!(
        (counted("workers_forked", None), counted("worker_deaths", Some("signal"))),
        (Some(3), Some(1))
    );
}

#[test]
fn a_request_in_hand_is_told_with_its_age_and_without_orders_to_a_terminal() {
    let page = page();
    let slot = page.slot(SlotId(0)).unwrap();
    let _first = slot.request_began(&note("/slow\u{1b}[2J\u{202e}"));
    let _later = slot.request_began(&Note { started: Millis(8_000), ..note("/later") });
    let facts = facts(&page);
    let told: Vec<_> = facts.workers[0].in_hand.iter().map(|it| (it.ms, it.target.as_str())).collect();
    assert_eq!(told, [(4_000, "/slow\u{fffd}[2J\u{fffd}"), (1_000, "/later")]);
    assert_eq!((facts.busy, facts.workers[0].in_hand[0].id.as_str()), (2, "id-1"));
}

#[test]
fn facts_read_back_from_json_are_the_same_but_for_the_buckets() {
    let facts = facts(&page());
    let text = serde_json::to_string(&facts).unwrap();
    let mut back: Facts = serde_json::from_str(&text).unwrap();
    back.traffic.latencies = facts.traffic.latencies.clone();
    for (worker, before) in back.workers.iter_mut().zip(&facts.workers) {
        worker.traffic.latencies = before.traffic.latencies.clone();
    }
    assert_eq!(back, facts);
}

#[test]
fn requests_are_unwelcome_while_draining_and_without_a_ready_worker() {
    let page = page();
    assert_eq!(facts(&page).refusal(), None);
    for (state, why) in [
        ("draining", Some("draining")),
        ("stopping", Some("stopping")),
        ("away", Some("no worker serves until a reload")),
        ("reloading", None),
    ] {
        publish(&page, &view(state), &Counters::default());
        assert_eq!(facts(&page).refusal(), why, "{state}");
    }
    page.set_serving(false);
    assert!(facts(&page).refusal().is_some());
    page.set_serving(true);
    page.bury(SlotId(0));
    assert_eq!(facts(&page).refusal(), Some("no worker is ready"));
}

#[test]
fn metrics_have_every_number_under_its_name() {
    let mut facts = facts(&page());
    facts.queues = vec![Queue { listener: "unix:/a\"b\\\n".into(), waiting: 3, limit: 128 }];
    let text = metrics::text(&facts);
    for line in [
        "rsgi_ready 1",
        "rsgi_uptime_seconds 8",
        "rsgi_workers{state=\"ready\"} 1",
        "rsgi_workers{state=\"leaving\"} 0",
        "rsgi_requests_total 3",
        "rsgi_responses_total{class=\"5xx\"} 1",
        "rsgi_request_duration_seconds_bucket{le=\"0.000032\"} 0",
        "rsgi_request_duration_seconds_bucket{le=\"+Inf\"} 3",
        "rsgi_request_duration_seconds_sum 3.0003",
        "rsgi_request_duration_seconds_count 3",
        "rsgi_worker_age_seconds{slot=\"0\"} 7",
        "rsgi_listen_queue{listener=\"unix:/a\\\"b\\\\\\n\"} 3",
        "rsgi_workers_forked_total 3",
        "rsgi_worker_deaths_total{how=\"signal\"} 1",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is not in\n{text}");
    }
}

#[test]
fn every_metric_is_described_once_before_its_numbers_which_stand_together() {
    let text = metrics::text(&facts(&page()));
    assert!(text.ends_with('\n'));
    let mut described: Vec<&str> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let name = rest.split(' ').next().unwrap();
            assert!(!described.contains(&name), "{name} twice");
            described.push(name);
            let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {name} ")).unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{kind}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        } else {
            let name = line.split(['{', ' ']).next().unwrap();
            let metric = described.last().unwrap();
            let of_histogram =
                ["_bucket", "_sum", "_count"].iter().any(|end| name == format!("{metric}{end}"));
            assert!(name == *metric || of_histogram, "{line} under {metric}");
            line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
        }
    }
}

#[test]
fn nothing_that_a_client_sent_is_more_than_text_in_the_page() {
    let page = page();
    let target = "/<script>alert('x')</script>?a=\"b\"&c";
    let _noted = page.slot(SlotId(0)).unwrap().request_began(&note(target));
    let text = html::page("a<b>", &facts(&page));
    assert!(!text.contains("<script") && !text.contains("a<b>"), "{text}");
    assert!(
        text.contains("/&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;?a=&quot;b&quot;&amp;c"),
        "{text}"
    );
}

#[test]
fn the_page_renews_itself_and_needs_no_script_and_no_other_file() {
    let text = html::page("shop", &facts(&page()));
    assert!(text.starts_with("<!DOCTYPE html>") && text.contains("http-equiv=refresh content=5"));
    assert!(text.contains("name=viewport") && text.contains("prefers-color-scheme"));
    for part in ["<script", "<link", "<img", "src=", "url(", "@import", "http://", "https://"] {
        assert!(!text.contains(part), "{part}");
    }
    for (open, close) in [("<table", "</table>"), ("<tr", "</tr>"), ("<td", "</td>"), ("<div", "</div>")] {
        assert_eq!(text.matches(open).count(), text.matches(close).count(), "{open}");
    }
}

/// A service that may lose its master.
struct Shown {
    page: Page,
    alive: Arc<AtomicBool>,
}

impl Source for Shown {
    fn facts(&self) -> Facts {
        facts(&self.page)
    }

    fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    fn name(&self) -> &'static str {
        "shop"
    }
}

#[test]
fn each_path_answers_with_its_kind() {
    let client = Client::new(app(Shown { page: page(), alive: Arc::new(AtomicBool::new(true)) }));
    for (path, kind, part) in [
        ("/", "text/html; charset=utf-8", "<h1>shop</h1>"),
        ("/status.json", "application/json", "\"state\":\"running\""),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8", "rsgi_requests_total 3"),
        ("/health", "text/plain; charset=utf-8", "alive"),
        ("/healthz", "text/plain; charset=utf-8", "alive"),
        ("/ready", "text/plain; charset=utf-8", "ready"),
        ("/readyz", "text/plain; charset=utf-8", "ready"),
    ] {
        let answer = client.get(path).answer();
        assert_eq!((answer.status(), answer.field("content-type")), (200, Some(kind)), "{path}");
        assert!(answer.text().contains(part), "{path}: {}", answer.text());
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        assert!(answer.field("content-security-policy").unwrap().starts_with("default-src 'none'"));
        assert_eq!(client.head(path).answer().status(), 200);
        let refused = client.post(path).answer();
        assert_eq!((refused.status(), refused.field("allow")), (405, Some("GET, HEAD")), "{path}");
    }
    assert_eq!(client.get("/secret").answer().status(), 404);
    assert_eq!(client.post("/secret").answer().status(), 404);
}

#[test]
fn readiness_and_health_say_no_with_the_reason() {
    let alive = Arc::new(AtomicBool::new(true));
    let page = page();
    publish(&page, &view("draining"), &Counters::default());
    let client = Client::new(app(Shown { page, alive: Arc::clone(&alive) }));
    let ready = client.get("/ready").answer();
    assert_eq!((ready.status(), ready.text()), (503, "not ready: draining\n"));
    assert_eq!(client.get("/health").answer().status(), 200, "a service that drains is well");
    alive.store(false, Ordering::Relaxed);
    for path in ["/ready", "/health"] {
        let answer = client.get(path).answer();
        assert_eq!((answer.status(), answer.text()), (503, "the master is gone\n"), "{path}");
    }
}
