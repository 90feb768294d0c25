//! The commands that tell a running master something, over its control socket.
//!
//! Only their words; the socket's language is in `control/`.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::arguments::arguments;
use super::tree::is_set;
use crate::settings::{observing, process};

/// What a running master is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// Its workers are shown.
    Show,
    Scale(Scale),
    /// Workers are replaced, with the settings of now.
    Reload,
    /// It says that it isn't ready, then its workers leave.
    Drain,
    /// The program is replaced.
    Upgrade,
    Stop(Hurry),
    /// Its workers are shown, again and again.
    Top,
}

/// How the answer is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// For people.
    Text,
    Json,
}

/// How many workers there shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// So many.
    To(u16),
    /// So many more, or fewer.
    By(i16),
}

/// How it stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hurry {
    /// Requests are finished.
    Graceful,
    /// At once.
    Quick,
}

/// The commands, for clap.
pub(super) fn commands() -> Vec<Command> {
    let workers = Arg::new(WORKERS).required(true).value_name("NUMBER").allow_negative_numbers(true);
    let workers = workers.value_parser(scale).help("How many there shall be: 4, or +1, or -1");
    let quick = Arg::new(QUICK).long(QUICK).action(ArgAction::SetTrue).help("Doesn't wait for requests");
    vec![
        command("show", "Shows the workers of a running master"),
        command("scale", "Sets how many workers a running master has").arg(workers),
        command("reload", "Replaces the workers, with the settings of now, when the new ones are ready"),
        command("drain", "Says that it isn't ready, then sends all workers away; the master stays"),
        command("upgrade", "Replaces the program under the same process id, when the new one is ready"),
        command("stop", "Stops a running master").arg(quick),
        bare("top", "Shows the workers as they work"),
    ]
}

/// What a command means; `None` if it is none of these.
pub(super) fn read(name: &str, matches: &ArgMatches) -> Option<(Client, Shown)> {
    let client = match name {
        "show" => Client::Show,
        "scale" => Client::Scale(*matches.get_one::<Scale>(WORKERS)?),
        "reload" => Client::Reload,
        "drain" => Client::Drain,
        "upgrade" => Client::Upgrade,
        "stop" => Client::Stop(if is_set(matches, QUICK) { Hurry::Quick } else { Hurry::Graceful }),
        "top" => Client::Top,
        _ => return None,
    };
    Some((client, if is_set(matches, JSON) { Shown::Json } else { Shown::Text }))
}

/// With the choice of how the answer is shown.
fn command(name: &'static str, about: &'static str) -> Command {
    let json = Arg::new(JSON).long(JSON).action(ArgAction::SetTrue).help("Shows the answer as JSON");
    bare(name, about).arg(json)
}

/// With the settings by which the socket is found.
fn bare(name: &'static str, about: &'static str) -> Command {
    let settings = [&process::CONFIG, &process::PROC_NAME, &observing::CONTROL_SOCKET];
    Command::new(name).about(about).args(settings.into_iter().flat_map(arguments))
}

fn scale(text: &str) -> Result<Scale, String> {
    let number = || "write a number of workers, such as 4, or a change, such as +1 or -1".to_owned();
    if text.starts_with(['+', '-']) {
        return text.parse().map(Scale::By).map_err(|_| number());
    }
    text.parse().map(Scale::To).map_err(|_| number())
}

const WORKERS: &str = "number";
const JSON: &str = "json";
const QUICK: &str = "quick";
