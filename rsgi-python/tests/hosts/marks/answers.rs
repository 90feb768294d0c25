//! What hosts make of answers and of connections.
//!
//! Next: `mod.rs`, what passes by chance.

use rsgi_tests::marks::Mark;

pub(crate) const MARKS: &[Mark] = &[
    Mark {
        on: &["gunicorn_gthread", "gunicorn_gevent", "waitress", "mod_wsgi"],
        instead: "keeps or closes its connections as it likes",
        reason: "`Connection` is a hop-by-hop field, which no application may send (PEP 3333, \"Other HTTP Features\")",
        cases: &["an_http_response_is_an_answer", "the_apps_close_is_honoured"],
    },
    Mark {
        on: &["gunicorn_sync", "uwsgi", "waitress", "mod_wsgi"],
        instead: "keeps or closes its connections as it likes",
        reason: "`Connection` is a hop-by-hop field, which no application may send (PEP 3333, \"Other HTTP Features\")",
        cases: &["a_connection_is_usable_behind_every_kind_of_answer"],
    },
    Mark {
        on: &["gunicorn_gthread", "gunicorn_gevent", "waitress"],
        instead: "keeps or closes its connections as it likes",
        reason: "`Connection` is a hop-by-hop field, which no application may send (PEP 3333, \"Other HTTP Features\")",
        cases: &["the_clients_close_is_honoured"],
    },
    Mark {
        on: &["gunicorn_sync", "uwsgi", "mod_wsgi"],
        instead: "keeps or closes its connections as it likes",
        reason: "`Connection` is a hop-by-hop field, which no application may send (PEP 3333, \"Other HTTP Features\")",
        cases: &["a_failed_request_leaves_its_connection_usable"],
    },
    Mark {
        on: &["gunicorn_sync", "uwsgi", "waitress"],
        instead: "keeps or closes its connections as it likes",
        reason: "`Connection` is a hop-by-hop field, which no application may send (PEP 3333, \"Other HTTP Features\")",
        cases: &["pipelined_requests_are_answered_in_order", "statuses_without_content_have_none"],
    },
    Mark {
        on: &["gunicorn_sync", "uwsgi"],
        instead: "keeps or closes its connections as it likes",
        reason: "`Connection` is a hop-by-hop field, which no application may send (PEP 3333, \"Other HTTP Features\")",
        cases: &[
            "a_205_says_length_zero",
            "a_connection_is_kept_by_default_on_http_1_1",
            "http_1_0_is_kept_only_when_asked",
        ],
    },
    Mark {
        on: &["gunicorn_sync", "waitress"],
        instead: "keeps or closes its connections as it likes",
        reason: "`Connection` is a hop-by-hop field, which no application may send (PEP 3333, \"Other HTTP Features\")",
        cases: &["empty_pieces_send_no_chunk"],
    },
    Mark {
        on: &["uwsgi", "mod_wsgi"],
        instead: "keeps or closes its connections as it likes",
        reason: "`Connection` is a hop-by-hop field, which no application may send (PEP 3333, \"Other HTTP Features\")",
        cases: &["a_server_survives_many_failures_at_once"],
    },
    Mark {
        on: &["uwsgi"],
        instead: "keeps or closes its connections as it likes",
        reason: "`Connection` is a hop-by-hop field, which no application may send (PEP 3333, \"Other HTTP Features\")",
        cases: &["a_pipelined_answer_waits_for_the_one_before"],
    },
    Mark {
        on: &["waitress"],
        instead: "keeps or closes its connections as it likes",
        reason: "`Connection` is a hop-by-hop field, which no application may send (PEP 3333, \"Other HTTP Features\")",
        cases: &["surplus_bytes_are_not_sent_and_close_the_connection"],
    },
    Mark {
        on: &["gunicorn_sync", "gunicorn_gthread", "uwsgi", "waitress", "mod_wsgi"],
        instead: "answers 500 itself where a body breaks before its first piece",
        reason: "a head waits for the first piece (PEP 3333, \"The start_response() Callable\")",
        cases: &["an_error_right_behind_a_ready_head_leaves_the_head_on_the_wire"],
    },
    Mark {
        on: &["uwsgi", "mod_wsgi"],
        instead: "sends no head before there is content",
        reason: "it doesn't take the first call of `write` for the time to send the head, as PEP 3333 has it, where nothing is written",
        cases: &[
            "the_head_goes_out_at_once_when_the_app_asks",
            "the_head_goes_out_when_the_body_is_not_ready",
        ],
    },
    Mark {
        on: &["mod_wsgi"],
        instead: "sends no head before there is content",
        reason: "it doesn't take the first call of `write` for the time to send the head, as PEP 3333 has it, where nothing is written",
        cases: &[
            "a_mapped_piece_arrives_before_the_next_is_made",
            "a_sent_piece_arrives_before_the_next_is_made",
        ],
    },
    Mark {
        on: &[],
        instead: "ends an answer to HTTP/1.0 like a whole one where it breaks off",
        reason: "it closes the connection either way",
        cases: &["a_break_is_visible_to_http_1_0_too"],
    },
    Mark {
        on: &["uwsgi", "mod_wsgi"],
        instead: "ends an answer that breaks off like a whole one",
        reason: "an exception of an application's iterable changes nothing of how it ends the answer",
        cases: &[
            "a_panic_of_a_push_body_is_visible_behind_its_pieces",
            "a_panic_of_an_async_body_is_visible_behind_its_pieces",
            "a_panic_of_an_iterator_is_visible_behind_its_pieces",
            "an_error_of_a_push_body_is_visible_behind_its_pieces",
            "an_error_of_an_async_body_is_visible_behind_its_pieces",
            "an_error_of_an_iterator_is_visible_behind_its_pieces",
            "nothing_is_appended_to_a_broken_answer",
        ],
    },
    Mark {
        on: &["uwsgi", "waitress", "mod_wsgi"],
        instead: "doesn't let an application know that its client has gone",
        reason: "PEP 3333 has no word for it",
        cases: &[
            "a_client_with_a_pipelined_request_is_seen_to_leave",
            "a_client_with_an_unread_body_is_seen_to_leave",
            "an_async_app_is_dropped_when_its_client_resets",
            "an_async_app_is_dropped_when_its_client_vanishes_by_a_reset",
        ],
    },
    Mark {
        on: &["uwsgi", "mod_wsgi"],
        instead: "doesn't let an application know that its client has gone",
        reason: "PEP 3333 has no word for it",
        cases: &[
            "a_waiting_body_is_dropped_when_its_client_leaves",
            "an_async_app_is_dropped_when_its_client_closes",
            "an_async_app_is_dropped_when_its_client_half_closes",
            "an_async_app_is_dropped_when_its_client_vanishes",
            "the_token_outlives_the_app",
        ],
    },
    Mark {
        on: &["uwsgi"],
        instead: "doesn't let an application know that its client has gone",
        reason: "PEP 3333 has no word for it",
        cases: &["a_fin_behind_the_request_is_no_lie_in_the_outcome"],
    },
    Mark {
        on: &["gunicorn_gthread", "uwsgi", "waitress", "mod_wsgi"],
        instead: "doesn't let an application know that its client has gone while that runs",
        reason: "its thread is the application's until that returns",
        cases: &[
            "a_blocking_app_is_told_that_its_client_left",
            "a_blocking_apps_answer_to_nobody_is_not_whole",
        ],
    },
    Mark {
        on: &["waitress"],
        instead: "takes more of an answer than its client does",
        reason: "it keeps what isn't sent yet in memory or in a file, so an application is done before",
        cases: &[
            "a_client_that_leaves_stops_every_kind_of_body_once",
            "a_deaf_client_that_leaves_stops_every_kind_of_body_once",
            "a_large_answer_whose_client_leaves_is_aborted",
            "a_large_answer_whose_client_vanishes_is_aborted",
        ],
    },
    Mark {
        on: &["gunicorn_sync", "gunicorn_gthread", "gunicorn_gevent", "uwsgi", "mod_wsgi"],
        instead: "sends a `Date` of its own besides the application's, or none",
        reason: "it doesn't look for the application's",
        cases: &["there_is_exactly_one_date"],
    },
    Mark {
        on: &["waitress", "mod_wsgi"],
        instead: "takes `Content-Length` off a 304",
        reason: "it takes it for the length of a body",
        cases: &["a_304_keeps_the_apps_length"],
    },
    Mark {
        on: &["uwsgi", "waitress", "mod_wsgi"],
        instead: "closes where content was left unread, or while a client still sends",
        reason: "what an application leaves is in its way",
        cases: &["an_answer_reaches_a_client_that_is_still_sending"],
    },
    Mark {
        on: &["uwsgi"],
        instead: "closes where content was left unread, or while a client still sends",
        reason: "what an application leaves is in its way",
        cases: &["an_input_that_was_given_away_is_empty"],
    },
    Mark {
        on: &["uwsgi"],
        instead: "ends an answer of unknown length with its connection",
        reason: "it is told to close behind each answer, as it would without a word otherwise",
        cases: &[
            "a_piece_goes_out_while_the_app_makes_the_next",
            "after_flush_the_client_has_the_piece",
            "an_unflushed_piece_leaves_within_a_tick",
            "an_unknown_length_is_chunked",
            "empty_pieces_send_no_chunk",
        ],
    },
];
