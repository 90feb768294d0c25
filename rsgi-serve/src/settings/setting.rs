//! [`Setting`]: one line of the table, from which flag, variable, TOML key, help and check are all made.
//!
//! Only descriptions; what somebody set is in `values.rs`.
//!
//! Invariant: built by constant functions, so the table costs nothing at the start. Next: `table/mod.rs`.

use std::borrow::Cow;

use super::kind::Kind;

/// Describes one setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The TOML key; with `RSGI_` before it and in capitals the variable; with dashes a flag.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// One sentence without a dot.
    pub(crate) help: &'static str,
    pub(crate) group: &'static str,
    pub(crate) short: Option<char>,
    /// Flags that aren't the name with dashes. The first is the one that is shown.
    flags: &'static [&'static str],
    /// Variables of the wider world that set it too, weaker than its own.
    pub(crate) variables: &'static [Variable],
    /// Other keys, each with its variable, that name it too.
    pub(crate) other_names: &'static [&'static str],
    /// In the form in which a file has it; `None`: nothing is set.
    pub(crate) default: Option<&'static str>,
    /// How the help tells the default, where the text alone doesn't say enough.
    said: Option<&'static str>,
    /// Whether a TOML file may set it.
    pub(crate) place: Place,
}

/// A variable that other programs know too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    /// Makes the setting's text of the variable's; `None` if it says nothing.
    pub(crate) read: fn(&str) -> Option<String>,
}

/// Where a setting may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Anywhere,
    /// Not in the file, as it says which file is read.
    OutsideTheFile,
}

impl Setting {
    pub(crate) const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self {
            name,
            kind,
            help,
            group: "",
            short: None,
            flags: &[],
            variables: &[],
            other_names: &[],
            default: None,
            said: None,
            place: Place::Anywhere,
        }
    }

    pub(crate) const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    pub(crate) const fn flags(mut self, flags: &'static [&'static str]) -> Self {
        self.flags = flags;
        self
    }

    pub(crate) const fn variables(mut self, variables: &'static [Variable]) -> Self {
        self.variables = variables;
        self
    }

    pub(crate) const fn also(mut self, names: &'static [&'static str]) -> Self {
        self.other_names = names;
        self
    }

    pub(crate) const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    pub(crate) const fn said(mut self, text: &'static str) -> Self {
        self.said = Some(text);
        self
    }

    pub(crate) const fn outside_the_file(mut self) -> Self {
        self.place = Place::OutsideTheFile;
        self
    }

    pub(super) const fn in_group(mut self, group: &'static str) -> Self {
        self.group = group;
        self
    }

    /// The flag that is shown, without its dashes.
    pub(crate) fn flag(&self) -> Cow<'static, str> {
        self.flags.first().map_or_else(|| self.dashed(), |flag| Cow::Borrowed(*flag))
    }

    /// The other flags that are understood.
    pub(crate) fn other_flags(&self) -> Vec<Cow<'static, str>> {
        let named = self.flags.iter().skip(1).map(|flag| Cow::Borrowed(*flag));
        let dashed = self.dashed();
        let unnamed = (!self.flags.is_empty() && !self.flags.contains(&&*dashed)).then_some(dashed);
        named.chain(unnamed).collect()
    }

    /// The flag that switches it off, for a switch whose own flag doesn't already.
    pub(crate) fn negative_flag(&self) -> Option<String> {
        let flag = self.flag();
        (self.kind == Kind::Switch && !flag.starts_with("no-")).then(|| format!("no-{flag}"))
    }

    /// Its own variable.
    pub(crate) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_ascii_uppercase())
    }

    /// The variables of its other names.
    pub(crate) fn other_variables(&self) -> impl Iterator<Item = String> {
        self.other_names.iter().map(|name| format!("{PREFIX}{}", name.to_ascii_uppercase()))
    }

    /// The default, as the help tells it.
    pub(crate) fn default_said(&self) -> Option<&'static str> {
        self.said.or(self.default)
    }

    fn dashed(&self) -> Cow<'static, str> {
        if self.name.contains('_') {
            Cow::Owned(self.name.replace('_', "-"))
        } else {
            Cow::Borrowed(self.name)
        }
    }
}

impl Variable {
    /// A variable whose text is the setting's.
    pub(crate) const fn plain(name: &'static str) -> Self {
        Self { name, read: |text| Some(text.to_owned()) }
    }
}

/// What the launcher's own variables begin with.
pub(crate) const PREFIX: &str = "RSGI_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_dashes_is_the_flag_unless_gunicorn_calls_it_otherwise() {
        let plain = Setting::new("boot_timeout", Kind::Time, "");
        assert_eq!((plain.flag().as_ref(), plain.other_flags().len()), ("boot-timeout", 0));
        assert_eq!(plain.variable(), "RSGI_BOOT_TIMEOUT");
        let named = Setting::new("errorlog", Kind::Time, "").flags(&["error-logfile", "log-file"]);
        assert_eq!(named.flag(), "error-logfile");
        assert_eq!(named.other_flags(), ["log-file", "errorlog"]);
    }

    #[test]
    fn only_a_switch_has_a_negative_flag() {
        assert_eq!(Setting::new("daemon", Kind::Switch, "").negative_flag().as_deref(), Some("no-daemon"));
        assert_eq!(Setting::new("timeout", Kind::Time, "").negative_flag(), None);
    }
}
