//! Spans of requests at a collector of OpenTelemetry.

use std::net::TcpListener;

use crate::collector::Collector;
use crate::driving::{SERVERS, Service, command, workers_of};
use crate::tracing::{TRACE, ask_with};

#[test]
fn each_request_is_a_span_that_continues_the_trace_of_its_caller() {
    for server in SERVERS {
        let collector = Collector::listen();
        let mut command = command(server, &["-w", "1"]);
        // Nothing is sent before the worker leaves, but all of it then.
        command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint)
            .env("OTEL_BSP_SCHEDULE_DELAY", "600000");
        let mut service = Service::of(&mut command);
        service.said(" ready in ");
        let worker = workers_of(service.pid())[0];
        let threads = |pid: u32| std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().count();
        assert_eq!(threads(service.pid()), 1, "the master exports nothing");
        let caller = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n");
        ask_with(service.address(), "/log/hello?secret", &caller);
        ask_with(service.address(), "/nothing", "");
        // It fails: there is no such gate.
        ask_with(service.address(), "/gate", "");
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        let mut spans: Vec<_> = (0..3).map(|_| collector.span()).collect();
        assert!(collector.is_empty());
        spans.sort_by(|one, other| one.attributes["url.path"].cmp(&other.attributes["url.path"]));
        let [gate, hello, nothing] = &spans[..] else { panic!("{spans:?}") };
        assert_eq!((&*hello.trace, &*hello.parent), (TRACE, "00f067aa0ba902b7"));
        assert_eq!((&*hello.name, hello.kind, hello.status), ("GET", 2, 0));
        assert_eq!(hello.attributes["url.path"], "/log/hello");
        assert_eq!(hello.attributes["http.request.method"], "GET");
        assert_eq!(hello.attributes["http.response.status_code"], "200");
        assert!(hello.attributes["rsgi.peer"].starts_with("127.0.0.1:"));
        assert_eq!(hello.events, ["hello"]);
        assert_eq!(hello.resource["service.name"], "trouble");
        assert_eq!(hello.resource["process.pid"], worker.to_string());
        assert!(nothing.parent.is_empty() && nothing.trace != TRACE && nothing.trace != gate.trace);
        assert_eq!((gate.status, &*gate.attributes["http.response.status_code"]), (2, "500"));
    }
}

#[test]
fn a_collector_that_is_gone_costs_no_answer_and_is_said_once() {
    for server in SERVERS {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = command(server, &["-w", "1"]);
        command.env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("http://{address}/v1/traces"));
        command.env("OTEL_BSP_SCHEDULE_DELAY", "10").env("OTEL_SERVICE_NAME", "shop");
        let mut service = Service::of(&mut command);
        service.said(" ready in ");
        service.get("/");
        service.said("OpenTelemetry: spans are lost, for the collector at http://127.0.0.1:");
        for _ in 0..5 {
            service.get("/");
        }
        service.signal("TERM");
        let (code, rest) = service.ended();
        assert_eq!(code, Some(0));
        assert!(!rest.contains("spans are lost"), "{rest}");
    }
}

#[test]
fn an_exporter_that_there_is_not_is_named_and_the_service_serves() {
    let mut command = command("std", &["-w", "1"]);
    let mut service = Service::of(command.env("OTEL_TRACES_EXPORTER", "zipkin"));
    service.said("OTEL_TRACES_EXPORTER is \"zipkin\"; there is otlp, and none; no spans are exported");
    service.said(" ready in ");
    service.get("/");
}
