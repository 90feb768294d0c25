//! Tests of the whole command line: what is asked, which source wins, and that every mistake is told.

use clap::Arg;

use super::*;
use crate::settings::ServerKind;

/// A folder of a test's own, with a settings' file in it if there is a text for one.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, file: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rsgi-serve-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("rsgi.toml"), file).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn program() -> Program {
    let migrate = clap::Command::new("migrate").arg(Arg::new("workers").long("workers"));
    let settings = vec![("timeout".to_owned(), "7".to_owned())];
    let arguments = OsString::from("/usr/bin/shop");
    Program { commands: vec![migrate], settings, ..Program::named(Some(&arguments)) }
}

fn ask_in(folder: &Path, line: &str, environment: &[(&str, &str)]) -> Result<Asked, Faults> {
    let arguments =
        ["/usr/bin/shop"].into_iter().chain(line.split_whitespace()).map(OsString::from).collect();
    let environment = environment.iter().map(|(name, text)| (name.into(), text.into())).collect();
    read(&program(), &Started { arguments, environment, folder: folder.to_owned(), input: Input::Other })
}

fn ask(line: &str) -> Result<Asked, Faults> {
    ask_in(Path::new("/nonexistent"), line, &[])
}

fn invocation(asked: Result<Asked, Faults>) -> Invocation {
    match asked {
        Ok(Asked::Do(invocation)) => *invocation,
        other => panic!("{other:?}"),
    }
}

fn faults(line: &str) -> Vec<String> {
    let text = ask(line).err().unwrap_or_else(|| panic!("{line} was understood")).to_string();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn clap_finds_nothing_wrong_with_the_tree() {
    tree::command(&program()).unwrap().debug_assert();
}

#[test]
fn a_command_is_understood_with_flags_on_either_side() {
    for (line, action) in [
        ("", Action::Serve),
        ("-w 3", Action::Serve),
        ("serve -w 3", Action::Serve),
        ("check", Action::Check),
        ("--check-config", Action::Check),
        ("show --json", Action::Tell(Client::Show, Shown::Json)),
        ("scale 4", Action::Tell(Client::Scale(Scale::To(4)), Shown::Text)),
        ("scale +1", Action::Tell(Client::Scale(Scale::By(1)), Shown::Text)),
        ("scale -1", Action::Tell(Client::Scale(Scale::By(-1)), Shown::Text)),
        ("reload", Action::Tell(Client::Reload, Shown::Text)),
        ("reload --json", Action::Tell(Client::Reload, Shown::Json)),
        ("stop --quick", Action::Tell(Client::Stop(Hurry::Quick), Shown::Text)),
        ("stop", Action::Tell(Client::Stop(Hurry::Graceful), Shown::Text)),
    ] {
        assert_eq!(invocation(ask(line)).action, action, "{line}");
    }
    for line in ["-w 3", "serve -w 3", "-w 3 serve", "-w 9 check -w 3", "-w3", "--workers=3", "-w 1 -w 3"] {
        assert_eq!(invocation(ask(line)).settings.workers, 3, "{line}");
    }
}

#[test]
fn a_flag_is_stronger_than_the_environment_than_the_file_than_the_program() {
    let folder =
        Folder::new("strength", "[serve]\ntimeout = 1\nkeepalive = 1\nbacklog = 1\n[app]\nname = \"x\"\n");
    let environment = [("RSGI_KEEPALIVE", "2"), ("RSGI_BACKLOG", "2"), ("PORT", "5000")];
    let got = invocation(ask_in(&folder.0, "--backlog 3", &environment));
    let seconds = |time: std::time::Duration| time.as_secs();
    assert_eq!(seconds(got.settings.clocks.silence), 1);
    assert_eq!(got.settings.config.timeouts.keep_alive.map(seconds), Some(2));
    assert_eq!(got.settings.config.backlog.0, 3);
    assert_eq!(got.settings.app["name"].as_str(), Some("x"));
    assert_eq!(got.settings.sockets.binds[0].to_string(), "0.0.0.0:5000");
    let Ok(Asked::Text(printed)) = ask_in(&folder.0, "print-config --backlog 3", &environment) else {
        panic!()
    };
    for line in [
        "timeout = \"1s\" # rsgi.toml:2\n",
        "keepalive = \"2s\" # the variable RSGI_KEEPALIVE\n",
        "backlog = 3 # the flag --backlog\n",
        "# chdir is not set",
    ] {
        assert!(printed.contains(line), "{line} isn't in {printed}");
    }
    let without_a_file = invocation(ask(""));
    assert_eq!(seconds(without_a_file.settings.clocks.silence), 7, "the program's own");
}

#[test]
fn another_file_is_named_by_flag_or_variable() {
    let folder = Folder::new("named", "[serve]\nbacklog = 5\n");
    let file = folder.0.join("rsgi.toml");
    let file = file.to_str().unwrap();
    let by_flag = invocation(ask(&format!("-c {file}")));
    let by_variable = invocation(ask_in(Path::new("/nonexistent"), "", &[("RSGI_CONFIG", file)]));
    assert_eq!((by_flag.settings.config.backlog.0, by_variable.settings.config.backlog.0), (5, 5));
    assert!(
        faults("-c gone.toml")[0]
            .starts_with("config \"gone.toml\" from the flag --config: it can't be read")
    );
}

#[test]
fn gunicorns_spellings_are_understood() {
    let line = "-k gthread --keep-alive 5 --access-logfile - --log-level debug --pid a.pid -e A=b -e C=d --preload \
                --no-sendfile --no-control-socket -n store --limit-request-line 1000 -D";
    let got = invocation(ask(line)).settings;
    assert_eq!(got.server, ServerKind::Std);
    assert_eq!(
        (got.config.timeouts.keep_alive, got.process.title),
        (Some(std::time::Duration::from_secs(5)), "store".into())
    );
    assert_eq!((got.process.variables.len(), got.process.pidfile), (2, Some("a.pid".into())));
    assert!(
        got.access.is_some() && got.preload && got.process.daemon && !got.sendfile && got.control.is_none()
    );
}

#[test]
fn of_a_switch_and_its_contrary_the_last_one_counts() {
    for (line, on) in
        [("--daemon", true), ("--no-daemon", false), ("-D --no-daemon", false), ("--no-daemon -D", true)]
    {
        assert_eq!(invocation(ask(line)).settings.process.daemon, on, "{line}");
    }
    let folder = Folder::new("switch", "[serve]\ndaemon = true\n");
    assert!(!invocation(ask_in(&folder.0, "--no-daemon", &[])).settings.process.daemon);
}

#[test]
fn the_programs_own_commands_keep_their_flags() {
    let got = invocation(ask("-w 2 migrate --workers all"));
    let Action::Own { name, matches } = got.action else { panic!("{:?}", got.action) };
    assert_eq!((name.as_str(), matches.get_one::<String>("workers").unwrap().as_str()), ("migrate", "all"));
    assert_eq!(got.settings.workers, 2);
    let told = faults("migrate --speed 3");
    assert!(told[0].starts_with("the command line: unexpected argument '--speed' found"), "{told:?}");
}

#[test]
fn a_command_of_the_program_may_not_have_a_name_of_ours() {
    let program = Program { commands: vec![clap::Command::new("check")], ..program() };
    let started = Started {
        arguments: vec!["shop".into()],
        environment: vec![],
        folder: "/".into(),
        input: Input::Other,
    };
    let told = read(&program, &started).err().unwrap().to_string();
    assert!(told.starts_with("check: the program has a command of this name"), "{told}");
}

#[test]
fn every_mistake_of_the_line_is_told_at_once() {
    let told = faults(
        "--wokers 3 --server apache --kep-alive=5 -t soon --daemon=yes -w 2000000 --keyfile k srve --bind",
    );
    let expected = [
        "the flag --wokers: there is no such setting; did you mean --workers?",
        "the flag --kep-alive: there is no such setting; did you mean --keep-alive?",
        "the flag --daemon: this flag takes no value; write --daemon to switch it on, --no-daemon off",
        "srve: there is no such command; did you mean serve?",
        "bind from the flag --bind: its value is missing; allowed is HOST:PORT",
        "server \"apache\" from the flag --server: there is no such word here; allowed is std, hyper",
        "timeout \"soon\" from the flag --timeout: this is no time",
        "workers \"2000000\" from the flag --workers: this number is too large; allowed is a whole number from 0 to 4096",
        "keyfile \"k\" from the flag --keyfile: a key is of no use without its certificate, and certfile isn't set",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for part in expected {
        assert!(told.iter().any(|line| line.starts_with(part)), "{part} is not in {told:#?}");
    }
}

#[test]
fn what_is_a_flag_of_gunicorn_alone_is_told_as_such() {
    let told = faults("--worker-tmp-dir /dev/shm --x");
    assert!(told[0].starts_with("the flag --worker-tmp-dir: Gunicorn has this setting"), "{told:?}");
    assert_eq!(told[1], "the flag --x: there is no such setting; --help shows all flags");
}

#[test]
fn surplus_and_missing_arguments_are_told() {
    assert_eq!(faults("reload now"), ["now: this argument is one too many; --help shows what there is"]);
    assert!(faults("scale")[0].starts_with("the command line: the following required arguments"));
    assert!(faults("scale many")[0].contains("write a number of workers"));
    assert!(faults("--timeout -5")[0].starts_with("timeout \"-5\" from the flag --timeout: this is no time"));
}

#[test]
fn help_has_every_setting_in_its_group() {
    let Ok(Asked::Help(help)) = ask("--help") else { panic!() };
    let text = help.to_string();
    let unwrapped = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for setting in settings::all() {
        let hidden = setting.kind == settings::Kind::Switch && setting.default == Some("true");
        let flag = if hidden { setting.negative_flag().unwrap() } else { setting.flag().into_owned() };
        assert!(text.contains(&format!("--{flag}")), "{flag}");
        assert!(text.contains(&format!("{}:\n", setting.group)), "{}", setting.group);
    }
    assert!(
        unwrapped.contains("[default: 127.0.0.1:8000]") && unwrapped.contains("[variable: PORT]"),
        "{text}"
    );
    assert!(unwrapped.contains("RSGI_WORKERS") && unwrapped.contains("print-config"));
    for line in ["--version", "-V", "-v"] {
        assert!(matches!(ask(line), Ok(Asked::Help(version)) if version.to_string().starts_with("shop ")));
    }
}

#[test]
fn completions_and_manual_are_written_whatever_the_settings_are() {
    let folder = Folder::new("generated", "not TOML");
    for (line, part) in [
        ("completions bash", "--worker-class"),
        ("completions zsh", "hyper"),
        ("completions fish", "print-config"),
        ("man", "SOCKETS"),
    ] {
        let Ok(Asked::Text(text)) = ask_in(&folder.0, line, &[]) else { panic!("{line}") };
        assert!(text.contains(part), "{line}: {text}");
    }
}

#[test]
fn print_config_shows_values_and_origins() {
    for line in ["print-config -w 3", "--print-config -w 3"] {
        let Ok(Asked::Text(text)) = ask(line) else { panic!("{line}") };
        assert!(text.contains("workers = 3 # the flag --workers\n"), "{text}");
        assert!(text.contains("timeout = \"7s\" # the program\n"), "{text}");
    }
}

fn with_arguments(line: &str, file: &str, environment: &[(&str, &str)]) -> Result<Asked, Faults> {
    let folder = Folder::new(&format!("own-{}-{}", line.len(), environment.len()), file);
    let arguments = vec![
        Argument::positional("wsgi_app", "What is served").required(),
        Argument::flags("pythonpath", "Where it is"),
        Argument::flag("dialect", "How it speaks"),
    ];
    let program = Program { arguments, ..program() };
    tree::command(&program).unwrap().debug_assert();
    let arguments = ["shop"].into_iter().chain(line.split_whitespace()).map(OsString::from).collect();
    let environment = environment.iter().map(|(name, text)| (name.into(), text.into())).collect();
    read(&program, &Started { arguments, environment, folder: folder.0.clone(), input: Input::Other })
}

#[test]
fn the_apps_own_arguments_become_its_section_the_stronger_one_winning() {
    let file = "[app]\nwsgi_app = 'file:app'\npythonpath = 'x, y'\ndialect = 'file'\n";
    let app = |line: &str, environment: &[(&str, &str)]| {
        let settings = invocation(with_arguments(line, file, environment)).settings;
        let text = |key: &str| settings.app[key].as_str().map(str::to_owned);
        let path = settings.app["pythonpath"].as_array().unwrap().iter().filter_map(|it| it.as_str());
        (text("wsgi_app").unwrap(), path.collect::<Vec<_>>().join(" "), text("dialect").unwrap())
    };
    let wanted = |app: &str, path: &str, dialect: &str| (app.to_owned(), path.to_owned(), dialect.to_owned());
    assert_eq!(app("-w 2", &[]), wanted("file:app", "x y", "file"));
    let variables = [("RSGI_APP_WSGI_APP", "variable:app"), ("RSGI_APP_PYTHONPATH", "z")];
    assert_eq!(app("", &variables), wanted("variable:app", "z", "file"));
    let line = "line:app -w 2 --pythonpath a,b --pythonpath c --dialect one --dialect two";
    assert_eq!(app(line, &variables), wanted("line:app", "a b c", "two"));
    assert_eq!(app("serve line:app --dialect=one", &[]), wanted("line:app", "x y", "one"));
}

#[test]
fn a_required_argument_of_the_app_may_be_missing_only_where_the_app_is_not_made() {
    let text = with_arguments("check", "", &[]).err().unwrap().to_string();
    assert!(text.starts_with("wsgi_app: nobody says") && text.contains("RSGI_APP_WSGI_APP"), "{text}");
    for line in ["show", "print-config", "help"] {
        assert!(with_arguments(line, "", &[]).is_ok(), "{line}");
    }
    let Ok(Asked::Text(text)) = with_arguments("print-config line:app", "", &[]) else { panic!() };
    assert!(text.contains("\"wsgi_app\" = \"line:app\" # the argument WSGI_APP\n"), "{text}");
}

#[test]
fn a_wrong_argument_of_the_app_is_told_with_the_other_faults() {
    let text = with_arguments("-w many a:b c:d", "[app]\npythonpath = 3\n", &[]).err().unwrap().to_string();
    for part in ["c:d: this argument is one too many", "workers \"many\"", "pythonpath: the section [app]"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let arguments = vec![Argument::flag("bind", "")];
    let program = Program { arguments, ..program() };
    let text = tree::command(&program).err().unwrap().to_string();
    assert!(text.contains("give it another name"), "{text}");
}
