//! The program's own hooks: in which process, in which order, and what becomes of one that panics.

use crate::driving::{SERVERS, Service, command, workers_of};

#[test]
fn hooks_run_in_their_process_and_order() {
    for server in SERVERS {
        let mut service = telling(server, "none");
        let master = service.pid();
        let first = workers_of(master)[0];
        service.signal("HUP");
        service.said("Reloaded: 1 worker ready");
        service.said("hook: child_exit");
        let second = workers_of(master)[0];
        service.signal("TTIN");
        service.said("hook: post_worker_init");
        let third = workers_of(master).into_iter().find(|worker| *worker != second).unwrap();
        service.signal("USR2");
        // As many as the settings say.
        service.said("Upgraded: 1 worker ready");
        service.said("hook: child_exit");
        service.said("hook: child_exit");
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        service.silence();

        let called: Vec<_> = service.heard().iter().filter_map(|line| line.strip_prefix("hook: ")).collect();
        let place = |hook: &str, process: u32| {
            let text = format!("{hook} in {process}");
            let at = called.iter().position(|line| *line == text || line.starts_with(&format!("{text} ")));
            at.unwrap_or_else(|| panic!("no {text} in {called:#?}"))
        };
        let mut turns = vec![place("on_starting", master), place("pre_fork", master)];
        for worker in [first, second, third] {
            let life = ["post_fork", "post_worker_init", "worker_exit"].map(|hook| place(hook, worker));
            assert!(life.is_sorted(), "{called:#?}");
        }
        turns.extend([place("post_worker_init", first), place("when_ready", master)]);
        turns.extend([place("on_reload", master), place("post_fork", second), place("worker_exit", first)]);
        turns.extend([
            place("child_exit", master),
            place("workers_changed", master),
            place("post_fork", third),
        ]);
        turns.extend([place("pre_exec", master), place("on_exit", master)]);
        assert!(turns.is_sorted(), "{turns:?} {called:#?}");
        assert_eq!(turns[0], 0, "the first of all: {called:#?}");
        assert!(called.last().unwrap().starts_with("on_exit"), "{called:#?}");
        assert_eq!(called.iter().filter(|line| line.starts_with("on_starting")).count(), 1);
        assert_eq!(called.iter().filter(|line| line.starts_with("when_ready")).count(), 1);
        assert!(called.contains(&&*format!("workers_changed in {master} from 1 to 2")), "{called:#?}");
        // One for each fork, which all were followed by a worker's first act, and its end.
        let count = |hook: &str| called.iter().filter(|line| line.starts_with(hook)).count();
        for worker in [first, second, third] {
            let life = ["after_fork_in_child", "post_fork"].map(|hook| place(hook, worker));
            assert!(life.is_sorted(), "{called:#?}");
        }
        // Two of four workers are the upgrade's, which also tries the new program in a process of its own.
        let forks = ["before_fork", "after_fork_in_parent"].map(count);
        assert!(forks[0] > 4 && forks[0] == forks[1], "{called:#?}");
        assert_eq!(count("its end is known"), 4, "{called:#?}");
        assert_eq!(["pre_fork", "post_fork", "worker_exit", "child_exit"].map(count), [4; 4], "{called:#?}");
    }
}

#[test]
fn a_worker_that_is_told_to_end_at_once_calls_its_hook() {
    for server in SERVERS {
        let mut service = telling(server, "none");
        let worker = workers_of(service.pid())[0];
        service.signal("QUIT");
        service.said(&format!("hook: worker_int in {worker} for 0"));
        service.said(&format!("hook: worker_exit in {worker} for 0"));
        assert_eq!(service.code(), Some(0));
    }
}

#[test]
fn a_hook_that_panics_is_said_and_the_service_goes_on() {
    for server in SERVERS {
        for (hook, signals) in [
            ("when_ready", &[][..]),
            ("post_fork", &[]),
            ("post_worker_init", &[]),
            ("on_reload", &["HUP"]),
            ("worker_exit", &["HUP"]),
            ("child_exit", &["HUP"]),
            ("workers_changed", &["TTIN"]),
            ("pre_exec", &["USR2"]),
            ("on_exit", &["TERM"]),
            ("worker_int", &["QUIT"]),
        ] {
            let mut service = telling(server, hook);
            for signal in signals {
                service.signal(signal);
            }
            if signals.iter().all(|signal| ["HUP", "TTIN", "USR2"].contains(signal)) {
                crate::driving::until("it is said", || {
                    service.heard().iter().any(|line| line.contains(&format!("panicked: no luck in {hook}")))
                });
                service.get("/");
                service.signal("TERM");
            }
            assert_eq!(service.code(), Some(0), "{hook}");
            service.silence();
            let said = service.heard().join("\n");
            assert!(said.contains(&format!("panicked: no luck in {hook}")), "{hook}: {said}");
        }
    }
}

#[test]
fn a_hook_of_the_master_that_panics_at_the_first_start_ends_it_with_code_4() {
    for server in SERVERS {
        for hook in ["on_starting", "pre_fork"] {
            let (code, said) = Service::of(command(server, &["-w", "2"]).env("TROUBLE_HOOKS", hook)).ended();
            assert_eq!(code, Some(4), "{said}");
            assert!(said.contains(&format!("panicked: no luck in {hook}")), "{said}");
        }
    }
}

/// A service of one worker whose hooks say their names; the one of this name panics.
fn telling(server: &str, panicking: &str) -> Service {
    let mut service = Service::of(command(server, &["-w", "1"]).env("TROUBLE_HOOKS", panicking));
    service.said("1 worker ready in ");
    service
}
