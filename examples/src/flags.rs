//! The command line that all examples have: which server, where, how many threads.
//!
//! Three flags become a `Config` of rsgi-core, which any adapter takes. A wrong one is a `ServeError`, as a wrong
//! setting is: it names the flag, the value and the remedy.

use lexopt::{Arg, Parser};
use rsgi_core::server::{Config, ServeError};

/// What the command line says.
pub(crate) struct Flags {
    /// The name of the server, one of those offered.
    pub(crate) server: &'static str,
    pub(crate) config: Config,
}

impl Flags {
    /// Reads the process's arguments; the first of `servers` is the default. `None` if help was asked for.
    pub(crate) fn read(
        servers: &'static [&'static str],
        mut parser: Parser,
    ) -> Result<Option<Self>, ServeError> {
        let mut flags = Self { server: servers[0], config: Config::new() };
        while let Some(argument) = parser.next().map_err(unreadable)? {
            match argument {
                Arg::Long("server") => flags.server = one_of(servers, &text(&mut parser)?)?,
                Arg::Long("bind") => flags.config = flags.config.bind(&text(&mut parser)?)?,
                Arg::Long("threads") => flags.config = flags.config.threads(number(&text(&mut parser)?)?),
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                unknown => return Err(unreadable(unknown.unexpected())),
            }
        }
        Ok(Some(flags))
    }
}

/// The help text.
pub(crate) fn usage(servers: &[&str]) -> String {
    format!(
        "\
  --server {}   which server; default: {}
  --bind ADDRESS      where to listen: 127.0.0.1:8000 (the default), unix:PATH, fd://N; may be repeated
  --threads NUMBER    how many threads run the application; default: the server's choice
",
        servers.join("|"),
        servers[0],
    )
}

fn text(parser: &mut Parser) -> Result<String, ServeError> {
    let value = parser.value().map_err(unreadable)?;
    value.into_string().map_err(|value| unreadable(lexopt::Error::NonUnicodeValue(value)))
}

fn one_of(servers: &'static [&'static str], value: &str) -> Result<&'static str, ServeError> {
    servers.iter().find(|server| **server == value).copied().ok_or_else(|| {
        let remedy = format!("choose one of: {}", servers.join(", "));
        ServeError::bad_setting("server", value, "there is no such server", remedy)
    })
}

fn number(value: &str) -> Result<usize, ServeError> {
    value.parse().ok().filter(|threads| (1..=MOST_THREADS).contains(threads)).ok_or_else(|| {
        let remedy = format!("choose a number from 1 to {MOST_THREADS}, or leave --threads out");
        ServeError::bad_setting("threads", value, "this is no number of threads", remedy)
    })
}

fn unreadable(error: lexopt::Error) -> ServeError {
    let text = error.to_string();
    ServeError::bad_setting("command line", "", text, "--help shows what there is").with_source(error)
}

/// More would be a slip of the pen.
const MOST_THREADS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&'static str]) -> Result<Option<Flags>, ServeError> {
        Flags::read(&["std", "hyper"], Parser::from_args(arguments))
    }

    #[test]
    fn flags_become_settings() {
        let flags = read(&["--server=hyper", "--bind", ":0", "--bind", "unix:a.sock", "--threads", "3"]);
        let flags = flags.unwrap().unwrap();
        assert_eq!((flags.server, flags.config.binds.len()), ("hyper", 2));
        assert_eq!(flags.config.threads.unwrap().get(), 3);
        assert_eq!(read(&[]).unwrap().unwrap().server, "std");
        assert!(read(&["--bind", ":0", "--help"]).unwrap().is_none());
    }

    #[test]
    fn a_wrong_flag_is_named_with_its_remedy() {
        for (arguments, named, remedy) in [
            (&["--server", "apache"][..], "server apache", "choose one of: std, hyper"),
            (&["--threads", "0"], "threads 0", "from 1 to"),
            (&["--threads", "many"], "threads many", "leave --threads out"),
            (&["--bind", "8000"], "bind 8000", "127.0.0.1:8000"),
            (&["--bind"], "'--bind'", "--help"),
            (&["--port", "1"], "'--port'", "--help"),
            (&["stray"], "\"stray\"", "--help"),
        ] {
            let error = read(arguments).err().unwrap().to_string();
            assert!(error.contains(named) && error.contains(remedy), "{error}");
        }
    }
}
