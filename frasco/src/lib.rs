//! Frasco is for RSGI what Flask is for WSGI: a small framework, for apps that any server hosts.
//!
//! ```
//! use frasco::{App, Blueprint, BuildError};
//!
//! async fn ping() -> &'static str {
//!     "pong"
//! }
//!
//! pub fn create_app() -> Result<App, BuildError> {
//!     App::builder("app").register(Blueprint::new("ping").get("/ping", ping)).build()
//! }
//! # create_app().unwrap();
//! ```
//!
//! An [`App`] is made of rules, hooks and error handlers by a [`Builder`], from [`Blueprint`]s if it is large; once made it never
//! changes. A [`Handler`] is a plain `fn`, which may block, or an `async fn`; what it asks for are its arguments
//! ([`FromRequest`]), and what it returns is its answer ([`IntoResponse`]). `?` works on every error, and on [`abort`].
//! Nothing is global: the request is an argument, and what the app holds is [`State`].
//!
//! What needs crates of its own is a feature; all but `testing` are on by default, and `full` is all of them.
//!
//! | feature | gives |
//! |---|---|
//! | `csrf` | `CsrfToken`, by the middleware `Csrf` |
//! | `files` | `static_folder`, `send_file`, `send_from_directory` |
//! | `forms` | `Form`, `Uploads` |
//! | `sessions` | `Session`, `flash` |
//! | `templates` | `render`, `Page`, by Jinja's language |
//! | `testing` | `App::test_client` |
//!
//! Read in the order of the modules: what is built, what a request meets, what a handler gets and gives.
#![forbid(unsafe_code)]

mod app;
mod blueprint;
mod builder;
mod commands;
mod config;
mod extras;
mod scope;

mod dispatch;
mod routing;

mod extract;
mod handler;
mod request;

mod cookies;
mod error;
mod response;
mod sse;

#[cfg(feature = "csrf")]
mod csrf;
#[cfg(feature = "files")]
mod files;
#[cfg(feature = "forms")]
mod forms;
#[cfg(not(feature = "sessions"))]
#[path = "no_sessions.rs"]
mod sessions;
#[cfg(feature = "sessions")]
mod sessions;
#[cfg(feature = "templates")]
mod templates;
#[cfg(feature = "testing")]
mod testing;

/// The README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[derive(Debug)]
pub struct Readme;

pub use app::App;
pub use blueprint::Blueprint;
pub use builder::{BuildError, Builder};
pub use commands::Commands;
pub use config::{Config, ConfigError, ConfigErrorKind};
pub use cookie::Cookie;
pub use error::{Error, HttpError, abort, abort_with};
pub use extract::{Caught, FromRequest, Path, Query, State};
#[cfg(feature = "forms")]
pub use forms::{Form, FormData, FormLimits, Upload, Uploads, secure_filename};
pub use handler::{BeforeRequest, Boot, Handler, IntoInterruption, Returned, ReturnedBefore};
/// The engine of the templates, for functions of one's own that take its values.
#[cfg(feature = "templates")]
pub use minijinja;
pub use request::Request;
pub use response::{IntoResponse, IntoStatus, Json, Response, redirect};
pub use routing::converter::{Arguments, Converter};
pub use routing::{UrlError, UrlFor};
pub use scope::Route;
pub use sse::{Event, IntoEvent, Sse};

#[cfg(feature = "files")]
pub use files::{SendFile, StaticFolder, send_file, send_from_directory};
#[cfg(feature = "csrf")]
pub use rsgi_middleware::{Csrf, CsrfError, CsrfErrorKind, CsrfToken};
#[cfg(feature = "sessions")]
pub use rsgi_middleware::{SameSite, Session, SessionError, SessionErrorKind, SessionKey, Sessions};
#[cfg(feature = "sessions")]
pub use sessions::{Flashes, Message, flash};
#[cfg(feature = "templates")]
pub use templates::{Context, Page, Render, Rendered, render};
