//! The behaviour suite: every case runs once on each adapter, as `subject::on_std::case`, `subject::on_hyper::case` and so on.
//!
//! A case is a function that takes an [`On`](rsgi_tests::On); the comment above it names the conformance rules that it
//! proves, as `rule(84)`, for `docs/conformance.md` and SPEC.md. `mount!` at each file's end makes tests of them, and a
//! case that isn't mounted is dead code, which the compiler reports.
//!
//! One file a subject. Read `head.rs` first: it is short and typical.
#![expect(clippy::similar_names, reason = "what is held at a gate has a head")]
#![expect(clippy::unwrap_used, reason = "a case stops where it can't go on")]

/// Mounts cases of HTTP/2, which rsgi-hyper alone speaks.
macro_rules! mount_http2 {
    ($($case:ident),* $(,)?) => {
        rsgi_tests::mount_only!(on_hyper, HYPER: $($case),*);
        rsgi_tests::mount_only!(on_hyper_separate, HYPER_SEPARATE: $($case),*);
    };
}

mod h2;
mod h2_floods;
mod h2_streams;
mod h2_windows;
mod h2_wire;
