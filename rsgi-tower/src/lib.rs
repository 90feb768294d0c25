//! Tower and RSGI: services as apps, apps as services, and tower's layers around either.
//!
//! | have | want | take |
//! |---|---|---|
//! | a `tower::Service`, an axum `Router` | an app, on any server | [`ServiceApp`] |
//! | an app | a `tower::Service`, in axum or under hyper | [`AppService`] |
//! | an app, and a layer of tower or tower-http | an app | [`layer()`] |
//!
//! Features: `upgrade` lets services take over the stream as they do under hyper (axum's WebSocket); `axum` adds
//! `connect_info` and includes `upgrade`.
//!
//! Read in the order of the modules: in, through, out.
#![forbid(unsafe_code)]

mod app_service;
mod change_request;
mod hosted;
mod layer;
mod request_body;
mod service_app;

mod answer;
mod threads;

#[cfg(feature = "axum")]
mod connect_info;
#[cfg(feature = "axum")]
mod known;
#[cfg(not(feature = "axum"))]
#[path = "no_known.rs"]
mod known;
#[cfg(feature = "upgrade")]
mod upgrade;
#[cfg(not(feature = "upgrade"))]
#[path = "no_upgrade.rs"]
mod upgrade;

pub use app_service::{AppService, Inner};
pub use change_request::{ChangeRequest, Unchanged};
#[cfg(feature = "axum")]
pub use connect_info::connect_info;
pub use hosted::Hosted;
pub use layer::{Layered, LayeredApp, layer};
pub use service_app::ServiceApp;
