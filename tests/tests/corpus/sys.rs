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
