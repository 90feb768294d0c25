//! Tests of the whole way from the sources to the settings, but for the command line, which is tested in `command/`.

use std::path::Path;
use std::time::Duration;

use clap::ArgMatches;
use rsgi_core::proxy_protocol::ProxyProtocol;
use rsgi_core::server::{Bind, Config, HalfClose, PortSharing, ServerField};
use rsgi_core::trust::{ForwardedHeaders, Trust, XElement, XForwarded};

use super::file;
use super::machine::tests::somewhere;
use super::*;
use crate::log::output::Output;
use crate::log::statsd::StatsdAddress;

/// Reads settings as variables; their names are those of settings.
fn with(pairs: &[(&str, &str)]) -> Result<(Settings, Values), Faults> {
    let variable = |name: &str| table::named(name).unwrap().variable();
    let environment: Vec<_> = pairs.iter().map(|(name, text)| (variable(name), *text)).collect();
    let environment: Vec<_> = environment.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    settings_of(&environment, &somewhere())
}

/// Reads variables, on a machine.
fn settings_of(environment: &[(&str, &str)], machine: &Machine) -> Result<(Settings, Values), Faults> {
    let environment: Vec<(OsString, OsString)> =
        environment.iter().map(|(name, text)| (name.into(), text.into())).collect();
    let folder = Path::new("/nonexistent");
    let sources = Sources {
        program: &[],
        folder,
        environment: &environment,
        flags: &[],
        machine,
        own: &[],
        need: Need::App,
    };
    read(&sources, Vec::new())
}

fn settings(pairs: &[(&str, &str)]) -> Settings {
    with(pairs).unwrap_or_else(|faults| panic!("{faults}")).0
}

#[test]
fn without_a_word_the_limits_are_those_of_the_core() {
    let settings = settings(&[]);
    let core = Config::new().backlog(2048).bind("127.0.0.1:8000").unwrap();
    assert_eq!(settings.config, core);
    assert_eq!(settings.clocks.boot, Duration::from_secs(30));
    assert_eq!(settings.clocks.request, Duration::ZERO);
    assert_eq!((settings.reload_batch, settings.upgrade_mode), (Some(1), UpgradeMode::InPlace));
    assert_eq!((settings.log.file, settings.access), (Output::Stderr, None));
    assert_eq!(settings.control.unwrap().path, Path::new("/run/user/1000/rsgi/shop.ctl"));
    assert_eq!((settings.watch, settings.statsd, settings.status), (None, None, None));
    assert_eq!(settings.process.title, "shop");
}

#[test]
fn web_servers_protocols_and_who_may_speak_them_are_settings() {
    let plain = settings(&[]);
    assert_eq!(plain.protocol, Protocol::Http);
    assert_eq!(plain.allowed, ["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()]);
    for (name, gateway) in [("fastcgi", Gateway::FastCgi), ("scgi", Gateway::Scgi), ("uwsgi", Gateway::Uwsgi)]
    {
        assert_eq!(settings(&[("protocol", name)]).protocol, Protocol::Gateway(gateway));
    }
    let everyone = settings(&[("gateway_allow_ips", "*")]).allowed;
    assert_eq!(everyone, ["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()]);
    let one = |name: &str, text: &str| settings_of(&[(name, text)], &somewhere()).unwrap().0.allowed;
    let expected = ["192.0.2.1".parse().unwrap()];
    assert_eq!(one("RSGI_UWSGI_ALLOW_IPS", "192.0.2.1,unix"), expected, "Gunicorn's name");
    assert_eq!(one("FCGI_WEB_SERVER_ADDRS", "192.0.2.1"), expected, "FastCGI's variable");
}

#[test]
fn a_listener_at_descriptor_0_speaks_fastcgi_unless_somebody_says_otherwise() {
    let machine = Machine { input: Input::Listener, ..somewhere() };
    let protocol = |pairs: &[(&str, &str)]| settings_of(pairs, &machine).unwrap().0.protocol;
    assert_eq!(protocol(&[]), Protocol::Gateway(Gateway::FastCgi));
    assert_eq!(protocol(&[("RSGI_PROTOCOL", "scgi")]), Protocol::Gateway(Gateway::Scgi));
    for pair in [("RSGI_PROTOCOL", "http"), ("RSGI_BIND", ":8000"), ("RSGI_SOCKET_ACTIVATION", "off")] {
        assert_eq!(protocol(&[pair]), Protocol::Http, "{pair:?}");
    }
    let (_, values) = settings_of(&[], &machine).unwrap();
    let line = print(&values);
    assert!(line.contains("\nprotocol = \"fastcgi\" # the listener on descriptor 0\n"), "{line}");
    let fault = settings_of(&[("RSGI_PROXY_PROTOCOL", "v1")], &machine).unwrap_err().to_string();
    assert!(fault.contains("protocol is \"fastcgi\" from the listener on descriptor 0"), "{fault}");
}

#[test]
fn limits_and_clocks_reach_the_adapter() {
    let config = settings(&[
        ("limit_request_line", "4094"),
        ("limit_request_fields", "50"),
        ("limit_request_field_size", "8190"),
        ("limit_request_body", "1G"),
        ("worker_connections", "1000"),
        ("keepalive", "2"),
        ("header_timeout", "500ms"),
        ("graceful_timeout", "1m"),
        ("http2_max_concurrent_streams", "7"),
        ("threads", "3"),
        ("backlog", "9"),
        ("reuse_port", "yes"),
        ("unix_mode", "660"),
        ("half_close", "answered"),
        ("server_header", "shop"),
    ])
    .config;
    assert_eq!((config.limits.target_bytes, config.limits.header_count), (4094, 50));
    assert_eq!((config.limits.header_bytes, config.limits.body_bytes), (8190, Some(1 << 30)));
    assert_eq!((config.limits.connections, config.limits.http2.concurrent_streams), (1000, 7));
    assert_eq!(config.timeouts.keep_alive, Some(Duration::from_secs(2)));
    assert_eq!(config.timeouts.head, Some(Duration::from_millis(500)));
    assert_eq!(config.timeouts.graceful, Some(Duration::from_mins(1)));
    assert_eq!((config.threads.unwrap().get(), config.backlog.0), (3, 9));
    assert_eq!((config.port_sharing, config.unix_mode), (PortSharing::Shared, Some(0o660)));
    assert_eq!(config.half_close, HalfClose::Answered);
    assert!(matches!(config.server_field, ServerField::Named(name) if name == "shop"));
}

#[test]
fn zero_is_gunicorns_word_for_no_limit() {
    let config = settings(&[
        ("limit_request_line", "0"),
        ("limit_request_field_size", "0"),
        ("limit_request_body", "0"),
        ("header_timeout", "0"),
        ("write_timeout", "0"),
        ("threads", "0"),
    ])
    .config;
    assert_eq!((config.limits.target_bytes, config.limits.header_bytes), (65_534, 64 << 10));
    assert_eq!((config.limits.body_bytes, config.timeouts.head), (None, None));
    assert_eq!((config.timeouts.write, config.threads), (None, None));
    let recycle = settings(&[("max_worker_memory", "0"), ("max_worker_age", "0")]).recycle;
    assert_eq!((recycle.max_worker_memory, recycle.max_worker_age), (None, None));
}

#[test]
fn gunicorns_worker_classes_are_servers() {
    for (class, server, threads) in [
        ("sync", ServerKind::Std, Some(1)),
        ("gthread", ServerKind::Std, None),
        ("gevent", ServerKind::Hyper, None),
        ("std", ServerKind::Std, None),
        ("hyper", ServerKind::Hyper, None),
    ] {
        let settings = settings(&[("worker_class", class)]);
        assert_eq!(
            (settings.server, settings.threads.map(Into::<usize>::into)),
            (server, threads),
            "{class}"
        );
        assert_eq!(settings.server.name(), if server == ServerKind::Std { "std" } else { "hyper" });
    }
}

#[test]
fn forwarded_fields_become_one_policy() {
    let network = |text: &str| text.parse().unwrap();
    assert_eq!(settings(&[]).config.trust, Trust::nobody());
    let own = |trust: Trust| trust.network(network("127.0.0.1")).network(network("::1")).unix_peers();
    let standard = settings(&[("forwarded_headers", "forwarded")]).config.trust;
    assert_eq!(standard, own(Trust::new(ForwardedHeaders::Standard)));
    let fields = XForwarded::FOR.with_proto().with_port().with_element(XElement::PerHop);
    let trust = settings(&[
        ("forwarded_headers", "x-for,x-proto,x-port"),
        ("forwarded_element", "per-hop"),
        ("forwarded_allow_ips", "10.0.0.0/8"),
        ("forwarded_hops", "2"),
    ])
    .config
    .trust;
    assert_eq!(trust, Trust::new(ForwardedHeaders::X(fields)).network(network("10.0.0.0/8")).max_hops(2));
    let everyone = settings(&[("forwarded_headers", "forwarded"), ("forwarded_allow_ips", "*")]).config.trust;
    assert_eq!(everyone, Trust::new(ForwardedHeaders::Standard).danger_everyone());
}

#[test]
fn the_proxy_protocol_has_the_same_policy() {
    let config = settings(&[("proxy_protocol", "auto"), ("proxy_allow_ips", "10.0.0.0/8")]).config;
    assert_eq!(config.proxy_protocol, ProxyProtocol::Any);
    assert_eq!(config.trust, Trust::nobody().network("10.0.0.0/8".parse().unwrap()));
}

#[test]
fn logs_go_where_they_are_sent() {
    let to_files = settings(&[("errorlog", "e.log"), ("accesslog", "-"), ("access_log_json", "on")]);
    assert_eq!(to_files.log.file, Output::File("e.log".into()));
    assert!(matches!(to_files.access, Some(AccessSettings { file: Output::Stdout, json: true, .. })));
    let to_syslog =
        settings(&[("syslog", "on"), ("syslog_addr", "udp://localhost:514"), ("syslog_prefix", "shop")]);
    let Output::Syslog(syslog) = &to_syslog.log.file else { panic!("{:?}", to_syslog.log) };
    assert_eq!(syslog.prefix, "shop");
    assert_eq!(to_syslog.access.map(|access| access.file), Some(to_syslog.log.file));
    let kept_out = settings(&[("syslog", "on"), ("disable_redirect_access_to_syslog", "on")]);
    assert_eq!(kept_out.access, None);
}

#[test]
fn processes_sockets_and_observers_are_as_asked() {
    let settings = settings(&[
        ("bind", "[::1]:80, unix:/run/a.sock"),
        ("socket_activation", "off"),
        ("raw_env", "A=b,c=d"),
        ("proc_name", "store"),
        ("umask", "027"),
        ("status_bind", "127.0.0.1:9000"),
        ("statsd_host", "unix:/run/statsd"),
        ("dogstatsd_tags", "a:1,b:2"),
        ("reload", "yes"),
        ("reload_engine", "poll"),
        ("reload_extra_files", "a,b"),
        ("upgrade_mode", "two-masters"),
        ("reload_batch", "0"),
    ]);
    let tcp = Bind::Tcp { host: "::1".to_owned(), port: 80 };
    assert_eq!(settings.sockets.binds, [tcp, Bind::Unix("/run/a.sock".into())]);
    assert!(settings.sockets.binds_given && !settings.sockets.activation);
    assert_eq!(settings.process.variables, [("A".to_owned(), "b,c=d".to_owned())]);
    assert_eq!(settings.process.umask, Some(0o27));
    assert!(settings.control.unwrap().path.ends_with("store.ctl"));
    assert_eq!(settings.status, "127.0.0.1:9000".parse().ok());
    let statsd = settings.statsd.unwrap();
    assert_eq!((statsd.to, statsd.tags.as_str()), (StatsdAddress::Unix("/run/statsd".into()), "a:1,b:2"));
    let watch = settings.watch.unwrap();
    assert_eq!((watch.engine, watch.extra.len()), (WatchEngine::Poll, 2));
    assert_eq!((settings.upgrade_mode, settings.reload_batch), (UpgradeMode::TwoMasters, None));
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let faults = with(&[("workers", "many"), ("bind", "8000"), ("timeout", "soon"), ("keyfile", "k")]);
    let text = faults.err().unwrap().to_string();
    assert_eq!(text.lines().count(), 4, "{text}");
    for part in ["workers \"many\"", "bind \"8000\"", "timeout \"soon\"", "certfile isn't set"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn the_program_may_ask_for_settings_of_its_own() {
    let program =
        [("bind", ":1"), ("bind", ":2"), ("wokers", "3")].map(|(name, text)| (name.into(), text.into()));
    let mut faults = Vec::new();
    let given = super::program(&program, &mut faults);
    assert_eq!((given.len(), given[0].texts.len(), &given[0].origin), (1, 2, &Origin::App));
    assert_eq!(
        faults[0].to_string(),
        "wokers from the program: there is no such setting; did you mean workers?"
    );
}

#[test]
fn what_print_config_shows_is_a_file_that_gives_the_same_settings() {
    let pairs =
        [("bind", ":1,unix:a"), ("timeout", "90"), ("umask", "22"), ("raw_env", "A=\"q\\"), ("reload", "on")];
    let (before, mut values) = with(&pairs).unwrap();
    values.app = toml::from_str("name = \"shop\"\nratio = 1.0\n[list]\nitems = [1, 2026-01-01]\n").unwrap();
    let printed = print(&values);
    assert!(printed.contains("bind = [\":1\", \"unix:a\"] # the variable RSGI_BIND\n"), "{printed}");
    assert!(printed.contains("backlog = 2048 # the default\n"), "{printed}");
    assert!(printed.contains("# pidfile is not set: none\n"), "{printed}");
    let mut faults = Vec::new();
    let content = file::parse(&printed, "printed", &mut faults).unwrap();
    assert_eq!(faults, []);
    assert_eq!(content.app, values.app);
    let mut again = Values::defaults(&mut faults);
    again.apply(content.given, &mut faults);
    assert_eq!(faults, []);
    let again = build::build(&again, &somewhere()).unwrap();
    assert_eq!((again.config, again.process), (before.config, before.process));
    assert_eq!((again.clocks, again.recycle, again.log), (before.clocks, before.recycle, before.log));
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_no_rule_is_made_of_what_is_missing() {
    let faults = with(&[("config", "gone.toml"), ("keyfile", "k")]).err().unwrap().to_string();
    assert!(
        faults.starts_with("config \"gone.toml\" from the variable RSGI_CONFIG: it can't be read"),
        "{faults}"
    );
    assert_eq!(faults.lines().count(), 1, "{faults}");
}

#[test]
fn no_flags_are_no_fault() {
    let nothing = ArgMatches::default();
    let sources = Sources {
        program: &[],
        folder: Path::new("/nonexistent"),
        environment: &[],
        flags: &[&nothing],
        machine: &somewhere(),
        own: &[],
        need: Need::App,
    };
    assert!(read(&sources, Vec::new()).is_ok());
}
