//! What survives an exec: the page, the listeners, the pid file's lock, and signals that wait.

use std::ffi::CString;
use std::net::TcpStream;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};

use nix::sys::signal::Signal;
use rustix::process::{Pid, getpid};

use crate::clock::Millis;
use crate::fleet::SlotId;
use crate::harness::{Named, VARIABLE, child};
use crate::page::{Page, Wanted};
use crate::pidfile::PidFile;
use crate::process::reap::{self, Ending};
use crate::process::signals::Signals;
use crate::process::{Forking, Image, Start, exec};
use crate::sockets::{Kept, Listeners, Options, Scheme, Sharing, open_all};
use crate::sys;

pub(crate) const TESTS: &[Named] = &[
    ("page_listeners_lock_and_waiting_signals_survive_an_exec", survive),
    ("an_image_that_is_open_is_executed_whatever_became_of_its_path", open_image),
];

pub(crate) const PARTS: &[Named] = &[("new_image_part", new_image), ("open_image_part", || ())];

fn survive() {
    let folder = std::env::temp_dir().join(format!("rsgi-serve-exec-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let page = Page::create(2, getpid(), Millis::now()).unwrap();
    let status = reap::wait_for(child(&mut Forking::begin().unwrap(), |_| {
        let start = Start::remember().unwrap();
        let pidfile = PidFile::write(&folder.join("app.pid")).unwrap();
        let listeners: Listeners =
            open_all(&["127.0.0.1:0".parse().unwrap()], &options(), |_, _| {}).unwrap().into();
        let _held = Signals::hold().unwrap();
        nix::sys::signal::kill(nix::unistd::getpid(), Signal::SIGUSR2).unwrap();
        let told = serde_json::to_string(&listeners.kept()).unwrap();
        let (page_number, lock_number) =
            (page.as_fd().as_raw_fd().to_string(), pidfile.as_fd().as_raw_fd().to_string());
        let environment = start.environment(&[
            (VARIABLE, "new_image_part"),
            ("TOLD", &told),
            ("PAGE", &page_number),
            ("LOCK", &lock_number),
            ("LOCKED", pidfile.path().to_str().unwrap()),
        ]);
        let mut keep = listeners.descriptors();
        keep.extend([page.as_fd(), pidfile.as_fd()]);
        panic!("{}", exec(Image::File(start.program()), &start.arguments(), &environment, &keep));
    }));
    assert_eq!(status.unwrap(), Ending::Code(0));
    assert_eq!(page.slot(SlotId(1)).unwrap().wanted(), Wanted::Stop);
    std::fs::remove_dir_all(folder).unwrap();
}

fn options() -> Options {
    Options {
        backlog: 8,
        sharing: Sharing::One,
        unix_mode: None,
        unix_owner: crate::process::privileges::Identity::default(),
    }
}

fn new_image() {
    let text = |name: &str| std::env::var(name).unwrap();
    let number = |name: &str| text(name).parse().unwrap();
    let signals = Signals::hold().unwrap();
    assert_eq!(signals.next().unwrap().unwrap().signal, Signal::SIGUSR2);

    let page = Page::adopt(sys::inherited(number("PAGE")).unwrap()).unwrap();
    page.slot(SlotId(1)).unwrap().give(Wanted::Stop);

    let kept: Vec<Kept> = serde_json::from_str(&text("TOLD")).unwrap();
    let listeners = Listeners::restore(kept).unwrap();
    let url = listeners.iter().next().unwrap().url(Scheme::Http);
    TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();

    let pidfile = PidFile::adopt(text("LOCKED").into(), sys::inherited(number("LOCK")).unwrap());
    assert!(PidFile::write(pidfile.path()).is_err(), "the lock is lost");
    assert!(pidfile.remove().unwrap());
}

fn open_image() {
    let own = std::env::current_exe().unwrap();
    let copy = std::env::temp_dir().join(format!("rsgi-serve-image-{}", std::process::id()));
    std::fs::copy(own, &copy).unwrap();
    let file = std::fs::File::open(&copy).unwrap();
    std::fs::remove_file(&copy).unwrap();
    let status = reap::wait_for(child(&mut Forking::begin().unwrap(), |_| {
        let environment = Start::remember().unwrap().environment(&[(VARIABLE, "open_image_part")]);
        let failed = exec(Image::Open(file.as_fd()), &[c"image".to_owned()], &environment, &[]);
        panic!("{failed}");
    }));
    assert_eq!(status.unwrap(), Ending::Code(0));
}
