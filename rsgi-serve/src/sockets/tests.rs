//! Opening listeners, and what is done with a name or number that is taken. With real sockets, without waiting.

use std::ffi::OsString;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd as _, IntoRawFd as _, RawFd};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rsgi_core::server::{Bind, ServeError, ServeErrorKind};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::sockopt;

use super::inherit::{Handed, adopt, handed_over};
use super::{Kept, Listener, Listeners, Options, Place, Scheme, Sharing, Worker, open_all};
use crate::process::privileges::Identity;

const ALONE: Worker = Worker { number: 0, of: 1 };

fn options() -> Options {
    Options { backlog: 16, sharing: Sharing::One, unix_mode: None, unix_owner: Identity::default() }
}

fn bind(text: &str) -> Bind {
    text.parse().unwrap()
}

fn open_with(binds: &[Bind], options: &Options) -> Result<Listeners, ServeError> {
    open_all(binds, options, |_, _| {}).map(Listeners::from)
}

fn open(texts: &[&str]) -> Result<Listeners, ServeError> {
    open_with(&texts.iter().map(|text| bind(text)).collect::<Vec<_>>(), &options())
}

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rsgi-serve-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn unix(&self) -> Bind {
        Bind::Unix(self.path("app.sock"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn port(listener: &Listener) -> u16 {
    match listener.place() {
        Place::Tcp(address) => address.port(),
        Place::Unix(_) => panic!("no TCP"),
    }
}

/// Gives a descriptor away as an exec would: not marked to be closed on it.
fn handed(listener: impl Into<std::os::fd::OwnedFd>) -> RawFd {
    let socket = listener.into();
    fcntl_setfd(&socket, FdFlags::empty()).unwrap();
    socket.into_raw_fd()
}

#[test]
fn tcp_and_unix_are_opened_in_the_order_of_the_settings_and_named_with_their_port() {
    let folder = Folder::new("order");
    let binds = [bind("127.0.0.1:0"), folder.unix(), bind("[::1]:0")];
    let listeners = open_with(&binds, &options()).unwrap();
    let urls: Vec<_> = listeners.iter().map(|listener| listener.url(Scheme::Http)).collect();
    let ports: Vec<_> = listeners.iter().step_by(2).map(port).collect();
    let unix = format!("unix:{}", folder.path("app.sock").display());
    assert_eq!(urls, [format!("http://127.0.0.1:{}", ports[0]), unix, format!("http://[::1]:{}", ports[1])]);
    TcpStream::connect(("127.0.0.1", ports[0])).unwrap();
    TcpStream::connect(("::1", ports[1])).unwrap();
    UnixStream::connect(folder.path("app.sock")).unwrap();
}

#[test]
fn an_address_in_use_is_tried_again_and_taken_once_it_is_free() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let wanted = [Bind::from(other.local_addr().unwrap())];
    let mut other = Some(other);
    let mut waits = Vec::new();
    let opened = open_all(&wanted, &options(), |error, pause| {
        waits.push((error.kind(), pause));
        if waits.len() == 2 {
            drop(other.take());
        }
    });
    assert_eq!(
        port(&opened.unwrap()[0]),
        match wanted[0] {
            Bind::Tcp { port, .. } => port,
            _ => 0,
        }
    );
    assert_eq!(waits, [(ServeErrorKind::AddressInUse, Duration::from_secs(1)); 2]);
}

#[test]
fn an_address_that_stays_in_use_is_given_up_after_five_tries_and_named() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let wanted = Bind::from(other.local_addr().unwrap());
    let folder = Folder::new("given-up");
    let mut waits = 0;
    let error = open_all(&[folder.unix(), wanted.clone()], &options(), |_, _| waits += 1).unwrap_err();
    assert_eq!((error.kind(), waits), (ServeErrorKind::AddressInUse, 4));
    assert!(error.to_string().contains(&wanted.to_string()), "{error}");
    // And what was opened before leaves nothing behind.
    assert!(!folder.path("app.sock").exists());
}

#[test]
fn every_address_of_both_families_can_be_listened_at() {
    let free = TcpListener::bind("[::]:0").unwrap().local_addr().unwrap().port();
    let listeners = open(&[&format!(":{free}"), &format!("[::]:{free}")]).unwrap();
    assert_eq!(listeners.iter().map(port).collect::<Vec<_>>(), [free, free]);
}

#[test]
fn an_abandoned_socket_is_replaced() {
    let folder = Folder::new("abandoned");
    drop(UnixListener::bind(folder.path("app.sock")).unwrap());
    let _listeners = open_with(&[folder.unix()], &options()).unwrap();
    UnixStream::connect(folder.path("app.sock")).unwrap();
}

#[test]
fn a_socket_where_a_server_answers_is_refused_and_left() {
    let folder = Folder::new("alive");
    let _other = UnixListener::bind(folder.path("app.sock")).unwrap();
    let error = open_with(&[folder.unix()], &options()).unwrap_err();
    assert_eq!(error.kind(), ServeErrorKind::AddressInUse);
    UnixStream::connect(folder.path("app.sock")).unwrap();
}

#[test]
fn a_regular_file_is_refused_and_left() {
    let folder = Folder::new("regular");
    fs::write(folder.path("app.sock"), "precious").unwrap();
    let mut waits = 0;
    let error = open_all(&[folder.unix()], &options(), |_, _| waits += 1).unwrap_err();
    assert!(error.to_string().contains("a regular file of this name"), "{error}");
    assert_eq!((fs::read_to_string(folder.path("app.sock")).unwrap().as_str(), waits), ("precious", 0));
}

#[test]
fn a_unix_socket_has_the_mode_and_owner_asked_for() {
    let folder = Folder::new("mode");
    let owner = folder.0.metadata().unwrap();
    let unix_owner = Identity::owner(Some(&owner.uid().to_string()), Some(&owner.gid().to_string())).unwrap();
    let _listeners =
        open_with(&[folder.unix()], &Options { unix_mode: Some(0o620), unix_owner, ..options() }).unwrap();
    let file = folder.path("app.sock").metadata().unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o620);
    assert_eq!((file.uid(), file.gid()), (owner.uid(), owner.gid()));
}

#[test]
fn a_missing_folder_is_named() {
    let error = open(&["unix:/nowhere/at/all/app.sock"]).unwrap_err();
    assert!(error.to_string().contains("/nowhere/at/all/app.sock"), "{error}");
    assert_eq!(error.kind(), ServeErrorKind::AddressNotAvailable);
}

#[test]
fn a_sockets_file_is_removed_at_the_end_but_not_a_successors() {
    let folder = Folder::new("removed");
    let first = open_with(&[folder.unix()], &options()).unwrap();
    let keeper = first.duplicates(ALONE).unwrap();
    fs::remove_file(folder.path("app.sock")).unwrap();
    let second = open_with(&[folder.unix()], &options()).unwrap();
    assert_eq!(first.remove_files().len(), 0);
    assert!(folder.path("app.sock").exists(), "the successor's file was removed");
    assert!(second.iter().next().unwrap().remove_file().unwrap());
    assert!(!folder.path("app.sock").exists());
    assert_eq!(second.remove_files().len(), 0);
    drop(keeper);
}

#[test]
fn dropping_a_listener_leaves_the_file() {
    let folder = Folder::new("dropped");
    drop(open_with(&[folder.unix()], &options()).unwrap());
    assert!(folder.path("app.sock").exists());
}

#[test]
fn with_reuse_port_each_worker_has_a_socket_of_its_own_at_one_port() {
    let options = Options { sharing: Sharing::Each(3), ..options() };
    let listeners = open_with(&[bind("127.0.0.1:0")], &options).unwrap();
    let of = |workers: usize| -> Vec<_> {
        (0..workers).map(|number| listeners.binds(Worker { number, of: workers })).collect()
    };
    let own = of(3).concat();
    assert!(own.len() == 3 && own[0] != own[1] && own[1] != own[2] && own[0] != own[2], "{own:?}");
    // Where there are more workers some share one, where there are fewer some have more: no socket is nobody's.
    assert_eq!(of(4), [&own[..1], &own[1..2], &own[2..], &own[..1]]);
    assert_eq!(of(2), [vec![own[0].clone(), own[2].clone()], vec![own[1].clone()]]);
    let ports: Vec<u16> = (0..3)
        .flat_map(|number| listeners.duplicates(Worker { number, of: 3 }).unwrap())
        .map(|socket| TcpListener::from(socket).local_addr().unwrap().port())
        .collect();
    assert_eq!(ports, [ports[0]; 3]);
    assert_eq!(listeners.descriptors().len(), 3);
}

#[test]
fn one_more_worker_gets_what_the_others_have_least_and_what_nobody_has_is_seen() {
    let options = Options { sharing: Sharing::Each(2), ..options() };
    let listeners = open_with(&[bind("127.0.0.1:0")], &options).unwrap();
    let (first, second) = (Worker { number: 0, of: 2 }, Worker { number: 1, of: 2 });
    assert_eq!(listeners.least_served(2, &[]), first);
    assert_eq!(listeners.least_served(2, &[first]), second);
    assert_eq!(listeners.least_served(2, &[second]), first);
    assert_eq!(listeners.least_served(3, &[first, second]), Worker { number: 0, of: 3 });
    assert!(listeners.is_any_vacant(&[second]));
    assert!(!listeners.is_any_vacant(&[first, second]));
    assert!(!listeners.is_any_vacant(&[ALONE]), "one alone has all");
}

#[test]
fn workers_are_told_descriptors_that_listen() {
    let listeners = open(&["127.0.0.1:0", "127.0.0.1:0"]).unwrap();
    let numbers: Vec<_> = listeners.descriptors().iter().map(|socket| Bind::Fd(socket.as_raw_fd())).collect();
    assert_eq!(listeners.binds(Worker { number: 5, of: 6 }), numbers);
    assert!(listeners.descriptors().iter().all(|socket| sockopt::socket_acceptconn(socket).unwrap()));
}

#[test]
fn a_reload_opens_what_is_new_and_gives_up_what_is_unwanted() {
    let folder = Folder::new("reload");
    let mut listeners = open_with(&[bind("127.0.0.1:0"), folder.unix()], &options()).unwrap();
    let wanted = [bind("127.0.0.1:0"), bind("[::1]:0")];
    assert_eq!(listeners.missing(&wanted), [bind("[::1]:0")]);
    let unwanted = listeners.take_unwanted(&wanted);
    assert_eq!(unwanted.iter().map(Listener::bind).collect::<Vec<_>>(), [&folder.unix()]);
    assert_eq!(listeners.iter().map(Listener::bind).collect::<Vec<_>>(), [&bind("127.0.0.1:0")]);
}

#[test]
fn what_another_process_puts_in_a_sockets_place_is_not_given_away() {
    let folder = Folder::new("swapped");
    let own = fs::metadata(&folder.0).unwrap();
    let unix_owner = Identity::owner(Some(&own.uid().to_string()), None).unwrap();
    let options = Options { unix_owner, ..options() };
    let (file, link) = (folder.path("file"), folder.path("link"));
    fs::write(&file, "").unwrap();
    let _listener = UnixListener::bind(folder.path("socket")).unwrap();
    std::os::unix::fs::symlink(folder.path("socket"), &link).unwrap();
    for path in [file, link] {
        assert!(super::unix::give_away(&path, &options).is_err(), "{path:?}");
    }
    super::unix::give_away(&folder.path("socket"), &options).unwrap();
}

#[test]
fn an_inherited_socket_is_taken_once_and_closed_on_exec() {
    let parent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = parent.local_addr().unwrap();
    let number = handed(parent);
    let listener = adopt(number).unwrap();
    assert_eq!((listener.place(), listener.bind()), (&Place::Tcp(address), &Bind::Fd(number)));
    let flags = rustix::io::fcntl_getfd(listener.share(ALONE).next().unwrap()).unwrap();
    assert!(flags.contains(FdFlags::CLOEXEC));
    assert_eq!(adopt(number).unwrap_err().kind(), ServeErrorKind::BadDescriptor);
    assert!(!listener.remove_file().unwrap());
}

#[test]
fn what_is_no_listening_socket_or_is_not_open_is_refused() {
    let connected = UnixStream::pair().unwrap().0;
    for number in [handed(connected), 19_999, i32::MAX] {
        let error = adopt(number).unwrap_err();
        assert_eq!(error.kind(), ServeErrorKind::BadDescriptor);
        assert!(error.to_string().contains(&format!("fd://{number}")), "{error}");
    }
}

#[test]
fn a_descriptor_that_this_program_opened_itself_is_not_taken() {
    let own = TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(adopt(own.as_raw_fd()).unwrap_err().kind(), ServeErrorKind::BadDescriptor);
    // It still works, so it wasn't closed.
    TcpStream::connect(own.local_addr().unwrap()).unwrap();
}

fn environment<'a>(variables: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
    move |name| variables.iter().find(|(it, _)| *it == name).map(|(_, value)| value.into())
}

#[test]
fn descriptors_handed_over_by_systemd_are_numbered_from_3() {
    let variables = [("LISTEN_PID", "7"), ("LISTEN_FDS", "3"), ("LISTEN_FDNAMES", "web::page")];
    let found = handed_over(environment(&variables), 7).unwrap();
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(
        found,
        [
            Handed { number: 3, name: name("web") },
            Handed { number: 4, name: None },
            Handed { number: 5, name: name("page") },
        ]
    );
}

#[test]
fn descriptors_for_another_process_are_ignored_and_a_wrong_count_is_named() {
    for variables in
        [&[("LISTEN_PID", "8"), ("LISTEN_FDS", "1")][..], &[("LISTEN_FDS", "1")], &[("LISTEN_PID", "7")]]
    {
        assert_eq!(handed_over(environment(variables), 7).unwrap(), []);
    }
    let variables = [("LISTEN_PID", "7"), ("LISTEN_FDS", "many")];
    let error = handed_over(environment(&variables), 7).unwrap_err();
    assert!(error.to_string().starts_with("LISTEN_FDS many:"), "{error}");
}

#[test]
fn what_a_new_image_is_told_gives_the_same_listeners_with_their_files() {
    let folder = Folder::new("kept");
    let before = open_with(&[bind("127.0.0.1:0"), folder.unix()], &options()).unwrap();
    let told = serde_json::to_string(&before.kept()).unwrap();
    let urls = |all: &Listeners| all.iter().map(|it| it.url(Scheme::Http)).collect::<Vec<_>>();
    let expected = urls(&before);
    // An exec would do this: the descriptors stay open, and nobody owns them.
    for listener in before.all {
        listener.sockets.into_iter().for_each(|socket| {
            handed(socket);
        });
    }
    let kept: Vec<Kept> = serde_json::from_str(&told).unwrap();
    let after = Listeners::restore(kept.clone()).unwrap();
    assert_eq!(urls(&after), expected);
    assert_eq!(after.kept(), kept);
    assert_eq!(after.missing(&[bind("127.0.0.1:0"), folder.unix()]), []);
    assert_eq!(after.remove_files().len(), 0);
    assert!(!folder.path("app.sock").exists());
    assert!(Path::new(&folder.0).exists());
}

#[test]
fn a_listener_that_got_lost_on_the_way_is_an_error() {
    let told = r#"[{"bind":"127.0.0.1:8000","sockets":[19998]}]"#;
    let error = Listeners::restore(serde_json::from_str(told).unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("bind"), "{error}");
}
