//! What hosts decide, whoever's app they call: cases of the suite that fail through them, those that hold for one reason together.
//!
//! Next: `requests.rs`.

mod answers;
mod requests;

use rsgi_test::suite::Difference;
use rsgi_tests::marks::{Chance, Mark, chances_on, on};

use crate::table::{Between, Host};

/// All marks, in the order of what a request meets.
pub(crate) const MARKS: [&[Mark]; 2] = [requests::MARKS, answers::MARKS];

/// The marks and the chances of a host.
pub(crate) fn of(host: &Host) -> (Vec<Difference>, Vec<&'static Chance>) {
    let mut marks: Vec<_> = MARKS.into_iter().flat_map(|marks| on(host.marked, marks)).collect();
    if host.between == Between::Validator {
        let more = on(host.marked, VALIDATED).filter(|it| !marks.iter().any(|mark| mark.case == it.case));
        marks.extend(more.collect::<Vec<_>>());
    }
    (marks, chances_on(host.marked, CHANCES).collect())
}

/// With `wsgiref.validate` in between, besides.
const VALIDATED: &[Mark] = &[
    Mark {
        on: &["uwsgi"],
        instead: "closes where the validator raises",
        reason: "its environ holds what is no length or no path, which our app answers itself",
        cases: &[
            "equal_lengths_are_refused_or_one",
            "lengths_that_differ_are_refused",
            "the_asterisk_is_for_options_alone",
        ],
    },
    Mark {
        on: &[],
        instead: VALIDATOR_RAISES,
        reason: ITS_PATH_INFO,
        cases: &["options_asterisk_is_the_asterisk"],
    },
    Mark {
        on: &["gunicorn_sync", "gunicorn_gthread", "gunicorn_gevent", "uwsgi", "waitress"],
        instead: VALIDATOR_RAISES,
        reason: ITS_PATH_INFO,
        cases: &["an_authority_says_the_host_and_overrides_the_field", "connect_gives_the_authority"],
    },
];

const VALIDATOR_RAISES: &str = "puts what is no path into `PATH_INFO`, and the validator raises";
const ITS_PATH_INFO: &str = "the environ of `OPTIONS *` and of CONNECT is its own";

/// Cases that pass or not, as the packets fall.
pub(crate) const CHANCES: &[Chance] = &[
    Chance {
        on: &["gunicorn_sync", "gunicorn_gthread", "gunicorn_gevent"],
        reason: "it closes behind an answer that came before the end of its request",
        says: &["Closed after", "Reset after", "Broken pipe", "not connected"],
        cases: &["an_answer_reaches_a_client_that_is_still_sending"],
    },
    Chance {
        on: &["mod_wsgi"],
        reason: "Apache takes what it reads of a broken request line for HTTP/0.9, if it has come in one piece",
        says: &["a request reached the app"],
        cases: &["a_fragment_never_reaches_the_app"],
    },
    Chance {
        on: &["uwsgi"],
        reason: "it closes where content was left unread, and an answer that isn't read by then may be lost",
        says: &["Closed", "Reset", "Broken pipe", "body() == &content"],
        cases: &[
            "a_blocking_body_may_read_the_input",
            "a_body_left_unread_does_not_disturb_the_next_request",
            "what_an_app_leaves_of_a_body_is_no_ones",
        ],
    },
    Chance {
        on: &["uwsgi"],
        reason: "its router takes a client that has sent its last byte for one that left, unless the answer is under way by then",
        says: &["the app told `dropped`"],
        cases: &["a_half_close_behind_the_request_breaks_no_kind_of_body_silently"],
    },
];
