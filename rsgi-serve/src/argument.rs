//! [`Argument`]: a setting that is the app's own, and stands on the command line beside the server's.
//!
//! What it is set to becomes an entry of the app's [`Section`](crate::Section), whoever says it: the file's section `[app]`, a
//! variable that begins with `RSGI_APP_`, or the command line, which is the strongest. So a factory reads one thing.
//!
//! Not here: gathering what the sources say, which is `settings/own.rs`.

/// A setting of the app's own.
///
/// # Examples
///
/// A program that is told what to serve:
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{App, app_fn};
/// use rsgi_serve::{Argument, Launcher, Section};
///
/// fn create_app(section: &Section) -> impl App + use<> {
///     let greeting = section.text("greeting").unwrap_or("hello").to_owned();
///     app_fn(move |_environ, start_response| {
///         let greeting = greeting.clone();
///         async move { Ok(start_response.status(StatusCode::OK).body(greeting)) }
///     })
/// }
///
/// fn main() -> ExitCode {
///     Launcher::new(create_app).argument(Argument::positional("greeting", "What it says")).run()
/// }
/// ```
///
/// It then says so by `./hello howdy`, by `RSGI_APP_GREETING=howdy`, and by `greeting = "howdy"` below `[app]` in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The key of the section; with dashes the flag, in capitals the end of the variable.
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) place: Place,
    pub(crate) required: bool,
}

/// Where it stands on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Without a flag.
    Bare,
    /// Behind a flag, whose last use counts.
    Flag,
    /// Behind a flag that may be repeated.
    Flags,
}

impl Argument {
    /// An argument without a flag, of which a program should have one at most. `name` is its key in the section, and `about` one
    /// sentence for the help.
    #[must_use]
    pub fn positional(name: impl Into<String>, about: impl Into<String>) -> Self {
        Self { name: name.into(), about: about.into(), place: Place::Bare, required: false }
    }

    /// A flag with a value: `--` and the name, with dashes for underscores. In the section it is a text.
    #[must_use]
    pub fn flag(name: impl Into<String>, about: impl Into<String>) -> Self {
        Self { place: Place::Flag, ..Self::positional(name, about) }
    }

    /// A flag that may be repeated, and whose values may be several with commas between. In the section it is a list of texts.
    #[must_use]
    pub fn flags(name: impl Into<String>, about: impl Into<String>) -> Self {
        Self { place: Place::Flags, ..Self::positional(name, about) }
    }

    /// Has the program refuse to serve, with code 1, if nobody says it. Default: it may be missing.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Its variable.
    pub(crate) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_ascii_uppercase())
    }

    /// Its flag with the dashes; what the help calls it if it has none.
    pub(crate) fn written(&self) -> String {
        match self.place {
            Place::Bare => self.name.to_ascii_uppercase(),
            Place::Flag | Place::Flags => format!("--{}", self.flag_name()),
        }
    }

    /// Its flag without the dashes.
    pub(crate) fn flag_name(&self) -> String {
        self.name.replace('_', "-")
    }

    /// What clap calls it; no setting of the server's has a dot in its name.
    pub(crate) fn id(&self) -> String {
        format!("app.{}", self.name)
    }
}

/// What variables of the app's own settings begin with.
pub(crate) const PREFIX: &str = "RSGI_APP_";
