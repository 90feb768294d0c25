//! Seeing and steering a running service: the commands of the control socket, `top`, and the status address.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use crate::driving::{SERVERS, ask, signal};
use crate::watched::{Watched, until};

#[test]
fn each_command_waits_and_answers_with_what_happened() {
    for server in SERVERS {
        let mut watched = Watched::ready(server, "commands", &["-w", "2"]);
        let table = watched.done(&["show"]);
        assert!(table.starts_with("running, 2 of 2 workers ready, generation 1, up "), "{table}");
        for pid in watched.workers() {
            assert!(table.contains(&pid.to_string()), "{table}");
        }
        assert!(watched.done(&["scale", "3"]).starts_with("2 -> 3 workers, ready in "));
        assert_eq!(watched.workers().len(), 3);
        assert!(watched.done(&["scale", "-1"]).starts_with("3 -> 2 workers, the others gone in "));
        let before = watched.workers();
        assert_eq!(before.len(), 2);
        let none = watched.tell(&["scale", "0"]);
        assert_eq!(none.code, Some(1));
        assert!(none.out.is_empty() && none.errors.contains("at least 1 worker serves"), "{none:?}");
        assert!(watched.done(&["reload"]).starts_with("reloaded: 2 workers of generation 2 ready in "));
        until("the old ones have left", || watched.workers().len() == 2);
        assert!(watched.workers().iter().all(|pid| !before.contains(pid)));
        let reloaded: serde_json::Value = serde_json::from_str(&watched.done(&["reload", "--json"])).unwrap();
        assert_eq!((&reloaded["ok"], reloaded["took_ms"].is_u64()), (&true.into(), true), "{reloaded}");
        assert!(watched.done(&["upgrade"]).starts_with("the new binary is ready after "));
        watched.service.said("Upgraded: 2 workers ready");
        assert!(watched.done(&["drain"]).starts_with("drained: 2 workers gone in "));
        assert!(watched.workers().is_empty());
        assert!(watched.done(&["scale", "1"]).starts_with("0 -> 1 worker, ready in "));
        watched.service.get("/");
        assert!(watched.done(&["stop"]).starts_with("stopped: 1 worker gone in "));
        assert_eq!(watched.service.code(), Some(0));
        let gone = watched.tell(&["show"]);
        assert_eq!(gone.code, Some(1));
        assert!(gone.errors.contains("no master answers there"), "{gone:?}");
        assert!(!watched.place.join("ctl").exists());
    }
}

#[test]
fn a_quick_stop_waits_for_no_request_and_a_broken_reload_tells_why() {
    for server in SERVERS {
        let broken = crate::driving::scratch(&format!("commands-broken-{server}")).join("broken");
        let settings = broken.with_file_name("settings.toml");
        fs::write(&settings, format!("[app]\nfails_if = {:?}\n", broken.display().to_string())).unwrap();
        let mut watched = Watched::ready(server, "quick", &["-w", "1", "-c", settings.to_str().unwrap()]);
        fs::write(&broken, "").unwrap();
        let refused = watched.tell(&["reload"]);
        assert_eq!(refused.code, Some(1));
        assert!(refused.errors.contains("undone: ") && refused.errors.contains("is there"), "{refused:?}");
        let _stuck = watched.service.ask_aside("/spin");
        watched.service.said("spinning");
        until("the request is shown", || watched.done(&["show"]).contains("GET /spin from 127.0.0.1:"));
        let facts = watched.facts();
        let worker = &facts["workers"][0];
        assert_eq!((&worker["busy"], &worker["in_hand"][0]["target"]), (&1.into(), &"/spin".into()));
        assert!(worker["memory"].as_u64() > Some(1 << 20), "{worker}");
        assert!(watched.done(&["stop", "--quick"]).starts_with("stopped: 1 worker gone in "));
        assert_eq!(watched.service.code(), Some(0));
        fs::remove_dir_all(broken.parent().unwrap()).unwrap();
    }
}

#[test]
fn top_draws_the_workers_in_a_terminal_and_ends_on_q() {
    let watched = Watched::ready("std", "top", &["-w", "2"]);
    let program = crate::driving::bare(&[]).get_program().to_str().unwrap().to_owned();
    let socket = watched.place.join("ctl");
    // A terminal has no size unless somebody gives it one.
    let line = format!("stty rows 30 cols 120; exec {program} top --control-socket {}", socket.display());
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env("TERM", "xterm");
    let mut script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut keys, mut screen) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
    let (mut shown, mut piece) = (Vec::new(), [0; 4096]);
    let words = watched.workers().iter().map(u32::to_string).collect::<Vec<_>>();
    let whole = |shown: &[u8]| {
        let text = String::from_utf8_lossy(shown).into_owned();
        ["running", "REQUESTS", "ANSWERING", "sort"].iter().all(|word| text.contains(word))
            && words.iter().all(|word| text.contains(word))
    };
    while !whole(&shown) {
        let length = screen.read(&mut piece).unwrap();
        assert!(length > 0, "top ended: {}", String::from_utf8_lossy(&shown));
        shown.extend_from_slice(&piece[..length]);
    }
    keys.write_all(b"q").unwrap();
    screen.read_to_end(&mut shown).unwrap();
    assert_eq!(script.wait().unwrap().code(), Some(0));
    let shown = String::from_utf8_lossy(&shown);
    let (begun, ended) = ("\u{1b}[?1049h", "\u{1b}[?1049l");
    assert!(shown.contains(begun) && shown.rfind(ended) > shown.find(begun), "the screen is given back");
    let nowhere = watched.tell(&["top"]);
    assert!(nowhere.code == Some(1) && nowhere.errors.contains("top needs a terminal"), "{nowhere:?}");
}

#[test]
fn the_status_address_has_a_page_facts_and_health_and_never_the_app() {
    for server in SERVERS {
        let mut watched = Watched::ready(server, "status", &["-w", "2", "-n", "shop"]);
        let _running = watched.service.ask_aside("/spin?a&lt;b");
        watched.service.said("spinning");
        let page = watched.page_when("/", |page| page.body.contains("spin?"));
        assert!(page.head.contains("content-type: text/html; charset=utf-8"), "{}", page.head);
        assert!(page.head.contains("default-src 'none'"), "{}", page.head);
        assert!(page.body.starts_with("<!DOCTYPE html>") && page.body.contains("<h1>shop</h1>"));
        assert!(page.body.contains("/spin?a&amp;lt;b") && !page.body.contains("a&lt;b"), "{}", page.body);
        let facts: serde_json::Value = serde_json::from_str(&watched.page("/status.json").body).unwrap();
        assert_eq!((&facts["ready"], &facts["state"]), (&2.into(), &"running".into()));
        for pid in watched.workers() {
            assert!(page.body.contains(&format!("{pid}")), "{}", page.body);
        }
        for (path, status) in [("/health", 200), ("/ready", 200), ("/told/5/x", 404), ("/exit", 404)] {
            assert_eq!(watched.page(path).status, status, "{path}");
        }
        let posted = watched.try_page("POST", "/").unwrap();
        assert_eq!((posted.status, posted.head.contains("allow: get, head")), (405, true));
        watched.service.signal("QUIT");
        assert_eq!(watched.service.code(), Some(0));
        assert!(watched.try_page("GET", "/").is_err());
    }
}

#[test]
fn readiness_is_no_while_booting_and_while_draining_and_health_is_yes() {
    for server in SERVERS {
        let place = crate::driving::scratch(&format!("booting-{server}"));
        let (fifo, settings) = (place.join("fifo"), place.join("settings.toml"));
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        fs::write(&settings, format!("[app]\nwaits_for = {:?}\n", fifo.display().to_string())).unwrap();
        let arguments = ["-w", "1", "--drain-delay", "30", "-c", settings.to_str().unwrap()];
        let mut watched = Watched::start(server, "readiness", &arguments);
        watched.service.said("waiting");
        let booting = watched.page("/ready");
        assert_eq!((booting.status, &*booting.body), (503, "not ready: no worker is ready\n"));
        assert_eq!(watched.page("/health").status, 200);
        // Opened and closed: the factory goes on.
        drop(fs::OpenOptions::new().write(true).open(&fifo).unwrap());
        watched.service.said(" ready in ");
        watched.page_when("/ready", |page| page.status == 200);
        watched.service.signal("TERM");
        let draining = watched.page_when("/ready", |page| page.status == 503);
        assert!(
            ["not ready: draining\n", "not ready: stopping\n"].contains(&&*draining.body),
            "{draining:?}"
        );
        assert_eq!(watched.page("/health").status, 200);
        watched.service.get("/");
        watched.service.signal("QUIT");
        assert_eq!(watched.service.code(), Some(0));
        fs::remove_dir_all(place).unwrap();
    }
}

#[test]
fn a_status_process_that_was_killed_is_replaced_and_holds_no_listener_of_the_app() {
    let mut watched = Watched::ready("std", "keeper", &["-w", "1"]);
    watched.page("/health");
    let first = watched.status_process().unwrap();
    let title = fs::read_to_string(format!("/proc/{first}/cmdline")).unwrap();
    assert!(title.contains("status"), "{title}");
    signal(first, "KILL");
    until("another one is there", || watched.status_process().is_some_and(|pid| pid != first));
    assert_eq!(watched.page("/health").status, 200);
    // Even stopped it keeps nobody from the port, and it is gone with its master.
    let second = watched.status_process().unwrap();
    signal(second, "STOP");
    watched.service.get("/");
    watched.service.signal("TERM");
    assert_eq!(watched.service.code(), Some(0));
    assert!(ask(watched.service.address(), "/").is_err() && watched.try_page("GET", "/health").is_err());
    assert!(!fs::exists(format!("/proc/{second}")).unwrap());
}

#[test]
fn the_status_process_leaves_with_a_master_that_was_killed() {
    let mut watched = Watched::ready("std", "orphan", &["-w", "1"]);
    watched.page("/health");
    watched.service.signal("KILL");
    watched.service.silence();
    assert!(watched.try_page("GET", "/health").is_err());
}

#[test]
fn the_status_address_follows_the_settings_at_reload_and_at_upgrade() {
    for server in SERVERS {
        let place = crate::driving::scratch(&format!("moving-{server}"));
        let (settings, file) = (place.join("settings.toml"), place.join("status"));
        let write = |bind: &str| fs::write(&settings, format!("[serve]\nstatus_bind = {bind:?}\n")).unwrap();
        write("127.0.0.1:0");
        let arguments = ["-w", "1", "-c", settings.to_str().unwrap()];
        let mut watched = Watched::start_at(server, "moved", &arguments);
        watched.hear_status();
        watched.service.said(" ready in ");
        watched.page_when("/ready", |page| page.status == 200);
        let first = watched.status.clone();
        write(&format!("unix:{}", file.display()));
        watched.done(&["reload"]);
        watched.hear_status();
        assert_eq!((watched.page("/ready").status, &*watched.status), (200, file.to_str().unwrap()));
        assert!(TcpStream::connect(first).is_err(), "the old address is closed");
        write("127.0.0.1:0");
        watched.done(&["upgrade"]);
        watched.hear_status();
        watched.service.said("Upgraded");
        assert_eq!(watched.page("/ready").status, 200);
        assert!(!file.exists(), "the old socket's file is gone");
        let second = watched.status.clone();
        watched.done(&["upgrade"]);
        watched.service.said("Upgraded");
        watched.page_when("/ready", |page| page.status == 200);
        assert_eq!(second, watched.status, "an address that stays is kept open");
        fs::write(&settings, "[serve]\n").unwrap();
        watched.done(&["upgrade"]);
        watched.service.said("Upgraded");
        until("its process is gone", || watched.status_process().is_none());
        assert!(TcpStream::connect(second).is_err());
        watched.service.get("/");
        watched.service.signal("TERM");
        assert_eq!(watched.service.code(), Some(0));
        fs::remove_dir_all(place).unwrap();
    }
}
