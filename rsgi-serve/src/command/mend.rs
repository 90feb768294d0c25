//! Takes the arguments apart so that every mistake is found, where clap stops at the first.
//!
//! What clap refuses is taken note of and taken out of the line, and the rest is tried again. The arguments of the program's
//! own commands aren't touched: clap's word on them is the last.
//!
//! Invariant: each turn takes out at least one argument, so there is an end.

use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Command, Error};

use crate::settings::{self, Fault, Origin, Setting};

/// Takes the arguments apart; what was wrong with them is added to `faults`.
///
/// # Errors
///
/// The help or the version, where one was asked for.
pub(super) fn matches(
    command: &Command,
    arguments: &[OsString],
    own: &[&str],
    faults: &mut Vec<Fault>,
) -> Result<ArgMatches, Error> {
    let mut line = Line { command, arguments: arguments.to_vec(), own };
    loop {
        let error = match command.clone().try_get_matches_from(&line.arguments) {
            Ok(matches) => return Ok(matches),
            Err(error) if !error.use_stderr() => return Err(error),
            Err(error) => error,
        };
        let Some(fault) = line.mend(&error) else {
            faults.push(unmended(&error));
            return Ok(ArgMatches::default());
        };
        faults.push(fault);
    }
}

struct Line<'a> {
    command: &'a Command,
    arguments: Vec<OsString>,
    own: &'a [&'a str],
}

impl Line<'_> {
    /// Takes out what the error is about, and tells what is wrong with it.
    fn mend(&mut self, error: &Error) -> Option<Fault> {
        let written = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => Some(text.as_str()),
            _ => None,
        };
        match error.kind() {
            ErrorKind::UnknownArgument => self.unknown(written(ContextKind::InvalidArg)?),
            ErrorKind::InvalidSubcommand => self.unknown_command(written(ContextKind::InvalidSubcommand)?),
            ErrorKind::InvalidValue if written(ContextKind::InvalidValue) == Some("") => {
                self.without_value(written(ContextKind::InvalidArg)?)
            }
            ErrorKind::TooManyValues => self.with_value(written(ContextKind::InvalidArg)?),
            _ => None,
        }
    }

    fn unknown(&mut self, written: &str) -> Option<Fault> {
        let at = self.find(|argument| begins_with_flag(argument, written))?;
        let alone = self.arguments.remove(at) == written;
        if !written.starts_with('-') {
            return Some(Fault::new(written, "this argument is one too many", "--help shows what there is"));
        }
        // Its value goes with it, lest it is told to be an unknown command.
        if alone
            && written.starts_with("--")
            && self.arguments.get(at).is_some_and(|next| self.is_value(next))
        {
            self.arguments.remove(at);
        }
        let flags = flags();
        let near = if written.starts_with("--") { flags.as_slice() } else { &[] };
        let origin = Origin::Flag(written.to_owned());
        Some(Fault::unknown(written, &origin, near.iter().map(String::as_str), "--help shows all flags"))
    }

    fn unknown_command(&mut self, written: &str) -> Option<Fault> {
        let at = self.find(|argument| argument == written)?;
        self.arguments.remove(at);
        let names: Vec<_> = self.command.get_subcommands().map(Command::get_name).collect();
        let remedy = match settings::nearest(written, names.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("commands are {}", names.join(", ")),
        };
        Some(Fault::new(written, "there is no such command", remedy))
    }

    /// A flag at the end of the line, or before another flag.
    fn without_value(&mut self, written: &str) -> Option<Fault> {
        let setting = by_usage(written)?;
        let names = names(setting);
        let last = |at: usize| self.arguments.get(at + 1).is_none_or(|next| !self.is_value(next));
        let is_named = |argument: &OsString| names.iter().any(|name| argument == name.as_str());
        let mut places = (1..self.arguments.len()).filter(|at| is_named(&self.arguments[*at]) && last(*at));
        let at = places.next().filter(|at| *at < self.end())?;
        self.arguments.remove(at);
        let origin = Origin::Flag(format!("--{}", setting.flag()));
        let remedy = format!("allowed is {}", setting.kind.allowed());
        Some(Fault::new(setting.name, "its value is missing", remedy).said_by(&origin))
    }

    /// A switch with `=value`.
    fn with_value(&mut self, written: &str) -> Option<Fault> {
        let flag = written.split_whitespace().next()?;
        let at = self.find(|argument| begins_with_flag(argument, flag))?;
        self.arguments.remove(at);
        let opposite =
            flag.strip_prefix("--").map(|name| format!("write {flag} to switch it on, --no-{name} off"));
        let origin = Origin::Flag(flag.to_owned());
        Some(Fault::new(flag, "this flag takes no value", opposite.unwrap_or_default()).said_by(&origin))
    }

    /// The place of an argument, if it is before the program's own commands.
    fn find(&self, is: impl Fn(&OsStr) -> bool) -> Option<usize> {
        let at = self.arguments.iter().skip(1).position(|argument| is(argument))? + 1;
        (at < self.end()).then_some(at)
    }

    /// Where the arguments of the program's own commands begin.
    fn end(&self) -> usize {
        let own = |argument: &OsString| self.own.iter().any(|name| argument == name);
        let at = self.arguments.iter().skip(1).position(own);
        at.map_or(self.arguments.len(), |at| at + 1)
    }

    fn is_value(&self, argument: &OsStr) -> bool {
        let flag = argument.as_encoded_bytes().starts_with(b"-") && argument != "-";
        !flag && !self.command.get_subcommands().any(|command| argument == command.get_name())
    }
}

/// What clap says of what can't be mended, on one line.
fn unmended(error: &Error) -> Fault {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let problem: Vec<_> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    Fault::new("the command line", problem.join(" "), "--help shows what there is")
}

/// Whether an argument is this flag, with a value behind `=` or without.
fn begins_with_flag(argument: &OsStr, flag: &str) -> bool {
    let rest = argument.as_encoded_bytes().strip_prefix(flag.as_bytes());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"="))
}

/// The setting of a flag as clap shows its use: `--bind <ADDRESS>`.
fn by_usage(usage: &str) -> Option<&'static Setting> {
    let flag = usage.split_whitespace().next()?;
    settings::all().find(|setting| names(setting).iter().any(|name| name == flag))
}

/// All names of a setting's flag, dashes included.
fn names(setting: &Setting) -> Vec<String> {
    let long = std::iter::once(setting.flag()).chain(setting.other_flags()).map(|flag| format!("--{flag}"));
    long.chain(setting.short.map(|short| format!("-{short}"))).collect()
}

fn flags() -> Vec<String> {
    let others = ["--help", "--version", "--check-config", "--print-config"].map(str::to_owned);
    let negative = |setting: &Setting| setting.negative_flag().map(|flag| format!("--{flag}"));
    let all = settings::all().flat_map(|setting| names(setting).into_iter().chain(negative(setting)));
    // A letter is near to every other one.
    all.filter(|name| name.starts_with("--")).chain(others).collect()
}
