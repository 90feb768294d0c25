//! The example, and what a host says of a module that can't be loaded.

use rsgi_test::wire::{RawClient, bytes};

use crate::standing::Standing;
use crate::table::{gunicorn_gevent, gunicorn_sync};

#[test]
fn the_example_answers() {
    let Some(standing) = Standing::of(&gunicorn_sync, "ping") else { return };
    let mut client = RawClient::tcp(standing.address);
    let answer = client.ask(bytes::request("GET", "/ping", &[], b""));
    assert_eq!((answer.status(), answer.text()), (200, "pong\n"));
}

#[test]
fn an_app_that_cannot_be_made_is_told_by_its_host_at_the_start() {
    // A file in the place of the folder.
    let notes = std::env::temp_dir().join(format!("rsgi-no-folder-{}", std::process::id()));
    std::fs::write(&notes, "").unwrap();
    let Some(said) = Standing::failing(&gunicorn_sync, "probe", &notes) else { return };
    std::fs::remove_file(notes).unwrap();
    let told = said.lines().find(|line| line.starts_with("ImportError: "));
    let told = told.unwrap_or_else(|| panic!("no ImportError:\n{said}"));
    assert!(told.contains("probe: the app's factory failed: "), "{told}");
}

/// Asked of one worker, which has answered: Gunicorn's can miss a signal while they start. And not of others: uWSGI does so if its end comes
/// while it waits, and with a master never; Waitress dies of SIGTERM.
#[test]
fn an_app_is_stopped_with_its_host() {
    let Some(mut standing) = Standing::of(&gunicorn_gevent, "probe") else { return };
    let mut client = RawClient::tcp(standing.address);
    client.ask(bytes::request("GET", "/", &[("rsgi-case", "*server"), ("connection", "close")], b""));
    let said = standing.end();
    assert!(said.contains("the probe is stopped"), "{said}");
}
