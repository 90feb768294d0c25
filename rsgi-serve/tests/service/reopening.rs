//! Log files: rotated on USR1, shared by several processes, and never written into by a client.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::thread;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::clients::Kept;
use crate::driving::{SERVERS, Service, command, until, workers_of};
use crate::gate::Gate;
use crate::load::{Load, Target};

#[test]
fn rotated_logs_go_on_in_new_files_and_lose_no_line() {
    for server in SERVERS {
        let gate = Gate::new(&format!("rotated-{server}"));
        let (log, access) = (gate.place.join("log"), gate.place.join("access"));
        let mut starting = command(server, &["-w", "2", "--access-logformat", "%(p)s %(r)s %(s)s"]);
        let mut service =
            Service::of(starting.arg("--log-file").arg(&log).arg("--access-logfile").arg(&access));
        until("ready", || read(&log).contains("2 workers ready"));
        let text = read(&log);
        let (_, address) = text.split_once("Listening at: http://").unwrap();
        let load = Load::begin(&Target::Tcp(address.split(' ').next().unwrap().to_owned()), 6);
        let mut files = Vec::new();
        for round in 0..5 {
            load.goes_on(50);
            for path in [&log, &access] {
                fs::rename(path, aside(path, round)).unwrap();
            }
            files.push(aside(&access, round));
            service.signal("USR1");
            until("both are opened anew", || log.exists() && access.exists());
        }
        let workers = workers_of(service.pid());
        until("both workers write to the new file", || {
            let text = read(&access);
            workers.iter().all(|worker| text.contains(&format!("<{worker}> ")))
        });
        let tally = load.end();
        tally.assert_whole();
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));

        files.push(access);
        let written: String = files.iter().map(|file| read(file)).collect();
        let mut by_worker: BTreeMap<u32, u64> = BTreeMap::new();
        for line in written.lines() {
            let (worker, rest) = line.strip_prefix('<').unwrap().split_once("> ").unwrap();
            assert!(rest.starts_with("GET /told/") && rest.ends_with(" HTTP/1.1 200"), "{line}");
            *by_worker.entry(worker.parse().unwrap()).or_default() += 1;
        }
        assert_eq!(by_worker, tally.by_worker, "a line for each request, by who answered it");
        assert!(read(&log).contains("Shutting down: Master"));
        let said: String = (0..5).map(|round| read(&aside(&log, round))).chain([read(&log)]).collect();
        assert_eq!(said.matches("Handling signal: usr1").count(), 5, "{said}");
        assert_eq!(said.matches("Worker exiting").count(), 2, "{said}");
    }
}

#[test]
fn a_log_that_cannot_be_opened_again_is_written_on_where_it_is() {
    for server in SERVERS {
        let gate = Gate::new(&format!("kept-{server}"));
        let (folder, aside) = (gate.place.join("logs"), gate.place.join("aside"));
        fs::create_dir(&folder).unwrap();
        let access = folder.join("access");
        let mut starting = command(server, &["-w", "1"]);
        let mut service = Service::of(starting.arg("--access-logfile").arg(&access));
        service.said(" ready in ");
        fs::rename(&folder, &aside).unwrap();
        service.signal("USR1");
        for _ in ["the master", "the worker"] {
            let line = service.said("the old one is written on");
            assert!(line.contains("[ERROR]") && line.contains(access.to_str().unwrap()), "{line}");
        }
        service.get("/still-here");
        until("written", || read(&aside.join("access")).contains("/still-here"));
        fs::rename(&aside, &folder).unwrap();
        fs::rename(&access, folder.join("older")).unwrap();
        service.signal("USR1");
        until("opened anew", || access.exists());
        until("written anew", || {
            service.get("/and-here");
            read(&access).contains("/and-here")
        });
        assert!(!read(&folder.join("older")).is_empty());
    }
}

#[test]
fn lines_of_several_processes_never_mix_whatever_clients_send() {
    for server in SERVERS {
        let gate = Gate::new(&format!("mixed-{server}"));
        let (file, pipe) = (gate.place.join("file"), gate.place.join("pipe"));
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let reader = fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
        // A file takes lines of any length whole, a pipe those of a page.
        for (place, length) in [(&file, 6000), (&pipe, 1000)] {
            let format = ["--access-logformat", "%(p)s|%(r)s|%(a)s|%({x-tag}i)s|end"];
            let mut starting = command(server, &["-w", "3"]);
            let mut service = Service::of(starting.args(format).arg("--access-logfile").arg(place));
            service.said(" ready in ");
            let collector = (place == &pipe).then(|| {
                let lines = BufReader::new(reader.try_clone().unwrap()).lines().take(CLIENTS * REQUESTS);
                thread::spawn(move || lines.map(Result::unwrap).collect::<Vec<_>>())
            });
            let answered = ask_hostilely(service.address(), length);
            service.signal("TERM");
            assert_eq!(service.code(), Some(0));
            let lines = match collector {
                Some(collector) => collector.join().unwrap(),
                None => read(place).lines().map(str::to_owned).collect(),
            };
            assert_eq!(lines.len(), answered.len());
            for line in lines {
                let line = line.replacen(&"a".repeat(length), "aaa", 1);
                let parts: Vec<_> = line.split('|').collect();
                let tag = parts[3];
                let expected = [
                    format!("<{}>", answered[tag]),
                    format!("GET /%0A%22{tag} HTTP/1.1"),
                    format!("aaa{tag}\\\"\\\\\\x09{tag}"),
                    tag.to_owned(),
                    "end".to_owned(),
                ];
                assert_eq!(parts, expected);
            }
        }
    }
}

/// Several clients ask at once; which worker answered which request.
fn ask_hostilely(address: &str, length: usize) -> BTreeMap<String, String> {
    let clients = (0..CLIENTS).map(|client| {
        let address = address.to_owned();
        thread::spawn(move || {
            let mut kept = Kept::open(&address).unwrap();
            let answer = |request| {
                let tag = format!("{client}-{request}");
                let agent = format!("{}{tag}\"\\\t{tag}", "a".repeat(length));
                kept.send_with(&format!("/%0A%22{tag}"), &format!("user-agent: {agent}\r\nx-tag: {tag}\r\n"))
                    .unwrap();
                (tag, kept.answer().unwrap().body)
            };
            (0..REQUESTS).map(answer).collect::<Vec<_>>()
        })
    });
    let clients: Vec<_> = clients.collect();
    clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
}

fn aside(path: &Path, round: usize) -> PathBuf {
    path.with_extension(round.to_string())
}

/// What is in a file so far; nothing if it isn't there yet.
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

const CLIENTS: usize = 6;
const REQUESTS: usize = 20;
