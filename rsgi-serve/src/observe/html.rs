//! The facts as one page of HTML: no script, no file beside it, readable on a phone, in light and in dark; it renews itself.
//!
//! Everything that isn't a constant of this file goes through [`Escaped`]: targets of requests are whatever clients send.

use std::fmt::{self, Write as _};

use super::counters::TABLE;
use super::facts::{Facts, Latency, Worker};
use super::words::{age, bytes, count, latency};

/// Writes the page, for a service of that name.
pub(super) fn page(name: &str, facts: &Facts) -> String {
    let mut out = String::with_capacity(16 * 1024);
    // Writing to a string can't fail.
    let _ = body(&mut out, name, facts);
    out
}

fn body(out: &mut String, name: &str, facts: &Facts) -> fmt::Result {
    let name = Escaped(name);
    write!(
        out,
        "<!DOCTYPE html><html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width, \
         initial-scale=1\"><meta http-equiv=refresh content={REFRESH}><title>{name}: {}</title><style>{STYLE}</style>\
         </head><body>",
        Escaped(&facts.state)
    )?;
    head(out, name, facts)?;
    cards(out, facts)?;
    workers(out, facts)?;
    queues(out, facts)?;
    counters(out, facts)?;
    writeln!(
        out,
        "<footer>rsgi-serve {} &middot; <a href=\"metrics\">metrics</a> &middot; <a href=\"status.json\">JSON</a> \
         &middot; <a href=\"health\">health</a> &middot; <a href=\"ready\">ready</a> &middot; renewed every {REFRESH} s\
         </footer></body></html>",
        Escaped(&facts.version)
    )
}

fn head(out: &mut String, name: Escaped<'_>, facts: &Facts) -> fmt::Result {
    let (class, word) = match facts.refusal() {
        None => ("good", "ready"),
        Some(why) => ("bad", why),
    };
    write!(
        out,
        "<header><h1>{name}</h1><span class=\"mark {class}\">{}</span><span class=\"mark {}\">{}</span>\
         <span class=soft>up {}, master {}, generation {}</span></header>",
        Escaped(word),
        class_of(&facts.state),
        Escaped(&facts.state),
        age(facts.uptime_ms),
        facts.master,
        facts.generation
    )
}

fn cards(out: &mut String, facts: &Facts) -> fmt::Result {
    let traffic = &facts.traffic;
    let [_, good, moved, client, server] = traffic.statuses;
    let Latency { p50_us, p90_us, p99_us, p999_us } = traffic.latency;
    let cards = [
        (format!("{} / {}", facts.ready, facts.wanted), "workers ready / wanted"),
        (count(traffic.requests), "requests"),
        (count(facts.busy), "being answered"),
        (count(facts.connections), "connections"),
        (latency(p50_us), "median"),
        (latency(p90_us), "90 %"),
        (latency(p99_us), "99 %"),
        (latency(p999_us), "99.9 %"),
        (count(good), "2xx"),
        (count(moved), "3xx"),
        (count(client), "4xx"),
        (count(server), "5xx"),
        (bytes(traffic.bytes), "sent"),
        (bytes(facts.workers.iter().fold(0, |sum, worker| sum.saturating_add(worker.memory))), "memory"),
    ];
    out.push_str("<div class=cards>");
    for (value, name) in cards {
        write!(out, "<div class=card><b>{value}</b><span>{name}</span></div>")?;
    }
    if facts.crash_level > 0 {
        let level = facts.crash_level;
        write!(out, "<div class=\"card bad\"><b>{level}</b><span>crashes soon after start</span></div>")?;
    }
    out.push_str("</div>");
    Ok(())
}

fn workers(out: &mut String, facts: &Facts) -> fmt::Result {
    out.push_str("<h2>Workers</h2><table class=workers><thead><tr>");
    for name in COLUMNS {
        write!(out, "<th>{name}</th>")?;
    }
    out.push_str("</tr></thead><tbody>");
    for worker in &facts.workers {
        row(out, worker)?;
    }
    out.push_str("</tbody></table>");
    Ok(())
}

fn row(out: &mut String, worker: &Worker) -> fmt::Result {
    let traffic = &worker.traffic;
    let cells = [
        worker.slot.to_string(),
        worker.pid.to_string(),
        format!("<span class={}>{}</span>", class_of(&worker.state), Escaped(&worker.state)),
        worker.generation.to_string(),
        age(worker.age_ms),
        count(traffic.requests),
        count(worker.busy),
        count(worker.connections),
        latency(traffic.latency.p50_us),
        latency(traffic.latency.p99_us),
        bytes(worker.memory),
        age(worker.silent_ms),
    ];
    out.push_str("<tr>");
    for (name, cell) in COLUMNS.iter().zip(cells) {
        write!(out, "<td data-name=\"{name}\">{cell}</td>")?;
    }
    out.push_str("</tr>");
    if worker.in_hand.is_empty() {
        return Ok(());
    }
    write!(out, "<tr class=hand><td class=hand colspan={}>", COLUMNS.len())?;
    for request in &worker.in_hand {
        write!(
            out,
            "<div>{} <code>{} {}</code> from {} <span class=soft>{}</span></div>",
            age(request.ms),
            Escaped(&request.method),
            Escaped(&request.target),
            Escaped(&request.peer),
            Escaped(&request.id)
        )?;
    }
    out.push_str("</td></tr>");
    Ok(())
}

fn queues(out: &mut String, facts: &Facts) -> fmt::Result {
    if facts.queues.is_empty() {
        return Ok(());
    }
    out.push_str("<h2>Listeners</h2><table><thead><tr><th>at</th><th>waiting</th><th>room for</th></tr></thead><tbody>");
    for queue in &facts.queues {
        write!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            Escaped(&queue.listener),
            count(queue.waiting),
            count(queue.limit)
        )?;
    }
    out.push_str("</tbody></table>");
    Ok(())
}

/// Those that aren't zero: of the rest there is nothing to tell.
fn counters(out: &mut String, facts: &Facts) -> fmt::Result {
    let told: Vec<_> = TABLE.iter().zip(&facts.counters).filter(|(_, counted)| counted.count > 0).collect();
    if told.is_empty() {
        return Ok(());
    }
    out.push_str("<h2>Since the start</h2><div class=cards>");
    for (counter, counted) in told {
        let name = counter.metric.replace('_', " ");
        let of = counter.label.map(|(_, value)| format!(": {value}")).unwrap_or_default();
        write!(
            out,
            "<div class=card title=\"{}\"><b>{}</b><span>{name}{of}</span></div>",
            Escaped(counter.help),
            count(counted.count)
        )?;
    }
    out.push_str("</div>");
    Ok(())
}

fn class_of(state: &str) -> &'static str {
    match state {
        "ready" | "running" => "good",
        "starting" | "booting" | "reloading" | "upgrading" | "leaving" => "warn",
        _ => "bad",
    }
}

/// A text that is nothing but text, between tags and in quoted values of attributes.
#[derive(Clone, Copy)]
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                plain => f.write_char(plain)?,
            }
        }
        Ok(())
    }
}

const STYLE: &str = include_str!("status.css");
/// Seconds.
const REFRESH: u32 = 5;
const COLUMNS: [&str; 12] =
    ["slot", "pid", "state", "gen", "age", "requests", "busy", "conns", "median", "99 %", "memory", "silent"];
