//! A setting as clap's arguments: its flag, the other names of it, and what its help says.
//!
//! clap only takes the line apart. It knows the allowed words for help and completions, but checks none.

use std::ffi::{OsStr, OsString};

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, ArgAction, Command, ValueHint};

use crate::argument::{Argument, Place};
use crate::settings::{Kind, Setting};

/// The arguments of a setting: one, or two for a switch.
pub(super) fn arguments(setting: &'static Setting) -> Vec<Arg> {
    if setting.kind == Kind::Switch { switch(setting) } else { vec![valued(setting)] }
}

/// The argument of a setting that is the app's own.
pub(super) fn of_app(own: &Argument) -> Arg {
    let arg = Arg::new(own.id()).value_name(own.name.to_ascii_uppercase());
    let help = format!("{} [variable: {}]", own.about, own.variable());
    let arg = arg.help(help).value_parser(Words(&[]));
    match own.place {
        Place::Bare => arg,
        Place::Flag => arg.long(own.flag_name()).help_heading(APP).overrides_with(own.id()),
        Place::Flags => arg.long(own.flag_name()).help_heading(APP).action(ArgAction::Append),
    }
}

fn named(setting: &'static Setting) -> Arg {
    let arg = Arg::new(setting.name).long(setting.flag().into_owned()).help_heading(setting.group);
    let arg = arg.aliases(setting.other_flags().into_iter().map(std::borrow::Cow::into_owned));
    match setting.short {
        Some(short) => arg.short(short),
        None => arg,
    }
}

fn valued(setting: &'static Setting) -> Arg {
    let arg = named(setting).value_name(setting.kind.word()).help(help(setting));
    let arg = arg.allow_negative_numbers(true).value_hint(hint(setting.kind.word()));
    let words = if let Kind::Choice(words) = setting.kind { words } else { &[] };
    let arg = arg.value_parser(Words(words));
    if let Kind::List { .. } = setting.kind {
        return arg.action(ArgAction::Append);
    }
    // Of one that is repeated the last counts.
    arg.action(ArgAction::Set).overrides_with(setting.name)
}

/// A switch has a flag for on and one for off; the one that does what is done anyway is hidden.
fn switch(setting: &'static Setting) -> Vec<Arg> {
    let on_anyway = setting.default == Some("true");
    let on = named(setting).action(ArgAction::SetTrue).overrides_with(setting.name);
    let on = on.help(help(setting)).hide(on_anyway);
    let Some(flag) = setting.negative_flag() else { return vec![on] };
    let off =
        Arg::new(flag.clone()).long(flag.clone()).help_heading(setting.group).action(ArgAction::SetTrue);
    let off = off.overrides_with(flag.clone()).overrides_with(setting.name).hide(!on_anyway);
    let off = off.help(format!("Switches off what else it does: {}", setting.help));
    vec![on.overrides_with(flag), off]
}

fn help(setting: &Setting) -> String {
    let mut help = setting.help.to_owned();
    let default = setting.default_said().filter(|text| !text.is_empty() && setting.kind != Kind::Switch);
    if let Some(default) = default {
        help.push_str(&[" [default: ", default, "]"].concat());
    }
    for variable in setting.variables {
        help.push_str(&[" [variable: ", variable.name, "]"].concat());
    }
    help
}

fn hint(word: &str) -> ValueHint {
    match word {
        "PATH" | "OUTPUT" => ValueHint::AnyPath,
        "NAME" => ValueHint::Username,
        _ => ValueHint::Other,
    }
}

/// Takes any text, and knows the words that are allowed.
#[derive(Clone, Copy, Debug)]
struct Words(&'static [&'static str]);

impl TypedValueParser for Words {
    type Value = OsString;

    fn parse_ref(&self, _: &Command, _: Option<&Arg>, value: &OsStr) -> Result<OsString, clap::Error> {
        Ok(value.to_owned())
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        if self.0.is_empty() {
            return None;
        }
        Some(Box::new(self.0.iter().map(|word| PossibleValue::new(*word))))
    }
}

/// The heading of the app's own settings.
const APP: &str = "App";
