//! Where lines go, and what becomes of those that can't.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt;

use super::{lines, plan};
use crate::log::level::{Level, say};
use crate::log::output::Output;
use crate::log::reopen::Reopen;
use crate::log::sink::Sink;
use crate::log::statsd::{Statsd, StatsdAddress};
use crate::log::{Form, Log, Plan, scratch};

#[test]
fn new_settings_take_effect_and_wrong_ones_change_nothing() {
    let second = scratch("second");
    let lines = lines(
        "first",
        |_| {},
        |log, path| {
            let hidden = || tracing::debug!("fine");
            hidden();
            let wrong = plan(Path::new("/nowhere/at/all"), Form::Json);
            let error = log.change(&wrong).unwrap_err().to_string();
            assert!(error.contains("/nowhere/at/all"), "{error}");
            tracing::info!("as before");
            log.change(&Plan { level: Level::Debug, ..plan(path, Form::Text) }).unwrap();
            hidden();
            log.change(&plan(&second, Form::Text)).unwrap();
            tracing::info!("elsewhere");
        },
    );
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].ends_with("as before") && lines[1].ends_with("[DEBUG] fine"), "{lines:?}");
    assert!(fs::read_to_string(&second).unwrap().ends_with("elsewhere\n"));
    fs::remove_file(second).unwrap();
}

#[test]
fn what_was_lost_is_said_in_the_log_once_it_can_be() {
    let path = scratch("lost");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let log = Log::open(&plan(&path, Form::Text)).unwrap();
    with_default(tracing_subscriber::registry().with(log.layer()), || {
        tracing::info!("one");
        tracing::info!("two");
        fs::remove_file(&path).unwrap();
        log.reopen().unwrap();
        tracing::info!("three");
    });
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].ends_with("[INFO] three"), "{text}");
    assert!(
        lines[1].contains("[WARNING] the log is written again: 2 lines were lost: No space left"),
        "{text}"
    );
    fs::remove_file(path).unwrap();
}

#[test]
fn a_line_beyond_what_a_pipe_keeps_together_is_shortened_in_its_values() {
    let (reader, writer) = io::pipe().unwrap();
    // A name for the pipe, as a file would have one.
    let path = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&writer)));
    for form in [Form::Text, Form::Json] {
        let log = Log::open(&plan(&path, form)).unwrap();
        with_default(tracing_subscriber::registry().with(log.layer()), || {
            tracing::info!(long = "y".repeat(5000), short = "z", "x{}", "x".repeat(9000));
        });
    }
    drop(writer);
    let text = io::read_to_string(reader).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.len() < 4096));
    assert!(lines[0].ends_with("yyy...(+3976) short=z"), "{}", lines[0]);
    let object: serde_json::Value = serde_json::from_str(lines[1]).unwrap();
    assert!(object["message"].as_str().unwrap().ends_with("xxx...(+7977)"));
    assert_eq!(object["fields"]["short"], "z");
}

#[test]
fn a_file_that_can_not_be_reopened_is_named_in_the_log() {
    let folder = scratch("folder");
    fs::create_dir(&folder).unwrap();
    let access = Sink::open(&Output::File(folder.join("access")), "access", None).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let lines = lines(
        "reopened",
        |_| {},
        |log, path| {
            let reopen = Reopen::new(log.clone()).and(Arc::new(access));
            let old = path.with_extension("old");
            fs::rename(path, &old).unwrap();
            assert_eq!(reopen.all(), 1);
            fs::remove_file(old).unwrap();
        },
    );
    assert_eq!(lines.len(), 1, "it is the new file that has it");
    assert!(lines[0].contains("[ERROR]") && lines[0].contains("/access"), "{lines:?}");
    assert!(lines[0].ends_with("the old one is written on"), "{lines:?}");
}

/// What is printed is tried in a process of its own: the streams of this one are the test runner's.
#[test]
fn what_the_app_prints_goes_to_the_log_also_after_a_rotation() {
    const CHILD: &str = "RSGI_SERVE_CAPTURES";
    if let Some(path) = std::env::var_os(CHILD) {
        let path = PathBuf::from(path);
        let log = Log::open(&plan(&path, Form::Text)).unwrap();
        log.capture().unwrap();
        io::stdout().write_all(b"out\n").unwrap();
        io::stderr().write_all(b"err\n").unwrap();
        fs::rename(&path, path.with_extension("old")).unwrap();
        log.reopen().unwrap();
        io::stderr().write_all(b"new\n").unwrap();
        std::process::exit(0);
    }
    let path = scratch("captured");
    let name = "log::tests::outputs::what_the_app_prints_goes_to_the_log_also_after_a_rotation";
    let status = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, &path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let old = path.with_extension("old");
    assert_eq!(fs::read_to_string(&old).unwrap(), "out\nerr\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), "new\n");
    fs::remove_file(old).unwrap();
    fs::remove_file(path).unwrap();
}

#[test]
fn a_syslog_can_not_take_what_is_printed_and_says_so() {
    let path = scratch("capture-syslog");
    let _server = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    let output = Output::parse(&format!("syslog:unix://{}", path.display()), Output::Stderr).unwrap();
    let log = Log::open(&Plan { output, ..plan(&path, Form::Text) }).unwrap();
    let error = log.capture().unwrap_err().to_string();
    assert!(error.contains("a syslog can't take what is printed"), "{error}");
    fs::remove_file(path).unwrap();
}

#[test]
fn statsd_counts_the_grave_lines() {
    let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = StatsdAddress::parse(&server.local_addr().unwrap().to_string()).unwrap();
    let statsd = Statsd::open(&address, "", "").unwrap();
    lines(
        "counted",
        |_| {},
        |log, _| {
            log.count_for(Some(Arc::new(statsd)));
            tracing::info!("fine");
            tracing::warn!("odd");
            say(Level::Critical, format_args!("bad"));
            log.count_for(None);
            tracing::error!("uncounted");
        },
    );
    server.set_nonblocking(true).unwrap();
    let mut bytes = [0; 100];
    let mut receive =
        || server.recv(&mut bytes).map(|length| String::from_utf8(bytes[..length].to_vec()).unwrap());
    assert_eq!(receive().unwrap(), "gunicorn.log.warning:1|c");
    assert_eq!(receive().unwrap(), "gunicorn.log.critical:1|c");
    assert!(receive().is_err(), "nothing else was sent");
}
