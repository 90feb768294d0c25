//! What lines of logs are made of: texts from outside that can't forge anything, times, and numbers.
//!
//! For the access log of this crate, and for whoever writes lines beside it, as the launcher does. Everything is written
//! into the memory of a line, and allocates nothing where that has room.
//!
//! # Examples
//!
//! ```
//! use rsgi_middleware::line::{escape, stamp};
//!
//! let mut line = Vec::new();
//! stamp::write(&mut line, stamp::Form::Rfc3339);
//! line.push(b' ');
//! escape::visible(&mut line, b"two\nlines, \"quoted\"", escape::WHOLE);
//! assert!(line.ends_with(br#" two\x0alines, \"quoted\""#));
//! ```

pub mod escape;
pub mod stamp;
