//! shuttle over the whole engine: real workers, a real watchdog, a scripted poller, many schedules.
//!
//! Too large for loom, which would have to try every one. shuttle takes every atomic access as sequentially consistent;
//! what weaker orders allow is `pieces.rs`'s matter.
//!
//! Each test runs until all that was sent has been handled and then stops the engine; what is lost shows as a deadlock
//! or as an execution without end.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Runner, thread};

use super::locks::{Condvar, Mutex};
use super::poller::happen;
use crate::clock::Millis;
use crate::control::{Events, Key};
use crate::engine::{Core, Exits};
use crate::hub::Hub;
use crate::next::Interest;
use crate::table::Table;
use crate::{Accepted, Config, ConnWaker, Engine, Handle, Next, Opened, Protocol, Readiness, Stream, Turn};

/// What a handler does with connection 0 before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    /// Nothing special.
    Runs,
    /// Blocks until another connection was run.
    WaitsForARun,
    /// Blocks until another connection was found ready.
    WaitsForAReady,
}

/// Takes out of each connection's inbox what was put there.
#[derive(Debug)]
struct Mill {
    first: First,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    inbox: Vec<usize>,
    handled: usize,
    /// Whom a thread has right now.
    held: Vec<bool>,
    others_ready: usize,
    others_run: usize,
    /// Connections end with what they are told next.
    over: bool,
}

impl Mill {
    fn new(first: First, connections: usize) -> Arc<Self> {
        let state = State { inbox: vec![0; connections], held: vec![false; connections], ..State::default() };
        Arc::new(Self { first, state: Mutex::new(state), changed: Condvar::default() })
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
        result
    }

    fn wait(&self, until: impl Fn(&State) -> bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !until(&state) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Protocol for Mill {
    type Connection = usize;
    type Shared = ();
    type Scratch = ();

    fn scratch(&self) {}

    fn accepted(&self, _: Stream, _: &Accepted, _: ConnWaker) -> Option<Opened<Self>> {
        None
    }

    fn ready(&self, number: &mut usize, _: Readiness, _: &mut Turn<'_, Self>) -> Next {
        self.change(|state| state.others_ready += usize::from(*number != 0));
        Next::Run
    }

    fn run(&self, number: &mut usize, _: &mut Turn<'_, Self>) -> Next {
        self.change(|state| {
            assert!(!std::mem::replace(&mut state.held[*number], true), "two threads have one connection");
            state.others_run += usize::from(*number != 0);
            state.handled += std::mem::take(&mut state.inbox[*number]);
        });
        match self.first {
            First::WaitsForARun if *number == 0 => self.wait(|state| state.others_run > 0),
            First::WaitsForAReady if *number == 0 => self.wait(|state| state.others_ready > 0),
            _ => {}
        }
        let over = self.change(|state| {
            state.held[*number] = false;
            state.over
        });
        if over { Next::Close } else { Next::read(None) }
    }

    fn timeout(&self, _: &mut usize, _: &mut Turn<'_, Self>) -> Next {
        Next::Close
    }
}

/// An engine without listeners, with so many connections that wait to read.
fn engine(mill: &Arc<Mill>, threads: usize, connections: u32) -> (Engine<Mill>, Arc<Hub>) {
    let config = Config::default().threads(threads).connections(connections as usize).tick(Duration::ZERO);
    let hub = Arc::new(Hub::new(&config, 0).unwrap());
    let core = Core {
        protocol: Arc::clone(mill),
        hub: Arc::clone(&hub),
        cells: Table::new(config.connections),
        gates: Box::default(),
        exits: Arc::<Exits>::default(),
    };
    for index in 0..connections {
        let slot = hub.slots.take().unwrap();
        assert_eq!(slot, index);
        let control = hub.controls.make(index).unwrap();
        let key = Key { index, generation: control.occupy() };
        *core.cells.make(index).unwrap().connection() = Some(index as usize);
        hub.rest(control, key, Interest::READ, Millis::NEVER);
    }
    (Engine { core: Arc::new(core), config }, hub)
}

/// Serves until everything sent, by the poller and by wakers, was handled; then the engine is told to end.
fn serve(first: First, threads: usize, connections: u32, rounds: usize, ending: Ending) {
    let mill = Mill::new(first, connections as usize);
    let (engine, hub) = engine(&mill, threads, connections);
    let handle = engine.handle();
    let server = thread::spawn(move || engine.serve().unwrap());
    let waker = thread::spawn({
        let (mill, hub) = (Arc::clone(&mill), Arc::clone(&hub));
        move || {
            let last = connections - 1;
            mill.change(|state| state.inbox[last as usize] += 1);
            ConnWaker::new(hub, Key { index: last, generation: 0 }).wake();
        }
    });
    for _ in 0..rounds {
        for index in 0..connections {
            mill.change(|state| state.inbox[index as usize] += 1);
            happen(&hub, Key { index, generation: 0 }, Events::READ);
        }
    }
    waker.join().unwrap();
    let sent = rounds * connections as usize + 1;
    mill.wait(|state| state.handled == sent);
    end(&handle, ending);
    if matches!(ending, Ending::Leave) {
        for index in 0..connections {
            mill.change(|state| state.over = true);
            happen(&hub, Key { index, generation: 0 }, Events::READ);
        }
    }
    let report = server.join().unwrap();
    assert_eq!(report.busy_threads, 0, "a thread was not told of the end");
}

/// How an engine is told to end.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Stop,
    Drain,
    /// It leaves, and its last connection goes later.
    Leave,
}

fn end(handle: &Handle, ending: Ending) {
    match ending {
        Ending::Stop => handle.stop(),
        Ending::Drain => handle.graceful(Duration::from_hours(1)),
        Ending::Leave => handle.leave(Duration::from_hours(1)),
    }
}

/// Tries so many random schedules, and as many with few but nasty switches.
fn explore(body: impl Fn() + Send + Sync + Copy + 'static) {
    let schedules = std::env::var("SCHEDULES").ok().and_then(|text| text.parse().ok()).unwrap_or(SCHEDULES);
    Runner::new(RandomScheduler::new(schedules), shuttle::Config::default()).run(body);
    Runner::new(PctScheduler::new(3, schedules), shuttle::Config::default()).run(body);
}

#[test]
fn everything_that_is_sent_is_handled_and_a_stop_ends_everyone() {
    explore(|| serve(First::Runs, 2, 2, 2, Ending::Stop));
}

#[test]
fn a_blocked_handler_holds_up_nobody_behind_it_in_the_batch() {
    explore(|| serve(First::WaitsForARun, 2, 2, 1, Ending::Stop));
}

#[test]
fn the_watchdog_stands_in_while_the_only_thread_is_blocked() {
    explore(|| serve(First::WaitsForAReady, 1, 2, 1, Ending::Stop));
}

#[test]
fn a_graceful_shutdown_ends_when_the_last_connection_has_drained() {
    explore(|| serve(First::WaitsForAReady, 1, 2, 1, Ending::Drain));
}

#[test]
fn who_leaves_ends_when_the_last_connection_has_gone() {
    explore(|| serve(First::WaitsForAReady, 1, 2, 1, Ending::Leave));
}

#[test]
fn three_threads_share_three_connections() {
    explore(|| serve(First::WaitsForARun, 3, 3, 1, Ending::Stop));
}

/// How many schedules a test tries, of each kind; the environment's `SCHEDULES` overrides it.
const SCHEDULES: usize = 150;
