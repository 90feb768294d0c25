//! The same bytes to rsgi-std and rsgi-hyper: what the apps saw and what the clients got, difference by difference.
//!
//! Both are real servers, started once, with the same settings and the same app. A difference that no row of
//! `src/differences.rs` explains is a finding. Not here: whether either is right (`connection.rs`).
//!
//! Invariant held against: who moves from one server to the other meets no surprise that the docs don't tell.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use rsgi_fuzz::connection_model::course;
use rsgi_fuzz::differences::{Case, explain, first};
use rsgi_fuzz::ground::{Ground, Kind};
use rsgi_std::h1::{BodyLimits, HeadLimits};

fuzz_target!(|data: &[u8]| {
    static GROUNDS: OnceLock<(Ground, Ground)> = OnceLock::new();
    let (std, hyper) = GROUNDS
        .get_or_init(|| (Ground::start(Kind::Std, BODY_BYTES), Ground::start(Kind::Hyper, BODY_BYTES)));
    let [cut, bytes @ ..] = data else { return };
    if bytes.starts_with(PREFACE) {
        // Another protocol (`http2.rs`), which rsgi-std doesn't speak.
        return;
    }
    let cut = usize::from(*cut) % (bytes.len() + 1);
    let pieces = [&bytes[..cut], &bytes[cut..]];
    let (std, hyper) = (std.converse(&pieces), hyper.converse(&pieces));
    let Some((number, one, other)) = first(&std, &hyper) else { return };
    let limits = BodyLimits { body_bytes: BODY_BYTES, ..BodyLimits::default() };
    let course = course(bytes, &HeadLimits::default(), &limits);
    let start = course.steps.get(number).map_or(course.rest, |step| step.start);
    let case = Case { bytes: &bytes[start..], std: one, hyper: other };
    assert!(
        explain(&case).is_some(),
        "message {number} of {}\nrsgi-std: {:?}\nrsgi-hyper: {:?}",
        bytes.escape_ascii(),
        case.std,
        case.hyper
    );
});

/// The limit on content.
const BODY_BYTES: u64 = 4096;
/// What an HTTP/2 connection begins with (RFC 9113 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
