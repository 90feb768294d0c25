//! What `top` shows, on a terminal that is only memory.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::screen::{Screen, Sort};
use super::{Wish, draw, press};
use crate::observe::{Facts, Running, Traffic, Worker};

fn worker(slot: u16, requests: u64, memory: u64) -> Worker {
    Worker {
        slot,
        pid: 100 + i32::from(slot),
        generation: 3,
        state: "ready".into(),
        age_ms: 61_000,
        memory: memory << 20,
        traffic: Traffic { requests, ..Traffic::default() },
        ..Worker::default()
    }
}

fn facts(uptime_ms: u64, workers: Vec<Worker>) -> Facts {
    let requests = workers.iter().map(|worker| worker.traffic.requests).sum();
    let mut facts = Facts {
        state: "running".into(),
        serving: true,
        uptime_ms,
        wanted: 2,
        ready: workers.len() as u64,
        traffic: Traffic { requests, statuses: [0, requests, 0, 0, 0], ..Traffic::default() },
        workers,
        ..Facts::default()
    };
    facts.traffic.latency.p99_us = Some(1_400);
    facts
}

/// The lines that a terminal of that size shows.
fn lines(screen: &Screen, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw::draw(frame, screen)).unwrap();
    let buffer = terminal.backend().buffer();
    let cells: Vec<_> = buffer.content().iter().map(|cell| cell.symbol().to_owned()).collect();
    cells.chunks(width.into()).map(<[String]>::concat).collect()
}

fn key(code: KeyCode) -> KeyEvent {
    KeyEvent::new(code, KeyModifiers::NONE)
}

#[test]
fn it_shows_the_service_its_workers_and_what_they_answer() {
    let mut screen = Screen::new(facts(10_000, vec![worker(0, 100, 20), worker(1, 50, 30)]));
    let mut busy = worker(1, 150, 30);
    busy.in_hand =
        vec![Running { ms: 3_000, method: "GET".into(), target: "/slow".into(), ..Running::default() }];
    screen.update(facts(12_000, vec![worker(0, 300, 20), busy]));
    let lines = lines(&screen, 120, 20);
    assert!(lines[0].starts_with("running  2 of 2 workers ready"), "{lines:#?}");
    assert!(lines[1].starts_with("150/s  450 requests"), "{lines:#?}");
    assert!(lines[2].contains("99 % 1.4 ms") && lines[2].contains("5xx 0"), "{lines:#?}");
    let head = lines.iter().position(|line| line.starts_with("SLOT")).unwrap();
    assert!(lines[head + 1].contains("100") && lines[head + 1].contains("20 MiB"), "{lines:#?}");
    assert!(lines[head + 2].contains("GET /slow for 3 s") && lines[head + 2].contains(" 50 "), "{lines:#?}");
    assert!(lines[19].starts_with("q end  s sort (slot)"), "{lines:#?}");
}

#[test]
fn any_terminal_is_large_enough_not_to_fail() {
    let screen = Screen::new(facts(10_000, (0..50).map(|slot| worker(slot, 1, 1)).collect()));
    for (width, height) in [(1, 1), (5, 3), (20, 8), (80, 24), (300, 100)] {
        assert_eq!(lines(&screen, width, height).len(), usize::from(height));
    }
}

#[test]
fn another_master_has_no_rate_with_the_one_before() {
    let mut screen = Screen::new(facts(90_000, vec![worker(0, 1_000, 1)]));
    screen.update(facts(100, vec![worker(0, 5, 1)]));
    assert_eq!(screen.rate(), None);
    assert!(lines(&screen, 100, 20)[1].starts_with("-/s  5 requests"));
}

#[test]
fn workers_are_ordered_by_the_column_that_was_chosen() {
    let mut screen = Screen::new(facts(1_000, vec![worker(0, 0, 10), worker(1, 0, 30), worker(2, 0, 20)]));
    screen.update(facts(2_000, vec![worker(0, 7, 10), worker(1, 5, 30), worker(2, 9, 20)]));
    let slots = |screen: &Screen| screen.workers().iter().map(|worker| worker.slot).collect::<Vec<_>>();
    let mut found = Vec::new();
    for _ in 0..5 {
        found.push((screen.sort(), slots(&screen)));
        press(&mut screen, key(KeyCode::Char('s')));
    }
    assert_eq!(
        found,
        [
            (Sort::Slot, vec![0, 1, 2]),
            (Sort::Busy, vec![0, 1, 2]),
            (Sort::Requests, vec![2, 0, 1]),
            (Sort::Memory, vec![1, 2, 0]),
            (Sort::Age, vec![0, 1, 2]),
        ]
    );
    assert_eq!(screen.sort(), Sort::Slot);
}

#[test]
fn a_held_picture_stays_and_a_lost_master_is_told() {
    let mut screen = Screen::new(facts(1_000, vec![worker(0, 1, 1)]));
    press(&mut screen, key(KeyCode::Char(' ')));
    screen.update(facts(2_000, vec![worker(0, 99, 1)]));
    assert_eq!(screen.facts().traffic.requests, 1);
    press(&mut screen, key(KeyCode::Char(' ')));
    screen.lose("no master answers there".into());
    assert!(lines(&screen, 160, 20)[0].contains("no master answers there"));
    screen.update(facts(3_000, vec![worker(0, 99, 1)]));
    assert!(!lines(&screen, 160, 20)[0].contains("no master"));
}

#[test]
fn moving_ends_at_the_last_worker() {
    let mut screen = Screen::new(facts(1_000, vec![worker(0, 1, 1), worker(1, 1, 1)]));
    for code in [KeyCode::Down, KeyCode::PageDown, KeyCode::Char('j')] {
        press(&mut screen, key(code));
        assert_eq!(screen.workers()[0].slot, 1);
    }
    screen.update(facts(2_000, vec![worker(0, 1, 1)]));
    assert_eq!(screen.workers().len(), 1, "one of them has gone");
    press(&mut screen, key(KeyCode::PageUp));
    assert_eq!(screen.workers()[0].slot, 0);
}

#[test]
fn three_keys_end_it() {
    let mut screen = Screen::new(facts(1_000, vec![]));
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    for pressed in [key(KeyCode::Char('q')), key(KeyCode::Esc), interrupt] {
        assert_eq!(press(&mut screen, pressed), Wish::End);
    }
    assert_eq!(press(&mut screen, key(KeyCode::Char('c'))), Wish::Stay);
}
