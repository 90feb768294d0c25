//! What OpenTelemetry's variables want, as its specification has them ("Environment Variable Specification").
//!
//! One thing differs: without an endpoint nothing is exported unless `OTEL_TRACES_EXPORTER` says so, for a program that was built
//! with the feature may well run where no collector is.

use std::time::Duration;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    No,
    Otlp,
    /// What this program can't do.
    Wrong(String),
}

/// Reads the variables.
pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Wanted {
    let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let off = set("OTEL_SDK_DISABLED").is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
    let exporter = set("OTEL_TRACES_EXPORTER");
    match exporter.as_deref().map(str::trim) {
        _ if off => return Wanted::No,
        Some("none") => return Wanted::No,
        Some("otlp") => {}
        Some(other) => {
            return Wanted::Wrong(format!("OTEL_TRACES_EXPORTER is {other:?}; there is otlp, and none"));
        }
        None if ENDPOINTS.iter().all(|name| set(name).is_none()) => return Wanted::No,
        None => {}
    }
    match PROTOCOLS.iter().find_map(|name| Some((name, set(name)?))) {
        Some((name, protocol)) if protocol.trim() != "http/protobuf" => {
            Wanted::Wrong(format!("{name} is {protocol:?}; there is http/protobuf"))
        }
        _ => Wanted::Otlp,
    }
}

/// How long a batch may take.
pub(super) fn timeout(variable: impl Fn(&str) -> Option<String>) -> Duration {
    let set = TIMEOUTS.iter().find_map(|name| variable(name)?.trim().parse().ok());
    set.map_or(TIMEOUT, Duration::from_millis)
}

/// Whether the service's name is said.
pub(super) fn names_service(variable: impl Fn(&str) -> Option<String>) -> bool {
    let attributes = variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let named = |pair: &str| pair.split_once('=').is_some_and(|(key, _)| key.trim() == "service.name");
    variable("OTEL_SERVICE_NAME").is_some_and(|name| !name.is_empty()) || attributes.split(',').any(named)
}

const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
/// The stronger one first; so are the next.
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const TIMEOUTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
/// The specification's.
const TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn among<'a>(pairs: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + use<'a> {
        |name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn spans_are_exported_where_an_endpoint_or_the_exporter_is_named() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        assert_eq!(read(among(&[])), Wanted::No);
        assert_eq!(read(among(&[endpoint])), Wanted::Otlp);
        assert_eq!(read(among(&[("OTEL_TRACES_EXPORTER", "otlp")])), Wanted::Otlp);
        assert_eq!(read(among(&[endpoint, ("OTEL_TRACES_EXPORTER", "none")])), Wanted::No);
        assert_eq!(read(among(&[endpoint, ("OTEL_SDK_DISABLED", "TRUE")])), Wanted::No);
        assert_eq!(read(among(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")])), Wanted::No);
    }

    #[test]
    fn what_there_is_not_is_named() {
        let Wanted::Wrong(problem) = read(among(&[("OTEL_TRACES_EXPORTER", "zipkin")])) else { panic!() };
        assert_eq!(problem, "OTEL_TRACES_EXPORTER is \"zipkin\"; there is otlp, and none");
        let otlp = ("OTEL_TRACES_EXPORTER", "otlp");
        let Wanted::Wrong(problem) = read(among(&[otlp, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")])) else {
            panic!()
        };
        assert_eq!(problem, "OTEL_EXPORTER_OTLP_PROTOCOL is \"grpc\"; there is http/protobuf");
    }

    #[test]
    fn the_service_has_its_own_name_unless_one_is_said() {
        assert!(!names_service(among(&[("OTEL_RESOURCE_ATTRIBUTES", "a=b,service.names=c")])));
        assert!(names_service(among(&[("OTEL_RESOURCE_ATTRIBUTES", "a=b, service.name=shop")])));
        assert!(names_service(among(&[("OTEL_SERVICE_NAME", "shop")])));
    }

    #[test]
    fn a_batch_has_ten_seconds_unless_another_time_is_said() {
        assert_eq!(timeout(among(&[])), TIMEOUT);
        assert_eq!(timeout(among(&[("OTEL_EXPORTER_OTLP_TIMEOUT", "250")])), Duration::from_millis(250));
    }
}
