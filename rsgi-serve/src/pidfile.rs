//! pidfile (being written).
