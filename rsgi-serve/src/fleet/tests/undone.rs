//! Reloads that fail or never begin (checklist 44, 45, 46).

use super::reload::bound;
use super::world::{KILLED, Nature, World, workers};
use crate::fleet::{Action, Event, Generation, Listeners, Notice, Rules, Sig, SlotId, Status};
use crate::log::level::Level;

#[test]
fn a_broken_app_undoes_the_reload_and_the_old_serve_on_and_the_next_good_one_works() {
    let mut world = World::up(workers(3));
    let old = world.pids();
    bound(&mut world, 3, 4);
    world.nature = Box::new(|generation, _| match generation {
        Generation(2) => Nature::dying(20, Status::Code(4)),
        _ => Nature::default(),
    });
    world.signal(Sig::Hup);
    world.run(60_000);
    assert_eq!(world.pids(), old);
    assert_eq!(world.exit, None);
    assert_eq!(world.level("Reload undone"), Level::Error);
    assert_eq!(world.said("(pid:104) exited with code 4 before it was ready: no database"), 1);
    assert_eq!(world.said("its traceback"), 1);
    assert_eq!(world.fleet.counters().reloads_undone, 1);
    assert_eq!(world.notices().last(), Some(&&Notice::Ready));
    assert_eq!(world.actions.iter().filter(|action| matches!(action, Action::Settle { .. })).count(), 1);
    world.signal(Sig::Hup);
    world.run(1000);
    assert_eq!(world.generations(), [3; 3]);
}

#[test]
fn a_boot_beyond_its_limit_undoes_the_reload() {
    let mut world = World::up(workers(2));
    world.nature = Box::new(|_, _| Nature::booting(1_000_000));
    bound(&mut world, 2, 3);
    world.signal(Sig::Hup);
    world.run(31_000);
    assert_eq!(world.generations(), [1, 1]);
    assert_eq!(world.said("was not ready within the boot limit"), 1);
}

#[test]
fn a_later_batch_that_fails_brings_old_workers_back_without_a_gap() {
    let mut world = World::up(workers(4));
    bound(&mut world, 4, 5);
    world.nature = Box::new(|generation, count| match (generation, count) {
        (Generation(2), 6) => Nature::dying(20, Status::Signal(11)),
        _ => Nature::default(),
    });
    world.signal(Sig::Hup);
    world.run(2_000);
    assert_eq!(world.generations(), [1; 4]);
    assert_eq!(world.fleet.counters().reloads_undone, 1);
}

#[test]
fn a_new_worker_that_dies_soon_after_ready_undoes_the_reload() {
    let mut world = World::up(workers(3));
    world.nature = Box::new(|generation, _| match generation {
        Generation(2) => Nature { boots: 10, ..Nature::dying(15, Status::Signal(6)) },
        _ => Nature::default(),
    });
    world.signal(Sig::Hup);
    world.run(1_000);
    assert_eq!(world.generations(), [1; 3]);
    assert_eq!(world.said("was sent SIGABRT soon after it was ready"), 1);
}

#[test]
fn an_old_worker_that_dies_in_a_reload_undoes_nothing() {
    let mut world = World::up(workers(3));
    world.signal(Sig::Hup);
    world.die(SlotId(0), KILLED);
    world.run(1_000);
    assert_eq!(world.generations(), [2; 3]);
    assert_eq!(world.fleet.counters().reloads_undone, 0);
}

#[test]
fn a_broken_settings_file_changes_nothing() {
    let mut world = World::up(workers(2));
    world.settings = Err("serve.toml:3: unknown setting `wokers`".to_owned());
    let old = world.pids();
    world.signal(Sig::Hup);
    world.run(1000);
    assert_eq!(world.pids(), old);
    assert_eq!(
        world.said("Reload refused: serve.toml:3: unknown setting `wokers`. Settings and workers stay"),
        1
    );
    assert_eq!(world.fleet.counters().reloads_refused, 1);
    assert_eq!(world.notices(), [&Notice::Ready, &Notice::Reloading, &Notice::Ready]);
    world.settings = Ok((workers(2), false));
    world.signal(Sig::Hup);
    world.run(1000);
    assert_eq!(world.generations(), [2, 2]);
}

#[test]
fn an_address_that_cannot_be_had_changes_nothing() {
    let mut world = World::up(workers(2));
    world.settings = Ok((workers(2), true));
    world.listeners = Err("127.0.0.1:80: permission denied".to_owned());
    world.signal(Sig::Hup);
    world.run(1000);
    assert_eq!(world.generations(), [1, 1]);
    assert_eq!(world.said("Reload refused: 127.0.0.1:80: permission denied"), 1);
}

#[test]
fn an_undone_reload_closes_what_it_had_opened() {
    let mut world = World::up(workers(2));
    world.settings = Ok((workers(2), true));
    world.nature = Box::new(|_, _| Nature::dying(20, Status::Code(1)));
    world.signal(Sig::Hup);
    world.run(1000);
    assert_eq!(world.closed(), [Listeners::Unused]);
}

#[test]
fn a_reload_after_winch_that_fails_leaves_them_away() {
    let rules = Rules { daemon: true, ..workers(2) };
    let mut world = World::up(rules);
    world.signal(Sig::Winch);
    world.run(1000);
    world.nature = Box::new(|_, _| Nature::dying(20, Status::Code(4)));
    world.signal(Sig::Hup);
    world.run(60_000);
    assert!(world.processes.is_empty());
    assert_eq!(world.exit, None);
}

#[test]
fn answers_that_nobody_waits_for_change_nothing() {
    let mut world = World::up(workers(1));
    world.tell(Event::SettingsLoaded { rules: Box::new(workers(5)), rebind: true });
    world.tell(Event::SettingsBroken { reason: String::new() });
    world.tell(Event::ListenersOpened);
    world.tell(Event::ListenersFailed { reason: String::new() });
    world.tell(Event::BinaryReady);
    world.tell(Event::BinaryFailed { reason: String::new() });
    world.tell(Event::ExecFailed { reason: String::new() });
    world.tell(Event::SuccessorGone { reason: String::new() });
    world.tell(Event::PredecessorGone);
    world.run(1000);
    assert_eq!(world.pids(), [101]);
    assert_eq!(world.notices(), [&Notice::Ready]);
}

#[test]
fn an_undone_reload_to_another_number_comes_back_to_the_old_one() {
    for wanted in [1, 2, 6] {
        let mut world = World::up(workers(3));
        world.settings = Ok((workers(wanted), false));
        bound(&mut world, 3, 9);
        world.nature = Box::new(|generation, _| match generation {
            Generation(2) => Nature::dying(20, Status::Code(1)),
            _ => Nature::default(),
        });
        world.signal(Sig::Hup);
        world.run(1000);
        assert_eq!(world.generations(), [1; 3]);
        world.signal(Sig::Ttin);
        world.run(1000);
        assert_eq!(world.generations(), [1; 4]);
    }
}
