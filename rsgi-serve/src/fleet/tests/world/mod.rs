//! [`World`]: plays processes, time and the loop for a fleet. It does what an action asks, in its order, and checks on the way
//! what must always hold: no slot is forked twice, no dead slot is spoken to, nothing follows the exit, nobody is left behind.

mod looks;
mod process;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub(super) use process::{ABORTED, KILLED, Nature, Process, request, workers};

use crate::clock::Millis;
use crate::exit::Exit;
use crate::fleet::{
    Action, Command, Death, Event, Fleet, Generation, HookPoint, Line, Order, ReplyId, Rules, Seen, Sig,
    SlotId, Status,
};

/// Looks at the fleet and at who is really there.
pub(super) type Watch = Box<dyn FnMut(&Fleet, &BTreeMap<SlotId, Process>)>;

#[derive(Clone, Copy, Debug)]
enum Happening {
    Ready(u32),
    Death(u32, Status),
}

pub(super) struct World {
    pub(super) fleet: Fleet,
    pub(super) now: Millis,
    pub(super) processes: BTreeMap<SlotId, Process>,
    /// What a new worker is like, by its generation and how many were forked before.
    pub(super) nature: Box<dyn FnMut(Generation, u32) -> Nature>,
    pub(super) settings: Result<(Rules, bool), String>,
    pub(super) listeners: Result<(), String>,
    pub(super) fork_fails: bool,
    pub(super) lines: Vec<(Millis, Line)>,
    /// All actions but forks, orders, signals, lines and hooks.
    pub(super) actions: Vec<Action>,
    pub(super) kills: Vec<(Millis, SlotId, Sig)>,
    pub(super) hooks: Vec<HookPoint>,
    pub(super) forks: u32,
    pub(super) exit: Option<Exit>,
    /// What is looked at after every turn.
    pub(super) watch: Watch,
    agenda: BTreeMap<(Millis, u32), Happening>,
    count: u32,
}

impl World {
    /// A fleet that waits, at a time that isn't zero.
    pub(super) fn new(rules: Rules) -> Self {
        Self::of(Fleet::new(rules.clone(), 32, 7), rules)
    }

    pub(super) fn of(fleet: Fleet, rules: Rules) -> Self {
        Self {
            fleet,
            now: Millis(5_000_000),
            processes: BTreeMap::new(),
            nature: Box::new(|_, _| Nature::default()),
            settings: Ok((rules, false)),
            listeners: Ok(()),
            fork_fails: false,
            lines: Vec::new(),
            actions: Vec::new(),
            kills: Vec::new(),
            hooks: Vec::new(),
            forks: 0,
            exit: None,
            watch: Box::new(|_, _| {}),
            agenda: BTreeMap::new(),
            count: 0,
        }
    }

    /// A fleet of so many that is up.
    pub(super) fn up(rules: Rules) -> Self {
        let mut world = Self::new(rules);
        world.tell(Event::Started);
        world.run(1000);
        assert_eq!(world.exit, None);
        world
    }

    /// Another image's fleet takes over this one's world.
    pub(super) fn exec(&mut self, rules: Rules) {
        let Some(Action::Exec(legacy) | Action::ExecBack(legacy)) = self.actions.pop() else {
            panic!("the last action is an exec");
        };
        let json = serde_json::to_string(&legacy).unwrap();
        let legacy = serde_json::from_str(&json).unwrap();
        self.fleet = Fleet::adopt(rules, 32, 8, legacy);
        self.actions.clear();
        self.lines.clear();
        self.tell(Event::Started);
    }

    /// Something happens, and all that follows at once.
    pub(super) fn tell(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let mut actions = Vec::new();
            self.fleet.handle(self.now, event, &mut actions);
            for action in actions {
                self.act(action, &mut events);
            }
            (self.watch)(&self.fleet, &self.processes);
        }
    }

    pub(super) fn signal(&mut self, signal: Sig) {
        self.tell(Event::Signal(signal));
    }

    pub(super) fn command(&mut self, command: Command, id: u64) {
        self.tell(Event::Command { command, reply: ReplyId(id) });
    }

    /// Whether the image is to be replaced: then `exec` or a failure is what comes next.
    pub(super) fn is_executing(&self) -> bool {
        matches!(self.actions.last(), Some(Action::Exec(_) | Action::ExecBack(_)))
    }

    /// Time goes by, until the image is replaced or has ended.
    pub(super) fn run(&mut self, millis: u64) {
        let end = self.now.plus(Duration::from_millis(millis));
        let mut turns = 0;
        while self.exit.is_none() {
            if self.is_executing() {
                return;
            }
            let happening = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let Some(next) = happening.into_iter().chain(self.fleet.next_deadline()).min() else { break };
            if next > end {
                break;
            }
            turns = if next <= self.now { turns + 1 } else { 0 };
            assert!(turns < 1000, "the fleet spins");
            self.now = self.now.max(next);
            self.turn();
        }
        self.now = end.max(self.now);
    }

    /// The master is stopped for so long; the workers are not.
    pub(super) fn pause(&mut self, millis: u64) {
        self.now = self.now.plus(Duration::from_millis(millis));
    }

    /// What the loop does when it wakes: the facts, then the page, then the tick.
    fn turn(&mut self) {
        while let Some(entry) = self.agenda.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let happening = entry.remove();
            self.happen(happening);
            // The next image hears the rest.
            if self.is_executing() {
                return;
            }
        }
        if self.fleet.next_deadline().is_none_or(|deadline| deadline > self.now) {
            return;
        }
        let seen: Vec<Seen> =
            self.processes.iter().map(|(slot, process)| self.seen(*slot, process)).collect();
        for seen in seen {
            self.tell(Event::Seen(seen));
        }
        self.tell(Event::Tick);
    }

    fn seen(&self, slot: SlotId, process: &Process) -> Seen {
        Seen {
            slot,
            heartbeat: process.silent.unwrap_or(self.now),
            busy: process.in_hand.is_some().into(),
            oldest: process.in_hand.clone(),
            rss: process.rss,
            requests: process.requests,
        }
    }

    fn happen(&mut self, happening: Happening) {
        let (Happening::Ready(pid) | Happening::Death(pid, _)) = happening;
        let Some((slot, process)) = self.processes.iter_mut().find(|(_, process)| process.pid == pid) else {
            return;
        };
        let slot = *slot;
        match happening {
            Happening::Ready(_) => {
                process.ready = true;
                self.tell(Event::Ready { slot });
            }
            Happening::Death(_, status) => self.die(slot, status),
        }
    }

    /// A worker ends, for whatever reason.
    pub(super) fn die(&mut self, slot: SlotId, status: Status) {
        let process = self.processes.remove(&slot).unwrap();
        let reason = (status == Status::Code(4)).then(|| "no database\nits traceback".to_owned());
        let death = Death { status, reason, in_hand: process.in_hand.into_iter().collect() };
        self.tell(Event::Exited { slot, death });
    }

    fn later(&mut self, millis: u64, happening: Happening) {
        self.count += 1;
        self.agenda.insert((self.now.plus(Duration::from_millis(millis)), self.count), happening);
    }

    fn act(&mut self, action: Action, events: &mut VecDeque<Event>) {
        assert_eq!(self.exit, None, "nothing follows the exit, but {action:?} does");
        match action {
            Action::Fork { slot, generation } => events.push_back(self.fork(slot, generation)),
            Action::Tell { slot, order } => self.order(slot, order),
            Action::Kill { slot, signal } => self.kill(slot, signal),
            Action::Log(line) => self.lines.push((self.now, line)),
            Action::Hook(point) => self.hooks.push(point),
            Action::ReadSettings => events.push_back(match &self.settings {
                Ok((rules, rebind)) => {
                    Event::SettingsLoaded { rules: Box::new(rules.clone()), rebind: *rebind }
                }
                Err(reason) => Event::SettingsBroken { reason: reason.clone() },
            }),
            Action::OpenListeners { .. } => {
                events.push_back(match &self.listeners {
                    Ok(()) => Event::ListenersOpened,
                    Err(reason) => Event::ListenersFailed { reason: reason.clone() },
                });
                self.actions.push(action);
            }
            Action::Exit(exit) => {
                let left = self.processes.values().filter(|process| !process.nature.immortal).count();
                assert_eq!(left, 0, "workers are left at the exit");
                self.exit = Some(exit);
            }
            other => self.actions.push(other),
        }
    }

    fn fork(&mut self, slot: SlotId, generation: Generation) -> Event {
        assert!(!self.processes.contains_key(&slot), "{slot:?} is forked twice");
        if self.fork_fails {
            return Event::ForkFailed { slot, errno: 11 };
        }
        let nature = (self.nature)(generation, self.forks);
        self.forks += 1;
        let pid = 100 + self.forks;
        self.later(nature.boots, Happening::Ready(pid));
        if let Some((after, status)) = nature.dies {
            self.later(after, Happening::Death(pid, status));
        }
        let process = Process {
            pid,
            generation,
            nature,
            ready: false,
            told: None,
            reopened: false,
            condemned: false,
            silent: None,
            requests: 0,
            rss: 0,
            in_hand: None,
        };
        self.processes.insert(slot, process);
        Event::Forked { slot, pid }
    }

    fn order(&mut self, slot: SlotId, order: Order) {
        let process =
            self.processes.get_mut(&slot).unwrap_or_else(|| panic!("{order:?} for the dead {slot:?}"));
        if order == Order::Reopen {
            process.reopened = true;
            return;
        }
        process.told = Some(order);
        if process.nature.deaf {
            return;
        }
        let after = if order == Order::Quick || !process.ready { 1 } else { process.nature.finishes };
        let pid = process.pid;
        self.later(after, Happening::Death(pid, Status::Code(0)));
    }

    fn kill(&mut self, slot: SlotId, signal: Sig) {
        let process =
            self.processes.get_mut(&slot).unwrap_or_else(|| panic!("{signal:?} for the dead {slot:?}"));
        process.condemned = true;
        self.kills.push((self.now, slot, signal));
        let (pid, nature) = (process.pid, process.nature);
        match signal {
            Sig::Kill if !nature.immortal => self.later(1, Happening::Death(pid, KILLED)),
            Sig::Abrt if !nature.deaf => self.later(1, Happening::Death(pid, ABORTED)),
            _ => {}
        }
    }
}
