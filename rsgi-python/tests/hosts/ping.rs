//! The example, and what a host says of a module that can't be loaded.

use rsgi_test::wire::{RawClient, bytes};

use crate::standing::Standing;
use crate::table::{Host, gunicorn_gevent, gunicorn_gthread, gunicorn_sync};

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

/// Not asked of the others: uWSGI does so if its end comes while it waits, and with a master never; Waitress dies of SIGTERM.
#[test]
fn an_app_is_stopped_with_its_host() {
    for host in [gunicorn_sync, gunicorn_gthread, gunicorn_gevent] {
        stopped_with(&host);
    }
}

fn stopped_with(host: &Host) {
    let Some(mut standing) = Standing::of(host, "probe") else { return };
    let mut client = RawClient::tcp(standing.address);
    client.ask(bytes::request("GET", "/", &[("rsgi-case", "*server"), ("connection", "close")], b""));
    let said = standing.end();
    assert!(said.contains("the probe is stopped"), "{}:\n{said}", host.name);
}
