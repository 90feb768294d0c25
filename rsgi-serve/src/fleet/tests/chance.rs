//! What holds whatever happens, in whatever order: random events at random times, and after every turn a look at who is there.
//!
//! - Nobody is asked for twice, spoken to when dead, or left behind at the exit (`World` panics).
//! - Never more stand than are wanted and a batch.
//! - Never does the fleet itself take so many away that fewer than wanted are ready: only deaths do.
//! - When the troubles end, as many are ready as are wanted, and nobody else is there.
//! - A stop ends, and every command is answered exactly once.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};

use super::world::{Nature, Process, Watch, World, workers};
use crate::fleet::{Action, Command, Event, Fleet, ReplyId, Rules, Sig, SlotId, Status};

#[derive(Clone, Copy, Debug)]
enum Step {
    Signal(Sig),
    Command(Command),
    Kill(usize),
    Mute(usize),
    Wear(usize),
    Busy(usize),
    Forks(bool),
    Pause(u64),
    Settings { workers: usize, batch: Option<usize>, rebind: bool },
    Broken,
    Newcomers(Nature),
    Binary(bool),
}

fn nature() -> impl Strategy<Value = Nature> {
    let dies =
        option::weighted(0.3, (1_u64..40_000, prop_oneof![Just(Status::Code(4)), Just(Status::Signal(11))]));
    (prop_oneof![4 => 1_u64..200, 1 => 200_u64..40_000], dies, 0_u64..40_000, any::<bool>())
        .prop_map(|(boots, dies, finishes, deaf)| Nature { boots, dies, finishes, deaf, immortal: false })
}

fn step() -> impl Strategy<Value = Step> {
    let signal = prop_oneof![
        2 => Just(Sig::Ttin),
        2 => Just(Sig::Ttou),
        3 => Just(Sig::Hup),
        1 => Just(Sig::Usr1),
        2 => Just(Sig::Usr2),
        1 => Just(Sig::Winch),
    ];
    let command = prop_oneof![
        Just(Command::Show),
        (0_usize..12).prop_map(Command::Scale),
        Just(Command::Reload),
        Just(Command::Drain),
        Just(Command::Upgrade),
        Just(Command::Reopen),
    ];
    prop_oneof![
        6 => signal.prop_map(Step::Signal),
        4 => command.prop_map(Step::Command),
        3 => any::<usize>().prop_map(Step::Kill),
        2 => any::<usize>().prop_map(Step::Mute),
        3 => any::<usize>().prop_map(Step::Wear),
        1 => any::<usize>().prop_map(Step::Busy),
        1 => any::<bool>().prop_map(Step::Forks),
        1 => (1_u64..3_600_000).prop_map(Step::Pause),
        2 => (1_usize..8, option::of(1_usize..5), any::<bool>())
            .prop_map(|(workers, batch, rebind)| Step::Settings { workers, batch, rebind }),
        1 => Just(Step::Broken),
        4 => nature().prop_map(Step::Newcomers),
        3 => any::<bool>().prop_map(Step::Binary),
    ]
}

fn rules(workers_wanted: usize, batch: Option<usize>) -> Rules {
    Rules {
        reload_batch: batch,
        max_requests: 1000,
        max_requests_jitter: 100,
        request: Duration::from_secs(20),
        drain_delay: Duration::from_secs(2),
        daemon: true,
        ..workers(workers_wanted)
    }
}

/// What must hold after every turn.
fn watch() -> Watch {
    let mut before: BTreeMap<u32, bool> = BTreeMap::new();
    Box::new(move |fleet: &Fleet, processes| {
        let after: BTreeMap<u32, bool> =
            processes.values().map(|process| (process.pid, process.serves())).collect();
        let condemned =
            |pid: &u32| processes.values().any(|process| process.pid == *pid && process.condemned);
        let died = before.iter().any(|(pid, served)| *served && (!after.contains_key(pid) || condemned(pid)));
        let count = |all: &BTreeMap<u32, bool>| all.values().filter(|served| **served).count();
        if !fleet.is_stopping() && !died {
            let (had, has) = (count(&before), count(&after));
            let least = had.min(fleet.target());
            assert!(has >= least, "{had} served, {has} do, {} are wanted", fleet.target());
        }
        let plan = fleet.plan();
        // One whose fork isn't reported yet is told to go when it is.
        let known: Vec<u32> = fleet.view().workers.iter().map(|worker| worker.pid).collect();
        let stands = |process: &&Process| process.stands() && known.contains(&process.pid);
        let standing = processes.values().filter(stands).count();
        let changing = fleet.is_stopping() || fleet.view().state == "upgrading";
        let most = plan.floor + plan.batch;
        assert!(changing || standing <= most, "{standing} stand, {most} may");
        before = after;
    })
}

/// One that is there, by a number that may be anything.
fn somebody(world: &World, number: usize) -> Option<SlotId> {
    let slots: Vec<SlotId> = world.processes.keys().copied().collect();
    (!slots.is_empty()).then(|| slots[number % slots.len()])
}

struct Trial {
    world: World,
    newcomers: Rc<Cell<Nature>>,
    rules: Rules,
    asked: u64,
    answers: BTreeMap<u64, u32>,
}

impl Trial {
    fn new() -> Self {
        let rules = rules(3, None);
        let mut world = World::up(rules.clone());
        let newcomers = Rc::new(Cell::new(Nature::default()));
        let shared = Rc::clone(&newcomers);
        world.nature = Box::new(move |_, _| shared.get());
        world.watch = watch();
        Self { world, newcomers, rules, asked: 0, answers: BTreeMap::new() }
    }

    fn step(&mut self, step: Step) {
        let world = &mut self.world;
        match step {
            Step::Signal(signal) => world.signal(signal),
            Step::Command(command) => {
                self.asked += 1;
                world.command(command, self.asked);
            }
            Step::Kill(number) => {
                if let Some(slot) = somebody(world, number) {
                    world.die(slot, Status::Signal(9));
                }
            }
            Step::Mute(number) => self.with(number, |process, now| process.silent = Some(now)),
            Step::Wear(number) => self.with(number, |process, _| process.requests = 5000),
            Step::Busy(number) => {
                self.with(number, |process, now| process.in_hand = Some(super::world::request(now)));
            }
            Step::Forks(fails) => world.fork_fails = fails,
            Step::Pause(millis) => world.pause(millis),
            Step::Settings { workers, batch, rebind } => {
                self.rules = rules(workers, batch);
                world.settings = Ok((self.rules.clone(), rebind));
            }
            Step::Broken => world.settings = Err("broken".to_owned()),
            Step::Newcomers(nature) => self.newcomers.set(nature),
            Step::Binary(true) => world.tell(Event::BinaryReady),
            Step::Binary(false) => world.tell(Event::BinaryFailed { reason: "no".to_owned() }),
        }
        self.become_another();
    }

    fn with(&mut self, number: usize, change: impl FnOnce(&mut Process, crate::clock::Millis)) {
        let now = self.world.now;
        if let Some(slot) = somebody(&self.world, number) {
            change(self.world.process(slot.0), now);
        }
    }

    /// Execs when asked to, or fails to.
    fn become_another(&mut self) {
        while self.world.is_executing() {
            let fails = self.world.now.0.is_multiple_of(3);
            self.count_answers(!fails);
            if fails {
                self.world.tell(Event::ExecFailed { reason: "no".to_owned() });
            } else {
                self.world.exec(self.rules.clone());
            }
        }
    }

    fn run(&mut self, millis: u64) {
        let end = self.world.now.0 + millis;
        loop {
            self.world.run(end.saturating_sub(self.world.now.0));
            if !self.world.is_executing() {
                return;
            }
            self.become_another();
        }
    }

    /// Whether all that are wanted are ready, nobody else is there, and nothing is going on.
    fn is_settled(&self) -> bool {
        let target = self.world.fleet.target();
        let there = (self.world.ready(), self.world.processes.len());
        there == (target, target) && matches!(self.world.fleet.view().state, "running" | "away")
    }

    /// Another image's world forgets its actions, so they are counted before.
    fn count_answers(&mut self, now: bool) {
        for action in self.world.actions.iter().filter(|_| now) {
            if let Action::Reply { to: ReplyId(id), .. } = action {
                *self.answers.entry(*id).or_default() += 1;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_fleet_keeps_its_promises(
        steps in vec((0_u64..4_000, step()), 1..40),
        cured in any::<bool>(),
        last in prop_oneof![Just(Sig::Term), Just(Sig::Int), Just(Sig::Quit)],
    ) {
        let mut trial = Trial::new();
        for (wait, step) in steps {
            trial.step(step);
            trial.run(wait);
        }
        if cured {
            trial.world.fork_fails = false;
            trial.newcomers.set(Nature::default());
            // Deaths that are yet to come, each with the longest wait after it; then limits and reloads, one after the other.
            trial.run(180_000);
            let mut patience = 30;
            while !trial.is_settled() && patience > 0 {
                trial.run(30_000);
                patience -= 1;
            }
            trial.run(60_000);
            prop_assert!(trial.is_settled(), "{:?}", trial.world.fleet.view());
        }
        trial.world.signal(last);
        trial.run(40_000);
        prop_assert!(trial.world.exit.is_some());
        prop_assert!(trial.world.processes.is_empty());
        trial.count_answers(true);
        for id in 1..=trial.asked {
            prop_assert_eq!(trial.answers.get(&id), Some(&1), "command {}", id);
        }
    }
}
