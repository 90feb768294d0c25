//! What goes wrong around a server: floods, no descriptors, a full disk for the log, a clock that is stepped.
//!
//! The server runs in a process of its own, which is looked at from outside: it serves on, and uses no processor time for
//! what it can't help.

use std::fs;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rsgi_test::suite::Ground;
use rsgi_test::wire::RawClient;
use rsgi_test::wire::bytes::get;
use rsgi_test::wire::deadline::{events, until};
use rsgi_tests::host::{Host, raise_descriptors};
use rsgi_tests::mount;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

const HOST: &str = env!("CARGO_BIN_EXE_host");

/// Watches for a second of nothing new that the server uses next to no processor time: a loop that spins uses all of it,
/// or what the rest of the machine leaves it.
fn assert_calm(host: &Host, while_what: &str) {
    let (_teller, nothing) = events::<u64>();
    let mut calmest = Duration::MAX;
    // The first windows may still see the end of what was.
    for _ in 0..3 {
        let before = host.processor_time();
        assert_eq!(nothing.within(Duration::from_secs(1)), None);
        calmest = calmest.min(host.processor_time().saturating_sub(before));
    }
    assert!(calmest <= Duration::from_millis(50), "{calmest:?} of processor time in a second {while_what}");
}

/// Begins to connect, and waits for nothing.
fn knock(address: SocketAddr) -> OwnedFd {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).expect("a descriptor");
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => socket,
        Err(error) => panic!("connecting: {error}"),
    }
}

/// rule(130): thousands knock beyond the limit; those inside are served, nobody spins, and afterwards all is as before.
fn a_flood_of_connections_beyond_the_limit_is_borne(ground: &Ground) {
    const LIMIT: usize = 50;
    raise_descriptors();
    let host = Host::start_with(HOST, ground, 4, &[("connections", LIMIT)], |command| command);
    let before = host.descriptors();
    let mut inside: Vec<RawClient> = (0..LIMIT).map(|_| host.client()).collect();
    for client in &mut inside {
        assert_eq!(client.ask(get("/ping")).text(), "pong");
    }
    let flood: Vec<OwnedFd> = (0..5000).map(|_| knock(host.address())).collect();
    for client in &mut inside {
        assert_eq!(client.ask(get("/ping")).text(), "pong", "while the others knock");
    }
    // One that was accepted and waits for a place may be held as well.
    assert!(host.descriptors() <= before + LIMIT + 16, "{} descriptors, {before} before", host.descriptors());
    assert_calm(&host, "while thousands wait");
    drop(flood);
    inside.truncate(LIMIT / 2);
    assert_eq!(host.client().ask(get("/ping")).text(), "pong", "the flood has gone");
    for client in &mut inside {
        assert_eq!(client.ask(get("/ping")).text(), "pong");
    }
}

/// rule(133): some wait to be accepted all the time, and can't be.
fn a_server_without_descriptors_does_not_spin(ground: &Ground) {
    let host = Host::start(HOST, ground, 4, Some(64));
    let mut served = host.client();
    assert_eq!(served.ask(get("/ping")).text(), "pong");
    let crowd: Vec<RawClient> = (0..150).map(|_| host.client()).collect();
    until("it has no descriptor left", || host.descriptors() >= 60);
    assert_calm(&host, "without descriptors");
    assert_eq!(served.ask(get("/ping")).text(), "pong", "those that it has are served");
    drop(crowd);
    assert_eq!(host.client().ask(get("/ping")).text(), "pong");
}

/// A disk that is full holds up nobody: not the app that writes to its error stream, not a panic or an accept that
/// fails, which the server logs itself.
fn a_full_disk_for_the_log_is_borne(ground: &Ground) {
    let full = fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let settings = [("log", 1), ("descriptors", 64)];
    let host = Host::start_with(HOST, ground, 2, &settings, |command| command.stderr(full));
    let mut client = host.client();
    for _ in 0..20 {
        assert_eq!(client.ask(get("/complain")).text(), "pong");
        assert_eq!(host.client().ask(get("/panic")).status(), 500);
    }
    let crowd: Vec<RawClient> = (0..150).map(|_| host.client()).collect();
    until("it has no descriptor left, and has said so", || host.descriptors() >= 60);
    assert_calm(&host, "without descriptors and with a log that fails");
    assert_eq!(client.ask(get("/ping")).text(), "pong");
    drop(crowd);
    assert_eq!(host.client().ask(get("/complain")).text(), "pong");
}

/// A clock that is stepped an hour, on and then back: `Date` follows it, and no timeout does.
fn a_clock_that_is_stepped_moves_the_date_and_no_timeout(ground: &Ground) {
    let folder = std::env::temp_dir().join(format!("rsgi-clock-{}-{}", std::process::id(), ground.name()));
    let clock = Clock::new(&folder);
    let host = Host::start_with(HOST, ground, 2, &[("head", 6)], |command| {
        command
            .env("LD_PRELOAD", libfaketime())
            .env("FAKETIME_TIMESTAMP_FILE", &clock.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
    });
    let mut kept = host.client();
    let mut stuck: Vec<RawClient> = Vec::new();
    for seconds in [0, 3600, -3600] {
        let mut slow = host.client();
        assert_eq!(slow.ask(get("/ping")).status(), 200);
        slow.send("GET /ping HTTP/1.1\r\n");
        let mut client = host.client();
        client.send("GET /ping HTTP/1.1\r\n");
        stuck.push(client);
        clock.step(seconds);
        // hyper's date only goes forward: after a step back it stands still until the clock has caught up.
        if seconds >= 0 || !ground.name().contains("hyper") {
            until("the date follows the clock", || off(&mut kept, seconds).abs() <= 5);
        }
        assert_eq!(slow.send("host: a\r\n\r\n").answer().text(), "pong", "its time is not over by the step");
    }
    for mut client in stuck {
        client.patience(Duration::from_secs(20));
        assert_eq!(client.answer().status(), 408);
    }
}

/// By how many seconds the server's date differs from a clock that is stepped by so many.
fn off(client: &mut RawClient, stepped: i64) -> i64 {
    let answer = client.ask(get("/ping"));
    let date = parsed(answer.field("date").expect("a date"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    date.cast_signed() - now.cast_signed() - stepped
}

/// The clock of another process.
struct Clock {
    folder: PathBuf,
    file: PathBuf,
}

impl Clock {
    fn new(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder for what is temporary");
        let clock = Self { folder: folder.to_owned(), file: folder.join("clock") };
        clock.step(0);
        clock
    }

    /// So many seconds off from now on. A rename, so that nobody reads half of it.
    fn step(&self, seconds: i64) {
        let next = self.folder.join("next");
        fs::write(&next, format!("{seconds:+}\n")).expect("the folder is there");
        fs::rename(next, &self.file).expect("the folder is there");
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        let _left_behind = fs::remove_dir_all(&self.folder);
    }
}

/// Where Debian's package `faketime` has its library.
fn libfaketime() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut found = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    found.find(|path| path.exists()).expect("this case needs the package `faketime`: `./check tools`")
}

/// An IMF-fixdate (RFC 9110 section 5.6.7) as seconds since 1970.
fn parsed(date: &str) -> u64 {
    let part = |range: std::ops::Range<usize>| date[range].parse::<u64>().expect("digits");
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|month| *month == &date[8..11]).expect("a month") as u64 + 1;
    let (day, year) = (part(5..7), part(12..16));
    // Days from the first of March of the year 0, as leap days stand at its years' ends.
    let (march_year, march_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * march_year + march_year / 4 - march_year / 100
        + march_year / 400
        + (153 * march_month + 2) / 5
        + day
        - 1
        - 719_468;
    days * 86_400 + part(17..19) * 3600 + part(20..22) * 60 + part(23..25)
}

mount!(
    a_flood_of_connections_beyond_the_limit_is_borne,
    a_server_without_descriptors_does_not_spin,
    a_full_disk_for_the_log_is_borne,
    a_clock_that_is_stepped_moves_the_date_and_no_timeout,
);
