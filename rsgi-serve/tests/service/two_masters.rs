//! Gunicorn's dance: a second master beside the first, and the operator decides which one stays.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use crate::driving::{SERVERS, Service, scratch, signal, until, workers_of};
use crate::load::{Load, Target};

/// Masters in the background with a pid file and a unix socket, which end with the test.
struct Dance {
    place: PathBuf,
    log: Service,
    masters: Vec<u32>,
}

impl Dance {
    fn begin(server: &str) -> Self {
        let place = scratch(&format!("dance-{server}"));
        let (bind, pid) = (format!("unix:{}", place.join("socket").display()), place.join("pid"));
        let mut arguments = vec!["-w", "1", "--daemon", "--enable-stdio-inheritance", "--bind", &bind];
        arguments.extend(["--upgrade-mode", "two-masters", "--pidfile", pid.to_str().unwrap()]);
        let mut log = Service::ready(server, &arguments);
        assert_eq!(log.code(), Some(0), "the command ends when the service is up");
        let mut dance = Self { place, log, masters: Vec::new() };
        dance.masters.push(dance.recorded("pid").unwrap());
        dance
    }

    /// The process that a pid file names.
    fn recorded(&self, name: &str) -> Option<u32> {
        fs::read_to_string(self.place.join(name)).ok()?.trim().parse().ok()
    }

    fn first(&self) -> u32 {
        self.masters[0]
    }

    /// Starts a second master and waits until it serves.
    fn second(&mut self) -> u32 {
        signal(self.first(), "USR2");
        let line = self.log.said("Started a second master (pid: ");
        let pid = line.rsplit_once("(pid: ").unwrap().1.trim_end_matches(')').parse().unwrap();
        self.masters.push(pid);
        self.log.said("1 worker ready in ");
        assert_eq!((self.recorded("pid"), self.recorded("pid.2")), (Some(self.first()), Some(pid)));
        pid
    }

    /// Sends the first master's workers away.
    fn winch(&mut self, second: u32) {
        signal(self.first(), "WINCH");
        until("the old workers are gone", || workers_of(self.first()) == [second]);
    }

    fn answered_by(&self, master: u32) {
        let worker: u32 = self.log.get("/").parse().unwrap();
        assert!(workers_of(master).contains(&worker), "{worker} isn't {master}'s");
    }
}

impl Drop for Dance {
    fn drop(&mut self) {
        let left = self.masters.iter().rev().filter(|master| {
            // Ours still, and no other process of the same number.
            fs::read_to_string(format!("/proc/{master}/cmdline")).is_ok_and(|it| it.contains("trouble"))
        });
        left.for_each(|master| signal(*master, "QUIT"));
        let _ = fs::remove_dir_all(&self.place);
    }
}

#[test]
fn of_two_masters_either_may_stay_and_the_pid_file_and_the_socket_are_the_survivors() {
    for server in SERVERS {
        let mut dance = Dance::begin(server);
        let (first, socket) = (dance.first(), dance.place.join("socket"));
        let file = socket.metadata().unwrap().ino();

        // One further master at a time, whoever is asked.
        let second = dance.second();
        signal(first, "USR2");
        dance.log.said("Upgrade refused: a second master runs already");
        signal(second, "USR2");
        dance.log.said("Upgrade refused: the master that started this one still runs");

        // The second is no good: it goes, and HUP brings the first one's workers back.
        dance.winch(second);
        dance.answered_by(second);
        signal(second, "TERM");
        dance.log.said("The second master is gone");
        assert_eq!((dance.recorded("pid"), dance.recorded("pid.2")), (Some(first), None));
        signal(first, "HUP");
        dance.log.said("Reloaded: 1 worker ready");
        dance.answered_by(first);

        // It is good: the first goes, and nobody notices.
        let second = dance.second();
        let load = Load::begin(&Target::Unix(socket.clone()), 4);
        load.goes_on(20);
        dance.winch(second);
        signal(first, "TERM");
        dance.log.said("Master has been promoted.");
        load.goes_on(20);
        load.end().assert_whole();
        until("the pid file is renamed", || dance.recorded("pid") == Some(second));
        assert_eq!(dance.recorded("pid.2"), None);
        assert_eq!(socket.metadata().unwrap().ino(), file, "the master that left has not removed it");
        dance.answered_by(second);

        signal(second, "TERM");
        dance.log.silence();
        assert!(!socket.exists() && dance.recorded("pid").is_none(), "the last one takes all with it");
    }
}
