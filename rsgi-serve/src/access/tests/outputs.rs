//! Outputs that are short, full or gone.

use std::fs;
use std::path::PathBuf;

use rsgi_core::Middleware;
use rsgi_middleware::AccessFormat;
use rsgi_test::Client;
use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt;

use super::{hello, taken};
use crate::access::Access;
use crate::log::colour::When;
use crate::log::level::Level;
use crate::log::output::Output;
use crate::log::{Form, Log, Plan, scratch};

#[test]
fn a_line_beyond_what_a_pipe_keeps_together_is_shortened_in_its_values() {
    let (reader, writer) = std::io::pipe().unwrap();
    let path = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&writer)));
    for format in [AccessFormat::default(), AccessFormat::json()] {
        let access = Access::open(format, &Output::File(path.clone()), None).unwrap();
        let target = format!("/{}", "p".repeat(6000));
        drop(Client::new(access.wrap(hello)).get(&target).header("user-agent", "u".repeat(3000)).answer());
    }
    drop(writer);
    let text = std::io::read_to_string(reader).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.len() < 4096));
    assert!(lines[0].contains("pp...(+4977) HTTP/1.1\" 200 13 \"-\" \"u"), "{}", lines[0]);
    let object: serde_json::Value = serde_json::from_str(lines[1]).unwrap();
    assert!(object["user_agent"].as_str().unwrap().ends_with("uu...(+1976)"));
}

#[test]
fn a_full_disk_is_said_in_the_log_once_and_its_end_too() {
    let (path, log_path) = (scratch("access-full"), scratch("access-full-log"));
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let plan = Plan {
        level: Level::Info,
        output: Output::File(log_path.clone()),
        form: Form::Text,
        colour: When::Never,
        owner: None,
    };
    let log = Log::open(&plan).unwrap();
    with_default(tracing_subscriber::registry().with(log.layer()), || {
        let access = Access::open(AccessFormat::default(), &Output::File(path.clone()), None).unwrap();
        let sink = access.sink();
        let client = Client::new(access.wrap(hello));
        for _ in 0..3 {
            assert_eq!(client.get("/").answer().status(), 200);
        }
        fs::remove_file(&path).unwrap();
        sink.reopen().unwrap();
        drop(client.get("/").answer());
    });
    let lines = taken(&log_path);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("[ERROR] the access log can't be written"), "{lines:?}");
    assert!(lines[1].contains("[WARNING] the access log is written again: 3 lines were lost"), "{lines:?}");
    assert_eq!(taken(&path).len(), 1);
}

#[test]
fn an_unknown_atom_is_warned_of_when_the_log_is_opened() {
    let log_path = scratch("access-unknown-log");
    let plan = Plan {
        level: Level::Info,
        output: Output::File(log_path.clone()),
        form: Form::Text,
        colour: When::Never,
        owner: None,
    };
    let log = Log::open(&plan).unwrap();
    with_default(tracing_subscriber::registry().with(log.layer()), || {
        let format = AccessFormat::parse("%(h)s %(hh)s").unwrap();
        drop(Access::open(format, &Output::Stderr, None).unwrap());
    });
    let lines = taken(&log_path);
    assert!(lines[0].ends_with("an unknown atom: a dash is written atom=hh"), "{lines:?}");
}
