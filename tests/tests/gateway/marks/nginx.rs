//! What nginx decides.

use super::{Chance, Mark};

pub(crate) const MARKS: &[Mark] = &[
    Mark {
        on: &[],
        instead: "answers itself, with a status that neither the app nor the server behind has",
        reason: "it parses requests first, and refuses what it doesn't take: CONNECT, unknown methods, odd hosts, control bytes, long fields",
        cases: &[
            "a_2xx_to_connect_has_no_length",
            "a_path_is_decoded_once_and_keeps_bytes_that_are_no_text",
            "an_authority_says_the_host_and_overrides_the_field",
            "another_coding_before_chunked_is_not_implemented",
            "any_token_is_a_method_and_keeps_its_case",
            "chunked_twice_is_refused",
            "connect_gives_the_authority",
            "connect_is_a_tunnel",
            "large_legal_fields_pass",
            "legal_hosts_of_every_kind_pass",
            "options_asterisk_is_the_asterisk",
            "without_a_host_the_url_has_the_servers_name",
        ],
    },
    Mark {
        on: &[
            "nginx_http_std",
            "nginx_fastcgi",
            "nginx_fastcgi_tokio",
            "nginx_scgi",
            "nginx_scgi_tokio",
            "nginx_uwsgi",
            "nginx_uwsgi_tokio",
        ],
        instead: "passes on what it can read some sense into, or waits for more",
        reason: "its parser is more patient, and what it passes on is written anew",
        cases: &["a_fragment_never_reaches_the_app"],
    },
    Mark {
        on: &[],
        instead: "passes on what it can read some sense into, or waits for more",
        reason: "its parser is more patient, and what it passes on is written anew",
        cases: &[
            "a_missing_repeated_or_invalid_host_is_refused",
            "endless_chunk_extensions_are_refused",
            "endless_trailers_are_refused",
            "malformed_chunks_are_errors",
            "malformed_fields_are_refused",
            "what_is_no_request_line_is_refused",
        ],
    },
    Mark {
        on: &[
            "nginx_fastcgi",
            "nginx_fastcgi_tokio",
            "nginx_scgi",
            "nginx_scgi_tokio",
            "nginx_uwsgi",
            "nginx_uwsgi_tokio",
        ],
        instead: "makes one slash of several",
        reason: "it tidies paths before it passes them on",
        cases: &["the_target_arrives_as_sent"],
    },
    Mark {
        on: &[],
        instead: "tells of the client's connection by its own words, or has one of its own",
        reason: "the connections to the server behind are the web server's; what is to be known of the client's stands in fields or variables",
        cases: &[
            "a_request_is_named_by_connection_and_number",
            "an_absolute_target_says_the_host_and_overrides_the_field",
            "both_ends_and_the_url_are_told",
            "every_way_tells_the_same_environ_but_for_the_version",
            "http_1_0_gets_none_and_the_app_is_told",
            "http_1_0_is_told_and_needs_no_host",
        ],
    },
    Mark {
        on: &[
            "nginx_http_std",
            "nginx_http_hyper",
            "nginx_scgi",
            "nginx_scgi_tokio",
            "nginx_uwsgi",
            "nginx_uwsgi_tokio",
        ],
        instead: "tells of the client's connection by its own words, or has one of its own",
        reason: "the connections to the server behind are the web server's; what is to be known of the client's stands in fields or variables",
        cases: &["the_ends_are_those_of_the_sockets"],
    },
    Mark {
        on: &["nginx_fastcgi", "nginx_fastcgi_tokio", "nginx_scgi", "nginx_scgi_tokio"],
        instead: "tells of the client's connection by its own words, or has one of its own",
        reason: "the connections to the server behind are the web server's; what is to be known of the client's stands in fields or variables",
        cases: &["under_a_prefix_an_app_sees_the_same_but_for_the_split"],
    },
    Mark {
        on: &[],
        instead: "keeps or closes its client's connection as it likes",
        reason: "`Connection` and the end of a connection are between neighbours",
        cases: &[
            "a_break_is_visible_to_http_1_0_too",
            "an_answer_reaches_a_client_that_is_still_sending",
            "an_http_response_is_an_answer",
            "surplus_bytes_are_not_sent_and_close_the_connection",
            "the_apps_close_is_honoured",
        ],
    },
    Mark {
        on: &[],
        instead: "notices its client's end late, or takes a half-closed one for it, and tells of it by the end of its own connection",
        reason: "how the client's connection ends is the web server's to see",
        cases: &[
            "a_blocking_app_is_told_that_its_client_left",
            "a_client_with_a_pipelined_request_is_seen_to_leave",
            "a_client_with_an_unread_body_is_seen_to_leave",
            "an_async_app_is_dropped_when_its_client_resets",
            "an_async_app_is_dropped_when_its_client_vanishes_by_a_reset",
        ],
    },
    Mark {
        on: &[],
        instead: "drops trailers, in both directions",
        reason: "it has none for this protocol",
        cases: &[
            "every_kind_of_stream_may_end_in_trailers",
            "forbidden_request_trailers_are_taken_out",
            "forbidden_request_trailers_frame_nothing",
            "request_trailers_come_behind_the_input",
            "request_trailers_come_behind_the_input_of_a_blocking_app",
            "trailers_in_chunks_are_announced",
            "trailers_reach_a_client_that_asked",
        ],
    },
    Mark {
        on: &["nginx_http_std", "nginx_http_hyper"],
        instead: "takes the first informational answer for the final one, and its client waits",
        reason: "nginx knows 103 since 1.29",
        cases: &["a_blocking_app_sends_hints", "a_hint_is_sent_or_not_supported"],
    },
    Mark {
        on: &[],
        instead: "takes the first informational answer for the final one, and its client waits",
        reason: "nginx knows 103 since 1.29",
        cases: &[
            "hints_come_before_the_answer_and_while_the_app_runs",
            "hints_keep_their_place_in_a_pipeline",
        ],
    },
    Mark {
        on: &[],
        instead: "sends 100 itself, or none",
        reason: "the expectation is between neighbours",
        cases: &[
            "an_expectation_that_nobody_meets_has_its_answer",
            "continue_comes_when_the_app_first_reads",
            "no_continue_for_http_1_0_nor_without_a_body",
            "no_continue_when_the_app_answers_without_reading",
        ],
    },
    Mark {
        on: &[],
        instead: "ends both directions of an upgraded stream when one of them ends, or offers upgrades by itself",
        reason: "its tunnel is its own",
        cases: &[
            "a_blocking_app_may_take_the_stream_over",
            "a_client_that_vanishes_ends_an_upgraded_stream",
            "a_reset_ends_an_upgraded_stream",
            "an_upgrade_needs_both_fields_and_http_1_1",
            "an_upgrade_on_http_1_is_a_101",
            "an_upgraded_stream_carries_much",
            "an_upgraded_stream_goes_both_ways_until_each_side_ends",
        ],
    },
    Mark {
        on: &["nginx_http_std", "nginx_http_hyper"],
        instead: "sends a `Date` of its own",
        reason: "it takes the app's away",
        cases: &["there_is_exactly_one_date"],
    },
];

/// Cases that pass or not, as the packets fall.
pub(crate) const CHANCES: &[Chance] = &[
    Chance {
        on: &[],
        reason: "it closes behind an answer that came before the end of its request",
        says: &["Closed after"],
        cases: &[
            "a_body_left_unread_does_not_disturb_the_next_request",
            "a_small_unread_body_and_a_pipelined_request",
            "pipelined_requests_are_answered_in_order",
        ],
    },
    Chance {
        on: &[],
        reason: "a client that has sent its last byte is taken for one that left, unless its answer is under way by then",
        says: &[
            "\"Whole(System)\"",
            "the app told `dropped`",
            "the app told `outcome`",
            "the app never told `called`",
        ],
        cases: &[
            "content_that_is_half_closed_is_never_taken_for_whole",
            "a_fin_behind_the_request_is_no_lie_in_the_outcome",
            "a_half_close_behind_the_request_breaks_no_kind_of_body_silently",
            "a_request_that_breaks_off_is_never_taken_for_whole",
        ],
    },
    Chance {
        on: &[],
        reason: "the length of content that has come whole when it is passed on is told",
        says: &["\"Known(", "(\"abc\", Some(\"3\"))"],
        cases: &[
            "a_body_of_unknown_length_is_read_to_its_end",
            "a_chunked_body_is_read_to_its_end",
            "transfer_codings_are_taken_off",
        ],
    },
    Chance {
        on: &[],
        reason: "it closes while a client still sends",
        says: &["Closed after"],
        cases: &["chunks_of_one_byte_are_one_body_for_every_reader"],
    },
];
