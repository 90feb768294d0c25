//! The pages of `docs/` as a book: that all are in it, and that what they show is true.
//!
//! `page` reads the pages; `contents` compares them with `SUMMARY.md` and with what is compiled; `commands` tries the flags and
//! commands they name; `python` runs their Python, and asks what is a WSGI application; `tables` parses their TOML. That links lead
//! somewhere is a house rule (`tests/tests/house/tidy.rs`), and of the built book `./check book` sees to it.

mod commands;
mod contents;
mod page;
mod python;
mod tables;
