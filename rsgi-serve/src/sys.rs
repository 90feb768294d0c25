//! All unsafe code of this crate: fork, the mapping of the shared page, descriptors by their number, the environment, dispositions
//! of signals, and the memory that a process's title is shown from.
//!
//! Not here: what nix and rustix offer as safe functions (exec, wait, masks of signals, changing users). What these functions need to be
//! sound they check themselves, so all of them are safe to call; those that need it refuse in a process with more than one thread.
//!
//! Next: `process/` and `page/`, which use them.
#![expect(unsafe_code, reason = "fork, mmap and descriptors by number have no safe form")]

use std::ffi::{CString, c_char};
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::ffi::OsStringExt as _;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::ForkResult;
use rustix::fs::SealFlags;
use rustix::io::FdFlags;
use rustix::mm::{MapFlags, ProtFlags};
use rustix::process::Pid;

use crate::process::{alone, title};

/// Which side of a fork this is.
#[derive(Debug)]
pub(crate) enum Side {
    Parent(Pid),
    Child,
}

/// Forks. Refused in a process with more than one thread: of several, only the calling one would exist in the child, and a lock that
/// another one holds would stay locked there for ever.
pub(crate) fn fork() -> io::Result<Side> {
    alone::require()?;
    // SAFETY: the process has one thread, so the child is a whole copy of it: no lock is held by a thread that isn't there, and
    // everything may be called in it.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => {
            Pid::from_raw(child.as_raw()).map(Side::Parent).ok_or_else(|| io::ErrorKind::InvalidData.into())
        }
        ForkResult::Child => Ok(Side::Child),
    }
}

/// Ends this process without running what was registered for its end: that is the other side's of a fork.
pub(crate) fn leave(code: u8) -> ! {
    // SAFETY: `_exit` has no precondition; it runs no code of this process.
    unsafe { nix::libc::_exit(code.into()) }
}

/// Memory that processes share, seen as words that are only read and written atomically.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// The beginning of a mapping of `count` words, which is unmapped on drop and nowhere else.
    start: NonNull<AtomicU64>,
    count: usize,
}

// SAFETY: the mapping belongs to the process and to no thread, and it is accessed through atomics only.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `count` words of a file in memory, which must be sealed against shrinking: a page that is cut off under a mapping
    /// kills who touches it.
    pub(crate) fn new(file: BorrowedFd<'_>, count: usize) -> io::Result<Self> {
        let length = count.checked_mul(size_of::<AtomicU64>()).ok_or(io::ErrorKind::InvalidInput)?;
        let size = usize::try_from(rustix::fs::fstat(file)?.st_size).unwrap_or_default();
        if length == 0 || size < length || !rustix::fs::fcntl_get_seals(file)?.contains(SealFlags::SHRINK) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "too small, or not sealed against shrinking",
            ));
        }
        let (access, kind) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: the kernel chooses the place, so nothing that is there already is replaced.
        let start = unsafe { rustix::mm::mmap(ptr::null_mut(), length, access, kind, file, 0) }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { start, count })
    }

    /// The words.
    pub(crate) fn words(&self) -> &[AtomicU64] {
        // SAFETY: `start` is the beginning of a mapping (so aligned to a page) of `count` words, which lives as long as `self`; the file
        // behind it can't shrink; every pattern of bits is a valid word; and nobody makes any other kind of reference to it.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.count) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let length = self.count * size_of::<AtomicU64>();
        // SAFETY: this is the whole of a mapping that `new` made, and references to it ended with the borrow of `self`. Failing, it
        // stays mapped, which does no harm.
        let _ = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), length) };
    }
}

/// Takes a descriptor that came over an exec, by its number. One that this program opened itself is refused, and so is one that was taken
/// already: both are marked to be closed on exec. Of the three standard ones, a duplicate is given.
pub(crate) fn inherited(number: RawFd) -> io::Result<OwnedFd> {
    if number < 0 {
        return Err(rustix::io::Errno::BADF.into());
    }
    // SAFETY: not -1; used in this function only, where nothing closes it; a number that isn't open gets EBADF from the first call.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    if rustix::io::fcntl_getfd(borrowed)?.contains(FdFlags::CLOEXEC) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "this program opened it itself, or has it already",
        ));
    }
    if number <= 2 {
        return Ok(rustix::io::fcntl_dupfd_cloexec(borrowed, 3)?);
    }
    rustix::io::fcntl_setfd(borrowed, FdFlags::CLOEXEC)?;
    // SAFETY: it is open, and nothing here owns it: it wasn't marked to be closed on exec, which all that this program and the standard
    // library open is. Now it is marked, so a second call refuses it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Sets a variable of this process's environment, or removes it. Refused when another thread could read it meanwhile.
pub(crate) fn set_variable(name: &str, value: Option<&str>) -> io::Result<()> {
    alone::require()?;
    match value {
        // SAFETY: there is no other thread that could read or write the environment.
        Some(value) => unsafe { std::env::set_var(name, value) },
        // SAFETY: as above.
        None => unsafe { std::env::remove_var(name) },
    }
    Ok(())
}

/// Gives a signal its default action if it is ignored (a parent's choice, such as nohup's, which fork and exec hand on); a handler stays.
pub(crate) fn stop_ignoring(signal: Signal) -> io::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default action runs no code of this process.
    let before = unsafe { sigaction(signal, &default) }?;
    if !matches!(before.handler(), SigHandler::SigDfl | SigHandler::SigIgn) {
        // SAFETY: this is the handler that was there before, put back as it was.
        unsafe { sigaction(signal, &before) }?;
    }
    Ok(())
}

/// The memory where the kernel put this process's arguments and environment, which `ps` and the like show its title from.
#[derive(Debug)]
pub(crate) struct TitleArea {
    start: NonNull<u8>,
    /// How many bytes from `start` are this area's, at least one; the last one is always zero.
    length: usize,
}

impl TitleArea {
    /// Takes the area, once in a process, with one thread only. The environment is moved out of it first; what
    /// [`std::env::args`] tells afterwards is the title, so arguments must have been read before.
    pub(crate) fn take() -> io::Result<Self> {
        alone::require()?;
        let area =
            title::area(&std::fs::read_to_string("/proc/self/stat")?).ok_or(io::ErrorKind::InvalidData)?;
        if TITLE_TAKEN.swap(true, Ordering::Relaxed) {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        move_environment();
        let start =
            NonNull::new(ptr::with_exposed_provenance_mut(area.start)).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { start, length: area.len() })
    }

    /// Writes a title, as much of it as there is room for; refused when another thread could read the arguments meanwhile.
    pub(crate) fn write(&mut self, title: &[u8]) -> io::Result<()> {
        alone::require()?;
        let shown = title.len().min(self.length - 1);
        // SAFETY: the area is `length` bytes of this process's first stack, as the kernel tells, which stays mapped and writable for its
        // life. The environment was moved out of it, no reference to it is held, there is no other thread, and `area` is the only one of
        // its kind. Who reads the arguments as strings later finds a zero at its end.
        unsafe {
            ptr::copy_nonoverlapping(title.as_ptr(), self.start.as_ptr(), shown);
            ptr::write_bytes(self.start.as_ptr().add(shown), 0, self.length - shown);
        }
        Ok(())
    }
}

static TITLE_TAKEN: AtomicBool = AtomicBool::new(false);

/// Copies the environment to memory of its own, never freed, and lets the C library look there. The caller has made sure that there is
/// one thread.
fn move_environment() {
    let lines = std::env::vars_os().filter_map(|(name, value)| {
        let mut line = name.into_vec();
        line.push(b'=');
        line.extend(value.into_vec());
        CString::new(line).ok()
    });
    let mut pointers: Vec<*const c_char> = lines.map(|line| line.into_raw().cast_const()).collect();
    pointers.push(ptr::null());
    // SAFETY: there is one thread, so nobody uses the variable now. It gets a list as the C library wants it: strings that end in a zero
    // and are never freed, and a null at the end.
    unsafe { environ = pointers.leak().as_ptr() };
}

unsafe extern "C" {
    /// POSIX's list of the environment's lines.
    static mut environ: *const *const c_char;
}
