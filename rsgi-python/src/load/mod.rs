//! Finding an application by its name, as Gunicorn has it: `module`, `module:attribute`, `module:factory("literal", key=1)`.
//!
//! The module is imported with the folders of [`Folders`] first on `sys.path`; what stands behind the colon is never evaluated, only
//! taken apart, so that a name from a settings' file runs no code of its own but the factory's.
//!
//! Not here: which name that is, and when it is imported, which is `command/`. Read next: `target.rs`, then `error.rs`.

mod error;
mod folders;
mod target;

pub use error::{LoadError, LoadErrorKind};
pub use folders::Folders;
pub use target::Target;
