//! Settings of Gunicorn that this server hasn't, and why: so that a file brought along gets an answer and not a riddle.

/// Says why there is no setting of this name, whatever its dashes; `None` if Gunicorn has none either.
pub(super) fn why(written: &str) -> Option<&'static str> {
    let name = written.trim_start_matches('-').replace('-', "_").to_ascii_lowercase();
    let name = name.strip_prefix("rsgi_").unwrap_or(&name);
    REASONS.iter().find(|(names, _)| names.contains(&name)).map(|(_, why)| *why)
}

/// All names that have a reason.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    REASONS.iter().flat_map(|(names, _)| names.iter().copied())
}

const REASONS: &[(&[&str], &str)] = &[
    (
        &["wsgi_app", "pythonpath"],
        "the app is compiled into this program; rsgi-python has it among the app's own settings, below [app]",
    ),
    (&["paste", "raw_paste_global_conf"], "the app is compiled into this program"),
    (&["spew", "default_proc_name"], "it only makes sense in Python"),
    (&["http_parser", "asgi_loop", "asgi_lifespan"], "choose the server with the setting server"),
    (&["asgi_disconnect_grace_period"], "an app is told at once when its client leaves, and decides itself"),
    (&["worker_tmp_dir"], "workers tell that they live through shared memory, without a file"),
    (&["tmp_upload_dir"], "request bodies are never spooled to files"),
    (
        &["secure_scheme_headers", "forwarder_headers"],
        "name the fields that your proxies write with the setting forwarded_headers",
    ),
    (&["header_map"], "a field whose name has an underscore never poses as one with a dash"),
    (
        &[
            "permit_obsolete_folding",
            "strip_header_spaces",
            "permit_unconventional_http_method",
            "permit_unconventional_http_version",
            "casefold_http_method",
        ],
        "requests are read as strictly as RFC 9112 asks, as laxness lets them be smuggled",
    ),
    (
        &["logger_class", "logconfig", "logconfig_dict", "logconfig_json", "log_config", "log_config_json"],
        "it only makes sense in Python; see loglevel, errorlog and log_json",
    ),
    (&["cert_reqs"], "client certificates are required as soon as ca_certs is given"),
    (
        &["ciphers", "ssl_version", "suppress_ragged_eofs", "do_handshake_on_connect"],
        "TLS has safe ciphers and versions only, and none to choose",
    ),
    (&["http_protocols", "http2_cleartext"], "the server hyper speaks HTTP/2 where the client does"),
    (&["http2_max_header_list_size"], "limit_request_head bounds a head on every protocol"),
    (
        &[
            "dirty_app",
            "dirty_apps",
            "dirty_workers",
            "dirty_timeout",
            "dirty_threads",
            "dirty_graceful_timeout",
        ],
        "long jobs belong to a queue of their own; request_timeout bounds a request",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::table;

    #[test]
    fn a_name_is_found_as_key_flag_and_variable() {
        for written in ["worker_tmp_dir", "--worker-tmp-dir", "RSGI_WORKER_TMP_DIR"] {
            assert!(why(written).is_some(), "{written}");
        }
        assert_eq!(why("workers"), None);
    }

    #[test]
    fn nothing_that_is_here_is_told_to_be_elsewhere() {
        for name in names() {
            assert!(table::named(name).is_none(), "{name}");
        }
    }
}
