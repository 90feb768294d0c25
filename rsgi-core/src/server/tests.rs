//! Tests of the server convention's data: every form of a listener, every refusal, every rule between
//! settings.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::{Bind, Config, Limits, ServeError, ServeErrorKind, Timeouts};
use crate::proxy_protocol::ProxyProtocol;
use crate::trust::{ForwardedHeaders, Trust};

fn tcp(host: &str, port: u16) -> Bind {
    Bind::Tcp { host: host.to_owned(), port }
}

#[test]
fn every_documented_form_of_a_listener_is_understood_and_written_back() {
    let unix = |path: &str| Bind::Unix(PathBuf::from(path));
    let cases = [
        ("127.0.0.1:8000", tcp("127.0.0.1", 8000), "127.0.0.1:8000"),
        ("[::1]:8000", tcp("::1", 8000), "[::1]:8000"),
        ("[fe80::1%eth0]:1", tcp("fe80::1%eth0", 1), "[fe80::1%eth0]:1"),
        ("localhost:0", tcp("localhost", 0), "localhost:0"),
        (":8000", tcp("0.0.0.0", 8000), "0.0.0.0:8000"),
        ("unix:run/a.sock", unix("run/a.sock"), "unix:run/a.sock"),
        ("unix:/run/a.sock", unix("/run/a.sock"), "unix:/run/a.sock"),
        ("unix:///run/a.sock", unix("/run/a.sock"), "unix:/run/a.sock"),
        ("unix:./@name", unix("./@name"), "unix:./@name"),
        ("fd://3", Bind::Fd(3), "fd://3"),
    ];
    for (text, expected, written) in cases {
        let bind: Bind = text.parse().unwrap();
        assert_eq!((&bind, bind.to_string().as_str()), (&expected, written), "{text}");
        assert_eq!(bind.to_string().parse::<Bind>().unwrap(), bind, "{text} comes back");
    }
}

#[test]
fn a_wrong_listener_is_refused_with_the_value_and_what_to_write_instead() {
    let cases = [
        ("", "add one, such as :8000"),
        ("8000", "127.0.0.1:8000"),
        ("localhost", "a port is missing"),
        ("localhost:", "from 0 to 65535"),
        ("localhost:65536", "from 0 to 65535"),
        ("localhost:+80", "from 0 to 65535"),
        ("::1:8000", "write [::1]:8000"),
        ("::1", "write [:]:1"),
        ("[::1]", "[address]:8000"),
        ("[localhost]:80", "no IPv6 address"),
        ("[::1%]:80", "no IPv6 address"),
        ("256.0.0.1:80", "neither an address nor a host name"),
        ("127.1:80", "neither an address nor a host name"),
        ("-oops:80", "neither an address nor a host name"),
        ("a b:80", "neither an address nor a host name"),
        ("user@host:80", "neither an address nor a host name"),
        ("http://localhost:80", "no such scheme"),
        ("unix:", "file is missing"),
        ("unix:/run/", "file is missing"),
        ("unix://run/a", "unix:///run/a"),
        ("unix:@name", "abstract"),
        ("unix:a\0b", "zero byte"),
        ("fd://", "fd://3"),
        ("fd://-1", "fd://3"),
        ("fd://99999999999", "fd://3"),
    ];
    for (text, part) in cases {
        let error = text.parse::<Bind>().unwrap_err();
        let message = error.to_string();
        assert_eq!(error.kind(), ServeErrorKind::BadSetting);
        assert!(message.starts_with("bind") && message.contains(part), "{text:?}: {message}");
        assert!(!message.contains('\0'), "{text:?} is escaped");
    }
    let long = format!("unix:/{}", "a".repeat(107));
    assert!(long.parse::<Bind>().unwrap_err().to_string().contains("108 bytes"));
}

#[test]
fn what_the_system_refuses_becomes_a_kind_with_a_remedy() {
    use io::ErrorKind as Io;
    let cases = [
        ("127.0.0.1:80", Io::AddrInUse, ServeErrorKind::AddressInUse, "another address with --bind"),
        ("127.0.0.1:80", Io::PermissionDenied, ServeErrorKind::PermissionDenied, "1024"),
        ("unix:/a", Io::PermissionDenied, ServeErrorKind::PermissionDenied, "folder"),
        ("unix:/a/b", Io::NotFound, ServeErrorKind::AddressNotAvailable, "create it"),
        ("192.0.2.1:80", Io::AddrNotAvailable, ServeErrorKind::AddressNotAvailable, "0.0.0.0"),
        ("fd://3", Io::InvalidInput, ServeErrorKind::BadDescriptor, "LISTEN_FDS"),
        ("127.0.0.1:80", Io::OutOfMemory, ServeErrorKind::Io, "out of memory"),
    ];
    for (bind, cause, kind, part) in cases {
        let bind: Bind = bind.parse().unwrap();
        let error = ServeError::opening(&bind, cause.into());
        assert_eq!(error.kind(), kind);
        let message = error.to_string();
        assert!(message.contains(&bind.to_string()) && message.contains(part), "{message}");
        assert!(error.source().and_then(|source| source.downcast_ref::<io::Error>()).is_some());
    }
}

#[test]
fn the_defaults_pass_their_own_check() {
    Config::new().check().unwrap();
    assert_eq!(Config::new().listeners(), [tcp("127.0.0.1", 8000)]);
    assert!(Config::new().trust.trusts_nobody());
}

#[test]
fn each_setting_out_of_its_range_is_refused_by_name() {
    let limit = |change: fn(&mut Limits)| Config::new().limits(change);
    let time = |change: fn(&mut Timeouts)| Config::new().timeouts(change);
    let cases = [
        ("head_bytes 10", limit(|limits| limits.head_bytes = 10)),
        ("target_bytes 70000", limit(|limits| (limits.head_bytes, limits.target_bytes) = (1 << 20, 70_000))),
        ("target_bytes 8192", limit(|limits| limits.head_bytes = 4096)),
        ("header_bytes 70000", limit(|limits| limits.header_bytes = 70_000)),
        ("header_count 0", limit(|limits| limits.header_count = 0)),
        ("header_count 24577", limit(|limits| limits.header_count = 24_577)),
        ("requests_per_connection 0", limit(|limits| limits.requests_per_connection = Some(0))),
        ("connections 0", limit(|limits| limits.connections = 0)),
        ("pending_requests 0", limit(|limits| limits.pending_requests = Some(0))),
        ("write_buffer 0", limit(|limits| limits.write_buffer = 0)),
        ("http2.frame_bytes 1", limit(|limits| limits.http2.frame_bytes = 1)),
        ("http2.connection_window 1", limit(|limits| limits.http2.connection_window = 1)),
        ("head 0ns", time(|timeouts| timeouts.head = Some(Duration::ZERO))),
        ("graceful 1844", time(|timeouts| timeouts.graceful = Some(Duration::MAX))),
        ("backlog 0", Config::new().backlog(0)),
        ("unix_mode 0o1777", Config::new().unix_mode(0o1777)),
        (
            "bind 127.0.0.1:1: it is named twice",
            Config::new().listen(tcp("127.0.0.1", 1)).listen(tcp("127.0.0.1", 1)),
        ),
        ("proxy_protocol any: no peer", Config::new().proxy_protocol(ProxyProtocol::Any)),
    ];
    for (start, config) in cases {
        let error = config.check().unwrap_err();
        assert_eq!(error.kind(), ServeErrorKind::BadSetting);
        assert!(error.to_string().starts_with(start), "{error}");
        assert!(!error.remedy().is_empty() && error.setting().is_some());
    }
}

#[test]
fn zero_is_a_meaning_and_not_a_mistake_where_the_documentation_says_so() {
    let config = Config::new()
        .limits(|limits| (limits.body_bytes, limits.request_buffer) = (Some(0), 0))
        .timeouts(|timeouts| {
            [timeouts.keep_alive, timeouts.graceful, timeouts.linger] = [Some(Duration::ZERO); 3];
        });
    config.check().unwrap();
    Config::new().listen(tcp("localhost", 0)).listen(tcp("localhost", 0)).check().unwrap();
    assert_eq!(Config::new().threads(0).threads, None);
    let trusted = Trust::new(ForwardedHeaders::Standard).network("10.0.0.0/8".parse().unwrap());
    Config::new().trust(trusted).proxy_protocol(ProxyProtocol::V2).check().unwrap();
}

#[test]
fn a_header_map_holds_the_most_fields_that_may_be_allowed() {
    let mut map = http::HeaderMap::new();
    for number in 0..Limits::HEADER_COUNT_MOST {
        let name: http::HeaderName = format!("x-{number}").parse().unwrap();
        map.try_append(name, http::HeaderValue::from_static("")).unwrap();
    }
    assert_eq!(map.len(), 24_576);
}

#[test]
fn a_long_or_multi_line_value_is_shown_cut_and_escaped() {
    let error =
        ServeError::bad_setting("threads", format!("1\n{}", "9".repeat(500)), "too many", "choose fewer");
    let message = error.to_string();
    assert!(
        message.len() < 200
            && message.starts_with("threads 1\\n999")
            && message.ends_with("...: too many; choose fewer")
    );
}
