//! Whose name counts, and where it is found.

use std::collections::HashSet;

use rsgi_core::http::{HeaderName, StatusCode};
use rsgi_core::{Environ, Middleware, StartResponse, app_fn};
use rsgi_test::Client;

use super::{CurrentRequestId, RequestId};

/// An app that tells the name it found, and what the request's own field says.
fn client(settings: RequestId) -> Client {
    let app = app_fn(|environ: Environ, start_response: StartResponse| async move {
        let id = environ.get::<CurrentRequestId>().ok_or("no name")?.to_string();
        let field = environ.header("x-request-id").unwrap_or("none").to_owned();
        Ok(start_response.status(StatusCode::OK).body(format!("{id} {field}")))
    });
    Client::new(settings.wrap(app))
}

#[test]
fn each_request_has_a_name_of_its_own_that_the_answer_bears() {
    let client = client(RequestId::new());
    let mut seen = HashSet::new();
    for _ in 0..3 {
        let answer = client.get("/").answer();
        let id = answer.field("x-request-id").unwrap().to_owned();
        assert_eq!(answer.text(), format!("{id} {id}"));
        let prefix = id.split('-').next().unwrap().to_owned();
        assert_eq!(prefix.len(), 16);
        assert!(seen.insert(id), "{seen:?}");
    }
    let prefixes: HashSet<_> = seen.iter().map(|id| &id[..16]).collect();
    assert_eq!(prefixes.len(), 1, "one for a process: {seen:?}");
}

#[test]
fn an_incoming_name_is_replaced_unless_it_is_to_be_kept() {
    let forged = |client: &Client| {
        client.get("/").header("x-request-id", "from-outside").answer().text() == "from-outside from-outside"
    };
    assert!(!forged(&client(RequestId::new())));
    assert!(forged(&client(RequestId::new().keep_incoming())));
}

#[test]
fn an_incoming_name_that_is_none_is_replaced() {
    let client = client(RequestId::new().keep_incoming());
    let long = "a".repeat(128);
    assert!(client.get("/").header("x-request-id", &long).answer().text().starts_with(&long));
    for bad in ["", "a b", "a\"b", "a;b", "ä", &"a".repeat(129)] {
        let answer = client.get("/").header("x-request-id", bad).answer();
        let id = answer.field("x-request-id").unwrap();
        assert!(id != bad && !id.is_empty(), "{bad:?}");
    }
    let two = client.get("/").header("x-request-id", "a").header("x-request-id", "b").answer();
    assert_ne!(two.field("x-request-id"), Some("a"));
    assert_eq!(two.all("x-request-id").len(), 1);
}

#[test]
fn field_answer_and_maker_can_be_chosen() {
    let settings = RequestId::new().field(HeaderName::from_static("x-trace")).made_by(|_| "own-1".into());
    let answer = client(settings.clone()).get("/").answer();
    assert_eq!((answer.field("x-trace"), answer.text()), (Some("own-1"), "own-1 none"));
    assert_eq!(client(settings.silent()).get("/").answer().field("x-trace"), None);
    let broken = client(RequestId::new().made_by(|_| "a\r\nb".into())).get("/").answer();
    assert_eq!(broken.field("x-request-id").map(|id| id.split('-').count()), Some(3));
}
