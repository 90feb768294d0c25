//! Breaks C7: an answer comes from `start_response` alone.

use rsgi_core::{Started, http::StatusCode};

fn teapot(other: Started) -> Started {
    Started { status: StatusCode::IM_A_TEAPOT, ..other }
}

fn main() {}
