//! [`Queues`]: how many connections wait to be accepted at each listener.
//!
//! A queue is found by the inode of its socket, so who asks needs no descriptor of it: the status process holds none, and a listener that
//! the master closes is really closed. The kernel answers by netlink (`sock_diag(7)`), which some containers forbid: then there are no
//! queues to show, and that is all.

use std::os::fd::AsFd;

use serde::{Deserialize, Serialize};

use super::netlink::{self, Waiting};
use crate::sockets::{Listeners, Place, Worker};

/// The listeners whose queues are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queues {
    listeners: Vec<Listener>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listener {
    name: String,
    family: Family,
    /// Of each of its sockets.
    inodes: Vec<u32>,
}

/// Which of the kernel's tables a socket is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
    Unix,
}

/// A queue at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Queue {
    /// As the log names the listener, without its scheme.
    pub(crate) listener: String,
    /// Connections that wait.
    pub(crate) waiting: u64,
    /// How many may.
    pub(crate) limit: u64,
}

impl Queues {
    /// Those of the service's listeners. One whose socket can't be looked at is left out.
    pub(crate) fn of(listeners: &Listeners) -> Self {
        let all = listeners.iter().map(|listener| {
            let sockets = listener.share(Worker { number: 0, of: 1 });
            let (name, family) = match listener.place() {
                Place::Tcp(address) if address.is_ipv4() => (address.to_string(), Family::V4),
                Place::Tcp(address) => (address.to_string(), Family::V6),
                Place::Unix(Some(path)) => (format!("unix:{}", path.display()), Family::Unix),
                Place::Unix(None) => (listener.bind().to_string(), Family::Unix),
            };
            Listener { name, family, inodes: sockets.filter_map(inode).collect() }
        });
        Self { listeners: all.collect() }
    }

    /// How long they are now.
    pub(crate) fn ask(&self) -> Vec<Queue> {
        let mut found = Vec::new();
        for family in [Family::V4, Family::V6, Family::Unix] {
            if self.listeners.iter().any(|listener| listener.family == family) {
                found.extend(netlink::listening(family).unwrap_or_default());
            }
        }
        self.listeners.iter().filter_map(|listener| listener.among(&found)).collect()
    }

    #[cfg(test)]
    pub(super) fn of_one(name: &str, family: Family, socket: impl AsFd) -> Self {
        let inodes = inode(socket).into_iter().collect();
        Self { listeners: vec![Listener { name: name.to_owned(), family, inodes }] }
    }
}

impl Listener {
    fn among(&self, found: &[Waiting]) -> Option<Queue> {
        let mut own = found.iter().filter(|it| self.inodes.contains(&it.inode)).peekable();
        own.peek()?;
        let (waiting, limit) = own.fold((0, 0), |(waiting, limit), it| {
            (waiting + u64::from(it.queued), limit + u64::from(it.limit))
        });
        Some(Queue { listener: self.name.clone(), waiting, limit })
    }
}

/// The number by which the kernel knows a socket.
fn inode(socket: impl AsFd) -> Option<u32> {
    u32::try_from(rustix::fs::fstat(socket).ok()?.st_ino).ok()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    /// What the kernel says once as many wait as should; `None` where it may not be asked.
    fn ask(queues: &Queues, waiting: u64) -> Option<Queue> {
        for _ in 0..10_000 {
            let queue = queues.ask().pop()?;
            if queue.waiting == waiting {
                return Some(queue);
            }
            std::thread::yield_now();
        }
        panic!("{:?}", queues.ask());
    }

    #[test]
    fn connections_that_wait_at_a_tcp_listener_are_counted() {
        for (address, family) in [("127.0.0.1:0", Family::V4), ("[::1]:0", Family::V6)] {
            // Some machines have no IPv6.
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let queues = Queues::of_one("here", family, &listener);
            let Some(empty) = ask(&queues, 0) else { return };
            assert!(empty.limit > 0 && empty.listener == "here", "{empty:?}");
            let clients: Vec<_> =
                (0..3).map(|_| TcpStream::connect(listener.local_addr().unwrap()).unwrap()).collect();
            ask(&queues, 3);
            drop(listener.accept().unwrap());
            ask(&queues, 2);
            drop(clients);
        }
    }

    #[test]
    fn connections_that_wait_at_a_unix_socket_are_counted() {
        let path = std::env::temp_dir().join(format!("rsgi-serve-{}-queue", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let queues = Queues::of_one("here", Family::Unix, &listener);
        if ask(&queues, 0).is_some() {
            let _client = UnixStream::connect(&path).unwrap();
            assert!(ask(&queues, 1).unwrap().limit > 0);
        }
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_listener_of_several_sockets_has_the_sum_and_one_unknown_has_none() {
        let listener =
            |inodes: &[u32]| Listener { name: "it".into(), family: Family::V4, inodes: inodes.into() };
        let found = [
            Waiting { inode: 1, queued: 2, limit: 10 },
            Waiting { inode: 2, queued: 3, limit: 10 },
            Waiting { inode: 3, queued: 50, limit: 100 },
        ];
        let expected = Queue { listener: "it".into(), waiting: 5, limit: 20 };
        assert_eq!(listener(&[1, 2]).among(&found), Some(expected));
        assert_eq!(listener(&[7]).among(&found), None);
    }
}
