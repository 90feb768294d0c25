//! What `top` looks like: a line on the service, one on its traffic, the requests of the last minutes, the workers, the keys.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Sparkline, Table};

use super::screen::{Rate, Screen, Sort};
use crate::observe::Worker;
use crate::observe::words::{age, bytes, count, latency, rate};

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, screen: &Screen) {
    // On a low terminal the workers need the room more than the history does.
    let history = if frame.area().height >= 16 { 4 } else { 0 };
    let [service, traffic, past, workers, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Length(history),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(service_line(screen)), service);
    frame.render_widget(Paragraph::new(traffic_lines(screen)), traffic);
    let past_rates = screen.history(past.width.into());
    frame.render_widget(Sparkline::default().data(&past_rates).style(Style::new().fg(Color::Cyan)), past);
    frame.render_widget(table(screen, workers), workers);
    frame.render_widget(Paragraph::new(keys_line(screen)), keys);
}

fn service_line(screen: &Screen) -> Line<'_> {
    let facts = screen.facts();
    let mut spans = vec![
        Span::styled(facts.state.clone(), Style::new().fg(colour(&facts.state)).add_modifier(Modifier::BOLD)),
        format!("  {} of {} workers ready", facts.ready, facts.wanted).into(),
        format!("  generation {}  up {}  master {}", facts.generation, age(facts.uptime_ms), facts.master)
            .dim(),
    ];
    if let Some(why) = facts.refusal() {
        spans.push(format!("  not ready: {why}").fg(Color::Yellow));
    }
    if let Some(why) = screen.lost() {
        spans.push(format!("  {why}").fg(Color::Red));
    }
    Line::from(spans)
}

fn traffic_lines(screen: &Screen) -> Vec<Line<'_>> {
    let facts = screen.facts();
    let traffic = &facts.traffic;
    let latencies = traffic.latency;
    let wait = facts.queues.iter().fold(0_u64, |sum, queue| sum.saturating_add(queue.waiting));
    let first = vec![
        Span::from(format!("{}/s", each_second(screen.rate()))).bold(),
        format!("  {} requests  {} now", count(traffic.requests), count(facts.busy)).into(),
        format!("  {} connections  {} waiting", count(facts.connections), count(wait)).into(),
        format!("  {} sent", bytes(traffic.bytes)).into(),
    ];
    let [_, good, moved, client, server] = traffic.statuses;
    let bad = if server > 0 { Style::new().fg(Color::Red) } else { Style::new() };
    let second = vec![
        Span::from(format!("median {}", latency(latencies.p50_us))),
        format!("  90 % {}", latency(latencies.p90_us)).into(),
        format!("  99 % {}", latency(latencies.p99_us)).into(),
        format!("  99.9 % {}", latency(latencies.p999_us)).into(),
        format!("  2xx {}  3xx {}  4xx {}", count(good), count(moved), count(client)).dim(),
        Span::styled(format!("  5xx {}", count(server)), bad),
    ];
    vec![Line::from(first), Line::from(second)]
}

fn table(screen: &Screen, area: Rect) -> Table<'static> {
    let mut rows = Vec::new();
    for worker in screen.workers().into_iter().take(area.height.into()) {
        rows.push(row(screen, worker));
    }
    let sorted = match screen.sort() {
        Sort::Slot => 0,
        Sort::Age => 4,
        Sort::Requests => 5,
        Sort::Busy => 7,
        Sort::Memory => 8,
    };
    let head = HEAD.iter().enumerate().map(|(at, name)| {
        let cell = Cell::from(*name);
        if at == sorted { cell.style(Style::new().add_modifier(Modifier::UNDERLINED)) } else { cell }
    });
    let head = Row::new(head.collect::<Vec<_>>()).style(Style::new().add_modifier(Modifier::BOLD));
    Table::new(rows, WIDTHS).header(head).column_spacing(1)
}

fn row(screen: &Screen, worker: &Worker) -> Row<'static> {
    let latencies = worker.traffic.latency;
    let doing = worker
        .in_hand
        .first()
        .map(|request| format!("{} {} for {}", request.method, request.target, age(request.ms)));
    Row::new(vec![
        Cell::from(worker.slot.to_string()),
        Cell::from(worker.pid.to_string()),
        Cell::from(worker.state.clone()).style(Style::new().fg(colour(&worker.state))),
        Cell::from(worker.generation.to_string()),
        Cell::from(age(worker.age_ms)),
        Cell::from(each_second(screen.rate_of(worker))),
        Cell::from(count(worker.traffic.requests)),
        Cell::from(count(worker.busy)),
        Cell::from(bytes(worker.memory)),
        Cell::from(latency(latencies.p50_us)),
        Cell::from(latency(latencies.p99_us)),
        Cell::from(doing.unwrap_or_default()),
    ])
}

fn keys_line(screen: &Screen) -> Line<'static> {
    let sort = match screen.sort() {
        Sort::Slot => "slot",
        Sort::Busy => "busy",
        Sort::Requests => "requests",
        Sort::Memory => "memory",
        Sort::Age => "age, the youngest first",
    };
    let held = if screen.is_held() { "HELD  " } else { "" };
    Line::from(vec![held.fg(Color::Yellow), format!("q end  s sort ({sort})  space hold  arrows move").dim()])
}

fn each_second(of: Option<Rate>) -> String {
    of.map_or_else(|| "-".to_owned(), |of| rate(of.more, of.within))
}

fn colour(state: &str) -> Color {
    match state {
        "ready" | "running" => Color::Green,
        "starting" | "booting" | "reloading" | "upgrading" | "leaving" => Color::Yellow,
        _ => Color::Red,
    }
}

const HEAD: [&str; 12] =
    ["SLOT", "PID", "STATE", "GEN", "AGE", "/S", "REQUESTS", "BUSY", "MEMORY", "MEDIAN", "99 %", "ANSWERING"];
const WIDTHS: [Constraint; 12] = [
    Constraint::Length(4),
    Constraint::Length(7),
    Constraint::Length(8),
    Constraint::Length(3),
    Constraint::Length(11),
    Constraint::Length(7),
    Constraint::Length(11),
    Constraint::Length(4),
    Constraint::Length(8),
    Constraint::Length(6),
    Constraint::Length(6),
    Constraint::Min(9),
];
