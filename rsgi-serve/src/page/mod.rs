//! page (being written).
