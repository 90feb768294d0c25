//! [`Launcher`]: a program around an app factory: its command line, and what each command does.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use crate::argument::Argument;
use crate::command::{self, Action, Asked, Invocation, Program, Started};
use crate::exit::Exit;
use crate::factory::Factory;
use crate::hooks::{self, Hooks};
use crate::log::level::{Level, say};
use crate::master::{self, Launch, Role};
use crate::process::signals::{self, Signals};
use crate::process::title::Title;
use crate::process::{Forking, Start, Turn};
use crate::worker::{Body, Hosted};
use crate::{alone, check, once};

/// A program that serves an app: what `run` does, with more to choose.
///
/// # Examples
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{Environ, Error, StartResponse, Started};
/// use rsgi_serve::Launcher;
///
/// async fn hello(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     Ok(start_response.status(StatusCode::OK).body("hello"))
/// }
///
/// fn main() -> ExitCode {
///     Launcher::new(|| hello)
///         .name("hello")
///         .version(env!("CARGO_PKG_VERSION"))
///         .setting("bind", "127.0.0.1:9000")
///         .command("greet", "Says hello on the terminal", |_arguments| {
///             println!("hello");
///             ExitCode::SUCCESS
///         })
///         .run()
/// }
/// ```
pub struct Launcher {
    body: Box<dyn Body>,
    hooks: Arc<dyn Hooks>,
    name: Option<String>,
    version: Option<String>,
    about: Option<String>,
    settings: Vec<(String, String)>,
    commands: Vec<Own>,
    arguments: Vec<Argument>,
}

/// A command of the program's own.
struct Own {
    name: String,
    about: String,
    run: Box<dyn FnOnce(Vec<OsString>) -> ExitCode>,
}

impl Launcher {
    /// Starts with the factory that makes the app; see [`Factory`] for its forms.
    #[must_use]
    pub fn new<M: 'static>(create_app: impl Factory<M>) -> Self {
        Self {
            body: Box::new(Hosted::new(create_app)),
            hooks: Arc::new(()),
            name: None,
            version: None,
            about: None,
            settings: Vec::new(),
            commands: Vec::new(),
            arguments: Vec::new(),
        }
    }

    /// Sets what the program does at the turns of its processes' lives. Default: nothing.
    #[must_use]
    pub fn hooks(mut self, hooks: impl Hooks) -> Self {
        self.hooks = Arc::new(hooks);
        self
    }

    /// Sets the name that help, manual and process titles have. Default: the program file's.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets what `--version` says. Default: the version of this crate; `env!("CARGO_PKG_VERSION")` is your own.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Sets the sentence that the help begins with.
    #[must_use]
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = Some(about.into());
        self
    }

    /// Sets a setting as the program wants it, by its name and its text: weaker than the file, the environment and the flags,
    /// stronger than the default. A name that comes again adds to a list. A wrong one ends the program with code 1.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.settings.push((name.into(), text.into()));
        self
    }

    /// Adds a setting of the app's own to the command line; the factory finds what it is set to in its
    /// [`Section`](crate::Section), as if the file had it there. On HUP it is read again with all others.
    #[must_use]
    pub fn argument(mut self, argument: Argument) -> Self {
        self.arguments.push(argument);
        self
    }

    /// Adds a command of the program's own. It is given what follows its name, and its exit code is the program's.
    #[must_use]
    pub fn command(
        mut self,
        name: impl Into<String>,
        about: impl Into<String>,
        run: impl FnOnce(Vec<OsString>) -> ExitCode + 'static,
    ) -> Self {
        self.commands.push(Own { name: name.into(), about: about.into(), run: Box::new(run) });
        self
    }

    /// Adds several commands: of each its name, a sentence about it, and its function, as [`command`](Self::command) has them. A framework
    /// offers its own so, such as one that shows an app's rules.
    #[must_use]
    pub fn commands<N, A, R>(self, commands: impl IntoIterator<Item = (N, A, R)>) -> Self
    where
        N: Into<String>,
        A: Into<String>,
        R: FnOnce(Vec<OsString>) -> ExitCode + 'static,
    {
        commands.into_iter().fold(self, |launcher, (name, about, run)| launcher.command(name, about, run))
    }

    /// Does what the command line asks for, and returns the program's exit code.
    ///
    /// Call it first of all in `main`: the master must have one thread, and is refused with more. In a worker it never
    /// returns.
    #[must_use]
    pub fn run(self) -> ExitCode {
        match self.begin() {
            Ok(code) => code,
            Err(error) => failed(&error),
        }
    }

    fn begin(self) -> io::Result<ExitCode> {
        // Before anything else: a signal that comes now is read later.
        let signals = Signals::hold()?;
        let role = Role::take()?;
        let start = Start::remember()?;
        let mut started = Started {
            arguments: std::env::args_os().collect(),
            environment: std::env::vars_os().collect(),
            folder: start.folder().to_owned(),
            input: role.input(),
        };
        let once = once::is_asked(&role, &started);
        if once {
            once::without_query(&mut started.arguments);
        }
        let mut program = Program::named(started.arguments.first());
        program.name = self.name.unwrap_or(program.name);
        program.version = self.version.unwrap_or(program.version);
        program.about = self.about.unwrap_or(program.about);
        program.settings = self.settings;
        program.commands = self.commands.iter().map(Own::for_clap).collect();
        program.arguments = self.arguments;
        let forking = Forking::begin()?.telling(on_each_fork(Arc::clone(&self.hooks)));
        let title = Title::take();
        let (body, hooks) = (self.body, self.hooks);
        let asked = command::read(&program, &started);
        let launch = Launch { program, start, started, forking, signals, title, body, hooks };
        if let Role::Probe(estate, words) = role {
            let settings = match asked {
                Ok(Asked::Do(invocation)) => Ok(invocation.settings),
                Ok(Asked::Help(_) | Asked::Text(_)) => Err("these arguments don't serve".to_owned()),
                Err(faults) => Err(faults.to_string()),
            };
            return Ok(master::prove(launch, settings, estate, words));
        }
        match asked {
            Ok(Asked::Help(help)) => {
                help.print()?;
                Ok(Exit::Clean.into())
            }
            Ok(Asked::Text(text)) => {
                match io::stdout().write_all(text.as_bytes()) {
                    // `print-config | head` has what it wanted.
                    Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
                    _ => Ok(Exit::Clean.into()),
                }
            }
            Ok(Asked::Do(invocation)) if once => Ok(once::run(launch, invocation.settings)),
            Ok(Asked::Do(invocation)) => act(launch, *invocation, role, self.commands),
            Err(faults) => match role {
                Role::Heir(estate) => Ok(master::refuse(&launch, &faults.to_string(), estate)),
                Role::First | Role::Second(_) | Role::Probe(..) => Ok(failed(&faults)),
            },
        }
    }
}

/// Calls the hooks around a fork. What one of them said by a panic is logged: the fork is done all the same.
fn on_each_fork(hooks: Arc<dyn Hooks>) -> impl Fn(Turn) {
    move |turn| {
        let called = hooks::call(|| match turn {
            Turn::Before => hooks.before_fork(),
            Turn::Parent => hooks.after_fork_in_parent(),
            Turn::Child => hooks.after_fork_in_child(),
        });
        if let Err(panic) = called {
            say(Level::Error, format_args!("A hook around a fork panicked: {panic}"));
        }
    }
}

fn act(launch: Launch, invocation: Invocation, role: Role, commands: Vec<Own>) -> io::Result<ExitCode> {
    let Invocation { action, settings } = invocation;
    match action {
        Action::Serve if settings.workers == 0 && matches!(role, Role::First) => {
            Ok(alone::run(launch, settings))
        }
        Action::Serve => Ok(master::begin(launch, settings, role)),
        Action::Check => Ok(check::run(launch, settings)),
        Action::Tell(client, shown) => {
            signals::unblock()?;
            Ok(crate::control::tell(client, shown, settings.control.as_ref()).into())
        }
        Action::Own { name, matches } => {
            signals::unblock()?;
            let arguments = matches.get_many::<OsString>(ARGUMENTS).unwrap_or_default().cloned().collect();
            let own = commands.into_iter().find(|own| own.name == name);
            Ok(own.map_or_else(|| Exit::Settings.into(), |own| (own.run)(arguments)))
        }
    }
}

impl Own {
    fn for_clap(&self) -> clap::Command {
        let arguments = clap::Arg::new(ARGUMENTS)
            .num_args(0..)
            .trailing_var_arg(true)
            .allow_hyphen_values(true)
            .value_name("ARGUMENT")
            .value_parser(clap::value_parser!(OsString));
        clap::Command::new(self.name.clone()).about(self.about.clone()).disable_help_flag(true).arg(arguments)
    }
}

impl std::fmt::Debug for Launcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let commands: Vec<_> = self.commands.iter().map(|own| &own.name).collect();
        f.debug_struct("Launcher")
            .field("name", &self.name)
            .field("settings", &self.settings)
            .field("commands", &commands)
            .finish_non_exhaustive()
    }
}

fn failed(error: &impl std::fmt::Display) -> ExitCode {
    for line in error.to_string().lines() {
        // Nobody reads it if it is closed.
        let _ = writeln!(io::stderr(), "error: {line}");
    }
    Exit::Settings.into()
}

/// The name that clap has for them.
const ARGUMENTS: &str = "arguments";
