//! [`Place`]: the two ends of a connection, as core names them, of what is known where it was accepted.
//!
//! This end's address is kept once for many connections. No name is looked up, and no header of a proxy is read here.
//!
//! Invariant: an endpoint is what the system said; a listener's address stands for its connections' only where all have
//! the same. Read on in `address.rs`.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rsgi_core::{Credentials, Endpoint};

use crate::{Accepted, Address, Stream};

/// A listener's place: what is known of its connections before they come.
#[derive(Debug)]
pub struct Place {
    local: Local,
}

/// This end's address.
#[derive(Debug)]
enum Local {
    /// All have it.
    One(Arc<Endpoint>),
    /// Each has its own (a wildcard); this is the last one's.
    Each(Mutex<Option<Arc<Endpoint>>>),
}

impl Place {
    /// The place of a listener at this address.
    pub(crate) fn of(address: &Address) -> Self {
        let wildcard = address.ip().is_some_and(|address| address.ip().is_unspecified());
        let local =
            if wildcard { Local::Each(Mutex::default()) } else { Local::One(Endpoint::from(address).into()) };
        Self { local }
    }

    /// Tells whether its connections are TCP's; a unix socket's otherwise.
    pub fn is_tcp(&self) -> bool {
        match &self.local {
            Local::One(local) => matches!(**local, Endpoint::Tcp(_)),
            Local::Each(_) => true,
        }
    }

    /// This end of a connection that was accepted here; a system call only where the listener has every address.
    ///
    /// # Errors
    ///
    /// What the operating system says of a connection that is gone already.
    pub fn local(&self, stream: &Stream) -> io::Result<Arc<Endpoint>> {
        match &self.local {
            Local::One(local) => Ok(Arc::clone(local)),
            Local::Each(last) => Ok(share(last, Endpoint::from(&stream.local_address()?))),
        }
    }
}

impl Accepted {
    /// The other end of the connection, with the process there if it is a unix socket's and the system tells.
    pub fn peer_endpoint(&self, stream: &Stream) -> Endpoint {
        stream.peer_endpoint(&self.peer)
    }
}

impl Stream {
    /// The other end, at the address that [`Listener::take`](crate::Listener::take) told, as
    /// [`Accepted::peer_endpoint`] gives it.
    pub fn peer_endpoint(&self, peer: &Address) -> Endpoint {
        let credentials = if peer.is_unix() { self.credentials_of_unix() } else { None };
        let credentials = credentials
            .map(|process| Credentials::new(process.uid, process.gid, process.pid.try_into().ok()));
        endpoint(peer, credentials)
    }
}

/// As a listener's: without credentials.
impl From<&Address> for Endpoint {
    fn from(address: &Address) -> Self {
        endpoint(address, None)
    }
}

fn endpoint(address: &Address, credentials: Option<Credentials>) -> Endpoint {
    match address {
        Address::Ip(address) => Endpoint::Tcp(*address),
        Address::Unix(path) => Endpoint::unix(Some(path), credentials),
        Address::Unnamed => Endpoint::unix(None, credentials),
    }
}

/// The shared form of an address, which is most often the last connection's, too.
fn share(last: &Mutex<Option<Arc<Endpoint>>>, local: Endpoint) -> Arc<Endpoint> {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    match &*last {
        Some(same) if **same == local => Arc::clone(same),
        _ => Arc::clone(last.insert(Arc::new(local))),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn accepted(listener: &TcpListener) -> (Stream, TcpStream) {
        let client = TcpStream::connect(("127.0.0.1", listener.local_addr().unwrap().port())).unwrap();
        let (stream, _) = listener.accept().unwrap();
        (Stream::try_from(std::os::fd::OwnedFd::from(stream)).unwrap(), client)
    }

    #[test]
    fn connections_to_one_address_share_it_whatever_the_listener_listens_on() {
        for address in ["127.0.0.1:0", "0.0.0.0:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let place = Place::of(&listener.local_addr().unwrap().into());
            let ((first, client), (second, _)) = (accepted(&listener), accepted(&listener));
            let (first, second) = (place.local(&first).unwrap(), place.local(&second).unwrap());
            assert!(place.is_tcp());
            assert_eq!(*first, Endpoint::Tcp(client.peer_addr().unwrap()), "{address}");
            assert!(Arc::ptr_eq(&first, &second), "{address}");
        }
    }

    #[test]
    fn a_unix_listener_is_no_place_of_tcp() {
        let place = Place::of(&Address::Unix("/run/app.sock".into()));
        assert!(!place.is_tcp());
        assert!(!Place::of(&Address::Unnamed).is_tcp());
    }
}
