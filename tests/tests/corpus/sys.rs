//! How much of what was sent over a unix socket its other end hasn't read yet: `SIOCOUTQ`, of Linux.
//!
//! The kernel counts what lies in the other end's queue, its own overhead included, as the sender's; so 0 means that
//! everything was read, or that the other end is gone. No safe crate offers the call.
#![expect(unsafe_code, reason = "an ioctl; rustix has no safe function for this one")]

use std::ffi::c_int;
use std::os::fd::BorrowedFd;

use rustix::ioctl::{Getter, Opcode, ioctl};

/// Bytes that the other end hasn't read, with overhead; 0 is exact.
pub(crate) fn unread_by_peer(socket: BorrowedFd<'_>) -> rustix::io::Result<c_int> {
    // SAFETY: SIOCOUTQ writes one `int` to where its argument points, and that is the getter's output; it changes
    // nothing else. On a descriptor of another kind it fails.
    unsafe { ioctl(socket, Getter::<SIOCOUTQ, c_int>::new()) }
}

/// The same number as TIOCOUTQ, on every architecture with the generic numbering.
const SIOCOUTQ: Opcode = 0x5411;

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixStream;

    use super::*;

    /// Run under valgrind by the gate `sanitize`.
    #[test]
    fn what_the_other_end_has_read_is_not_counted() {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        assert_eq!(unread_by_peer(ours.as_fd()), Ok(0));
        ours.write_all(b"four").unwrap();
        assert!(unread_by_peer(ours.as_fd()).unwrap() > 0);
        theirs.read_exact(&mut [0; 4]).unwrap();
        assert_eq!(unread_by_peer(ours.as_fd()), Ok(0));
        assert!(unread_by_peer(std::fs::File::open("/dev/null").unwrap().as_fd()).is_err());
    }
}
