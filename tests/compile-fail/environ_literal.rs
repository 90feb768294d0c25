//! Breaks C19 and C31: the environ can grow, so it is built by its constructor.

use rsgi_core::Environ;

fn environ() -> Environ {
    Environ {}
}

fn main() {}
