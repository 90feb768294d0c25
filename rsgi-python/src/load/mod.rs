//! Finding an application by its name, as Gunicorn has it: `module`, `module:attribute`, `module:factory("literal", key=1)`.
//!
//! The module is imported with the folders of [`Folders`] first on `sys.path`; what stands behind the colon is never evaluated, only
//! taken apart, so that a name from a settings' file runs no code of its own but the factory's.
//!
//! ```
//! use rsgi_python::load::{Folders, LoadErrorKind, Target};
//! use rsgi_python::{WsgiApp, interpreter};
//!
//! interpreter::start()?;
//! let target: Target = "wsgiref.simple_server:demo_app".parse()?;
//! let app = WsgiApp::new(target.load(&Folders::working())?);
//!
//! let missing: Target = "wsgiref.simple_server:make_app".parse()?;
//! let error = missing.load(&Folders::working()).unwrap_err();
//! assert_eq!(error.kind(), LoadErrorKind::NoAttribute);
//! assert!(error.to_string().contains("has no attribute make_app"));
//! # let _ = app;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Not here: which name that is, and when it is imported, which is `command/`. Read next: `target.rs`, then `error.rs`.

mod error;
mod folders;
mod target;

pub use error::{LoadError, LoadErrorKind};
pub use folders::Folders;
pub use target::Target;
