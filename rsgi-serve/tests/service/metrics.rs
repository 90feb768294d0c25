//! The metrics: understood by a scraper, and never wrong by a request, whatever becomes of the workers.

use std::net::{TcpStream, UdpSocket};

use crate::driving::{PATIENCE, SERVERS, ask, signal, stop};
use crate::exposition::{Exposition, lint};
use crate::watched::{Watched, until};

#[test]
fn metrics_add_up_to_the_requests_sent_across_reloads_kills_upgrades_and_recycling() {
    for server in SERVERS {
        let mut watched = Watched::ready(server, "sums", &["-w", "2", "--max-requests", "10"]);
        let mut sent = 0;
        for round in 0..3 {
            for path in ["/", "/told/1000/x", "/env/NONE"].repeat(10) {
                watched.service.get(path);
                sent += 1;
            }
            // The last answers are counted when they are out, and a worker that is killed counts no more.
            settled(&watched, "rsgi_requests_total", sent);
            // Connections are counted at a beat and at the end, and a worker that is killed has none.
            settled(&watched, "rsgi_connections_accepted_total", sent);
            match round {
                0 => {
                    let recycled = "rsgi_workers_recycled_total{because=\"requests\"}";
                    watched.page_when("/metrics", |page| Exposition::read(&page.body).value(recycled) > 0.5);
                    watched.done(&["reload"]);
                }
                1 => watched.workers().into_iter().for_each(|worker| signal(worker, "KILL")),
                _ => {
                    watched.done(&["upgrade"]);
                    // In between nobody answers at the control socket.
                    watched.service.said("Upgraded");
                }
            }
            until("two are ready again", || watched.facts()["ready"] == 2);
            settled(&watched, "rsgi_requests_total", sent);
        }
        let text = watched.page_when("/metrics", |page| page.status == 200).body;
        lint(&text);
        let all = Exposition::read(&text);
        let exactly = f64::from(sent);
        assert_eq!(all.value("rsgi_responses_total{class=\"2xx\"}").to_bits(), exactly.to_bits());
        assert_eq!(all.sum("rsgi_responses_total").to_bits(), exactly.to_bits());
        assert_eq!(all.value("rsgi_request_duration_seconds_count").to_bits(), exactly.to_bits());
        assert!(all.value("rsgi_response_bytes_total") > 30_000.0);
        assert_eq!(all.value("rsgi_connections_accepted_total").to_bits(), exactly.to_bits());
        assert!(all.value("rsgi_worker_deaths_total{how=\"signal\"}") >= 2.0);
        assert!(all.value("rsgi_reloads_total{result=\"done\"}") >= 1.0);
        assert!(all.value("rsgi_upgrades_total{result=\"done\"}") >= 1.0);
    }
}

#[test]
fn the_queue_of_a_listener_is_shown_and_sent_to_statsd() {
    let statsd = UdpSocket::bind("127.0.0.1:0").unwrap();
    statsd.set_read_timeout(Some(PATIENCE)).unwrap();
    let to = statsd.local_addr().unwrap().to_string();
    let watched = Watched::ready(
        "std",
        "queue",
        &["-w", "1", "--statsd-host", &to, "--statsd-prefix", "shop", "--enable-backlog-metric"],
    );
    let worker = watched.workers()[0];
    stop(worker);
    let address = watched.service.address().to_owned();
    let waiting: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let series = format!("rsgi_listen_queue{{listener=\"{address}\"}}");
    let queued = |text: &str| Exposition::read(text).series.get(&series).copied();
    watched.page_when("/metrics", |page| queued(&page.body).is_some_and(|queued| queued > 2.5));
    assert!(watched.done(&["show"]).contains("3 of "));
    let mut datagram = [0; 1024];
    until("statsd is told of the queue", || {
        let length = statsd.recv(&mut datagram).unwrap();
        String::from_utf8_lossy(&datagram[..length]).contains("backlog:3|")
    });
    drop(waiting);
    signal(worker, "CONT");
    assert!(ask(&address, "/").is_ok());
    watched.page_when("/metrics", |page| queued(&page.body).is_some_and(|queued| queued < 0.5));
}

/// Waits until as many are counted as there were; more never are.
fn settled(watched: &Watched, metric: &str, sent: u32) {
    watched.page_when("/metrics", |page| {
        let counted = Exposition::read(&page.body).value(metric);
        assert!(counted <= f64::from(sent), "{counted} of {sent}");
        counted >= f64::from(sent)
    });
}
