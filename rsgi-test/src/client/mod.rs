//! The test client: asks an app in memory, or a live server, by the same calls.
