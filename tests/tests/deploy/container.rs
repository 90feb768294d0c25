//! The image of `deploy/docker/Dockerfile` without docker: its one program, static, in a root folder that holds nothing else, as process 1 of
//! its own pid namespace, with the environment, the user, the health check and the stop signal that the file names.
//!
//! Nothing is mounted there, not even `/proc`: less than any container gives.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Signal, getuid};

use crate::{PROGRAM, SERVERS};
use rsgi_tests::driving::{Running, Scratch, ask, children_of, free_port, lives, printed, tool};
use rsgi_tests::shipped;

/// A root folder with the program.
struct Image {
    address: String,
    status: String,
    root: Scratch,
}

impl Image {
    /// `None`, and a line about it, if this machine allows no such thing.
    fn new(name: &str) -> Option<Self> {
        let root = Scratch::new(name);
        fs::copy(static_program(), root.join("app")).unwrap();
        let run = root.join("run/app");
        fs::create_dir_all(&run).unwrap();
        fs::set_permissions(&run, fs::Permissions::from_mode(0o700)).unwrap();
        let owned = if getuid().is_root() { chown(&run, Some(NOBODY), Some(NOBODY)) } else { Ok(()) };
        let address = || format!("127.0.0.1:{}", free_port());
        let image = Self { address: address(), status: address(), root };
        let tried = owned.map_err(|error| error.to_string());
        match tried.and_then(|()| printed(image.command(User::Nobody).arg("--version"))) {
            Ok(_) => Some(image),
            Err(said) => {
                println!("skipped: a root folder or a pid namespace can't be had here: {said}");
                None
            }
        }
    }

    /// The program as process 1, with the environment of the image.
    fn command(&self, user: User) -> Command {
        let mut command = tool("unshare");
        if !getuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--fork", "--pid", "--kill-child"]);
        self.inside(&mut command, user);
        command.arg("/app");
        command
    }

    /// Goes on with `chroot`, into the image.
    fn inside(&self, command: &mut Command, user: User) {
        command.arg("chroot");
        if user == User::Nobody && getuid().is_root() {
            command.arg(format!("--userspec={}", instruction("USER ")));
        }
        command.arg(&*self.root);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for (name, value) in environment() {
            let value = value.replace("0.0.0.0:8000", &self.address).replace("0.0.0.0:9000", &self.status);
            command.env(name, value);
        }
    }

    /// What the image's health check says.
    fn health(&self) -> Result<String, String> {
        let check = instruction("HEALTHCHECK ");
        let (_, words) = check.split_once("CMD ").unwrap();
        let mut command = tool("env");
        self.inside(&mut command, User::Nobody);
        command.args(words.trim_matches(['[', ']']).split(", ").map(|word| word.trim_matches('"')));
        printed(&mut command)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum User {
    /// The one of the image.
    Nobody,
    /// Whoever runs the test, root if it may.
    Root,
}

/// Builds the program as the Dockerfile does, without optimisation.
fn static_program() -> PathBuf {
    let dockerfile = shipped::text("docker/Dockerfile");
    let [package, program] = ["PACKAGE", "PROGRAM"].map(|name| {
        let line = dockerfile.lines().find_map(|line| line.strip_prefix(&format!("ARG {name}=")));
        line.unwrap().to_owned()
    });
    let flags = dockerfile.split_once("RUSTFLAGS=\"").unwrap().1.split_once('"').unwrap().0;
    let host = printed(Command::new("rustc").args(["--print", "host-tuple"])).unwrap();
    let host = host.trim();
    // Beside `debug/deployed`: the flags would build all of that anew.
    let folder = Path::new(PROGRAM).ancestors().nth(2).unwrap().join("static");
    // By rustup's own command, so that all of it is of one toolchain.
    let mut build = tool("cargo");
    build.args(["build", "--quiet", "--package", &package, "--bin", &program, "--target", host]);
    build.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", flags);
    build.env("CARGO_TARGET_DIR", &folder).env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_INCREMENTAL", "0");
    printed(build.current_dir(shipped::root())).unwrap_or_else(|said| panic!("{build:?}:\n{said}"));
    folder.join(host).join("debug").join(program)
}

/// The rest of the line that begins so.
fn instruction(word: &str) -> String {
    let dockerfile = shipped::text("docker/Dockerfile");
    dockerfile.lines().find_map(|line| line.strip_prefix(word)).unwrap().to_owned()
}

/// What the image sets.
fn environment() -> Vec<(String, String)> {
    let dockerfile = shipped::text("docker/Dockerfile");
    let (_, rest) = dockerfile.split_once("\nENV ").unwrap();
    let lines = rest.lines().map(|line| line.trim().trim_end_matches(" \\"));
    let pairs = lines.map_while(|line| line.starts_with("RSGI_").then(|| line.split_once('=').unwrap()));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn alone_in_its_image_as_process_1_it_serves_and_ends_as_docker_stops_it() {
    for server in SERVERS {
        // Its log is none of its files.
        let place = Scratch::new("image-log");
        let Some(image) = Image::new("image") else { return };
        let mut command = image.command(User::Nobody);
        command.args(["--server", server]);
        let mut running = Running::start(command, &place.join("log"));
        running.log.said("2 workers ready");
        let master = children_of(running.pid())[0];
        let first = fs::read_to_string(format!("/proc/{master}/status")).unwrap();
        assert!(first.lines().any(|line| line.starts_with("NSpid:") && line.ends_with("\t1")), "{first}");
        assert_eq!(ask(&image.address, "/ping"), "pong");

        let probes = shipped::text("kubernetes/deployment.yaml");
        let paths: Vec<_> = probes.lines().filter_map(|line| line.trim().strip_prefix("path: ")).collect();
        assert_eq!(paths.len(), 3);
        for path in paths {
            ask(&image.status, path);
        }
        assert!(image.health().unwrap().contains("2 workers"));

        rsgi_tests::driving::send(master, Signal::HUP);
        running.log.said("Reloaded: 2 workers ready");
        assert_eq!(ask(&image.address, "/ping"), "pong");

        // `docker stop`: the stop signal for process 1, and ten seconds.
        let signal = instruction("STOPSIGNAL ");
        assert_eq!(signal, "SIGTERM");
        let (began, workers) = (Instant::now(), children_of(master));
        rsgi_tests::driving::send(master, Signal::TERM);
        assert_eq!(running.ended().code(), Some(0), "{}", running.log.text());
        assert!(began.elapsed() < Duration::from_secs(10));
        assert!(!workers.into_iter().any(lives));
        assert!(image.health().is_err());
    }
}

#[test]
fn without_a_list_of_users_workers_run_as_the_numbers_that_are_asked_for() {
    if !getuid().is_root() {
        println!("skipped: only root may give workers another user");
        return;
    }
    let place = Scratch::new("numbers-log");
    let Some(image) = Image::new("numbers") else { return };
    let mut command = image.command(User::Root);
    command.args(["--user", "65534", "--group", "65534"]);
    let mut running = Running::start(command, &place.join("log"));
    running.log.said("2 workers ready");
    let master = children_of(running.pid())[0];
    let ids = |pid: u32, kind: &str| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        status.lines().find_map(|line| line.strip_prefix(kind)).unwrap().trim().to_owned()
    };
    assert_eq!(ids(master, "Uid:"), "0\t0\t0\t0");
    let workers = children_of(master);
    assert!(workers.len() >= 2);
    for worker in workers {
        assert_eq!((ids(worker, "Uid:"), ids(worker, "Gid:")), (FOUR.to_owned(), FOUR.to_owned()));
    }
    assert_eq!(ask(&image.address, "/ping"), "pong");
    rsgi_tests::driving::send(master, Signal::TERM);
    assert_eq!(running.ended().code(), Some(0));
}

/// The user of the image.
const NOBODY: u32 = 65534;
/// Real, effective, saved and of the file system.
const FOUR: &str = "65534\t65534\t65534\t65534";
