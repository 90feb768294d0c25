//! What workers and the master say by a slot, and which pages are adopted. Between processes: `tests/processes/`.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use rustix::fs::MemfdFlags;
use rustix::process::Pid;

use super::layout::{SLOT_WORDS, VERSION, header};
use super::{AdoptError, Facts, Note, Page, Reading, Slot, State, Wanted};
use crate::clock::Millis;
use crate::fleet::{Generation, SlotId};

fn words(value: u64) -> Box<[AtomicU64; SLOT_WORDS]> {
    Box::new(std::array::from_fn(|_| AtomicU64::new(value)))
}

fn ping() -> Note<'static> {
    Note { started: Millis(7), method: "GET", target: "/", peer: "unix", request: "1" }
}

#[test]
fn a_worker_tells_its_life_and_its_work() {
    let words = words(0);
    let slot = Slot::new(&words);
    assert_eq!(slot.facts(), Facts::default());
    slot.prepare(Generation(3), Millis(100));
    assert_eq!((slot.state(), slot.heartbeat()), (State::Booting, Millis(100)));
    slot.set_pid(Pid::from_raw(4711).unwrap());
    slot.set_ready(Millis(150));
    slot.connection_began();
    let noted = slot.request_began(&ping());
    assert_eq!((slot.facts().busy, slot.oldest()), (1, Some(Millis(7))));
    slot.request_ended(noted, 404, 12, Duration::from_micros(90));
    slot.set_memory(5000);
    slot.set_memory(4000);
    let facts = slot.facts();
    assert_eq!((facts.pid, facts.generation, facts.booted), (Some(4711), 3, Millis(150)));
    assert_eq!((facts.requests, facts.busy, facts.accepted, facts.connections), (1, 0, 1, 1));
    assert_eq!((facts.statuses, facts.bytes), ([0, 0, 0, 1, 0], 12));
    assert_eq!((facts.memory, facts.peak_memory), (4000, 5000));
    assert_eq!((facts.latencies.total(), slot.oldest()), (1, None));
    slot.connection_ended();
    assert_eq!(slot.facts().connections, 0);
}

#[test]
fn a_weaker_order_never_takes_back_a_stronger_one() {
    let words = words(0);
    let slot = Slot::new(&words);
    let orders = [Wanted::Leave, Wanted::Quick, Wanted::Stop, Wanted::Serve];
    let found: Vec<_> = orders
        .map(|order| {
            slot.give(order);
            slot.wanted()
        })
        .into();
    assert_eq!(found, [Wanted::Leave, Wanted::Quick, Wanted::Quick, Wanted::Quick]);
}

#[test]
fn each_wish_to_reopen_logs_is_seen_though_an_order_stands() {
    let words = words(0);
    let slot = Slot::new(&words);
    slot.give(Wanted::Leave);
    slot.ask_to_reopen();
    assert_eq!((slot.wanted(), slot.reopens()), (Wanted::Leave, 1));
}

#[test]
fn a_new_worker_inherits_nothing_of_a_dead_one() {
    let words = words(0);
    let slot = Slot::new(&words);
    slot.prepare(Generation(1), Millis(1));
    slot.give(Wanted::Quick);
    std::mem::forget(slot.request_began(&ping()));
    slot.begin_note_and_die();
    slot.prepare(Generation(2), Millis(2));
    assert_eq!((slot.wanted(), slot.facts().busy, slot.facts().generation), (Wanted::Serve, 0, 2));
    assert!(slot.in_hand().all(|reading| reading == Reading::Free));
}

#[test]
fn any_content_is_read_as_something() {
    for value in [u64::MAX, 1 << 63, 0x8000_0000, 6] {
        let words = words(value);
        let facts = Slot::new(&words).facts();
        assert_eq!(facts.state, State::Free);
        assert!(facts.pid.is_none_or(|pid| pid > 0));
    }
}

/// A page of a test's own.
fn page(slots: u16) -> Page {
    Page::create(slots, Pid::INIT, Millis(42)).unwrap()
}

#[test]
fn a_page_is_the_same_for_who_adopts_it() {
    let made = page(3);
    made.slot(SlotId(2)).unwrap().prepare(Generation(9), Millis(50));
    let adopted = Page::adopt(made.file.try_clone().unwrap()).unwrap();
    assert_eq!((adopted.capacity(), adopted.started(), adopted.master()), (3, Millis(42), Some(Pid::INIT)));
    assert_eq!(adopted.slot(SlotId(2)).unwrap().facts().generation, 9);
    adopted.slot(SlotId(0)).unwrap().give(Wanted::Stop);
    assert_eq!(made.slot(SlotId(0)).unwrap().wanted(), Wanted::Stop);
    assert_eq!(made.slots().count(), 3);
}

#[test]
fn there_is_no_slot_beyond_the_last_one_whatever_the_header_says() {
    let page = page(2);
    page.set(header::SLOTS, 60_000);
    assert!(page.slot(SlotId(1)).is_some());
    assert!(page.slot(SlotId(2)).is_none());
    // And who adopts it now finds that the file is too small for that.
    let adopted = Page::adopt(page.file.try_clone().unwrap());
    assert!(matches!(adopted, Err(AdoptError::NoPage)), "{adopted:?}");
}

#[test]
fn nobody_can_shrink_it() {
    let page = page(1);
    assert!(rustix::fs::ftruncate(&page.file, 0).is_err());
}

#[test]
fn what_is_no_page_or_of_another_layout_is_not_adopted() {
    let file = std::fs::File::open("/dev/null").unwrap();
    assert!(matches!(Page::adopt(file.into()), Err(AdoptError::NoPage | AdoptError::Io(_))));
    let unsealed = rustix::fs::memfd_create("test", MemfdFlags::CLOEXEC).unwrap();
    rustix::fs::ftruncate(&unsealed, 1 << 20).unwrap();
    assert!(matches!(Page::adopt(unsealed), Err(AdoptError::NoPage)));
    let later = page(1);
    later.set(header::VERSION, VERSION + 1);
    let error = Page::adopt(later.file.try_clone().unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("the page has layout 2"), "{error}");
    let other = page(1);
    other.set(header::MAGIC, 0);
    assert!(matches!(Page::adopt(other.file.try_clone().unwrap()), Err(AdoptError::NoPage)));
}

#[test]
fn slots_do_not_overlap() {
    let page = page(2);
    page.slot(SlotId(0)).unwrap().prepare(Generation(1), Millis(1));
    page.slot(SlotId(1)).unwrap().prepare(Generation(2), Millis(2));
    page.slot(SlotId(1)).unwrap().release();
    assert_eq!(page.slot(SlotId(0)).unwrap().facts().generation, 1);
    assert_eq!(page.started(), Millis(42));
}
