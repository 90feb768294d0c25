//! [`Parcel`]: what an image leaves for the one that replaces it, as a file in memory whose descriptor survives the exec.
//!
//! Not the environment: that has limits, is seen by everybody of the same user, and would be handed on to what the app starts. Sealed when
//! it is packed, so that what is read is what was written.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{MemfdFlags, SealFlags};

/// Bytes for the next image.
#[derive(Debug)]
pub(crate) struct Parcel(File);

impl Parcel {
    /// Packs bytes.
    pub(crate) fn pack(bytes: &[u8]) -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let mut file = File::from(rustix::fs::memfd_create("rsgi-parcel", flags)?);
        file.write_all(bytes)?;
        rustix::fs::fcntl_add_seals(&file, SEALS)?;
        Ok(Self(file))
    }

    /// Unpacks what the image before left; an error if it is no parcel, or larger than anything this program packs.
    pub(crate) fn unpack(descriptor: OwnedFd) -> io::Result<Vec<u8>> {
        let mut file = File::from(descriptor);
        let size = file.metadata()?.len();
        if size > MOST_BYTES || !rustix::fs::fcntl_get_seals(&file)?.contains(SEALS) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the descriptor handed over is no parcel",
            ));
        }
        // It stands where the writer left it.
        file.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl AsFd for Parcel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

const SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::WRITE);
/// The state of a thousand workers has a few hundred kilobytes.
const MOST_BYTES: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let parcel = Parcel::pack(b"state").unwrap();
        let descriptor = parcel.as_fd().try_clone_to_owned().unwrap();
        assert_eq!(Parcel::unpack(descriptor).unwrap(), b"state");
    }

    #[test]
    fn a_parcel_cannot_be_changed_and_what_is_none_is_refused() {
        let mut parcel = Parcel::pack(b"state").unwrap();
        assert!(parcel.0.write_all(b"more").is_err());
        let other = rustix::fs::memfd_create("other", MemfdFlags::CLOEXEC).unwrap();
        assert_eq!(Parcel::unpack(other).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
