//! What HAProxy decides.

use super::{Chance, Mark};

pub(crate) const MARKS: &[Mark] = &[
    Mark {
        on: &["haproxy_fastcgi"],
        instead: "answers itself, with a status that neither the app nor the server behind has",
        reason: "it parses requests first, and refuses what it doesn't take: CONNECT, unknown methods, odd hosts, control bytes, long fields",
        cases: &[
            "a_2xx_to_connect_has_no_length",
            "a_path_is_decoded_once_and_keeps_bytes_that_are_no_text",
            "connect_gives_the_authority",
            "options_asterisk_is_the_asterisk",
        ],
    },
    Mark {
        on: &[],
        instead: "answers itself, with a status that neither the app nor the server behind has",
        reason: "it parses requests first, and refuses what it doesn't take: CONNECT, unknown methods, odd hosts, control bytes, long fields",
        cases: &[
            "an_authority_says_the_host_and_overrides_the_field",
            "another_coding_before_chunked_is_not_implemented",
            "lengths_that_are_no_numbers_are_refused",
            "the_asterisk_is_for_options_alone",
        ],
    },
    Mark {
        on: &[],
        instead: "passes on what it can read some sense into, or waits for more",
        reason: "its parser is more patient, and what it passes on is written anew",
        cases: &[
            "a_folded_line_is_refused_or_made_one",
            "a_missing_repeated_or_invalid_host_is_refused",
            "endless_chunk_extensions_are_refused",
            "endless_trailers_are_refused",
            "malformed_chunks_are_errors",
            "malformed_fields_are_refused",
            "what_is_no_request_line_is_refused",
        ],
    },
    Mark {
        on: &["haproxy_fastcgi"],
        instead: "passes on what it can read some sense into, or waits for more",
        reason: "its parser is more patient, and what it passes on is written anew",
        cases: &["a_length_beside_chunks_is_refused_or_void_and_closes", "chunked_on_http_1_0_is_refused"],
    },
    Mark {
        on: &[],
        instead: "tells of the client's connection by its own words, or has one of its own",
        reason: "the connections to the server behind are the web server's; what is to be known of the client's stands in fields or variables",
        cases: &[
            "a_request_is_named_by_connection_and_number",
            "an_absolute_target_says_the_host_and_overrides_the_field",
        ],
    },
    Mark {
        on: &["haproxy_fastcgi"],
        instead: "tells of the client's connection by its own words, or has one of its own",
        reason: "the connections to the server behind are the web server's; what is to be known of the client's stands in fields or variables",
        cases: &[
            "both_ends_and_the_url_are_told",
            "every_way_tells_the_same_environ_but_for_the_version",
            "the_ends_are_those_of_the_sockets",
            "under_a_prefix_an_app_sees_the_same_but_for_the_split",
        ],
    },
    Mark {
        on: &["haproxy_fastcgi"],
        instead: "keeps or closes its client's connection as it likes",
        reason: "`Connection` and the end of a connection are between neighbours",
        cases: &[
            "a_body_left_unread_does_not_disturb_the_next_request",
            "an_answer_reaches_a_client_that_is_still_sending",
            "what_an_app_leaves_of_a_body_is_no_ones",
        ],
    },
    Mark {
        on: &[],
        instead: "keeps or closes its client's connection as it likes",
        reason: "`Connection` and the end of a connection are between neighbours",
        cases: &[
            "a_break_is_visible_to_http_1_0_too",
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
            "a_blocking_apps_answer_to_nobody_is_not_whole",
            "a_client_with_an_unread_body_is_seen_to_leave",
            "a_fin_behind_the_request_is_no_lie_in_the_outcome",
            "a_half_close_behind_the_request_breaks_no_kind_of_body_silently",
            "an_async_app_is_dropped_when_its_client_closes",
            "an_async_app_is_dropped_when_its_client_half_closes",
            "an_async_app_is_dropped_when_its_client_vanishes",
            "the_token_outlives_the_app",
        ],
    },
    Mark {
        on: &["haproxy_fastcgi"],
        instead: "notices its client's end late, or takes a half-closed one for it, and tells of it by the end of its own connection",
        reason: "how the client's connection ends is the web server's to see",
        cases: &["a_request_that_breaks_off_is_never_taken_for_whole"],
    },
    Mark {
        on: &["haproxy_fastcgi"],
        instead: "tells a length, or none, as it has it",
        reason: "it writes requests anew, and knows the length of what has come by then",
        cases: &[
            "a_body_of_unknown_length_is_read_to_its_end",
            "a_chunked_body_is_read_to_its_end",
            "transfer_codings_are_taken_off",
        ],
    },
    Mark {
        on: &["haproxy_fastcgi"],
        instead: "refuses content of a length that isn't told: 411 or 400",
        reason: "the protocol has the length first, and it gathers nothing where contents go on as they come",
        cases: &["a_blocking_body_may_read_the_input", "large_bodies_arrive_whole"],
    },
    Mark {
        on: &["haproxy_fastcgi"],
        instead: "drops trailers, in both directions",
        reason: "it has none for this protocol",
        cases: &[
            "forbidden_request_trailers_are_taken_out",
            "forbidden_request_trailers_frame_nothing",
            "request_trailers_come_behind_the_input",
            "request_trailers_come_behind_the_input_of_a_blocking_app",
        ],
    },
    Mark {
        on: &["haproxy_fastcgi"],
        instead: "sends 100 itself, or none",
        reason: "the expectation is between neighbours",
        cases: &[
            "an_expectation_that_nobody_meets_has_its_answer",
            "continue_comes_when_the_app_first_reads",
            "no_continue_when_the_app_answers_without_reading",
        ],
    },
    Mark {
        on: &[],
        instead: "ends both directions of an upgraded stream when one of them ends, or offers upgrades by itself",
        reason: "its tunnel is its own",
        cases: &["continue_comes_before_the_upgrade"],
    },
    Mark {
        on: &["haproxy_fastcgi"],
        instead: "frames the answer itself",
        reason: "the length of content that has come whole is known, and that of HEAD isn't asked for",
        cases: &[
            "an_unknown_length_is_chunked",
            "an_unknown_length_is_not_told",
            "empty_pieces_send_no_chunk",
            "head_of_a_stream_has_no_length",
        ],
    },
];

/// Cases that pass or not, as the packets fall.
pub(crate) const CHANCES: &[Chance] = &[Chance {
    on: &[],
    reason: "how the client's connection ends is the web server's to see",
    says: &["the app told `outcome`", "the app never told", "delivery: \"Whole"],
    cases: &[
        "a_deaf_client_that_leaves_stops_every_kind_of_body_once",
        "content_that_is_half_closed_is_never_taken_for_whole",
    ],
}];
