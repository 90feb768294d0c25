//! Messages as a manager receives them. With real sockets.

use std::os::fd::AsFd as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

use super::*;

/// A manager at an abstract name of this test's own.
fn manager(name: &str) -> (UnixDatagram, Notifier) {
    let name = format!("rsgi-serve-{name}-{}", std::process::id());
    let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    (socket, Notifier::new(OsStr::new(&format!("@{name}"))).unwrap())
}

fn received(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 512];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

#[test]
fn each_message_is_a_datagram_of_its_own() {
    let (socket, notifier) = manager("messages");
    for (message, expected) in [
        (Message::Ready { status: "5 workers" }, "READY=1\nSTATUS=5 workers"),
        (Message::Stopping, "STOPPING=1"),
        (Message::Master(Pid::INIT), "MAINPID=1"),
        (Message::Watchdog, "WATCHDOG=1"),
        (Message::Status("one\nREADY=0"), "STATUS=one READY=0"),
        (Message::Forget { name: "a page:1" }, "FDSTOREREMOVE=1\nFDNAME=a_page_1"),
    ] {
        notifier.send(&message).unwrap();
        assert_eq!(received(&socket), expected);
    }
}

#[test]
fn a_reload_tells_the_monotonic_time_in_microseconds() {
    let (socket, notifier) = manager("reloading");
    let before = microseconds();
    notifier.send(&Message::Reloading).unwrap();
    let text = received(&socket);
    let time: u64 = text.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().parse().unwrap();
    assert!((before..=microseconds()).contains(&time), "{text}");
}

#[test]
fn a_socket_with_a_path_is_reached_too() {
    let path = std::env::temp_dir().join(format!("rsgi-serve-notify-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let socket = UnixDatagram::bind(&path).unwrap();
    Notifier::new(path.as_os_str()).unwrap().send(&Message::Stopping).unwrap();
    assert_eq!(received(&socket), "STOPPING=1");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn descriptors_are_stored_under_a_name() {
    let (socket, notifier) = manager("store");
    let file = std::fs::File::open("/dev/null").unwrap();
    notifier.store("web", &[file.as_fd(), file.as_fd()]).unwrap();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut buffer = [0; 64];
    let mut parts = [io::IoSliceMut::new(&mut buffer)];
    let message = rustix::net::recvmsg(&socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
    let stored = control.drain().map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => descriptors.count(),
        _ => 0,
    });
    assert_eq!(stored.sum::<usize>(), 2);
    assert_eq!(&buffer[..message.bytes], b"FDSTORE=1\nFDNAME=web");
}

#[test]
fn a_manager_that_is_gone_is_an_error_and_no_more() {
    let (socket, notifier) = manager("gone");
    drop(socket);
    assert_eq!(notifier.send(&Message::Watchdog).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn an_address_of_another_kind_is_named() {
    let text = Notifier::new(OsStr::new("vsock:2:5555")).unwrap_err().to_string();
    assert!(text.starts_with("NOTIFY_SOCKET vsock:2:5555:"), "{text}");
    let long = format!("/{}", "a".repeat(200));
    assert!(Notifier::new(OsStr::new(&long)).is_err());
}

fn environment<'a>(variables: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
    move |name| variables.iter().find(|(it, _)| *it == name).map(|(_, value)| value.into())
}

#[test]
fn the_watchdog_is_fed_at_half_of_its_limit_by_whom_it_is_for() {
    let time = (WATCHDOG_TIME, "3000000");
    let period = |variables: &[(&str, &str)]| watchdog(environment(variables), 7).unwrap();
    assert_eq!(period(&[time]), Some(Duration::from_millis(1500)));
    assert_eq!(period(&[time, (WATCHDOG_PID, "7")]), Some(Duration::from_millis(1500)));
    assert_eq!(period(&[time, (WATCHDOG_PID, "8")]), None);
    assert_eq!(period(&[]), None);
    let text = watchdog(environment(&[(WATCHDOG_TIME, "soon")]), 7).unwrap_err().to_string();
    assert!(text.starts_with("WATCHDOG_USEC soon:"), "{text}");
}
