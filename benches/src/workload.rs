//! The workloads, as data: what is asked, of which servers, and how.
//!
//! Each holds the servers that a target compares and those that tell the reader where they stand; all take part in the
//! plain ping.

use crate::load::Load;

/// One thing that is asked of several servers in turns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    /// What it is called.
    pub(crate) name: &'static str,
    /// What it is, in one line.
    pub(crate) what: &'static str,
    /// What is done to a server.
    pub(crate) task: Task,
    /// What is asked for.
    pub(crate) path: &'static str,
    /// How many bytes the body of each answer has.
    pub(crate) body: u64,
    /// What is counted.
    pub(crate) unit: Unit,
    /// Where servers and load run.
    pub(crate) placing: Placing,
    /// Whether over TLS.
    pub(crate) tls: bool,
    /// How many handler threads a server with a fixed number of them gets, as who runs such an app would set;
    /// 0: its default.
    pub(crate) handlers: usize,
    /// The servers, each with the number of idle connections it holds beside.
    pub(crate) entries: &'static [(&'static str, usize)],
}

/// What is done to a server in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Load for the time of a sample.
    Load(Load),
    /// Event streams are read, and each event's delay taken.
    Events {
        /// Streams at once.
        streams: usize,
    },
    /// So many idle connections are opened, and the memory before and after taken.
    Memory {
        /// Connections, each with one request made.
        connections: usize,
    },
}

/// What one of what is counted is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// An answer that came whole.
    Answer,
    /// As many bytes as an answer has: few large answers fit a sample, and some are cut off by its end.
    Content,
}

/// Where servers and load run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placing {
    /// A core for each.
    Pinned,
    /// Wherever the system likes.
    Free,
}

impl Workload {
    /// What a row of this workload is called.
    pub(crate) fn row_name(subject: &str, idle: usize) -> String {
        if idle == 0 { subject.to_string() } else { format!("{subject} +{idle}") }
    }
}

/// The workload of that name.
pub(crate) fn workload(name: &str) -> Option<&'static Workload> {
    WORKLOADS.iter().find(|it| it.name == name)
}

const fn closed(connections: u32) -> Task {
    Task::Load(Load::Closed { connections, pipelined: 1, upload: 0 })
}

const PING: Workload = Workload {
    name: "ping",
    what: "`/ping`, 64 connections",
    task: closed(64),
    path: "/ping",
    body: 4,
    unit: Unit::Answer,
    placing: Placing::Pinned,
    tls: false,
    handlers: 0,
    entries: &[
        ("rsgi-std", 0),
        ("limit", 0),
        ("hyper", 0),
        ("rsgi-hyper", 0),
        ("hyper-flush", 0),
        ("may", 0),
        ("nginx", 0),
        ("actix", 0),
        ("axum", 0),
        ("rsgi-hyper-axum", 0),
        ("bjoern", 0),
        ("touche", 0),
        ("tiny", 0),
        ("rouille", 0),
        ("rsgi-hyper-blocking", 0),
        ("hyper-spawn", 0),
        ("rsgi-std-talk", 0),
        ("frasco-std", 0),
        ("frasco-hyper", 0),
        ("rsgi-python-std", 0),
        ("rsgi-python-hyper", 0),
        ("granian", 0),
        ("uwsgi", 0),
        ("waitress", 0),
        ("gunicorn-sync", 0),
        ("gunicorn-gthread", 0),
        ("gunicorn-gevent", 0),
        ("rsgi-python-std-flask", 0),
        ("rsgi-python-hyper-flask", 0),
        ("bjoern-flask", 0),
        ("granian-flask", 0),
        ("uwsgi-flask", 0),
        ("waitress-flask", 0),
        ("gunicorn-sync-flask", 0),
        ("gunicorn-gthread-flask", 0),
        ("gunicorn-gevent-flask", 0),
    ],
};

const FIVE: &[(&str, usize)] =
    &[("rsgi-std", 0), ("rsgi-hyper", 0), ("hyper", 0), ("hyper-flush", 0), ("axum", 0)];

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// All workloads, in the order in which they run.
pub(crate) const WORKLOADS: &[Workload] = &[
    PING,
    Workload {
        name: "ping-32",
        what: "`/ping`, 32 connections",
        task: closed(32),
        entries: &[("rsgi-hyper-blocking", 0), ("hyper", 0), ("hyper-flush", 0), ("hyper-spawn", 0)],
        ..PING
    },
    Workload {
        name: "pipelined",
        what: "`/ping`, 64 connections, 16 requests in one write",
        task: Task::Load(Load::Closed { connections: 64, pipelined: 16, upload: 0 }),
        entries: &[
            ("rsgi-std", 0),
            ("rsgi-hyper", 0),
            ("hyper", 0),
            ("hyper-flush", 0),
            ("axum", 0),
            ("may", 0),
        ],
        ..PING
    },
    Workload {
        name: "echo",
        what: "`/echo`, 64 KiB up and down, 16 connections",
        task: Task::Load(Load::Closed { connections: 16, pipelined: 1, upload: 64 * 1024 }),
        path: "/echo",
        body: 64 * KIB,
        entries: &[
            ("rsgi-std", 0),
            ("rsgi-hyper", 0),
            ("hyper", 0),
            ("hyper-flush", 0),
            ("axum", 0),
            ("rsgi-hyper-axum", 0),
        ],
        ..PING
    },
    Workload {
        name: "stream",
        what: "`/stream`, 256 pieces of 1 KiB from an iterator, 16 connections",
        task: closed(16),
        path: "/stream",
        body: 256 * KIB,
        entries: &[
            ("rsgi-std", 0),
            ("rsgi-hyper", 0),
            ("rsgi-hyper-blocking", 0),
            ("hyper", 0),
            ("hyper-flush", 0),
            ("hyper-spawn", 0),
            ("axum", 0),
            ("rsgi-hyper-axum", 0),
        ],
        ..PING
    },
    Workload {
        name: "big",
        what: "`/big`, 8 MiB from memory, 4 connections",
        task: closed(4),
        path: "/big",
        body: 8 * MIB,
        unit: Unit::Content,
        entries: FIVE,
        ..PING
    },
    Workload {
        name: "file",
        what: "`/file`, a file of 64 MiB, 2 connections",
        task: closed(2),
        path: "/file",
        body: 64 * MIB,
        unit: Unit::Content,
        entries: &[("rsgi-std", 0), ("nginx", 0), ("rsgi-hyper", 0), ("hyper", 0), ("hyper-flush", 0)],
        ..PING
    },
    Workload {
        name: "block",
        what: "`/block`, an app that blocks for 5 ms, 64 connections",
        task: closed(64),
        path: "/block",
        // One for each connection and a few: one is to poll while the others wait.
        handlers: 72,
        entries: &[("rsgi-std", 0), ("rsgi-hyper-blocking", 0), ("hyper-spawn", 0)],
        ..PING
    },
    Workload {
        name: "idle",
        what: "`/ping`, 64 connections beside N that are idle",
        entries: &[
            ("rsgi-std", 0),
            ("rsgi-std", 1),
            ("rsgi-std", 100),
            ("rsgi-std", 1_000),
            ("rsgi-std", 10_000),
            ("rsgi-hyper", 0),
            ("rsgi-hyper", 10_000),
        ],
        ..PING
    },
    Workload {
        name: "tls",
        what: "`/ping` over TLS, 64 connections",
        tls: true,
        entries: &[("rsgi-std", 0), ("rsgi-hyper", 0), ("hyper", 0), ("hyper-flush", 0)],
        ..PING
    },
    Workload {
        name: "h2",
        what: "`/ping` over HTTP/2, 16 connections of 16 streams",
        task: Task::Load(Load::Http2 { connections: 16, streams: 16 }),
        entries: &[("rsgi-hyper", 0), ("hyper", 0)],
        ..PING
    },
    Workload {
        name: "wrapped",
        what: "`/ping` through one middleware that changes the head, and under one mount",
        entries: &[
            ("rsgi-std", 0),
            ("rsgi-std-middleware", 0),
            ("rsgi-std-mount", 0),
            ("rsgi-hyper", 0),
            ("rsgi-hyper-middleware", 0),
            ("rsgi-hyper-mount", 0),
        ],
        ..PING
    },
    Workload {
        name: "rate",
        what: "`/ping` at 20,000 requests a second, 64 connections",
        task: Task::Load(Load::Rate { connections: 64, per_second: 20_000 }),
        entries: &[("rsgi-std", 0), ("rsgi-hyper", 0), ("hyper", 0), ("hyper-flush", 0)],
        ..PING
    },
    Workload {
        name: "unpinned",
        what: "`/ping`, 64 connections, servers and load on all cores, as many threads as cores",
        placing: Placing::Free,
        entries: &[("rsgi-std", 0), ("rsgi-hyper", 0), ("hyper", 0), ("hyper-flush", 0)],
        ..PING
    },
    Workload {
        name: "events",
        what: "`/events`, from when an event is made until a client has it, 16 streams",
        task: Task::Events { streams: 16 },
        path: "/events",
        body: 0,
        entries: &[("rsgi-std", 0), ("rsgi-hyper", 0), ("hyper", 0)],
        ..PING
    },
    Workload {
        name: "memory",
        what: "memory of the server for each of 10,000 idle connections that made one request",
        task: Task::Memory { connections: 10_000 },
        entries: &[("rsgi-std", 0), ("rsgi-hyper", 0), ("hyper", 0), ("axum", 0), ("nginx", 0)],
        ..PING
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::subject;

    #[test]
    fn every_server_of_a_workload_is_known() {
        for workload in WORKLOADS {
            for (name, _) in workload.entries {
                assert!(subject(name).is_some(), "{} in {}", name, workload.name);
            }
        }
    }

    #[test]
    fn idle_connections_are_part_of_a_row_s_name() {
        assert_eq!(Workload::row_name("rsgi-std", 0), "rsgi-std");
        assert_eq!(Workload::row_name("rsgi-std", 1_000), "rsgi-std +1000");
    }
}
