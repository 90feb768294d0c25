//! [`Commands`]: what an app's program can do besides serving: show its rules, and the app's own.
//!
//! Whoever launches the program takes them as names with functions (`rsgi_serve::Launcher::commands`); nothing here knows who.
//!
//! Invariant: the app is made only for the command that was asked for.

use std::ffi::OsString;
use std::fmt;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use rsgi_core::http::Method;

use crate::app::App;
use crate::error::Error;

/// The commands of an app's program: `routes`, and those that are added.
///
/// An iterator of name, one sentence about it, and function of the arguments behind the name: as rsgi-serve takes them.
///
/// # Examples
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use frasco::{App, BuildError, Commands, Error};
///
/// async fn ping() -> &'static str {
///     "pong"
/// }
///
/// fn create_app() -> Result<App, BuildError> {
///     App::builder("app").get("/ping", ping).build()
/// }
///
/// fn main() -> ExitCode {
///     let commands = Commands::of(create_app).add("greet", "Says hello", |app, arguments, out| {
///         let name = arguments.first().ok_or_else(|| Error::msg("greet wants a name"))?;
///         Ok(writeln!(out, "{} says hello to {name}", app.name())?)
///     });
/// # fn launch(_: impl IntoIterator<Item = (String, String, impl FnOnce(Vec<std::ffi::OsString>) -> ExitCode)>) -> ExitCode { ExitCode::SUCCESS }
/// #   launch(commands)
///     // rsgi_serve::Launcher::new(create_app).commands(commands).run()
/// }
/// ```
pub struct Commands {
    create_app: Arc<CreateApp>,
    all: std::vec::IntoIter<Command>,
}

type CreateApp = dyn Fn() -> Result<App, String> + Send + Sync;
type Run = dyn FnOnce(&App, &[String], &mut dyn Write) -> Result<(), Error> + Send;

struct Command {
    name: String,
    about: String,
    run: Box<Run>,
}

impl Commands {
    /// Begins with `routes`, of the app that the factory makes.
    pub fn of<E: fmt::Display>(create_app: impl Fn() -> Result<App, E> + Send + Sync + 'static) -> Self {
        let create_app: Arc<CreateApp> = Arc::new(move || create_app().map_err(|error| error.to_string()));
        let commands = Self { create_app, all: Vec::new().into_iter() };
        commands.add(
            "routes",
            "Shows the app's rules, with their endpoints and methods",
            |app, arguments, out| {
                let table = routes(app, arguments)?;
                Ok(out.write_all(table.as_bytes())?)
            },
        )
    }

    /// Adds a command: a function of the app, of the arguments behind the command's name, and of where its output goes. What it returns as an error
    /// is told, and the program's exit code is 1.
    #[must_use]
    pub fn add(
        mut self,
        name: &str,
        about: &str,
        run: impl FnOnce(&App, &[String], &mut dyn Write) -> Result<(), Error> + Send + 'static,
    ) -> Self {
        let mut all: Vec<Command> = self.all.collect();
        all.push(Command { name: name.to_owned(), about: about.to_owned(), run: Box::new(run) });
        self.all = all.into_iter();
        self
    }
}

impl fmt::Debug for Commands {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.all.as_slice().iter().map(|command| &command.name)).finish()
    }
}

impl Iterator for Commands {
    type Item = (String, String, Box<dyn FnOnce(Vec<OsString>) -> ExitCode>);

    fn next(&mut self) -> Option<Self::Item> {
        let Command { name, about, run } = self.all.next()?;
        let create_app = Arc::clone(&self.create_app);
        let told = name.clone();
        let act = move |arguments: Vec<OsString>| {
            let done = act(&*create_app, run, arguments, &mut io::stdout().lock());
            match done {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    // Nobody reads it if it is closed.
                    let _unread = writeln!(io::stderr(), "error: {told}: {error}");
                    ExitCode::FAILURE
                }
            }
        };
        Some((name, about, Box::new(act)))
    }
}

fn act(
    create_app: &CreateApp,
    run: Box<Run>,
    arguments: Vec<OsString>,
    out: &mut dyn Write,
) -> Result<(), String> {
    let texts = arguments.into_iter().map(OsString::into_string).collect::<Result<Vec<_>, _>>();
    let texts = texts.map_err(|argument| format!("{} is no text", argument.display()))?;
    let app = create_app()?;
    let done = run(&app, &texts, out).and_then(|()| Ok(out.flush()?));
    match done {
        // `routes | head` has what it wanted.
        Err(error) if error.find::<io::Error>().is_some_and(|it| it.kind() == io::ErrorKind::BrokenPipe) => {
            Ok(())
        }
        done => done.map_err(|error| error.to_string()),
    }
}

/// The rules as `flask routes` shows them.
fn routes(app: &App, arguments: &[String]) -> Result<String, Error> {
    let (mut sort, mut all_methods) = ("endpoint", false);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--all-methods" => all_methods = true,
            "--sort" | "-s" => {
                let keys = ["endpoint", "methods", "rule", "match"];
                sort = rest
                    .next()
                    .map(String::as_str)
                    .filter(|key| keys.contains(key))
                    .ok_or_else(|| Error::msg(format!("{argument} wants one of {}", keys.join(", "))))?;
            }
            other => {
                return Err(Error::msg(format!(
                    "{other} is unknown: there are --sort KEY and --all-methods"
                )));
            }
        }
    }
    let is_shown = |method: &&Method| all_methods || !matches!(**method, Method::HEAD | Method::OPTIONS);
    let rules = app.rules().map(|(endpoint, methods, rule)| {
        let mut methods: Vec<&str> = methods.iter().filter(is_shown).map(Method::as_str).collect();
        methods.sort_unstable();
        [endpoint.to_owned(), methods.join(", "), rule.to_owned()]
    });
    let mut rows: Vec<[String; 3]> = rules.collect();
    match sort {
        "endpoint" => rows.sort(),
        "methods" => rows.sort_by(|one, other| one[1].cmp(&other[1])),
        "rule" => rows.sort_by(|one, other| one[2].cmp(&other[2])),
        // As they were written.
        _ => {}
    }
    if rows.is_empty() {
        return Ok("No routes were registered.\n".to_owned());
    }
    let heads = ["Endpoint", "Methods", "Rule"];
    let wide = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.chain([heads[column].len()]).max().unwrap_or_default()
    };
    let widths = [wide(0), wide(1), wide(2)];
    let lines = widths.map(|width| "-".repeat(width));
    let mut table = String::new();
    for row in [heads.map(str::to_owned), lines].iter().chain(&rows) {
        let [endpoint, methods, rule] = row;
        let _ = writeln!(table, "{endpoint:0$}  {methods:1$}  {rule}", widths[0], widths[1]);
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Blueprint, Route};

    async fn ping() -> &'static str {
        "pong"
    }

    fn create_app() -> Result<App, String> {
        let app =
            App::builder("app").route(Route::new("/<int:id>", ping).methods(["PUT", "GET"]).endpoint("put"));
        app.register(Blueprint::new("ping").get("/ping", ping)).build().map_err(|error| error.to_string())
    }

    fn asked(name: &str, arguments: &[&str]) -> Result<String, String> {
        let commands = Commands::of(create_app).add("greet", "Greets", |app, arguments, out| {
            Ok(writeln!(out, "{} greets {}", app.name(), arguments.join(" "))?)
        });
        let command = commands.all.into_iter().find(|command| command.name == name).unwrap();
        let mut out = Vec::new();
        act(&create_app, command.run, arguments.iter().map(OsString::from).collect(), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn routes_are_shown_as_flask_shows_them() {
        let table = "Endpoint   Methods   Rule\n---------  --------  ---------\nping.ping  GET       /ping\n\
                     put        GET, PUT  /<int:id>\n";
        assert_eq!(asked("routes", &[]).unwrap(), table);
        let by_rule = asked("routes", &["--sort", "rule", "--all-methods"]).unwrap();
        let endpoints: Vec<_> =
            by_rule.lines().skip(2).map(|line| line.split("  ").next().unwrap()).collect();
        assert_eq!(endpoints, ["put      ", "ping.ping"].map(str::trim_end));
        assert!(by_rule.contains("GET, HEAD, PUT"), "{by_rule}");
        for wrong in [&["--sort", "size"][..], &["--sort"], &["x"]] {
            assert!(asked("routes", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_command_of_the_apps_own_is_given_app_and_arguments() {
        assert_eq!(asked("greet", &["ada", "-l"]).unwrap(), "app greets ada -l\n");
    }

    #[test]
    fn the_app_is_made_only_for_the_command_that_runs() {
        let mut commands = Commands::of(|| -> Result<App, String> { Err("no database".to_owned()) });
        let (name, about, run) = commands.next().unwrap();
        assert_eq!((name.as_str(), about.is_empty()), ("routes", false));
        assert_eq!(format!("{:?}", run(Vec::new())), format!("{:?}", ExitCode::FAILURE));
        assert!(commands.next().is_none());
    }
}
