//! [`Action`]: all that the fleet can want done.
//!
//! The loop does them in this order, and answers with events where it is said. It decides nothing: what isn't here isn't done.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::event::{ReplyId, Sig};
use super::legacy::Legacy;
use super::lines::Line;
use super::member::{Generation, SlotId};
use crate::exit::Exit;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start a worker with the settings of that generation: answered by `Forked` or `ForkFailed`.
    Fork { slot: SlotId, generation: Generation },
    /// Give a worker an order.
    Tell { slot: SlotId, order: Order },
    /// Send a worker a signal.
    Kill { slot: SlotId, signal: Sig },
    /// Read the settings again: answered by `SettingsLoaded` or `SettingsBroken`. They wait for `Settle`.
    ReadSettings,
    /// Open what that generation's settings name and isn't open: answered by `ListenersOpened` or `ListenersFailed`.
    OpenListeners { generation: Generation },
    /// That generation's settings are in force; any others may be forgotten (pid file, title and log follow).
    Settle { generation: Generation },
    /// Close the master's own descriptors of listeners.
    CloseListeners(Listeners),
    /// Run the new binary beside this one: answered by `BinaryReady` or `BinaryFailed`.
    StartUpgradeProbe,
    /// End it: nobody waits for it any more.
    StopUpgradeProbe,
    /// Become the new binary; only a failure is answered, by `ExecFailed`.
    Exec(Box<Legacy>),
    /// Become the old binary again; only a failure is answered, by `ExecFailed`.
    ExecBack(Box<Legacy>),
    /// Close the descriptor of the old image: the new one has proved itself.
    ForgetOldImage,
    /// Start a second master on our listeners: answered by `SuccessorStarted` or `SuccessorGone`.
    StartSuccessor,
    /// Take the name and the pid file of the master that has gone, and tell the service manager who the main process is.
    Promote,
    /// Reopen the master's own log files.
    ReopenLogs,
    /// What the readiness address answers from now on.
    Readiness(bool),
    /// Write a line to the log.
    Log(Line),
    /// Tell the service manager.
    Notify(Notice),
    /// Call a hook of the user's; a panic is answered by `HookPanicked`.
    Hook(HookPoint),
    /// Answer a command.
    Reply { to: ReplyId, answer: Answer },
    /// Every worker is gone: end. Nothing follows.
    Exit(Exit),
}

/// What a worker is told. The later, the stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Reopen the log files.
    Reopen,
    /// Stop accepting; every connection gets one more answer or its keep-alive time. The service goes on elsewhere.
    Leave,
    /// Serve what is queued and running, close idle connections, end.
    Stop,
    /// End now.
    Quick,
}

/// Which listeners are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listeners {
    /// All: the service ends.
    All {
        /// Whether paths of unix sockets go too: not while another master serves on them.
        unlink: bool,
    },
    /// Those that the settings in force don't name.
    Unused,
}

/// What the service manager is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Every worker accepts; also the end of a reload.
    Ready,
    /// A reload has begun.
    Reloading,
    /// A stop has begun.
    Stopping,
    /// The master and at least one worker are well.
    Watchdog,
    /// A line for people.
    Status(String),
}

/// Where a hook of the user's is called, in the master. `Starting` comes first and `Exit` last; `PreFork` is before each fork,
/// `ChildExit` after each reaping, before its replacement's `PreFork`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HookPoint {
    /// Before the first fork.
    Starting,
    /// Once, when all workers of the first start accept.
    WhenReady,
    /// Before the settings are read again.
    Reload,
    /// Before a fork.
    PreFork { slot: SlotId, generation: Generation },
    /// A worker was reaped.
    ChildExit { slot: SlotId, generation: Generation, pid: u32 },
    /// Another number of workers is wanted.
    WorkersChanged { from: usize, to: usize },
    /// Before the new binary, or the second master, is started.
    PreExec,
    /// After the last worker was reaped.
    Exit,
}

/// By the name that it has in [`Hooks`](crate::Hooks).
impl fmt::Display for HookPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "on_starting",
            Self::WhenReady => "when_ready",
            Self::Reload => "on_reload",
            Self::PreFork { .. } => "pre_fork",
            Self::ChildExit { .. } => "child_exit",
            Self::WorkersChanged { .. } => "workers_changed",
            Self::PreExec => "pre_exec",
            Self::Exit => "on_exit",
        })
    }
}

/// The end of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What was done, and how long it took.
    Done(String),
    /// Why it wasn't.
    Refused(String),
}
