//! The flags, as clap has taken them apart: which setting each is, and its texts.
//!
//! clap looks at no value: what is allowed is decided in one place for all sources, and all faults are told at once.

use std::ffi::OsString;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::fault::Fault;
use super::kind::{Kind, Problem};
use super::origin::Origin;
use super::table;
use super::values::Given;

/// What the flags of a command say.
pub(super) fn read(matches: &ArgMatches, faults: &mut Vec<Fault>) -> Vec<Given> {
    let mut given = Vec::new();
    for setting in table::all() {
        let flag = Origin::Flag(format!("--{}", setting.flag()));
        if setting.kind == Kind::Switch {
            if is_given(matches, setting.name) {
                given.push(Given { setting, texts: vec!["true".to_owned()], origin: flag });
            } else if let Some(negative) = setting.negative_flag().filter(|flag| is_given(matches, flag)) {
                let origin = Origin::Flag(format!("--{negative}"));
                given.push(Given { setting, texts: vec!["false".to_owned()], origin });
            }
            continue;
        }
        if !is_given(matches, setting.name) {
            continue;
        }
        let values = matches.try_get_many::<OsString>(setting.name).ok().flatten().unwrap_or_default();
        let (mut texts, mut readable) = (Vec::new(), true);
        for value in values {
            if let Some(text) = value.to_str() {
                texts.push(text.to_owned());
            } else {
                let problem = Problem::new("this is no text in UTF-8");
                faults.push(Fault::value(setting, &value.to_string_lossy(), &flag, problem));
                readable = false;
            }
        }
        if readable {
            given.push(Given { setting, texts, origin: flag });
        }
    }
    given
}

/// Whether this argument stands on the command line; a command may not have it at all.
fn is_given(matches: &ArgMatches, id: &str) -> bool {
    matches.try_contains_id(id).is_ok_and(|known| known)
        && matches.value_source(id) == Some(ValueSource::CommandLine)
}
