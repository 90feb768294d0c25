//! All unsafe code of this crate: the start of an interpreter, the states that it keeps of threads, and forks.
//!
//! Everything else goes through PyO3's safe types.

#![expect(
    unsafe_code,
    reason = "PyO3 has no safe form of an interpreter's start, of kept thread states and of forks"
)]

use std::cell::RefCell;
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::path::Path;

use pyo3::ffi;
use pyo3::prelude::*;

/// Starts the interpreter of this process as the program `program` would, and leaves it to whoever attaches next. Without
/// signal handlers of its own: signals are the server's. Gives what the interpreter says where it can't.
pub(crate) fn initialize(program: &Path, arguments: &[CString]) -> Result<(), String> {
    use std::os::unix::ffi::OsStrExt as _;
    let program =
        CString::new(program.as_os_str().as_bytes()).map_err(|_| "a path with a zero byte".to_owned())?;
    let mut arguments: Vec<_> = arguments.iter().map(|argument| argument.as_ptr()).collect();
    let mut config = MaybeUninit::<ffi::PyConfig>::uninit();
    // SAFETY: `config` is filled by its own initializer before it is read, its strings are copied by the setters, and it is
    // cleared on each way out. Nobody else starts an interpreter: the caller holds the lock of `interpreter`.
    unsafe {
        ffi::PyConfig_InitPythonConfig(config.as_mut_ptr());
        let config = config.assume_init_mut();
        config.parse_argv = 0;
        config.install_signal_handlers = 0;
        let count = arguments.len().try_into().unwrap_or(0);
        let named = &raw mut config.program_name;
        let mut status = ffi::PyConfig_SetBytesString(config, named, program.as_ptr());
        if ffi::PyStatus_Exception(status) == 0 {
            status = ffi::PyConfig_SetBytesArgv(config, count, arguments.as_mut_ptr());
        }
        if ffi::PyStatus_Exception(status) == 0 {
            status = ffi::Py_InitializeFromConfig(config);
        }
        ffi::PyConfig_Clear(config);
        if ffi::PyStatus_Exception(status) != 0 {
            return Err(text(status.err_msg));
        }
        // Held since the start by this thread; its state stays, as that of the interpreter's main thread.
        ffi::PyEval_SaveThread();
    }
    Ok(())
}

/// Tells whether there is an interpreter in this process.
pub(crate) fn is_initialized() -> bool {
    // SAFETY: may be called at any time.
    unsafe { ffi::Py_IsInitialized() != 0 }
}

/// The `3.x` of the interpreter that is linked.
pub(crate) fn version() -> String {
    // SAFETY: may be called before the start, and gives a text that lives as long as the process.
    let whole = text(unsafe { ffi::Py_GetVersion() });
    let number = whole.split([' ', '+']).next().unwrap_or_default();
    number.split('.').take(2).collect::<Vec<_>>().join(".")
}

fn text(message: *const std::ffi::c_char) -> String {
    if message.is_null() {
        return "it said no reason".to_owned();
    }
    // SAFETY: a status's message is a literal of the interpreter's.
    unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()
}

/// What a thread that calls Python keeps until its end: without it each call would make a thread's state anew, and unmap
/// the stack of its frames again.
struct Kept(ffi::PyGILState_STATE);

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// Keeps the state that the interpreter has of the calling thread, from its first call to its end.
#[inline]
pub(crate) fn keep_thread() {
    KEPT.with(|kept| {
        if let Ok(mut kept) = kept.try_borrow_mut()
            && kept.is_none()
        {
            *kept = Some(Kept::new());
            drop(kept);
            introduce();
        }
    });
}

/// Tells Python of the calling thread, once it can: by its name, and as none that the process ends without. What an application starts
/// inherits that, and is waited for as it is under any server in Python.
#[cold]
fn introduce() {
    let introduced = Python::attach(|py| -> PyResult<()> {
        let modules = py.import("sys")?.getattr("modules")?;
        let threading = modules.call_method1("get", ("threading",))?;
        if threading.is_none() {
            return Ok(());
        }
        let own = threading.call_method0("current_thread")?;
        if own.is_instance(&threading.getattr("_DummyThread")?)? {
            own.setattr("_daemonic", false)?;
            own.setattr("name", std::thread::current().name().unwrap_or("rsgi"))?;
        }
        Ok(())
    });
    // It is how Python names them, and no more.
    let _ = introduced;
}

impl Kept {
    #[cold]
    fn new() -> Self {
        // SAFETY: the interpreter runs, as the caller is about to attach to it. The state is left detached at once, as every
        // later `PyGILState_Ensure` of this thread expects it.
        unsafe {
            let state = ffi::PyGILState_Ensure();
            if state == ffi::PyGILState_STATE::PyGILState_UNLOCKED {
                ffi::PyEval_SaveThread();
            }
            Self(state)
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.0 == ffi::PyGILState_STATE::PyGILState_LOCKED || !is_initialized() {
            return;
        }
        // SAFETY: the thread ends, so it runs no Python: `Ensure` attaches its kept state, and two releases take back what
        // `Ensure` here and `Ensure` in `new` counted, which ends the state. An interpreter that finalizes is never asked:
        // this crate finalizes none.
        unsafe {
            let _attached = ffi::PyGILState_Ensure();
            ffi::PyGILState_Release(ffi::PyGILState_STATE::PyGILState_LOCKED);
            ffi::PyGILState_Release(self.0);
        }
    }
}

/// What an interpreter is told of forks: the program's, as nothing else here forks.
#[cfg(feature = "command")]
pub(crate) mod fork {
    use pyo3::ffi;

    unsafe extern "C" {
        fn PyOS_BeforeFork();
        fn PyOS_AfterFork_Parent();
        fn PyOS_AfterFork_Child();
    }

    /// What a process with an interpreter does before it forks. The thread that forks is attached from here until
    /// [`after_in_parent`] or [`after_in_child`], which one of must follow.
    pub(crate) fn before() {
        // SAFETY: `Ensure` attaches this thread, which `PyOS_BeforeFork` wants.
        unsafe {
            ffi::PyGILState_Ensure();
            PyOS_BeforeFork();
        }
    }

    /// What the process that forked does behind it.
    pub(crate) fn after_in_parent() {
        // SAFETY: behind `before` this thread is attached; the release takes back what that counted.
        unsafe {
            PyOS_AfterFork_Parent();
            ffi::PyGILState_Release(ffi::PyGILState_STATE::PyGILState_UNLOCKED);
        }
    }

    /// What the forked process does first of all.
    pub(crate) fn after_in_child() {
        // SAFETY: the thread that forked is this process's only one, and attached since `before`.
        unsafe {
            PyOS_AfterFork_Child();
            ffi::PyGILState_Release(ffi::PyGILState_STATE::PyGILState_UNLOCKED);
        }
    }
}

/// Runs `work` attached to the interpreter; see [`crate::interpreter::attach`].
pub(crate) fn attach<T>(work: impl FnOnce(Python<'_>) -> T) -> T {
    keep_thread();
    Python::attach(work)
}

/// Opens a descriptor that Python holds once more, as a file of our own.
pub(crate) fn duplicate(number: i32) -> std::io::Result<std::fs::File> {
    use std::os::fd::BorrowedFd;
    if number < 0 {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: it is borrowed for one call alone, which fails if it isn't open; it isn't -1.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(std::fs::File::from(borrowed.try_clone_to_owned()?))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::fd::AsRawFd as _;
    use std::thread;

    use super::*;
    use crate::interpreter;

    /// The number of the state that the interpreter has of this thread.
    fn state() -> i64 {
        // SAFETY: attached, so there is a state.
        attach(|_| unsafe { ffi::PyThreadState_GetID(ffi::PyThreadState_Get()) })
    }

    /// Whether the interpreter has a state of that number.
    fn is_known(number: i64) -> bool {
        attach(|_| {
            // SAFETY: attached, so nobody changes the list meanwhile.
            unsafe {
                let mut state = ffi::PyInterpreterState_ThreadHead(ffi::PyInterpreterState_Main());
                while !state.is_null() && ffi::PyThreadState_GetID(state) != number {
                    state = ffi::PyThreadState_Next(state);
                }
                !state.is_null()
            }
        })
    }

    #[test]
    fn the_interpreter_knows_a_thread_from_its_first_call_to_its_end() {
        interpreter::start().unwrap();
        for _ in 0..8 {
            let (first, second) = thread::spawn(|| (state(), state())).join().unwrap();
            assert_eq!(first, second);
            assert!(!is_known(first));
        }
        assert!(is_known(state()));
    }

    #[test]
    fn a_descriptor_is_opened_once_more_if_it_is_open() {
        let mut text = String::new();
        let file = std::fs::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/src/sys.rs")).unwrap();
        let mut again = duplicate(file.as_raw_fd()).unwrap();
        drop(file);
        again.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("//! All unsafe code"));
        for wrong in [-1, i32::MIN, 1 << 20] {
            assert!(duplicate(wrong).is_err(), "{wrong}");
        }
    }
}
