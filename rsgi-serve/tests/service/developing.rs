//! Building and restarting on changes of the source (`--reload`), with workers and without.

use std::fs;

use crate::driving::{SERVERS, Service, command, scratch};

#[test]
fn a_change_of_the_source_builds_and_the_new_program_takes_over_unless_the_build_fails() {
    for server in SERVERS {
        for (workers, taken_over) in [("1", "Upgraded: 1 worker ready"), ("0", "Using worker")] {
            let place = scratch(&format!("developing-{server}-{workers}"));
            let build = "test ! -e broken && echo once >> builds";
            let arguments = ["-w", workers, "--reload", "--reload-command", build];
            let mut service = Service::of(command(server, &arguments).current_dir(&place));
            service.said("Watching 0 files for changes");
            fs::write(place.join("broken"), "").unwrap();
            fs::write(place.join("main.rs"), "fn main() {}").unwrap();
            service.said("main.rs changed: building");
            service.said("what serves serves on");
            service.patient("/");
            fs::remove_file(place.join("broken")).unwrap();
            fs::write(place.join("main.rs"), "fn main() { }").unwrap();
            service.said("main.rs changed: building");
            service.said(taken_over);
            service.patient("/");
            assert_eq!(fs::read_to_string(place.join("builds")).unwrap(), "once\n");
            service.signal("TERM");
            assert_eq!(service.code(), Some(0));
            fs::remove_dir_all(place).unwrap();
        }
    }
}
