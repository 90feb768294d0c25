//! A reload with other surroundings: variables, the folder, the umask.

use std::fs;
use std::path::{Path, PathBuf};

use crate::driving::{SERVERS, Service, scratch, signal, until, workers_of};

fn folder(process: u32) -> PathBuf {
    fs::read_link(format!("/proc/{process}/cwd")).unwrap()
}

fn umask(process: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("Umask:")).unwrap().trim().to_owned()
}

#[test]
fn a_reload_changes_variables_folder_and_umask_of_workers_and_master() {
    for server in SERVERS {
        let place = scratch(&format!("changed-{server}")).canonicalize().unwrap();
        let settings = place.join("settings.toml");
        let write = |text: &str| fs::write(&settings, format!("[serve]\nworkers = 1\n{text}\n")).unwrap();
        let [one, two] = ["one", "two"].map(|name| place.join(name));
        for folder in [&one, &two] {
            fs::create_dir(folder).unwrap();
        }
        let in_force = |service: &Service, folder_now: &Path, umask_now: &str| {
            let worker: u32 = service.get("/").parse().unwrap();
            for process in [worker, service.pid()] {
                assert_eq!(
                    (folder(process).as_path(), umask(&process.to_string()).as_str()),
                    (folder_now, umask_now)
                );
            }
        };

        write(&format!("chdir = {one:?}\numask = \"0037\"\nraw_env = [\"GONE=1\", \"KEPT=1\"]"));
        let mut service = Service::ready(server, &["-c", settings.to_str().unwrap()]);
        in_force(&service, &one, "0037");

        // One that can't be is undone, and what was stays.
        write(&format!("chdir = {:?}", place.join("nowhere")));
        service.signal("HUP");
        service.said("nowhere");
        in_force(&service, &one, "0037");

        write(&format!("chdir = {two:?}\nraw_env = [\"KEPT=2\"]"));
        service.signal("HUP");
        service.said("Reloaded: 1 worker ready");
        until("the old worker has ended", || workers_of(service.pid()).len() == 1);
        in_force(&service, &two, &umask("self"));
        assert_eq!((service.get("/env/GONE"), service.get("/env/KEPT")), ("none".to_owned(), "2".to_owned()));

        // A worker that takes another's place has them, too.
        signal(workers_of(service.pid())[0], "KILL");
        service.said("Booting worker");
        in_force(&service, &two, &umask("self"));
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        fs::remove_dir_all(place).unwrap();
    }
}

#[test]
fn a_file_that_is_touched_reloads() {
    for server in SERVERS {
        let place = scratch(&format!("touched-{server}"));
        let file = place.join("reload");
        let mut service = Service::ready(server, &["-w", "1", "--touch-reload", file.to_str().unwrap()]);
        fs::write(&file, "now").unwrap();
        service.said("reload has changed");
        service.said("Reloaded: 1 worker ready");
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        fs::remove_dir_all(place).unwrap();
    }
}
