//! Arbitrary HTTP/2 frames to rsgi-hyper: no panic, nothing that outlives its connection, no memory without a bound.
//!
//! The input is a little program whose steps are frames, mostly well formed, some repeated as a flood would be. After
//! each a fresh connection must be served. Not here: whether the answers are right, which the suite tests.
//!
//! Invariant held against: what one connection can cost has a bound, whatever it sends.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use rsgi_core::server::Config;
use rsgi_fuzz::frames::program;
use rsgi_fuzz::ground::{Ground, Kind};

fuzz_target!(|data: &[u8]| {
    static GROUND: OnceLock<Ground> = OnceLock::new();
    let ground = GROUND.get_or_init(|| Ground::start(Kind::Hyper, BODY_BYTES));
    let before = resident_pages();
    ground.send(&[&program(data)]);
    let most = ground.most_at_once();
    let allowed = Config::new().limits.http2.concurrent_streams as usize;
    assert!(most <= allowed, "{most} requests at once, {allowed} allowed");
    let grown = resident_pages().saturating_sub(before);
    assert!(grown < PAGES, "{grown} pages more for {} bytes of frames", program(data).len());
    let ping = ground.converse(&[b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"]);
    // A stream's app may begin after its connection has ended, for it is a task of its own.
    assert!(ping.seen.iter().any(|seen| seen.target == b"/ping"), "{ping:?}");
    assert_eq!(ping.answers.len(), 1, "{ping:?}");
    assert_eq!(ping.answers[0].status, 200);
});

/// Pages of this process that lie in memory.
fn resident_pages() -> usize {
    let numbers = std::fs::read_to_string("/proc/self/statm").expect("a process");
    numbers.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number of pages")
}

/// The limit on content.
const BODY_BYTES: u64 = 65_536;
/// How many pages more one connection may leave behind: 64 MiB, a hundred times what it sends at most.
const PAGES: usize = 16_384;
