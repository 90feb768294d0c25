//! [`Event`]: all that can happen to the master, told to the fleet by the loop.
//!
//! The loop owes the fleet an order: first signals (so that workers which the same terminal interrupted aren't replaced), then
//! every other fact it has (what said ready, what was reaped, commands), then, when the deadline has come, a [`Event::Seen`] of
//! every slot and a [`Event::Tick`]. Clocks judge at ticks only, so a worker that said ready before its limit is never killed
//! because the master read late.

use std::fmt;

use nix::sys::signal::Signal;

use super::action::HookPoint;
use super::member::SlotId;
use super::rules::Rules;
use crate::clock::Millis;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The listeners are open: the first workers may be forked.
    Started,
    /// What [`super::Action::Fork`] asked for is running.
    Forked { slot: SlotId, pid: u32 },
    /// It couldn't be forked; the slot is free again.
    ForkFailed { slot: SlotId, errno: i32 },
    /// The worker accepts.
    Ready { slot: SlotId },
    /// The worker was reaped; its slot is free after this.
    Exited { slot: SlotId, death: Death },
    /// What the page says of a worker.
    Seen(Seen),
    /// The master got a signal. Signals of a kind that come before the loop looks are one: the kernel keeps no count.
    Signal(Sig),
    /// Somebody asked over the control socket.
    Command { command: Command, reply: ReplyId },
    /// The settings were read again, and are good.
    SettingsLoaded {
        rules: Box<Rules>,
        /// They name an address that isn't bound yet, or no longer name one that is.
        rebind: bool,
    },
    /// The settings were read again, and are wrong.
    SettingsBroken { reason: String },
    /// The listeners of the new settings are open, beside the old ones.
    ListenersOpened,
    /// One couldn't be opened; none was.
    ListenersFailed { reason: String },
    /// The new binary has booted a worker on our listeners.
    BinaryReady,
    /// It couldn't be run, or its worker failed.
    BinaryFailed { reason: String },
    /// `exec` returned: this image goes on.
    ExecFailed { reason: String },
    /// The second master of the dance of two is running.
    SuccessorStarted { pid: u32 },
    /// It has ended, or couldn't be started.
    SuccessorGone { reason: String },
    /// The master that started this one is gone.
    PredecessorGone,
    /// So many connections wait in the listeners' queues.
    Queued { waiting: u64 },
    /// Nobody accepts on one of the sockets, of which each worker has its own.
    SocketVacant,
    /// A hook of the user's panicked.
    HookPanicked { point: HookPoint, message: String },
    /// A child that is no worker was reaped (as PID 1 one gets everybody's orphans).
    Stranger { pid: u32 },
    /// The deadline has come.
    Tick,
}

/// A signal, by the name that the log gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Sig {
    Hup,
    Int,
    Quit,
    Term,
    Usr1,
    Usr2,
    Winch,
    Ttin,
    Ttou,
    Abrt,
    Kill,
}

impl fmt::Display for Sig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hup => "hup",
            Self::Int => "int",
            Self::Quit => "quit",
            Self::Term => "term",
            Self::Usr1 => "usr1",
            Self::Usr2 => "usr2",
            Self::Winch => "winch",
            Self::Ttin => "ttin",
            Self::Ttou => "ttou",
            Self::Abrt => "abrt",
            Self::Kill => "kill",
        })
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    /// By itself.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

impl Status {
    /// Whether SIGKILL did it.
    pub(super) fn is_kill(self) -> bool {
        self == Self::Signal(Signal::SIGKILL as i32)
    }

    /// Whether SIGTERM did it.
    pub(super) fn is_term(self) -> bool {
        self == Self::Signal(Signal::SIGTERM as i32)
    }
}

/// `exited with code 1`, `was sent SIGKILL`.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(number) => match Signal::try_from(number) {
                Ok(signal) => write!(f, "was sent {}", signal.as_str()),
                Err(_) => write!(f, "was sent signal {number}"),
            },
        }
    }
}

/// What is known of a worker's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Death {
    /// How it ended.
    pub(crate) status: Status,
    /// What it said on its pipe before: the factory's error.
    pub(crate) reason: Option<String>,
    /// The requests that its slot still holds.
    pub(crate) in_hand: Vec<InHand>,
}

/// A request that a worker was answering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InHand {
    pub(crate) started: Millis,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) peer: String,
    pub(crate) id: String,
}

/// What the page says of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) slot: SlotId,
    /// Its last sign of life.
    pub(crate) heartbeat: Millis,
    /// How many requests it is answering.
    pub(crate) busy: u32,
    /// The one it has been answering longest.
    pub(crate) oldest: Option<InHand>,
    /// Its memory, in bytes.
    pub(crate) rss: u64,
    /// How many it has answered.
    pub(crate) requests: u64,
}

/// What can be asked over the control socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// A line a worker.
    Show,
    /// So many workers from now on (TTIN and TTOU).
    Scale(usize),
    /// As HUP.
    Reload,
    /// Readiness says no, then the workers leave; the master stays (WINCH, but in the foreground too).
    Drain,
    /// As USR2.
    Upgrade,
    /// As TERM.
    Stop,
    /// As USR1.
    Reopen,
}

/// Whom an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ReplyId(pub(crate) u64);
