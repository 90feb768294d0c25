//! The launcher: `fn main() -> ExitCode { rsgi_serve::run(create_app) }` turns an app factory into a program with a server's
//! whole command line, and a pre-fork master behind it.

#![deny(unsafe_code)]

mod access;
mod clock;
mod command;
mod exit;
mod fleet;
mod log;
mod notify;
mod page;
mod pidfile;
mod process;
mod settings;
mod sockets;
mod sys;
