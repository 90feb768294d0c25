//! What a service is in the system: its pid file, the background, its users, and how processes are called.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::driving::{SERVERS, Service, ask, command, scratch, signal, until, workers_of};

#[test]
fn the_pid_file_is_the_masters_and_keeps_a_second_one_out() {
    for server in SERVERS {
        let place = scratch(&format!("pid-{server}"));
        let file = place.join("app.pid");
        let path = file.to_str().unwrap();
        // Of a process that lives and is a stranger: this one.
        fs::write(&file, format!("{}\n", std::process::id())).unwrap();
        let mut service = Service::ready(server, &["-w", "1", "--pid", path]);
        assert_eq!(fs::read_to_string(&file).unwrap().trim_end(), service.pid().to_string());
        let (code, said) = Service::of(&mut command(server, &["-w", "1", "--pid", path])).ended();
        assert_eq!(code, Some(1), "{said}");
        let running = format!("already running with pid {}", service.pid());
        assert!(said.contains(&running) && said.contains(path), "{said}");
        // Neither a reload nor a worker's end takes it away.
        service.signal("HUP");
        service.said("Reloaded: 1 worker ready");
        service.said("Worker exiting");
        assert_eq!(fs::read_to_string(&file).unwrap().trim_end(), service.pid().to_string());
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        assert!(!file.exists(), "removed at the end");

        // One that was killed leaves it behind, and the next takes it over.
        let mut killed = Service::ready(server, &["-w", "1", "--pid", path]);
        killed.signal("KILL");
        killed.silence();
        assert!(file.exists());
        let mut service = Service::ready(server, &["-w", "1", "--pid", path]);
        assert_eq!(fs::read_to_string(&file).unwrap().trim_end(), service.pid().to_string());

        // What somebody else has put there since is left.
        let other = place.join("other.pid");
        fs::write(&other, "1\n").unwrap();
        fs::rename(&other, &file).unwrap();
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        assert_eq!(fs::read_to_string(&file).unwrap(), "1\n");
        fs::remove_dir_all(place).unwrap();
    }
}

#[test]
fn in_the_background_the_command_returns_when_all_is_ready() {
    for server in SERVERS {
        for workers in ["1", "0"] {
            let place = scratch(&format!("daemon-{server}-{workers}"));
            let (fifo, settings) = (place.join("fifo"), place.join("settings.toml"));
            let [log, pid] = ["log", "pid"].map(|name| place.join(name).display().to_string());
            rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
            fs::write(&settings, format!("[app]\nwaits_for = {fifo:?}\n")).unwrap();
            let settings = settings.display().to_string();
            let arguments = ["-D", "-w", workers, "-c", &settings, "--pid", &pid, "--error-logfile", &log];
            let mut launcher = Service::start(server, &arguments);
            launcher.said("waiting");
            assert!(lives(launcher.pid()), "it waits for the service");
            // Opened only when the factory reads it, which goes on when it is closed.
            drop(fs::File::options().write(true).open(&fifo).unwrap());
            assert_eq!(launcher.code(), Some(0));
            // Nobody holds the terminal any more.
            launcher.silence();
            let master: u32 = fs::read_to_string(&pid).unwrap().trim_end().parse().unwrap();
            assert_ne!(master, launcher.pid());
            assert_ne!(session(master), session(std::process::id()), "a session of its own");
            assert_ne!(session(master), master, "which it doesn't lead: it can't get a terminal");
            let said = fs::read_to_string(&log).unwrap();
            let (_, address) = said.split_once("Listening at: http://").unwrap();
            ask(address.split(' ').next().unwrap(), "/").unwrap();
            signal(master, "TERM");
            until("it ends", || !lives(master));
            assert!(!Path::new(&pid).exists());
            fs::remove_dir_all(place).unwrap();
        }
    }
}

#[test]
fn in_the_background_the_command_returns_the_code_of_a_start_that_failed() {
    for server in SERVERS {
        for workers in ["1", "0"] {
            let place = scratch(&format!("daemon-fails-{server}-{workers}"));
            let (settings, pid) = (place.join("settings.toml"), place.join("pid"));
            fs::write(&settings, format!("[app]\nfails_if = {settings:?}\n")).unwrap();
            let arguments = [settings.to_str().unwrap(), "--pid", pid.to_str().unwrap()];
            let mut start = command(server, &["-D", "-w", workers, "-c"]);
            let (code, said) = Service::of(start.args(arguments)).ended();
            assert_eq!(code, Some(4), "{said}");
            assert!(said.contains("settings.toml is there"), "{said}");
            until("the daemon takes its file along", || !pid.exists());
            fs::remove_dir_all(place).unwrap();
        }
    }
}

#[test]
fn workers_run_as_the_user_asked_for_and_still_write_their_files() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root may change the user");
        return;
    }
    for server in SERVERS {
        let place = scratch(&format!("user-{server}"));
        let [log, access] = ["log", "access"].map(|name| place.join(name).display().to_string());
        let socket = place.join("app.sock");
        let arguments = ["-w", "2", "--user", "65534", "--group", "65533"];
        let files = ["--error-logfile", &log, "--access-logfile", &access, "-b"];
        let mut start = command(server, &arguments);
        let service = Service::of(start.args(files).arg(format!("unix:{}", socket.display())));
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        until("it is ready", || read(&log).contains("2 workers ready"));
        let master = service.pid();
        assert_eq!(identity(master), ([0; 4], [0; 4]), "the master keeps its own");
        let workers = workers_of(master);
        for worker in &workers {
            assert_eq!(identity(*worker), ([65534; 4], [65533; 4]));
        }
        let owner = |path: &Path| path.metadata().map(|file| (file.uid(), file.gid())).unwrap();
        assert_eq!(owner(&socket), (65534, 65533), "the workers' own, if nobody else is named");
        let said = read(&log);
        let (_, address) = said.split_once("Listening at: http://").unwrap();
        let address = address.split(' ').next().unwrap();
        ask(address, "/?before").unwrap();
        until("the access log has it", || read(&access).contains("/?before"));
        // In a folder where the workers may make no file.
        for path in [&log, &access] {
            fs::rename(path, format!("{path}.1")).unwrap();
        }
        service.signal("USR1");
        // The master makes them, and gives them away then.
        until("both are opened again, as the workers' own", || {
            let is_theirs =
                |path| fs::metadata(path).is_ok_and(|file| (file.uid(), file.gid()) == (65534, 65533));
            is_theirs(&log) && is_theirs(&access)
        });
        until("workers write to the new one", || {
            ask(address, "/?after").unwrap();
            read(&access).contains("/?after")
        });
        service.signal("TERM");
        until("the workers write to the new log", || {
            workers.iter().all(|worker| read(&log).contains(&format!("Worker exiting (pid: {worker})")))
        });
        fs::remove_dir_all(place).unwrap();
    }
}

#[test]
fn titles_say_role_and_name_and_the_settings_of_the_surroundings_hold() {
    for server in SERVERS {
        let place = scratch(&format!("titles-{server}"));
        let folder = place.display().to_string();
        let arguments = ["-w", "2", "-n", "blog", "--chdir", &folder, "--env", "WORD=x", "--umask", "027"];
        let mut service = Service::ready(server, &arguments);
        let master = service.pid();
        for turn in ["a start", "an upgrade"] {
            assert_eq!(title(master), "rsgi: master [blog]", "after {turn}");
            let workers = workers_of(master);
            assert!(workers.iter().all(|worker| title(*worker) == "rsgi: worker [blog]"), "after {turn}");
            for worker in workers {
                assert_eq!(fs::read_link(format!("/proc/{worker}/cwd")).unwrap(), place);
                assert_eq!(field(worker, "Umask:"), "0027");
            }
            assert_eq!(service.get("/env/WORD"), "x");
            if turn == "a start" {
                service.signal("USR2");
                service.said("Upgraded: 2 workers ready");
                until("the old ones are gone", || workers_of(master).len() == 2);
            }
        }
        fs::remove_dir_all(place).unwrap();
    }
}

/// As `ps` shows it.
fn title(pid: u32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    String::from_utf8_lossy(&line).trim_end_matches('\0').to_owned()
}

/// A field of a process's status.
fn field(pid: u32, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned()
}

/// The real, effective, saved and file users of a process, and its groups of these kinds.
fn identity(pid: u32) -> ([u32; 4], [u32; 4]) {
    ["Uid:", "Gid:"]
        .map(|name| {
            let numbers: Vec<u32> =
                field(pid, name).split_whitespace().map(|it| it.parse().unwrap()).collect();
            <[u32; 4]>::try_from(numbers).unwrap()
        })
        .into()
}

/// The session that a process is in.
fn session(pid: u32) -> u32 {
    field(pid, "NSsid:").parse().unwrap()
}

/// Whether a process runs, which isn't a child of this one.
fn lives(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/status"))
        .is_ok_and(|status| !status.lines().any(|line| line.starts_with("State:\tZ")))
}
