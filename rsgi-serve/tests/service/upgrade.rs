//! Another binary under the same process number.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::driving::{
    SERVERS, Service, bare_of_settings, program, replaced, scratch, signal, until, workers_of,
};
use crate::load::{Load, Target};

/// A folder with a program whose file is a link to one of its versions.
pub(crate) struct Deployment {
    place: PathBuf,
}

impl Deployment {
    pub(crate) fn new(name: &str) -> Self {
        let deployment = Self { place: scratch(name) };
        deployment.deploy("v1");
        deployment
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.place.join(name).to_str().unwrap().to_owned()
    }

    /// Makes this version the program.
    pub(crate) fn deploy(&self, version: &str) {
        let file = self.place.join(version);
        if !file.exists() {
            put_program(&file);
        }
        self.point_at(version);
    }

    /// Makes a file with this text the program.
    fn deploy_text(&self, version: &str, text: &str, mode: u32) {
        let file = self.place.join(version);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        self.point_at(version);
    }

    fn point_at(&self, version: &str) {
        let (new, link) = (self.place.join("new"), self.place.join("app"));
        symlink(version, &new).unwrap();
        fs::rename(new, link).unwrap();
    }

    /// The program's start.
    pub(crate) fn command(&self, server: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.place.join("app"));
        bare_of_settings(&mut command).args(["--server", server, "--no-control-socket"]).args(arguments);
        command
    }

    fn ready(&self, server: &str, arguments: &[&str]) -> Service {
        let mut command = self.command(server, arguments);
        let mut service = Service::of(command.args(["--bind", "127.0.0.1:0"]));
        service.said(" ready in ");
        service
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.place);
    }
}

/// A file of the program, of its own name.
fn put_program(file: &Path) {
    if fs::hard_link(program(), file).is_err() {
        fs::copy(program(), file).unwrap();
    }
}

#[test]
fn usr2_under_load_becomes_the_new_binary_under_the_same_number_and_loses_nothing() {
    for server in SERVERS {
        let deployment = Deployment::new(&format!("binary-{server}"));
        let mut service = deployment.ready(server, &["-w", "2"]);
        let before = workers_of(service.pid());
        let load = Load::begin(&Target::Tcp(service.address().to_owned()), 4);
        deployment.deploy("v2");
        service.signal("USR2");
        service.said("Took over 2 workers");
        service.said("Upgraded: 2 workers ready");
        load.goes_on(100);
        // Until then an old one may answer what it accepted, or has on a kept connection.
        replaced(service.pid(), &before, 2);
        assert_eq!(service.get("/version"), "v2");
        let tally = load.end();
        tally.assert_whole();
        assert!(tally.by_version["v1"] > 0 && tally.by_version["v2"] > 0, "{tally}");
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
    }
}

#[test]
fn a_binary_that_is_missing_or_no_program_or_ends_at_once_changes_nothing() {
    for server in SERVERS {
        let deployment = Deployment::new(&format!("unfit-{server}"));
        let mut service = deployment.ready(server, &["-w", "1"]);
        let before = workers_of(service.pid());
        let refused = |service: &mut Service, why: &str| {
            service.signal("USR2");
            let line = service.said("Upgrade failed: ");
            assert!(line.contains(why) && line.contains("The old binary goes on."), "{line}");
            assert_eq!(service.get("/version"), "v1");
            assert_eq!(workers_of(service.pid()), before);
        };
        fs::remove_file(deployment.path("app")).unwrap();
        refused(&mut service, "No such file");
        deployment.deploy_text("text", "no program", 0o644);
        refused(&mut service, "ermission denied");
        deployment.deploy_text("dies", "#!/bin/sh\nexit 7\n", 0o755);
        refused(&mut service, "7");
        deployment.deploy_text("stranger", "#!/bin/sh\nexit 0\n", 0o755);
        refused(&mut service, "does it use this launcher?");
        deployment.deploy("v2-fails");
        refused(&mut service, "v2-fails it is");
        deployment.deploy("v3");
        service.signal("USR2");
        service.said("Upgraded: 1 worker ready");
        service.said("Worker exiting");
        assert_eq!(service.get("/version"), "v3");
    }
}

#[test]
fn a_takeover_that_fails_leads_back_to_the_old_binary_and_loses_nothing() {
    // The workers can't boot, they hang, and the master itself can't make the app.
    for (version, arguments) in [
        ("v2-fails-later", ["-w", "1", "--boot-timeout", "30"].as_slice()),
        ("v2-waits-later", &["-w", "1", "--boot-timeout", "1"]),
        ("v2-fails-later", &["-w", "1", "--preload-app"]),
    ] {
        for server in SERVERS {
            let deployment = Deployment::new(&format!("back-{server}-{version}-{}", arguments.len()));
            let mut service = deployment.ready(server, arguments);
            let before = workers_of(service.pid());
            let load = Load::begin(&Target::Tcp(service.address().to_owned()), 2);
            deployment.deploy(version);
            service.signal("USR2");
            service.said("Upgrade undone: ");
            load.goes_on(50);
            let tally = load.end();
            tally.assert_whole();
            assert_eq!(tally.by_version.keys().collect::<Vec<_>>(), ["v1"]);
            assert_eq!(tally.by_worker.keys().copied().collect::<Vec<_>>(), before);
            // The old image is whole: it reloads and upgrades.
            deployment.deploy("v3");
            service.signal("HUP");
            service.said("Reloaded: 1 worker ready");
            service.said("Worker exiting");
            assert_eq!(service.get("/version"), "v1");
            service.signal("USR2");
            service.said("Upgraded: 1 worker ready");
            service.said("Worker exiting");
            assert_eq!(service.get("/version"), "v3");
            service.signal("TERM");
            assert_eq!(service.code(), Some(0));
        }
    }
}

#[test]
fn a_second_upgrade_is_refused_while_one_is_in_progress() {
    for server in SERVERS {
        let deployment = Deployment::new(&format!("second-{server}"));
        let (settings, gate) = (deployment.path("settings.toml"), deployment.path("gate"));
        fs::write(&settings, "").unwrap();
        let mut service = deployment.ready(server, &["-w", "1", "-c", &settings]);
        assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
        let mut opener = fs::OpenOptions::new().read(true).write(true).open(&gate).unwrap();
        fs::write(&settings, format!("[app]\nboots_behind = {gate:?}\n")).unwrap();
        service.signal("USR2");
        service.said("booting behind the gate");
        service.signal("USR2");
        service.said("Upgrade refused: one is in progress");
        service.signal("HUP");
        service.said("A reload is remembered");
        fs::write(&settings, "").unwrap();
        std::io::Write::write_all(&mut opener, b"1").unwrap();
        service.said("Upgraded: 1 worker ready");
        service.said("Worker exiting");
        service.get("/");
    }
}

#[test]
fn the_new_image_has_the_starts_arguments_and_variables_and_the_folder_of_now() {
    for server in SERVERS {
        let deployment = Deployment::new(&format!("folder-{server}"));
        for release in ["r1", "r2"] {
            let folder = deployment.path(release);
            fs::create_dir(&folder).unwrap();
            put_program(&Path::new(&folder).join("app"));
        }
        let link = PathBuf::from(deployment.path("current"));
        symlink("r1", &link).unwrap();
        let start = format!("cd {link:?} && exec ./app --server {server} --bind 127.0.0.1:0 -w 1");
        let mut command = Command::new("/bin/sh");
        bare_of_settings(&mut command).args(["-c", &start]).env("MARK", "of the start");
        let mut service = Service::of(&mut command);
        service.said(" ready in ");
        let arguments = service.get("/arguments");
        assert_eq!(service.get("/folder"), deployment.path("r1"));
        symlink("r2", deployment.path("next")).unwrap();
        fs::rename(deployment.path("next"), &link).unwrap();
        service.signal("USR2");
        service.said("Upgraded: 1 worker ready");
        service.said("Worker exiting");
        assert_eq!(service.get("/folder"), deployment.path("r2"));
        let image = fs::read_link(format!("/proc/{}/exe", service.pid())).unwrap();
        assert_eq!(image, Path::new(&deployment.path("r2")).join("app"));
        assert_eq!(service.get("/arguments"), arguments);
        assert_eq!(service.get("/env/MARK"), "of the start");
        assert_eq!(service.get("/env/RSGI_UPGRADE"), "none");
    }
}

#[test]
fn a_hundred_reloads_and_twenty_upgrades_leave_no_descriptor_behind() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "1"]);
        let open = |pid: u32| fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
        let alone = |pid: u32| until("the old worker is gone", || workers_of(pid).len() == 1);
        // Of the same age in both: an image that was executed may know one more than the first.
        service.signal("USR2");
        service.said("Upgraded");
        alone(service.pid());
        let (master, worker) = (open(service.pid()), open(workers_of(service.pid())[0]));
        for round in 0..100 {
            service.signal("HUP");
            service.said("Reloaded: 1 worker ready");
            if round % 5 == 0 {
                service.signal("USR2");
                service.said("Upgraded: 1 worker ready");
            }
        }
        alone(service.pid());
        // Those of the last one to go are closed behind its reaping.
        until("as many as before", || open(service.pid()) == master);
        assert_eq!(open(workers_of(service.pid())[0]), worker);
    }
}

#[test]
fn what_a_failed_trial_left_running_holds_the_master_up_in_nothing() {
    for server in SERVERS {
        let deployment = Deployment::new(&format!("left-{server}"));
        let mut service = deployment.ready(server, &["-w", "1"]);
        let file = deployment.path("left");
        // It has all descriptors of the trial, and outlives it.
        let text = format!("#!/bin/sh\nsleep 60 &\necho $! > {file}\nexit 7\n");
        deployment.deploy_text("leaves", &text, 0o755);
        service.signal("USR2");
        service.said("exited with code 7");
        let left: u32 = fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        assert!(workers_of(service.pid()).contains(&service.get("/").parse().unwrap()));
        signal(left, "KILL");
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
    }
}
