//! Takes a descriptor that the process already has, by its number, as `fd://3` names it.
//!
//! A number is no proof that somebody owns what it stands for, so it takes unsafe code to make a descriptor of it, or the
//! system: here it is sent to ourselves, which gives a duplicate, or an error for a number that isn't open. A pidfd would
//! do the same, but that is a debugger's right, which containers commonly withhold.
//!
//! Invariant: the descriptor of that number stays as it is, and open.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixDatagram;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

/// Duplicates the descriptor of this number; the duplicate is closed on exec.
pub(crate) fn inherit(number: i32) -> io::Result<OwnedFd> {
    let (sender, receiver) = UnixDatagram::pair()?;
    let (bytes, rights) = ([IoSlice::new(b"f")], [number]);
    sendmsg::<()>(
        sender.as_raw_fd(),
        &bytes,
        &[ControlMessage::ScmRights(&rights)],
        MsgFlags::empty(),
        None,
    )?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(&receiver, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::empty())?;
    let duplicate = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    let duplicate = duplicate.ok_or_else(|| io::Error::other("the system gave no duplicate"))?;
    fcntl_setfd(&duplicate, FdFlags::CLOEXEC)?;
    Ok(duplicate)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_duplicate_names_the_same_socket_and_a_number_that_is_not_open_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let duplicate = TcpListener::from(inherit(listener.as_raw_fd()).unwrap());
        assert_eq!(duplicate.local_addr().unwrap(), listener.local_addr().unwrap());
        let error = inherit(19_999).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::BADF.raw_os_error()));
    }
}
