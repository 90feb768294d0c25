//! [`Engine`]: serves a protocol's connections on a fixed set of threads, until its handle ends it.
//!
//! It knows no protocol and no request; it brings threads and connections together.
//!
//! Invariant: `serve` returns by the graceful timeout (and a moment), even if a handler never does.
//! Read on in `worker.rs` (what a thread does), `watchdog.rs` (who sees to it), `turns.rs` (one connection's turn).

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::accept::Gate;
use crate::cells::Cell;
use crate::hub::{Hub, LISTENERS, MAX_LISTENERS, Phase};
use crate::sync::{Condvar, Mutex, thread};
use crate::table::Table;
use crate::watchdog::Watchdog;
use crate::worker::Worker;
use crate::{Address, Config, Error, Handle, Listener, Protocol, Report};

/// Serves a protocol's connections on a fixed set of threads.
///
/// # Examples
///
/// With the `Echo` of [`Protocol`]'s page:
///
/// ```no_run
/// # use rsgi_threads::{Accepted, ConnWaker, Next, Opened, Protocol, Readiness, Stream, Turn};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     type Connection = Stream; type Shared = (); type Scratch = ();
/// #     fn scratch(&self) {}
/// #     fn accepted(&self, _: Stream, _: &Accepted, _: ConnWaker) -> Option<Opened<Self>> { None }
/// #     fn ready(&self, _: &mut Stream, _: Readiness, _: &mut Turn<'_, Self>) -> Next { Next::Close }
/// #     fn run(&self, _: &mut Stream, _: &mut Turn<'_, Self>) -> Next { Next::Close }
/// #     fn timeout(&self, _: &mut Stream, _: &mut Turn<'_, Self>) -> Next { Next::Close }
/// # }
/// use std::{sync::Arc, time::Duration};
/// use rsgi_threads::{Config, Engine, Listener};
///
/// let listener = Listener::tcp("127.0.0.1:0")?;
/// let engine = Engine::new(Arc::new(Echo), vec![listener], &Config::default().threads(8))?;
/// let handle = engine.handle();
/// std::thread::spawn(move || handle.graceful(Duration::from_secs(30)));
/// let report = engine.serve()?;
/// assert_eq!(report.cut, 0);
/// # Ok::<(), rsgi_threads::Error>(())
/// ```
pub struct Engine<P: Protocol> {
    pub(crate) core: Arc<Core<P>>,
    pub(crate) config: Config,
}

impl<P: Protocol> Engine<P> {
    /// Prepares an engine; connections wait in the kernel until [`serve`](Self::serve).
    ///
    /// # Errors
    ///
    /// A setting can't work, there is no listener or more than a thousand, or the operating system grants no poller.
    pub fn new(protocol: Arc<P>, listeners: Vec<Listener>, config: &Config) -> Result<Self, Error> {
        config.check()?;
        if listeners.is_empty() || listeners.len() > MAX_LISTENERS {
            let text = format!("listeners: {} given; give from 1 to {MAX_LISTENERS}", listeners.len());
            return Err(Error::setting(text));
        }
        let mut hub =
            Hub::new(config, listeners.len()).map_err(|errno| Error::system("making a poller", errno))?;
        hub.reads_while_busy = P::READS_WHILE_BUSY;
        let core = Core {
            protocol,
            hub: Arc::new(hub),
            cells: Table::new(config.connections),
            gates: listeners.into_iter().map(Gate::new).collect(),
            exits: Arc::default(),
        };
        for (gate, index) in core.gates.iter().zip(LISTENERS..) {
            gate.open(&core.hub, index).map_err(|errno| Error::system("watching a listener", errno))?;
        }
        Ok(Self { core: Arc::new(core), config: config.clone() })
    }

    /// What ends the engine, and tells figures.
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.core.hub))
    }

    /// Where the listeners listen, in the order they were given.
    pub fn addresses(&self) -> Vec<Address> {
        self.core.gates.iter().map(|gate| gate.address().clone()).collect()
    }

    /// Serves until the handle ends it. The calling thread only waits.
    ///
    /// # Errors
    ///
    /// The operating system grants no threads; nothing was served then.
    pub fn serve(self) -> Result<Report, Error> {
        let exits = &self.core.exits;
        if let Err(error) = self.start() {
            self.core.hub.enter(Phase::Stopped);
            self.core.hub.lead.wake_all();
            return Err(Error::system(format!("starting {} threads", self.config.threads + 1), error));
        }
        let cut = exits.wait_for_end();
        let busy_threads = exits.wait_for_threads(Instant::now() + LAST_GRACE);
        self.core.close_seized();
        let accepted = self.core.hub.figures().accepted;
        Ok(Report { accepted, cut, busy_threads })
    }

    fn start(&self) -> std::io::Result<()> {
        for number in 0..self.config.threads {
            self.spawn(&number.to_string(), |core, _| {
                core.protocol.around_thread(&mut || Worker::new(core).work());
            })?;
        }
        self.spawn("watch", |core, config| {
            // Nobody waits for a watchdog that is gone.
            let _last = core.exits.end_with(&core.hub);
            core.protocol.around_thread(&mut || Watchdog::new(core, config).watch());
        })
    }

    fn spawn(&self, suffix: &str, body: fn(&Core<P>, &Config)) -> std::io::Result<()> {
        let name = format!("{}-{suffix}", self.config.thread_name);
        let (exits, core, config) =
            (Arc::clone(&self.core.exits), Arc::clone(&self.core), self.config.clone());
        exits.enter();
        let thread = thread::Builder::new().name(name).spawn(move || {
            let _leave = Guard(|| exits.leave());
            // Let go of before the leave, so that nothing of the protocol is left when all have left.
            let core = core;
            body(&core, &config);
        });
        if thread.is_err() {
            self.core.exits.leave();
        }
        thread.map(drop)
    }
}

impl<P: Protocol> fmt::Debug for Engine<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", &self.config).finish_non_exhaustive()
    }
}

/// What the threads share.
pub(crate) struct Core<P: Protocol> {
    pub(crate) protocol: Arc<P>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) cells: Table<Cell<P>>,
    pub(crate) gates: Box<[Gate]>,
    pub(crate) exits: Arc<Exits>,
}

/// Who is still there, and whether all is over.
#[derive(Debug, Default)]
pub(crate) struct Exits {
    state: Mutex<ExitState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct ExitState {
    present: usize,
    cut: Option<usize>,
}

impl Exits {
    /// Says that it is over, and how many connections were cut.
    pub(crate) fn end(&self, cut: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.cut.get_or_insert(cut);
        self.changed.notify_all();
    }

    fn enter(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).present += 1;
    }

    fn leave(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).present -= 1;
        self.changed.notify_all();
    }

    /// Ends all when the watchdog goes, whatever made it go.
    fn end_with(&self, hub: &Hub) -> impl Drop {
        Guard(|| {
            hub.enter(Phase::Stopped);
            hub.lead.wake_all();
            self.end(hub.slots.taken());
        })
    }

    fn wait_for_end(&self) -> usize {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match state.cut {
                Some(cut) => return cut,
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn wait_for_threads(&self, until: Instant) -> usize {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.present > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.present
    }
}

/// Calls something when it goes.
struct Guard<F: Fn()>(F);

impl<F: Fn()> Drop for Guard<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// How long the threads get, after everything was cut, to come out of their handlers.
const LAST_GRACE: Duration = Duration::from_millis(500);
