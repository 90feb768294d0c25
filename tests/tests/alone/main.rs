//! What the conformance suite can't say: cases of one adapter alone, and of whole processes looked at from outside.
//!
//! Everything else is a case of `rsgi_test::suite`, which `conform_std.rs` and `conform_hyper.rs` run. A case here is a
//! function that takes a [`Ground`](rsgi_test::suite::Ground), and `mount!` at each file's end makes tests of them; the comment above
//! it names the conformance rules that it proves, as `rule(84)`.

mod crowd;
mod endurance;
mod faults;
mod mixing;
