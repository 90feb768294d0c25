//! Outputs that break, come back, are renamed, and are shared by processes' descriptors.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use crate::log::level::Level;
use crate::log::output::Output;
use crate::log::scratch;
use crate::log::sink::{Loss, Sink, Written};
use crate::log::syslog::{Syslog, SyslogAddress};

fn file(path: &Path) -> Sink {
    Sink::open(&Output::File(path.to_owned()), "error", None).unwrap()
}

fn put(sink: &Sink, text: &str) -> Written {
    sink.put(Level::Info, |line, _| line.extend_from_slice(text.as_bytes()))
}

#[test]
fn a_renamed_file_goes_on_in_a_new_one_once_it_is_reopened() {
    let (path, old) = (scratch("rotated"), scratch("rotated-old"));
    let sink = file(&path);
    assert!(matches!(put(&sink, "one"), Written::Well));
    fs::rename(&path, &old).unwrap();
    assert!(matches!(put(&sink, "two"), Written::Well));
    sink.reopen().unwrap();
    assert!(matches!(put(&sink, "three"), Written::Well));
    assert_eq!(fs::read_to_string(&old).unwrap(), "one\ntwo\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
    fs::remove_file(path).unwrap();
    fs::remove_file(old).unwrap();
}

#[test]
fn a_file_that_can_not_be_reopened_is_kept_and_it_is_said() {
    let folder = scratch("gone");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("log");
    let sink = file(&path);
    let moved = scratch("gone-old");
    fs::rename(&folder, &moved).unwrap();
    let error = sink.reopen().unwrap_err().to_string();
    assert!(error.contains(&path.display().to_string()) && error.contains("folder"), "{error}");
    assert!(matches!(put(&sink, "still here"), Written::Well));
    assert_eq!(fs::read_to_string(moved.join("log")).unwrap(), "still here\n");
    fs::remove_dir_all(moved).unwrap();
}

#[test]
fn no_line_is_lost_while_a_file_is_rotated_under_load() {
    let path = scratch("load");
    let sink = Arc::new(file(&path));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let sink = Arc::clone(&sink);
            thread::spawn(move || {
                for line in 0..500 {
                    // Beyond what a pipe keeps together.
                    let text = format!("{writer}:{line}:{}", "x".repeat(line * 10));
                    assert!(matches!(put(&sink, &text), Written::Well));
                }
            })
        })
        .collect();
    let rotated: Vec<_> = (0..10).map(|turn| path.with_extension(turn.to_string())).collect();
    for to in &rotated {
        fs::rename(&path, to).unwrap();
        sink.reopen().unwrap();
    }
    for writer in writers {
        writer.join().unwrap();
    }
    let mut lines = Vec::new();
    for file in rotated.iter().chain([&path]) {
        lines.extend(fs::read_to_string(file).unwrap().lines().map(str::to_owned));
        fs::remove_file(file).unwrap();
    }
    assert_eq!(lines.len(), 2000);
    for line in &lines {
        let mut parts = line.splitn(3, ':').skip(1);
        let number: usize = parts.next().unwrap().parse().unwrap();
        assert_eq!(parts.next().unwrap().len(), number * 10, "a line is whole");
    }
    lines.sort();
    lines.dedup();
    assert_eq!(lines.len(), 2000, "no line twice");
}

#[test]
fn two_opened_files_never_mix_their_lines() {
    let path = scratch("two");
    let writers: Vec<_> = [b'a', b'b']
        .map(|letter| {
            // As two processes have it: each its own descriptor.
            let sink = file(&path);
            thread::spawn(move || {
                for _ in 0..200 {
                    let _written = sink.put(Level::Info, |line, _| line.resize(20_000, letter));
                }
            })
        })
        .into_iter()
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 400);
    for line in text.lines() {
        assert_eq!(line.len(), 20_000);
        assert!(line.bytes().all(|byte| byte == line.as_bytes()[0]));
    }
    fs::remove_file(path).unwrap();
}

#[test]
fn what_a_full_disk_loses_is_counted_and_told_when_it_can_be() {
    let path = scratch("full");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let sink = file(&path);
    assert!(matches!(put(&sink, "one"), Written::Broken(_)));
    assert!(matches!(put(&sink, "two"), Written::Lost));
    assert!(matches!(put(&sink, "three"), Written::Lost));
    fs::remove_file(&path).unwrap();
    sink.reopen().unwrap();
    let Written::Mended(loss) = put(&sink, "four") else { panic!("it can be written again") };
    assert_eq!(loss.lines, 3);
    assert!(loss.to_string().starts_with("3 lines were lost: "), "{loss}");
    assert!(matches!(put(&sink, "five"), Written::Well), "told once");
    assert_eq!(fs::read_to_string(&path).unwrap(), "four\nfive\n");
    fs::remove_file(path).unwrap();
}

#[test]
fn a_loss_whose_report_is_lost_is_reported_again() {
    let path = scratch("owed");
    let sink = file(&path);
    sink.owe(&Loss { lines: 7, error: "why".into() });
    let Written::Mended(loss) = put(&sink, "line") else { panic!("the loss is told") };
    assert_eq!((loss.lines, loss.error.as_str()), (7, "why"));
    fs::remove_file(path).unwrap();
}

#[test]
fn a_line_that_is_too_long_for_a_stream_is_cut_at_a_letter() {
    let sink = Sink::open(&Output::File("/dev/null".into()), "error", None).unwrap();
    let mut room = 0;
    let written = sink.put(Level::Info, |line, may| {
        room = may;
        line.extend_from_slice("ö".repeat(5000).as_bytes());
    });
    assert!(matches!(written, Written::Well));
    assert_eq!(room, 4095, "a pipe keeps 4096 bytes together");
}

#[test]
fn a_syslog_message_is_a_datagram_with_a_header_and_without_a_line_end() {
    let path = scratch("syslog");
    let server = UnixDatagram::bind(&path).unwrap();
    let sink = syslog(&path);
    assert!(matches!(put(&sink, "hello"), Written::Well));
    let message = receive(&server);
    assert!(message.starts_with("<14>") && message.ends_with("]: hello"), "{message}");
    fs::remove_file(path).unwrap();
}

#[test]
fn a_syslog_that_was_started_anew_is_found_again() {
    let path = scratch("syslog-anew");
    let server = UnixDatagram::bind(&path).unwrap();
    let sink = syslog(&path);
    drop(server);
    fs::remove_file(&path).unwrap();
    assert!(matches!(put(&sink, "lost"), Written::Broken(_)));
    let server = UnixDatagram::bind(&path).unwrap();
    assert!(matches!(put(&sink, "found"), Written::Mended(Loss { lines: 1, .. })));
    assert!(receive(&server).ends_with("found"));
    fs::remove_file(path).unwrap();
}

#[test]
fn a_syslog_that_takes_nothing_stops_nobody() {
    let path = scratch("syslog-full");
    let _server = UnixDatagram::bind(&path).unwrap();
    let sink = syslog(&path);
    let mut lost = 0;
    for _ in 0..10_000 {
        match put(&sink, "more") {
            Written::Well => {}
            _ => lost += 1,
        }
        if lost == 3 {
            break;
        }
    }
    assert_eq!(lost, 3, "the queue of a socket is bounded");
    fs::remove_file(path).unwrap();
}

fn syslog(path: &Path) -> Sink {
    let to = SyslogAddress::Unix(path.to_owned());
    Sink::open(&Output::Syslog(Syslog { to, ..Syslog::default() }), "error", None).unwrap()
}

fn receive(server: &UnixDatagram) -> String {
    let mut bytes = [0; 10_000];
    let length = server.recv(&mut bytes).unwrap();
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}
