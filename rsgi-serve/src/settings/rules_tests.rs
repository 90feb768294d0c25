//! Tests of the rules between settings: what is refused names both settings, what is harmless passes.

use super::fault::Fault;
use super::machine::tests::somewhere;
use super::origin::Origin;
use super::rules::check;
use super::table;
use super::values::{Given, Values};

/// What is wrong with these settings, given by flags.
fn told(pairs: &[(&str, &str)]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut values = Values::defaults(&mut faults);
    let given = pairs.iter().map(|(name, text)| {
        let setting = table::named(name).unwrap();
        Given {
            setting,
            texts: vec![(*text).to_owned()],
            origin: Origin::Flag(format!("--{}", setting.flag())),
        }
    });
    values.apply(given, &mut faults);
    faults.extend(check(&values, &somewhere()));
    faults.iter().map(Fault::to_string).collect()
}

fn refused(pairs: &[(&str, &str)], parts: &[&str]) {
    let faults = told(pairs);
    assert_eq!(faults.len(), 1, "{pairs:?}: {faults:?}");
    for part in parts {
        assert!(faults[0].contains(part), "{part} is not in {}", faults[0]);
    }
}

fn passes(pairs: &[(&str, &str)]) {
    assert_eq!(told(pairs), [""; 0], "{pairs:?}");
}

#[test]
fn the_defaults_agree_with_each_other() {
    passes(&[]);
}

#[test]
fn a_message_names_both_settings_their_values_and_where_they_came_from() {
    assert_eq!(
        told(&[("worker_class", "sync"), ("threads", "4")]),
        [
            "worker_class \"sync\" from the flag --worker-class: sync is one thread, and threads is \"4\" from the flag \
          --threads; write gthread, or leave threads out"
        ]
    );
}

#[test]
fn certificate_and_key_come_together() {
    refused(&[("keyfile", "k")], &["keyfile \"k\"", "certfile isn't set", "set certfile too"]);
    refused(&[("certfile", "c")], &["certfile \"c\"", "keyfile isn't set"]);
    refused(&[("ca_certs", "a")], &["ca_certs", "certfile isn't set"]);
    passes(&[("keyfile", "k"), ("certfile", "c"), ("ca_certs", "a")]);
}

#[test]
fn tls_needs_a_listener_that_speaks_it() {
    let tls = [("keyfile", "k"), ("certfile", "c")];
    refused(&[tls[0], tls[1], ("bind", "unix:a")], &["certfile", "bind is \"unix:a\""]);
    passes(&[tls[0], tls[1], ("bind", "unix:a,:8443")]);
    passes(&[tls[0], tls[1], ("bind", "fd://3")]);
}

#[test]
fn gunicorns_words_and_ours_may_not_name_two_servers() {
    refused(
        &[("worker_class", "gevent"), ("server", "std")],
        &["worker_class", "server is \"std\"", "two servers"],
    );
    passes(&[("worker_class", "gthread"), ("server", "std"), ("threads", "4")]);
    passes(&[("worker_class", "sync"), ("threads", "1")]);
}

#[test]
fn what_a_web_servers_protocol_has_no_place_for_is_refused() {
    let tls = [("keyfile", "k"), ("certfile", "c")];
    refused(
        &[tls[0], tls[1], ("protocol", "scgi")],
        &["certfile \"c\"", "protocol is \"scgi\"", "web server"],
    );
    refused(&[("proxy_protocol", "v1"), ("protocol", "uwsgi")], &["proxy_protocol", "protocol is \"uwsgi\""]);
    refused(
        &[("server_header", "x"), ("protocol", "fastcgi")],
        &["server_header", "protocol is \"fastcgi\""],
    );
    refused(&[("gateway_allow_ips", ""), ("protocol", "uwsgi")], &["nobody may connect"]);
    passes(&[("gateway_allow_ips", ""), ("protocol", "uwsgi"), ("bind", "unix:a")]);
    passes(&[("protocol", "fastcgi"), ("forwarded_headers", "x-for"), ("server", "hyper")]);
    // One file serves several uses.
    passes(&[("gateway_allow_ips", "10.0.0.0/8"), ("protocol", "http")]);
}

#[test]
fn a_part_of_the_head_is_not_larger_than_the_head() {
    refused(
        &[("limit_request_line", "60K"), ("limit_request_head", "32K")],
        &["line \"60K\"", "head is \"32K\""],
    );
    refused(&[("limit_request_field_size", "1M")], &["limit_request_head is \"64K\" from the default"]);
    passes(&[("limit_request_line", "0"), ("limit_request_field_size", "0"), ("limit_request_head", "1K")]);
}

#[test]
fn a_jitter_has_something_to_be_added_to() {
    refused(
        &[("max_requests_jitter", "5")],
        &["max_requests is \"0\" from the default", "set max_requests too"],
    );
    refused(&[("max_worker_age_jitter", "5")], &["max_worker_age"]);
    passes(&[("max_requests_jitter", "5"), ("max_requests", "100")]);
}

#[test]
fn only_a_worker_can_be_replaced() {
    refused(&[("workers", "0"), ("max_requests", "9")], &["max_requests \"9\"", "workers is \"0\""]);
    passes(&[("max_requests", "9")]);
}

#[test]
fn a_shared_port_is_one_of_tcp() {
    refused(&[("reuse_port", "true"), ("bind", "unix:a")], &["reuse_port", "bind is \"unix:a\""]);
    passes(&[("reuse_port", "true"), ("bind", "unix:a,:80")]);
}

#[test]
fn each_listener_is_named_once_and_the_status_page_has_its_own() {
    refused(&[("bind", ":80,unix:a,0.0.0.0:80")], &["0.0.0.0:80 is named twice"]);
    refused(&[("bind", ":80"), ("status_bind", ":80")], &["status_bind", "bind is \":80\""]);
    refused(&[("bind", "")], &["no listener is named"]);
    passes(&[("bind", ":0,:0"), ("status_bind", ":0")]);
}

#[test]
fn a_control_socket_is_named_or_disabled() {
    let both = [("control_socket", "a"), ("control_socket_disable", "true")];
    refused(&both, &["control_socket \"a\"", "control_socket_disable is \"true\""]);
}

#[test]
fn trusted_proxies_and_the_fields_they_write_are_named_together() {
    refused(&[("forwarded_allow_ips", "*")], &["forwarded_allow_ips \"*\"", "forwarded_headers is \"off\""]);
    refused(&[("forwarded_headers", "forwarded"), ("forwarded_allow_ips", "")], &["nobody may write them"]);
    refused(&[("proxy_allow_ips", "10.0.0.0/8")], &["proxy_protocol is \"off\""]);
    refused(&[("proxy_protocol", "v2"), ("proxy_allow_ips", "")], &["nobody may speak it"]);
    passes(&[("forwarded_headers", "off"), ("forwarded_allow_ips", "*")]);
    passes(&[("forwarded_headers", "x-for,x-proto"), ("forwarded_allow_ips", "10.0.0.0/8")]);
    passes(&[("forwarded_headers", "forwarded")]);
}

#[test]
fn one_list_of_trusted_peers_serves_fields_and_protocol() {
    let on = [("forwarded_headers", "forwarded"), ("proxy_protocol", "auto")];
    passes(&on);
    passes(&[on[0], on[1], ("proxy_allow_ips", "10.0.0.0/8")]);
    let two = [on[0], on[1], ("proxy_allow_ips", "10.0.0.0/8"), ("forwarded_allow_ips", "*")];
    refused(&two, &["forwarded_allow_ips \"*\"", "proxy_allow_ips is \"10.0.0.0/8\""]);
}

#[test]
fn the_two_families_of_forwarded_fields_do_not_mix() {
    for fields in ["off,forwarded", "forwarded,x-for", "x-proto"] {
        refused(
            &[("forwarded_headers", fields)],
            &["forwarded_headers", "write off, or forwarded, or x-for"],
        );
    }
}

#[test]
fn the_log_goes_to_one_place() {
    refused(&[("syslog", "true"), ("errorlog", "a.log")], &["errorlog \"a.log\"", "syslog is \"true\""]);
    refused(&[("syslog_facility", "daemon")], &["syslog_facility", "set syslog too"]);
    refused(&[("access_log_json", "true"), ("access_log_format", "%(h)s")], &["access_log_format", "JSON"]);
    passes(&[("syslog", "true"), ("syslog_facility", "daemon"), ("accesslog", "-")]);
}

#[test]
fn only_root_becomes_another_user() {
    refused(&[("user", "www-data")], &["user \"www-data\"", "of user 1000", "start it as root"]);
    refused(&[("group", "33")], &["group \"33\"", "of group 1000"]);
    refused(&[("initgroups", "true")], &["initgroups", "user isn't set"]);
    passes(&[("user", "me"), ("group", "1000")]);
    passes(&[("user", "nobody-knows-this-one")]);
}

#[test]
fn a_rule_is_silent_about_a_setting_that_is_wrong_already() {
    refused(&[("threads", "many"), ("worker_class", "sync")], &["threads \"many\""]);
    refused(&[("max_requests", "x"), ("max_requests_jitter", "3")], &["max_requests \"x\""]);
}
