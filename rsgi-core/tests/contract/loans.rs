//! Environs that are lent and come back, and those that don't.

use rsgi_core::http::Request;
use rsgi_core::{Environ, Input};

fn environ() -> Environ {
    let mut environ = Environ::for_test(Request::get("/shop/cart/7").header("x-a", "1").body(()).unwrap());
    environ.insert(String::from("a slot"));
    environ
}

#[test]
fn an_environ_that_was_lent_comes_back_with_its_slots_and_mounted_where_it_was() {
    let mut environ = environ();
    environ.mount("/shop");
    let (mut lent, loan) = environ.lend();
    lent.shift_path_info();
    lent.headers_mut().insert("x-b", "2".parse().unwrap());
    drop(lent);
    let back = loan.take().expect("it was dropped");
    assert_eq!((back.script_name(), back.path_info()), ("/shop", "/cart/7"));
    assert_eq!(back.get::<String>().map(String::as_str), Some("a slot"));
    assert_eq!(back.header("x-b"), Some("2"), "what was changed is changed");
}

#[test]
fn a_split_of_its_own_comes_back_too() {
    let mut environ = environ();
    environ.set_split("/a", "/b/c");
    let (mut lent, loan) = environ.lend();
    lent.shift_path_info();
    assert_eq!(lent.script_name(), "/a/b");
    drop(lent);
    assert_eq!(loan.take().unwrap().script_name(), "/a");
}

#[test]
fn one_that_is_still_held_or_was_taken_apart_does_not_come() {
    let (lent, loan) = environ().lend();
    assert!(loan.take().is_none());
    drop(lent);
    let (lent, loan) = environ().lend();
    drop(lent.into_request());
    assert!(loan.take().is_none());
    // A request that was turned back is the environ again.
    let (lent, loan) = environ().lend();
    drop(Environ::from_request(lent.into_request()));
    assert!(loan.take().is_some());
}

#[test]
fn loans_lie_within_each_other() {
    let (lent, outer) = environ().lend();
    let (again, inner) = lent.lend();
    drop(again);
    let lent = inner.take().expect("the inner one first");
    drop(lent);
    assert!(outer.take().is_some());
}

#[test]
fn an_inner_loan_that_nobody_asks_for_passes_the_environ_on() {
    for dropped_first in [true, false] {
        let (lent, outer) = environ().lend();
        let (again, inner) = lent.lend();
        if dropped_first {
            drop(inner);
            drop(again);
        } else {
            drop(again);
            drop(inner);
        }
        assert!(outer.take().is_some());
    }
}

#[test]
fn a_returned_environ_has_what_is_left_of_the_input() {
    let request = Request::post("/").body(Input::from_bytes("abc".into())).unwrap();
    let environ = Environ::from_request(request);
    let (mut lent, loan) = environ.lend();
    let _taken = lent.take_input();
    drop(lent);
    assert_eq!(loan.take().unwrap().input_length(), rsgi_core::InputLength::None);
}
