//! What hosts make of requests.
//!
//! Next: `answers.rs`.

use rsgi_tests::marks::Mark;

pub(crate) const MARKS: &[Mark] = &[
    Mark {
        on: &["gunicorn_sync", "gunicorn_gthread", "gunicorn_gevent", "mod_wsgi"],
        instead: "answers itself, with a status that the app doesn't have, or not at all",
        reason: "it parses requests first, and refuses what it doesn't take, each in its own way",
        cases: &["large_legal_fields_pass"],
    },
    Mark {
        on: &["gunicorn_sync", "uwsgi"],
        instead: "answers itself, with a status that the app doesn't have, or not at all",
        reason: "it parses requests first, and refuses what it doesn't take, each in its own way",
        cases: &["chunked_is_recognised_in_any_case"],
    },
    Mark {
        on: &["uwsgi", "mod_wsgi"],
        instead: "answers itself, with a status that the app doesn't have, or not at all",
        reason: "it parses requests first, and refuses what it doesn't take, each in its own way",
        cases: &["legal_hosts_of_every_kind_pass"],
    },
    Mark {
        on: &["mod_wsgi"],
        instead: "answers itself, with a status that the app doesn't have, or not at all",
        reason: "it parses requests first, and refuses what it doesn't take, each in its own way",
        cases: &[
            "a_path_is_decoded_once_and_keeps_bytes_that_are_no_text",
            "options_asterisk_is_the_asterisk",
        ],
    },
    Mark {
        on: &["uwsgi"],
        instead: "answers itself, with a status that the app doesn't have, or not at all",
        reason: "it parses requests first, and refuses what it doesn't take, each in its own way",
        cases: &[
            "an_absolute_target_says_the_host_and_overrides_the_field",
            "an_authority_says_the_host_and_overrides_the_field",
            "an_empty_line_before_the_request_is_skipped",
        ],
    },
    Mark {
        on: &["waitress"],
        instead: "answers itself, with a status that the app doesn't have, or not at all",
        reason: "it parses requests first, and refuses what it doesn't take, each in its own way",
        cases: &["the_asterisk_is_for_options_alone"],
    },
    Mark {
        on: &[],
        instead: "passes on what it can read some sense into, or waits for more",
        reason: "its parser is more patient than our servers'",
        cases: &["endless_chunk_extensions_are_refused", "endless_trailers_are_refused"],
    },
    Mark {
        on: &["gunicorn_sync", "gunicorn_gthread", "gunicorn_gevent", "uwsgi", "waitress"],
        instead: "passes on what it can read some sense into, or waits for more",
        reason: "its parser is more patient than our servers'",
        cases: &["a_missing_repeated_or_invalid_host_is_refused", "malformed_chunks_are_errors"],
    },
    Mark {
        on: &["gunicorn_sync", "gunicorn_gthread", "gunicorn_gevent", "uwsgi"],
        instead: "passes on what it can read some sense into, or waits for more",
        reason: "its parser is more patient than our servers'",
        cases: &["another_coding_before_chunked_is_not_implemented"],
    },
    Mark {
        on: &["uwsgi", "waitress", "mod_wsgi"],
        instead: "passes on what it can read some sense into, or waits for more",
        reason: "its parser is more patient than our servers'",
        cases: &[
            "chunked_on_http_1_0_is_refused",
            "chunked_twice_is_refused",
            "what_is_no_request_line_is_refused",
        ],
    },
    Mark {
        on: &["gunicorn_sync", "uwsgi"],
        instead: "passes on what it can read some sense into, or waits for more",
        reason: "its parser is more patient than our servers'",
        cases: &["a_request_may_be_cut_at_every_position"],
    },
    Mark {
        on: &["uwsgi", "waitress"],
        instead: "passes on what it can read some sense into, or waits for more",
        reason: "its parser is more patient than our servers'",
        cases: &[
            "a_bare_line_feed_is_refused_or_ends_the_line",
            "a_length_beside_chunks_is_refused_or_void_and_closes",
        ],
    },
    Mark {
        on: &["uwsgi"],
        instead: "passes on what it can read some sense into, or waits for more",
        reason: "its parser is more patient than our servers'",
        cases: &[
            "a_coding_that_does_not_end_in_chunked_is_refused",
            "lengths_that_are_no_numbers_are_refused",
            "malformed_fields_are_refused",
        ],
    },
    Mark {
        on: &["waitress"],
        instead: "passes on what it can read some sense into, or waits for more",
        reason: "its parser is more patient than our servers'",
        cases: &["a_folded_line_is_refused_or_made_one", "a_fragment_never_reaches_the_app"],
    },
    Mark {
        on: &[],
        instead: "makes one field of several of the same name, or none",
        reason: "an environ has one value for a name (PEP 3333, \"`environ` Variables\")",
        cases: &[
            "every_way_tells_the_same_environ_but_for_the_version",
            "repeated_fields_stay_apart_and_in_order",
        ],
    },
    Mark {
        on: &["mod_wsgi"],
        instead: "makes one field of several of the same name, or none",
        reason: "an environ has one value for a name (PEP 3333, \"`environ` Variables\")",
        cases: &["repeated_fields_are_all_sent_in_order"],
    },
    Mark {
        on: &["uwsgi"],
        instead: "drops fields with an underscore, or takes them for those with a hyphen",
        reason: "an environ can't tell the two apart",
        cases: &["an_underscore_cannot_pose_as_a_hyphen"],
    },
    Mark {
        on: &[],
        instead: "tells of addresses, names and connections as far as an environ does",
        reason: "there is no variable for this end of the connection, nor for a connection's number",
        cases: &["both_ends_and_the_url_are_told", "the_ends_are_those_of_the_sockets"],
    },
    Mark {
        on: &["gunicorn_gthread", "gunicorn_gevent", "uwsgi", "waitress", "mod_wsgi"],
        instead: "tells of addresses, names and connections as far as an environ does",
        reason: "there is no variable for this end of the connection, nor for a connection's number",
        cases: &["a_request_is_named_by_connection_and_number"],
    },
    Mark {
        on: &["gunicorn_sync", "gunicorn_gthread", "gunicorn_gevent", "mod_wsgi"],
        instead: "tells of addresses, names and connections as far as an environ does",
        reason: "there is no variable for this end of the connection, nor for a connection's number",
        cases: &["under_a_prefix_an_app_sees_the_same_but_for_the_split"],
    },
    Mark {
        on: &["gunicorn_gthread", "gunicorn_gevent", "uwsgi", "waitress", "mod_wsgi"],
        instead: "sends 100 itself, before the application is called or when that first reads, or never",
        reason: "PEP 3333 leaves the expectation to it (\"HTTP 1.1 Expect/Continue\")",
        cases: &["continue_comes_when_the_app_first_reads"],
    },
    Mark {
        on: &["gunicorn_sync", "gunicorn_gthread", "gunicorn_gevent", "waitress", "mod_wsgi"],
        instead: "sends 100 itself, before the application is called or when that first reads, or never",
        reason: "PEP 3333 leaves the expectation to it (\"HTTP 1.1 Expect/Continue\")",
        cases: &[
            "an_expectation_that_nobody_meets_has_its_answer",
            "no_continue_when_the_app_answers_without_reading",
        ],
    },
    Mark {
        on: &["gunicorn_sync", "gunicorn_gthread", "gunicorn_gevent", "waitress"],
        instead: "sends 100 itself, before the application is called or when that first reads, or never",
        reason: "PEP 3333 leaves the expectation to it (\"HTTP 1.1 Expect/Continue\")",
        cases: &["no_continue_for_http_1_0_nor_without_a_body"],
    },
    Mark {
        on: &["gunicorn_sync", "uwsgi"],
        instead: "sends 100 itself, before the application is called or when that first reads, or never",
        reason: "PEP 3333 leaves the expectation to it (\"HTTP 1.1 Expect/Continue\")",
        cases: &["continue_comes_for_blocking_apps_and_for_chunks"],
    },
    Mark {
        on: &["uwsgi"],
        instead: "sends 100 itself, before the application is called or when that first reads, or never",
        reason: "PEP 3333 leaves the expectation to it (\"HTTP 1.1 Expect/Continue\")",
        cases: &["content_that_was_asked_for_is_read"],
    },
    Mark {
        on: &[],
        instead: "drops the trailers of requests",
        reason: "an environ has no place for them",
        cases: &[
            "forbidden_request_trailers_are_taken_out",
            "forbidden_request_trailers_frame_nothing",
            "request_trailers_come_behind_the_input",
            "request_trailers_come_behind_the_input_of_a_blocking_app",
        ],
    },
    Mark {
        on: &["uwsgi", "waitress"],
        instead: "tells the length of content that came without one",
        reason: "it reads chunks before it calls the application",
        cases: &[
            "a_body_of_unknown_length_is_read_to_its_end",
            "a_chunked_body_is_read_to_its_end",
            "transfer_codings_are_taken_off",
        ],
    },
    Mark {
        on: &["uwsgi"],
        instead: "gives an application nothing of what is sent in chunks",
        reason: "it has them read by functions of its own",
        cases: &[
            "an_app_may_allow_itself_less",
            "chunk_extensions_are_ignored",
            "chunks_of_one_byte_are_one_body_for_every_reader",
            "content_that_comes_late_is_awaited",
            "large_bodies_arrive_whole",
            "many_tiny_chunks_are_one_body",
            "many_tiny_pieces_are_one_body",
            "reading_past_the_end_gives_the_end",
        ],
    },
    Mark {
        on: &[],
        instead: "answers a CONNECT like any other request",
        reason: "it has no tunnels",
        cases: &["a_2xx_to_connect_has_no_length"],
    },
    Mark {
        on: &["gunicorn_sync", "gunicorn_gthread", "gunicorn_gevent", "waitress"],
        instead: "takes no method in lower case",
        reason: "it holds methods to the registered form",
        cases: &["any_token_is_a_method_and_keeps_its_case"],
    },
    Mark {
        on: &["uwsgi", "waitress", "mod_wsgi"],
        instead: "makes one slash of several, or decides by a path of its own",
        reason: "it tidies paths before it passes them on",
        cases: &["the_target_arrives_as_sent"],
    },
    Mark {
        on: &["waitress", "mod_wsgi"],
        instead: "makes one slash of several, or decides by a path of its own",
        reason: "it tidies paths before it passes them on",
        cases: &["a_mount_moves_the_prefix_and_cannot_be_slipped_past"],
    },
    Mark {
        on: &["gunicorn_sync", "gunicorn_gthread", "gunicorn_gevent", "uwsgi"],
        instead: "believes `X-Forwarded-Proto` of a neighbour on this machine",
        reason: "its setting for trusted proxies (`forwarded_allow_ips`) begins with 127.0.0.1",
        cases: &["nobody_is_believed_by_default"],
    },
    Mark {
        on: &["gunicorn_sync", "gunicorn_gthread", "gunicorn_gevent", "uwsgi", "mod_wsgi"],
        instead: "tells of a broken coding when it finds it, or never",
        reason: "how content is coded is between client and host",
        cases: &["content_that_is_half_closed_is_never_taken_for_whole"],
    },
    Mark {
        on: &["gunicorn_gthread", "gunicorn_gevent", "uwsgi", "waitress"],
        instead: "tells of a broken coding when it finds it, or never",
        reason: "how content is coded is between client and host",
        cases: &["a_request_that_breaks_off_is_never_taken_for_whole"],
    },
];
