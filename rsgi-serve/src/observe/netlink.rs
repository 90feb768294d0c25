//! Asks the kernel for the queues of all listening sockets of a family, by netlink: `sock_diag(7)`, `linux/inet_diag.h`, `linux/unix_diag.h`.
//!
//! Requests and answers are laid out here byte by byte; the kernel's numbers are in the machine's order. Answers are read with every bound
//! checked, and no longer than [`PATIENCE`].

use std::io;
use std::time::Duration;

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::queues::Family;

/// A listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) inode: u32,
    /// Connections that wait.
    pub(super) queued: u32,
    /// How many may.
    pub(super) limit: u32,
}

/// All listening sockets of a family in this network namespace.
pub(super) fn listening(family: Family) -> io::Result<Vec<Waiting>> {
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(SOCK_DIAG),
    )?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    rustix::net::connect(&socket, &SocketAddrNetlink::new(0, 0))?;
    rustix::io::write(&socket, &request(family))?;
    let mut found = Vec::new();
    let mut buffer = vec![0; 32 * 1024];
    for _ in 0..DATAGRAMS {
        let length = rustix::io::read(&socket, &mut buffer[..])?;
        match messages(family, &buffer[..length.min(buffer.len())], &mut found)? {
            Answer::Whole => return Ok(found),
            Answer::Part => {}
        }
    }
    Ok(found)
}

/// Whether more is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Part,
    Whole,
}

/// What asks for a dump.
fn request(family: Family) -> Vec<u8> {
    let mut body = Vec::with_capacity(56);
    let listen = (1_u32 << STATE_LISTEN).to_ne_bytes();
    match family {
        Family::V4 | Family::V6 => {
            let number = if family == Family::V4 { INET } else { INET6 };
            // inet_diag_req_v2: family, protocol, extensions, padding, states, and an id of zeros.
            body.extend_from_slice(&[number, PROTOCOL_TCP, 0, 0]);
            body.extend_from_slice(&listen);
            body.extend_from_slice(&[0; 48]);
        }
        Family::Unix => {
            // unix_diag_req: family, protocol, padding, states, inode, what to show, cookie.
            body.extend_from_slice(&[UNIX, 0, 0, 0]);
            body.extend_from_slice(&listen);
            body.extend_from_slice(&0_u32.to_ne_bytes());
            body.extend_from_slice(&SHOW_QUEUES.to_ne_bytes());
            body.extend_from_slice(&[0; 8]);
        }
    }
    let length = u32::try_from(HEADER + body.len()).unwrap_or_default();
    let mut message = Vec::with_capacity(HEADER + body.len());
    message.extend_from_slice(&length.to_ne_bytes());
    message.extend_from_slice(&BY_FAMILY.to_ne_bytes());
    message.extend_from_slice(&(REQUEST | DUMP).to_ne_bytes());
    // Sequence number and sender.
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(&body);
    message
}

/// Reads the messages of a datagram.
fn messages(family: Family, mut bytes: &[u8], found: &mut Vec<Waiting>) -> io::Result<Answer> {
    while let (Some(length), Some(kind)) = (long(bytes, 0), short(bytes, 4)) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length < HEADER || length > bytes.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let body = &bytes[HEADER..length];
        match kind {
            DONE => return Ok(Answer::Whole),
            ERROR => {
                let code = long(body, 0).map_or(0, u32::cast_signed);
                return Err(io::Error::from_raw_os_error(code.saturating_neg()));
            }
            BY_FAMILY => found.extend(match family {
                Family::V4 | Family::V6 => inet(body),
                Family::Unix => unix(body),
            }),
            _ => {}
        }
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
    }
    Ok(Answer::Part)
}

/// Of an `inet_diag_msg`: four bytes, an id of 48, a time, both queues, the user, the inode.
fn inet(body: &[u8]) -> Option<Waiting> {
    Some(Waiting { queued: long(body, 56)?, limit: long(body, 60)?, inode: long(body, 68)? })
}

/// Of a `unix_diag_msg`: four bytes, the inode, a cookie; then attributes, of which one has both queues.
fn unix(body: &[u8]) -> Option<Waiting> {
    let inode = long(body, 4)?;
    let mut attributes = body.get(16..)?;
    while let (Some(length), Some(kind)) = (short(attributes, 0), short(attributes, 2)) {
        let length = usize::from(length);
        if length < 4 {
            return None;
        }
        if kind == ATTRIBUTE_QUEUES {
            return Some(Waiting { inode, queued: long(attributes, 4)?, limit: long(attributes, 8)? });
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
    None
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_ne_bytes)
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_ne_bytes)
}

/// The kernel answers at once; this is for one that doesn't.
const PATIENCE: Duration = Duration::from_millis(100);
/// Some thousand sockets.
const DATAGRAMS: usize = 64;

/// `sizeof(struct nlmsghdr)`.
const HEADER: usize = 16;
/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `NLMSG_ERROR`.
const ERROR: u16 = 2;
/// `NLMSG_DONE`.
const DONE: u16 = 3;
/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;
/// `NLM_F_DUMP`.
const DUMP: u16 = 0x300;
/// `AF_INET`, `AF_INET6`, `AF_UNIX`.
const INET: u8 = 2;
const INET6: u8 = 10;
const UNIX: u8 = 1;
/// `IPPROTO_TCP`.
const PROTOCOL_TCP: u8 = 6;
/// `TCP_LISTEN`, which unix sockets have too.
const STATE_LISTEN: u32 = 10;
/// `UDIAG_SHOW_RQLEN`.
const SHOW_QUEUES: u32 = 0x10;
/// `UNIX_DIAG_RQLEN`.
const ATTRIBUTE_QUEUES: u16 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEADER + body.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&[0; 10]);
        bytes.extend_from_slice(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn unix_body() -> Vec<u8> {
        let mut body = vec![UNIX, 1, 10, 0];
        body.extend_from_slice(&77_u32.to_ne_bytes());
        body.extend_from_slice(&[0; 8]);
        // Another attribute first, of a length that is padded.
        for (kind, value) in [
            (0_u16, vec![1, 2, 3]),
            (ATTRIBUTE_QUEUES, [5_u32.to_ne_bytes(), 128_u32.to_ne_bytes()].concat()),
        ] {
            let length = u16::try_from(4 + value.len()).unwrap();
            body.extend_from_slice(&length.to_ne_bytes());
            body.extend_from_slice(&kind.to_ne_bytes());
            body.extend_from_slice(&value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        body
    }

    #[test]
    fn a_unix_sockets_queue_is_found_among_its_attributes() {
        let expected = Waiting { inode: 77, queued: 5, limit: 128 };
        let mut datagram = message(BY_FAMILY, &unix_body());
        datagram.extend(message(DONE, &[0; 4]));
        let mut found = Vec::new();
        assert_eq!(messages(Family::Unix, &datagram, &mut found).unwrap(), Answer::Whole);
        assert_eq!(found, [expected]);
    }

    #[test]
    fn an_error_of_the_kernels_is_an_error() {
        let datagram = message(ERROR, &(-2_i32).to_ne_bytes());
        let error = messages(Family::V4, &datagram, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn no_answer_however_it_is_cut_or_bent_is_read_beyond_its_end() {
        let whole = message(BY_FAMILY, &unix_body());
        for length in 0..whole.len() {
            for family in [Family::V4, Family::Unix] {
                let _ = messages(family, &whole[..length], &mut Vec::new());
                let _ = unix(&whole[..length]);
                let _ = inet(&whole[..length]);
            }
        }
        for at in 0..whole.len() {
            for value in [0, 1, 3, 0x7f, 0xff] {
                let mut bent = whole.clone();
                bent[at] = value;
                let _ = messages(Family::Unix, &bent, &mut Vec::new());
            }
        }
    }

    #[test]
    fn requests_are_as_long_as_the_kernels_structures() {
        assert_eq!(request(Family::V4).len(), HEADER + 56);
        assert_eq!(request(Family::Unix).len(), HEADER + 24);
    }
}
