//! The start of a service: what it says, when it is ready, where its settings come from, and how it fails.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Instant;

use crate::driving::{PATIENCE, SERVERS, Service, ask, bare, command, parent_of, scratch, workers_of};
use crate::kernel::fifo as fifo_at;

#[test]
fn the_talks_log_is_printed_and_all_workers_are_children_of_the_master_and_answer() {
    for server in SERVERS {
        let mut child = command(server, &["-w", "3"]);
        let (mut printed, output) = std::io::pipe().unwrap();
        let mut service = Service::of(child.stdout(output));
        drop(child);
        for line in ["Starting rsgi ", "Listening at: http://127.0.0.1:", &format!("Using worker: {server}")]
        {
            service.said(line);
        }
        for _ in 0..3 {
            service.said("Booting worker with pid: ");
        }
        service.said("3 workers ready");
        let workers = workers_of(service.pid());
        assert_eq!(workers.len(), 3);
        assert!(workers.iter().all(|worker| parent_of(*worker) == service.pid()));
        everyone_answers(service.address(), &workers);
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        assert!(ask(service.address(), "/").is_err(), "the port is closed");
        let mut text = String::new();
        printed.read_to_string(&mut text).unwrap();
        assert_eq!(text, "", "the log isn't the program's output");
    }
}

/// Asks several at once until each worker has answered.
pub(crate) fn everyone_answers(address: &str, workers: &[u32]) {
    let end = Instant::now() + PATIENCE;
    let wanted: BTreeSet<u32> = workers.iter().copied().collect();
    let mut answered = BTreeSet::new();
    while answered != wanted {
        assert!(Instant::now() < end, "of {wanted:?} only {answered:?} answered");
        let asking: Vec<_> = (0..2 * workers.len())
            .map(|_| {
                let address = address.to_owned();
                std::thread::spawn(move || ask(&address, "/sleep/5").unwrap())
            })
            .collect();
        answered.extend(asking.into_iter().map(|it| it.join().unwrap().parse::<u32>().unwrap()));
    }
}

#[test]
fn readiness_is_said_only_when_the_app_was_made_and_answers() {
    for server in SERVERS {
        let place = scratch(&format!("slow-{server}"));
        let (fifo, settings) = (place.join("fifo"), place.join("settings.toml"));
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
        std::fs::write(&settings, format!("[app]\nwaits_for = {fifo:?}\n")).unwrap();
        let mut service = Service::start(server, &["-w", "1", "-c", settings.to_str().unwrap()]);
        service.said("waiting");
        let early = service.ask_aside("/");
        assert!(service.heard().iter().all(|line| !line.contains("ready in")), "nobody is ready yet");
        // Opened only when the factory reads it, which goes on when it is closed.
        drop(std::fs::File::options().write(true).open(&fifo).unwrap());
        service.said("1 worker ready");
        service.get("/");
        // And who came too early has waited.
        assert_eq!(early.join().unwrap().unwrap(), workers_of(service.pid())[0].to_string());
        std::fs::remove_dir_all(place).unwrap();
    }
}

#[test]
fn flags_win_over_our_variables_over_foreign_ones_over_the_file() {
    let place = scratch("order");
    let file = place.join("settings.toml");
    let mut arguments = vec!["-c".to_owned(), file.display().to_string()];
    let mut variables = Vec::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    std::fs::write(&file, "[serve]\nworkers = 4\nbind = '127.0.0.1:1'\n").unwrap();
    let mut shows = |variable: Option<(&str, &str)>, flag: Option<[&str; 2]>, wanted: [&str; 2]| {
        variables.extend(variable.map(|(name, value)| (name.to_owned(), value.to_owned())));
        arguments.extend(flag.into_iter().flatten().map(str::to_owned));
        let texts: Vec<_> = arguments.iter().map(String::as_str).collect();
        let shown = bare(&texts).arg("print-config").envs(variables.clone()).stdout(Stdio::piped()).output();
        let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
        for line in wanted {
            assert!(shown.lines().any(|it| it.starts_with(line)), "no {line:?} in:\n{shown}");
        }
    };
    let of_file = "workers = 4 # ";
    shows(None, None, [of_file, "bind = [\"127.0.0.1:1\"] # "]);
    shows(Some(("PORT", "7")), None, [of_file, "bind = [\"0.0.0.0:7\"] # the variable PORT"]);
    let many = "workers = 5 # the variable WEB_CONCURRENCY";
    shows(Some(("WEB_CONCURRENCY", "5")), None, [many, "bind = [\"0.0.0.0:7\"] # the variable PORT"]);
    let ours = "workers = 2 # the variable RSGI_WORKERS";
    shows(Some(("RSGI_WORKERS", "2")), None, [ours, "bind = [\"0.0.0.0:7\"] # "]);
    shows(Some(("RSGI_BIND", "[::1]:8")), None, [ours, "bind = [\"[::1]:8\"] # the variable RSGI_BIND"]);
    shows(None, Some(["-w", "3"]), ["workers = 3 # the flag --workers", "bind = [\"[::1]:8\"] # "]);
    shows(
        None,
        Some(["-b", "127.0.0.1:9"]),
        ["workers = 3 # ", "bind = [\"127.0.0.1:9\"] # the flag --bind"],
    );
    for server in SERVERS {
        let mut command = bare(&["--server", server, "--no-control-socket"]);
        let mut service = Service::of(
            command.env("PORT", free.to_string()).env("WEB_CONCURRENCY", "2").current_dir(&place),
        );
        service.said(&format!("Listening at: http://0.0.0.0:{free} "));
        service.said("2 workers ready");
        ask(&format!("127.0.0.1:{free}"), "/").unwrap();
    }
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn every_setting_is_shown_with_its_value_and_origin() {
    let shown = bare(&["print-config", "--max-requests", "7"]).stdout(Stdio::piped()).output().unwrap();
    assert_eq!(shown.status.code(), Some(0));
    let shown = String::from_utf8(shown.stdout).unwrap();
    let lines: Vec<_> = shown.lines().filter(|line| !line.is_empty()).collect();
    assert!(lines.contains(&"max_requests = 7 # the flag --max-requests"), "{shown}");
    let settings: Vec<_> =
        lines.iter().filter(|line| line.contains(" = ") || line.contains("is not set")).collect();
    assert!(settings.iter().all(|line| line.contains('#')), "{shown}");
    // What the help has a flag for, and print-config itself and its like.
    let help = bare(&["--help"]).stdout(Stdio::piped()).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let flags = help.lines().filter(|line| line.trim_start().starts_with('-')).count();
    let commands = ["--version", "--check-config", "--print-config", "--help"];
    assert_eq!(settings.len(), flags - commands.len(), "{shown}\n{help}");
}

#[test]
fn a_first_start_whose_app_fails_ends_with_code_4_and_one_whose_worker_dies_with_code_3() {
    for server in SERVERS {
        let place = scratch(&format!("fails-{server}"));
        let file = place.join("settings.toml");
        let name = file.display().to_string();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for (key, code, why) in [
            ("fails_if", 4, "settings.toml is there"),
            ("panics_if", 4, "settings.toml is there"),
            ("aborts_if", 3, "SIGABRT"),
        ] {
            std::fs::write(&file, format!("[app]\n{key} = {name:?}\n")).unwrap();
            let bind = address.to_string();
            let mut start =
                bare(&["--server", server, "-w", "2", "-c", &name, "-b", &bind, "--no-control-socket"]);
            let (ended, said) = Service::of(&mut start).ended();
            assert_eq!(ended, Some(code), "{said}");
            assert!(said.contains(why) && said.contains("Shutting down: Master"), "{said}");
            // All of them are gone: the log's pipe has ended, and nobody listens any more.
            drop(TcpListener::bind(address).unwrap());
            assert_eq!(Service::check(server, &["-c", &name]), Some(code));
        }
        std::fs::remove_dir_all(place).unwrap();
    }
}

#[test]
fn a_wrong_setting_ends_with_code_1_and_is_named_with_its_source() {
    let place = scratch("wrong");
    let file = place.join("settings.toml");
    let name = file.to_str().unwrap();
    std::fs::write(&file, "[serve]\nwokers = 4\n").unwrap();
    let unknown = bare(&["-c", name]);
    std::fs::write(place.join("other.toml"), "[serve]\nbind = '127.0.0.1:0'\nworkers = 'many'\n").unwrap();
    let other = place.join("other.toml");
    let of_file = bare(&["-c", other.to_str().unwrap()]);
    let mut of_variable = bare(&[]);
    of_variable.env("RSGI_LOGLEVEL", "loud");
    let mut unknown_variable = bare(&[]);
    unknown_variable.env("RSGI_WROKERS", "3");
    let cases: [(_, &[&str]); 6] = [
        (unknown, &["wokers", "settings.toml:2", "workers"]),
        (of_file, &["workers", "many", "other.toml:3"]),
        (of_variable, &["loglevel", "loud", "RSGI_LOGLEVEL", "debug, info, warning, error, critical"]),
        (unknown_variable, &["RSGI_WROKERS", "RSGI_WORKERS"]),
        (bare(&["--workers", "many"]), &["workers", "many", "--workers"]),
        (bare(&["--wrokers", "3"]), &["--wrokers", "--workers"]),
    ];
    for (mut command, words) in cases {
        let (code, said) = Service::of(&mut command).ended();
        assert_eq!(code, Some(1), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "not all of {words:?} in:\n{said}");
        let (code, checked) = Service::of(command.arg("check")).ended();
        assert_eq!((code, checked), (Some(1), said));
    }
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn check_makes_the_app_and_binds_nothing() {
    for server in SERVERS {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, socket) =
            (taken.local_addr().unwrap().to_string(), scratch("check").join("check.sock"));
        let bind = format!("unix:{}", socket.display());
        for check in [&["check"][..], &["--check-config"]] {
            let mut checked = bare(&["--server", server, "-w", "2", "-b", &address, "-b", &bind]);
            let (code, said) = Service::of(checked.args(check)).ended();
            assert_eq!(code, Some(0), "{said}");
            assert!(!socket.exists());
        }
    }
}

#[test]
fn a_check_whose_app_never_comes_ends_at_the_boot_limit_or_when_told_to() {
    let place = scratch("check-waits");
    let (fifo, settings) = (place.join("fifo"), place.join("settings.toml"));
    fifo_at(&fifo);
    std::fs::write(&settings, format!("[app]\nwaits_for = {:?}\n", fifo.display().to_string())).unwrap();
    let check = |limit| {
        let mut checked = bare(&["-c", settings.to_str().unwrap(), "--boot-timeout", limit, "check"]);
        let mut service = Service::of(&mut checked);
        service.said("waiting");
        service
    };
    let (code, said) = check("1").ended();
    assert!(code == Some(3) && said.contains("boot_timeout"), "{code:?} {said}");
    let mut told = check("600");
    told.signal("TERM");
    let (code, said) = told.ended();
    assert!(code == Some(3) && said.contains("SIGTERM"), "{code:?} {said}");
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn without_workers_the_process_itself_serves() {
    for server in SERVERS {
        let mut service = Service::start(server, &["-w", "0", "--status-bind", "127.0.0.1:0"]);
        service.said("Using worker");
        service.said("status_bind needs a master");
        assert_eq!(service.patient("/"), service.pid().to_string());
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
    }
}
