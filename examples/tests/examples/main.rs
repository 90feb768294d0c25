//! Every example is started as a process of its own, on each server, sent a request, and ended by SIGTERM.
//!
//! The client is a raw socket and shares no parser with us. Not the servers' behaviour in general: that is the
//! workspace's crate `tests`. Where next: `child.rs`.
#![expect(clippy::unwrap_used, reason = "a test stops where it can't go on")]

mod adapter;
mod child;
mod documents;
mod first;
mod refusals;
mod upgrade;

#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "download")]
mod download;
#[cfg(feature = "frasco")]
mod frasco;
#[cfg(any(feature = "axum", feature = "frasco"))]
mod gateway;
#[cfg(feature = "stream")]
mod stream;
#[cfg(feature = "upload")]
mod upload;
#[cfg(feature = "websocket")]
mod websocket;
