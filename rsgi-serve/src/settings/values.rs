//! [`Values`]: what every setting is, and who said so; and the typed reading of it.
//!
//! Sources are applied from the weakest to the strongest; each replaces what stood there, lists included.
//!
//! Invariant: every setting of the table has an entry. A wrong text becomes a fault and leaves the weaker value, and the
//! setting is remembered as broken, so that no second fault is made of the first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use super::fault::Fault;
use super::kind::Value;
use super::origin::Origin;
use super::setting::Setting;
use super::table;

/// What one source says of one setting.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) setting: &'static Setting,
    /// Several for a list, or where a flag was repeated.
    pub(crate) texts: Vec<String>,
    pub(crate) origin: Origin,
}

/// What every setting is.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    entries: BTreeMap<&'static str, Entry>,
    broken: BTreeSet<&'static str>,
    /// The section `[app]`.
    pub(crate) app: toml::Table,
    /// Who said what of it that isn't in the file.
    pub(crate) app_origins: BTreeMap<String, Origin>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// `None`: nothing is set.
    value: Option<Value>,
    origin: Origin,
}

/// What can be read from a setting's value; `None` if the setting is of another kind.
pub(crate) trait FromValue: Sized {
    fn from_value(value: Option<&Value>) -> Option<Self>;
}

impl Values {
    /// Every setting as it is if nobody says anything.
    pub(crate) fn defaults(faults: &mut Vec<Fault>) -> Self {
        let mut values = Self {
            entries: BTreeMap::new(),
            broken: BTreeSet::new(),
            app: toml::Table::new(),
            app_origins: BTreeMap::new(),
        };
        for setting in table::all() {
            values.entries.insert(setting.name, Entry { value: None, origin: Origin::Default });
            if let Some(text) = setting.default {
                values.set(Given { setting, texts: vec![text.to_owned()], origin: Origin::Default }, faults);
            }
        }
        values
    }

    /// Sets what a source says.
    pub(crate) fn apply(&mut self, source: impl IntoIterator<Item = Given>, faults: &mut Vec<Fault>) {
        for given in source {
            self.set(given, faults);
        }
    }

    /// Takes note that nothing is known for certain, as a whole source couldn't be read.
    pub(crate) fn break_all(&mut self) {
        self.broken.extend(table::all().map(|setting| setting.name));
    }

    /// What it is; `None` if nothing is set.
    pub(crate) fn value(&self, setting: &Setting) -> Option<&Value> {
        self.entries.get(setting.name)?.value.as_ref()
    }

    /// Who said so.
    pub(crate) fn origin(&self, setting: &Setting) -> &Origin {
        self.entries.get(setting.name).map_or(&Origin::Default, |entry| &entry.origin)
    }

    /// Whether somebody set it.
    pub(crate) fn is_given(&self, setting: &Setting) -> bool {
        self.origin(setting).is_given()
    }

    /// Whether a text for it was refused.
    pub(crate) fn is_broken(&self, setting: &Setting) -> bool {
        self.broken.contains(setting.name)
    }

    /// What it is, as a type of Rust. `None` only if the table has another kind for it.
    pub(crate) fn read<T: FromValue>(&self, setting: &Setting) -> Option<T> {
        T::from_value(self.value(setting))
    }

    fn set(&mut self, given: Given, faults: &mut Vec<Fault>) {
        let Given { setting, texts, origin } = given;
        match setting.kind.read(&texts) {
            Ok(value) => {
                self.entries.insert(setting.name, Entry { value: Some(value), origin });
            }
            Err(problems) => {
                self.broken.insert(setting.name);
                let wrong = problems.into_iter();
                faults.extend(wrong.map(|(text, problem)| Fault::value(setting, &text, &origin, problem)));
            }
        }
    }
}

impl FromValue for bool {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        if let Some(Value::Switch(on)) = value { Some(*on) } else { None }
    }
}

impl FromValue for u64 {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        if let Some(Value::Number(number) | Value::Size(number)) = value { Some(*number) } else { None }
    }
}

impl FromValue for usize {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        Self::try_from(u64::from_value(value)?).ok()
    }
}

impl FromValue for u32 {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        if let Some(Value::Mode(mode)) = value {
            return Some(*mode);
        }
        Self::try_from(u64::from_value(value)?).ok()
    }
}

impl FromValue for Duration {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        if let Some(Value::Time(time)) = value { Some(*time) } else { None }
    }
}

impl FromValue for String {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        if let Some(Value::Text(text)) = value { Some(text.clone()) } else { None }
    }
}

impl FromValue for PathBuf {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        String::from_value(value).map(Self::from)
    }
}

impl FromValue for Vec<String> {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        if let Some(Value::List(items)) = value { Some(items.clone()) } else { None }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        match value {
            None => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::table::{sockets, workers};
    use super::*;

    fn given(setting: &'static Setting, text: &str, origin: Origin) -> Given {
        Given { setting, texts: vec![text.to_owned()], origin }
    }

    fn defaults() -> Values {
        let mut faults = Vec::new();
        let values = Values::defaults(&mut faults);
        assert_eq!(faults, []);
        values
    }

    #[test]
    fn every_default_is_allowed_by_its_own_kind() {
        let values = defaults();
        for setting in table::all() {
            assert_eq!(values.value(setting).is_some(), setting.default.is_some(), "{}", setting.name);
            assert!(!values.is_given(setting));
        }
    }

    #[test]
    fn the_stronger_source_wins_and_is_remembered() {
        let (mut values, mut faults) = (defaults(), Vec::new());
        let file = Origin::File { path: "rsgi.toml".into(), line: 2 };
        let flag = Origin::Flag("--workers".to_owned());
        values.apply([given(&workers::WORKERS, "3", file)], &mut faults);
        values.apply([given(&workers::WORKERS, "5", flag.clone())], &mut faults);
        assert_eq!(values.read::<usize>(&workers::WORKERS), Some(5));
        assert_eq!((values.origin(&workers::WORKERS), faults.len()), (&flag, 0));
    }

    #[test]
    fn a_stronger_list_replaces_the_weaker_one() {
        let (mut values, mut faults) = (defaults(), Vec::new());
        values.apply([given(&sockets::BIND, ":1,:2", Origin::App)], &mut faults);
        let flag = Origin::Flag("--bind".to_owned());
        values.apply([given(&sockets::BIND, ":3", flag)], &mut faults);
        assert_eq!(values.read::<Vec<String>>(&sockets::BIND), Some(vec![":3".to_owned()]));
    }

    #[test]
    fn a_wrong_value_is_a_fault_and_leaves_the_weaker_one() {
        let (mut values, mut faults) = (defaults(), Vec::new());
        values.apply([given(&workers::WORKERS, "3", Origin::App)], &mut faults);
        let variable = Origin::Environment("WEB_CONCURRENCY".to_owned());
        values.apply([given(&workers::WORKERS, "many", variable)], &mut faults);
        assert_eq!(values.read::<usize>(&workers::WORKERS), Some(3));
        assert!(values.is_broken(&workers::WORKERS) && !values.is_broken(&sockets::BIND));
        let fault = faults[0].to_string();
        assert!(fault.starts_with("workers \"many\" from the variable WEB_CONCURRENCY: "), "{fault}");
    }

    #[test]
    fn a_value_is_only_read_as_what_it_is() {
        let values = defaults();
        assert_eq!(values.read::<bool>(&workers::WORKERS), None);
        assert_eq!(values.read::<Option<PathBuf>>(&sockets::UNIX_USER), Some(None));
        assert_eq!(values.read::<String>(&sockets::UNIX_USER), None);
    }
}
