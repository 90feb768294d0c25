//! The tree of commands, for clap: the launcher's own, those of its clients, and those of the program.
//!
//! Serving is what is done without a command, so the root has all flags of settings; `serve`, `check` and `print-config` have
//! them too, to be written in either order.

use clap::{Arg, ArgAction, ArgMatches, Command};
use clap_complete::Shell;

use super::arguments::{arguments, of_app};
use super::{Program, clients, flag_taken, taken};
use crate::settings::{self, Faults};

pub(super) const SERVE: &str = "serve";
pub(super) const CHECK: &str = "check";
pub(super) const PRINT_CONFIG: &str = "print-config";
pub(super) const COMPLETIONS: &str = "completions";
pub(super) const MANUAL: &str = "man";
pub(super) const SHELL: &str = "shell";
/// Gunicorn's flag for `check`.
pub(super) const CHECK_CONFIG: &str = "check-config";

/// Makes the whole command line.
pub(super) fn command(program: &Program) -> Result<Command, Faults> {
    let shell = Arg::new(SHELL).required(true).value_parser(clap::value_parser!(Shell)).help("The shell");
    let with_settings = |command: Command| {
        command.args(program.arguments.iter().map(of_app)).args(settings::all().flat_map(arguments))
    };
    let ours = [
        with_settings(Command::new(SERVE).about("Serves; it may be left out")),
        with_settings(
            Command::new(CHECK).about("Boots the app once, and serves nothing: 0, or why it can't"),
        ),
        with_settings(Command::new(PRINT_CONFIG).about("Shows every setting, and where it came from")),
        Command::new(COMPLETIONS).about("Writes completions for a shell").arg(shell),
        Command::new(MANUAL).about("Writes the manual's page"),
    ];
    let ours: Vec<_> = ours.into_iter().chain(clients::commands()).collect();
    let is_ours = |name: &str| name == "help" || ours.iter().any(|command| command.get_name() == name);
    for (index, command) in program.commands.iter().enumerate() {
        let name = command.get_name();
        let twice = program.commands[..index].iter().any(|other| other.get_name() == name);
        if twice || command.get_name_and_visible_aliases().into_iter().any(is_ours) {
            return Err(Faults(vec![taken(name)]));
        }
    }
    for own in &program.arguments {
        let flag = own.written();
        let is_taken = |setting: &settings::Setting| {
            std::iter::once(setting.flag()).chain(setting.other_flags()).any(|it| flag == format!("--{it}"))
        };
        if settings::all().any(is_taken) {
            return Err(Faults(vec![flag_taken(&flag)]));
        }
    }
    let root = Command::new(program.name.clone())
        .version(program.version.clone())
        .about(program.about.clone())
        .after_help(AFTER)
        .disable_version_flag(true)
        .arg(version())
        .arg(flag(CHECK_CONFIG, "Does what the command check does"))
        .arg(flag(PRINT_CONFIG, "Does what the command print-config does"))
        .subcommands(ours)
        .subcommands(program.commands.clone());
    Ok(with_settings(root))
}

/// Whether a switch of a command is on; a command may not have it at all.
pub(super) fn is_set(matches: &ArgMatches, id: &str) -> bool {
    matches.try_get_one::<bool>(id).ok().flatten().copied().unwrap_or_default()
}

/// With Gunicorn's letter beside the usual one.
fn version() -> Arg {
    let version = Arg::new("version").short('V').short_alias('v').long("version");
    version.action(ArgAction::Version).help("Shows the version")
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).overrides_with(name).help(help)
}

const AFTER: &str = "Every setting may also stand in a file (rsgi.toml, section [serve], named with underscores as \
    print-config shows it) and in the environment (RSGI_ and its name in capitals, such as RSGI_WORKERS). A flag is \
    stronger than the environment, the environment than the file.";
