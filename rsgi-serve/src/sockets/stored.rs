//! Sockets that the service manager kept for this service while it wasn't there (systemd's `FileDescriptorStoreMax`): connections wait in
//! their queues meanwhile, and none is refused.
//!
//! Each is stored under a name that says where it listens, and comes back among those of `LISTEN_FDS`. One whose address isn't wanted any
//! more is closed. Who has them stored is the master (`master/storing.rs`).

use std::os::fd::OwnedFd;

use rsgi_core::server::Bind;

use super::inherit::{Handed, checked};
use super::unix::SocketFile;
use super::{Listener, Place};
use crate::sys;

/// The name that a listener is stored under.
pub(crate) fn name(bind: &Bind) -> String {
    let allowed = |it: char| if it.is_ascii_graphic() && it != ':' { it } else { '_' };
    // A path has at most 108 bytes, and a name may have 255.
    MARK.chars().chain(bind.to_string().chars().map(allowed)).take(255).collect()
}

/// Takes out what was stored by this service; what is left is handed over by somebody else.
pub(crate) fn take(handed: &mut Vec<Handed>) -> Vec<Handed> {
    handed.extract_if(.., |it| it.name.as_ref().is_some_and(|name| name.starts_with(MARK))).collect()
}

/// What became of sockets that were stored.
#[derive(Debug, Default)]
pub(crate) struct Claimed {
    pub(crate) listeners: Vec<Listener>,
    /// The names of those that nobody wants, which are closed by now.
    pub(crate) unwanted: Vec<String>,
}

/// Takes those of these addresses, and closes the others.
pub(crate) fn claim(stored: Vec<Handed>, binds: &[Bind]) -> Claimed {
    let mut claimed = Claimed::default();
    let mut sockets: Vec<(String, OwnedFd)> = Vec::new();
    for Handed { number, name } in stored {
        let name = name.unwrap_or_default();
        match sys::inherited(number).and_then(checked) {
            Ok(socket) => sockets.push((name, socket)),
            Err(_) => claimed.unwanted.push(name),
        }
    }
    for bind in binds {
        let wanted = name(bind);
        let own: Vec<OwnedFd> =
            sockets.extract_if(.., |(name, _)| *name == wanted).map(|(_, socket)| socket).collect();
        if own.is_empty() {
            continue;
        }
        match listener(bind, own) {
            Some(listener) => claimed.listeners.push(listener),
            None => claimed.unwanted.push(wanted),
        }
    }
    claimed.unwanted.extend(sockets.into_iter().map(|(name, _)| name));
    claimed
}

/// The listener of these sockets, if clients still get to them.
fn listener(bind: &Bind, sockets: Vec<OwnedFd>) -> Option<Listener> {
    let mut listener = Listener::new(bind.clone(), sockets, None).ok()?;
    if let (Bind::Unix(path), Place::Unix(_)) = (bind, &listener.place) {
        // Its folder may have been emptied meanwhile; then it must be made anew.
        listener.file = Some(SocketFile::answering(path).ok()??);
    }
    Some(listener)
}

/// What names of ours begin with.
const MARK: &str = "rsgi-";

#[cfg(test)]
mod tests {
    use super::*;

    fn handed(number: i32, name: &str) -> Handed {
        Handed { number, name: Some(name.to_owned()) }
    }

    #[test]
    fn names_say_where_and_are_allowed() {
        for (bind, stored) in [
            ("127.0.0.1:8000", "rsgi-127.0.0.1_8000"),
            ("[::1]:80", "rsgi-[__1]_80"),
            ("unix:/run/my app.sock", "rsgi-unix_/run/my_app.sock"),
        ] {
            assert_eq!(name(&bind.parse().unwrap()), stored);
        }
    }

    #[test]
    fn only_own_names_are_taken() {
        let mut all =
            vec![handed(3, "web"), handed(4, "rsgi-127.0.0.1_80"), Handed { number: 5, name: None }];
        assert_eq!(take(&mut all), [handed(4, "rsgi-127.0.0.1_80")]);
        assert_eq!(all, [handed(3, "web"), Handed { number: 5, name: None }]);
    }

    #[test]
    fn what_is_not_open_is_unwanted() {
        let claimed = claim(vec![handed(19_997, "rsgi-127.0.0.1_80")], &["127.0.0.1:80".parse().unwrap()]);
        assert!(claimed.listeners.is_empty());
        assert_eq!(claimed.unwanted, ["rsgi-127.0.0.1_80"]);
    }
}
