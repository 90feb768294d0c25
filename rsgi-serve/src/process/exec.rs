//! Replacing this process's image, with a prepared environment and the descriptors that shall live on.
//!
//! All descriptors are opened to be closed on exec; the ones named here lose that mark, and get it back if the exec fails. Signals that are
//! held back stay so, and the ones that wait go on waiting: the new image reads them.

use std::ffi::CString;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};

/// What to execute.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Image<'a> {
    /// A file by its path.
    File(&'a Path),
    /// An open file, whatever has become of its path.
    Open(BorrowedFd<'a>),
}

/// Replaces the image. Returns only if that failed.
pub(crate) fn exec(
    image: Image<'_>,
    arguments: &[CString],
    environment: &[CString],
    keep: &[BorrowedFd<'_>],
) -> io::Error {
    let failed = match mark(keep, FdFlags::empty()) {
        Ok(()) => replace(image, arguments, environment),
        Err(error) => error,
    };
    // Back to the rule, so that no later child of ours inherits them.
    let _ = mark(keep, FdFlags::CLOEXEC);
    failed
}

fn replace(image: Image<'_>, arguments: &[CString], environment: &[CString]) -> io::Error {
    let failed = match image {
        Image::File(path) => match CString::new(path.as_os_str().as_bytes()) {
            Ok(path) => nix::unistd::execve(&path, arguments, environment),
            Err(error) => return error.into(),
        },
        Image::Open(file) => nix::unistd::fexecve(file, arguments, environment),
    };
    match failed {
        Ok(never) => match never {},
        Err(error) => error.into(),
    }
}

fn mark(descriptors: &[BorrowedFd<'_>], closing: FdFlags) -> io::Result<()> {
    for descriptor in descriptors {
        let others = fcntl_getfd(descriptor)?.difference(FdFlags::CLOEXEC);
        fcntl_setfd(descriptor, others | closing)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn a_failing_exec_names_its_reason_and_takes_the_descriptors_back() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let error = exec(Image::File(Path::new("/nowhere/at/all")), &[], &[], &[file.as_fd()]);
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(fcntl_getfd(&file).unwrap().contains(FdFlags::CLOEXEC));
    }

    #[test]
    fn a_path_with_a_zero_byte_is_an_error() {
        let error = exec(Image::File(Path::new("a\0b")), &[], &[], &[]);
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
